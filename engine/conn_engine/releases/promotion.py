"""Create releases, promote them to channels if the checks pass, and roll channels back by their history.

Checks run on the files of the store in a temporary folder, so that the checked files are the served ones.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conn_engine.analysis.impact import BaseVersion, FieldImpact, Impact, Status, Unknown, impact
from conn_engine.config import Workspace, load_workspace
from conn_engine.diagnostics import did_you_mean, pluralize
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.releases.content import CollectedFiles, collect, lay_out
from conn_engine.releases.faults import ChannelMovedError, ReleaseRefusedError
from conn_engine.releases.model import Channel, ChannelMove, Release, shorten
from conn_engine.releases.release_checks import ReleaseChecks, Tell, check_release
from conn_engine.releases.store import LATEST, Store
from conn_engine.secrets import Redactor

__all__ = ["CHANNELS", "Act", "CreatedRelease", "Promotion", "lay_out_release", "make_release", "promote", "roll_back"]

CHANNELS = ("staging", "production")
"""The channels in addition to the workspace's environments."""


def _ignore_note(note: str) -> None:
    """Ignore a note."""


Complete = Callable[[Path], None]


def _leave_as_it_is(_folder: Path) -> None:
    """Add nothing to a release."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, and when (Unix seconds)."""

    by: str
    now: float

    @property
    def time(self) -> str:
        """The moment, RFC 3339 in UTC."""
        return datetime.fromtimestamp(self.now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class CreatedRelease:
    """A release that was created or already existed (`new`). `verdict` has the current results of lint and tests."""

    release: Release
    new: bool
    files: int
    verdict: ReleaseChecks
    left_out: tuple[str, ...] = ()


@dataclass(slots=True)
class Promotion:
    """The result of a promotion. `event` is its entry in the history, or None if nothing moved.

    `before` is what the channel served. `refusals` are the objections of the checks, one line each. `account_names` is
    set if the release's conn.yaml allows account names in Markdown.
    """

    before: Channel
    release: str
    verdict: ReleaseChecks | None = None
    impact: Impact | None = None
    refusals: list[str] = field(default_factory=list)
    event: ChannelMove | None = None
    account_names: bool = False

    @property
    def already(self) -> bool:
        """Whether the channel served the release before."""
        return self.before.release == self.release

    @property
    def overridden(self) -> bool:
        """Whether it was done although the checks refused."""
        return self.event is not None and bool(self.refusals)

    def counts(self) -> dict[str, Any]:
        """Return the results of the checks as the history stores them."""
        counts = self.verdict.counts() if self.verdict is not None else {}
        if self.impact is not None:
            statuses: tuple[Status, ...] = ("changed", "unchanged", "shielded", "unknown", "unjudged")
            counts["impact"] = {status: self.impact.count(status) for status in statuses}
            counts["impact"]["breaking"] = len(_list_breaking(self.impact))
            if self.impact.accepted:
                counts["impact"]["accepted"] = [approval.name for approval in self.impact.accepted if approval.covers]
        return counts


def make_release(
    store: Store,
    workspace: Workspace,
    act: Act,
    *,
    message: str = "",
    redactor: Redactor | None = None,
    tell: Tell = _ignore_note,
) -> CreatedRelease:
    """Write the current workspace into the store, with the results of lint and tests.

    Raises ReleaseRefusedError if it contains a secret (`redactor` knows those of the machine), and ConfigurationError
    if a document cannot be read. Nothing is written then.
    """
    tell("read")
    collected = collect(workspace, redactor=redactor)
    with _open_folder(collected) as folder:
        verdict = check_release(load_workspace(folder), act.now, tell=tell)
    secrets = [finding for finding in verdict.lint if finding.code == "SEC101"]
    if secrets:
        raise ReleaseRefusedError("a document contains a secret, which a release cannot have", findings=secrets)
    release = Release(collected.manifest.id, message, act.by, act.time, _get_engine_version(), verdict.counts())
    tell("write")
    new = store.add(release, collected.manifest, collected.blobs)
    return CreatedRelease(release, new, len(collected.manifest.files), verdict, collected.left_out)


def promote(
    store: Store,
    source: str,
    channel: str,
    act: Act,
    *,
    override: str = "",
    expected: str = "",
    tell: Tell = _ignore_note,
    complete: Complete = _leave_as_it_is,
) -> Promotion:
    """Let `channel` serve `source` (another channel, `latest`, or the start of an ID) if the checks pass.

    `override` is the reason to ignore failed checks, and is recorded. `expected` is the release that the channel must
    serve now. `complete` adds to the folder of a release what is merged over it where it is served, so that the checks
    include it. A refused promotion has `refusals` and no event. Raises UsageError for an unknown release or channel,
    ChannelMovedError if another user moves the channel in the meantime, and ConfigurationError for a release that
    cannot be loaded.
    """
    release = store.resolve(source)
    served = store.channel(channel)
    if expected and store.resolve(expected) != served.release:
        raise ChannelMovedError(
            f"{channel} serves {shorten(served.release) or 'nothing'}, not {expected}",
            hint=f"check what has changed (conn history --channel {channel}), then decide again",
        )
    result = Promotion(served, release)
    if result.already:
        return result
    with lay_out_release(store, release) as folder:
        complete(folder)
        workspace = load_workspace(folder)
        _check_channel(store, workspace, channel)
        result.account_names = workspace.settings.reports.account_names
        result.verdict = check_release(workspace, act.now, tell=tell)
        if served.revision:
            tell("impact")
            _compare(store, served, workspace, result, complete)
    result.refusals = [*_list_objections(result.verdict), *result.refusals]
    if result.refusals and not override:
        return result
    event = ChannelMove(
        channel, served.revision + 1, "promote", release, served.release, act.by, act.time, override, result.counts()
    )
    store.move(event)
    result.event = event
    return result


def roll_back(store: Store, channel: str, act: Act, *, to: str = "", reason: str = "") -> ChannelMove | None:
    """Let a channel serve its previous release, or `to`, a release that it has served before.

    Returns None if it already serves that release. Raises UsageError if there is no previous release, ChannelMovedError
    if another user moves the channel in the meantime, and StoreFault if the release is damaged.
    """
    served = store.channel(channel)
    if not served.revision:
        name = [name.name for name in store.channels()]
        raise UsageError(
            f'the channel "{channel}" has not served a release yet',
            hint=did_you_mean(channel, name) or f"channels: {', '.join(name) or 'none yet'}",
        )
    events = store.history(channel)
    release = store.resolve(to) if to else _find_previous(channel, events)
    if release not in {event.release for event in events}:
        raise UsageError(
            f"{channel} has never served {shorten(release)}",
            hint=f"to move forward, promote it: conn promote {shorten(release)} {channel}",
        )
    if release == served.release:
        return None
    for _ in store.contents(store.manifest(release).files.values()):
        pass  # each file is checked against its digest: nothing incomplete is served
    event = ChannelMove(channel, served.revision + 1, "rollback", release, served.release, act.by, act.time, reason)
    store.move(event)
    return event


@contextmanager
def lay_out_release(store: Store, release: str) -> Iterator[Path]:
    """Provide a folder with the files of a release, each checked against its digest. It is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="conn-release-") as place:
        lay_out(store.manifest(release).files, store.contents, Path(place))
        yield Path(place).resolve()


@contextmanager
def _open_folder(collected: CollectedFiles) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="conn-release-") as place:
        lay_out(collected.manifest.files, lambda digests: ((d, collected.blobs[d]) for d in digests), Path(place))
        yield Path(place).resolve()


def _compare(store: Store, served: Channel, workspace: Workspace, result: Promotion, complete: Complete) -> None:
    try:
        with lay_out_release(store, served.release) as folder:
            complete(folder)
            base = BaseVersion(name=f"release {shorten(served.release)}, which {served.name} serves")
            result.impact = impact(load_workspace(folder), workspace, base=base)
    except ConfigurationError as error:
        label = f"impact: the release that {served.name} serves ({shorten(served.release)}) cannot be compared"
        result.refusals.append(f"{label}: {error.message}")
        return
    rows = result.impact.find_failures("breaking")
    if rows:
        changes = len({(row.connector, row.operation, row.field, row.kind) for row in rows})
        broken = len({account for row in rows for account in row.accounts})
        result.refusals.append(f"impact: {pluralize(changes, 'breaking change')}, {pluralize(broken, 'account')} break")
    if result.impact.not_comparable:
        result.refusals.append("impact: some accounts cannot be compared")


def _list_objections(verdict: ReleaseChecks) -> list[str]:
    objections = [f"lint: {pluralize(verdict.errors, 'error')}"] if verdict.errors else []
    return objections + ([f"tests: {pluralize(verdict.failed, 'operation')} failed"] if verdict.failed else [])


def _list_breaking(impact: Impact) -> list[FieldImpact | Unknown]:
    rows: list[FieldImpact | Unknown] = [*impact.fields, *impact.unknown]
    return [row for row in rows if row.breaking and row.accounts]


def _find_previous(channel: str, events: Sequence[ChannelMove]) -> str:
    """Return what a channel served before. Promotions go forward, and rollbacks go back the same way."""
    way: list[str] = []
    for event in reversed(events):
        if event.kind == "rollback" and event.release in way:
            while way[-1] != event.release:
                way.pop()
        else:
            way.append(event.release)
    if len(way) < 2:
        raise UsageError(
            f"{channel} has served nothing before {shorten(way[-1])}",
            hint=f"to use another release: conn rollback {channel} --to RELEASE",
        )
    return way[-2]


def _check_channel(store: Store, workspace: Workspace, channel: str) -> None:
    """Check that a channel is one of `CHANNELS`, an environment of the release, or an existing one."""
    names = {*CHANNELS, workspace.settings.default_environment, *workspace.environments()}
    names |= {channel_row.name for channel_row in store.channels()}
    if channel not in names or channel == LATEST:
        listed = f"channels: {', '.join(sorted(names))}; environments of the workspace are channels too"
        raise UsageError(f'there is no channel "{channel}"', hint=did_you_mean(channel, sorted(names)) or listed)


def _get_engine_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("conn-engine")
    except PackageNotFoundError:
        return ""
