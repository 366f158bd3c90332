"""Create releases, and promote them to channels, or to some accounts of a channel, if the checks pass.

Checks run on the files of the store in a temporary folder, so that the checked files are the served ones.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conn_engine.analysis.impact import BaseVersion, FieldImpact, Impact, Status, Unknown, impact
from conn_engine.config import Workspace, load_workspace
from conn_engine.diagnostics import did_you_mean, join_words, pluralize
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.releases.actors import Act
from conn_engine.releases.cohorts import EVERYONE, Cohort, find_members, list_members
from conn_engine.releases.content import CollectedFiles, collect, lay_out
from conn_engine.releases.faults import ChannelMovedError, ReleaseRefusedError
from conn_engine.releases.model import Channel, ChannelMove, Release, Rollout, shorten
from conn_engine.releases.release_checks import ReleaseChecks, Tell, check_release
from conn_engine.releases.rollouts import compose_release, plan_rollout
from conn_engine.releases.store import LATEST, Store
from conn_engine.secrets import Redactor

__all__ = ["CHANNELS", "CreatedRelease", "Promotion", "lay_out_release", "make_release", "promote"]

CHANNELS = ("staging", "production")
"""The channels in addition to the workspace's environments."""


def _ignore_note(note: str) -> None:
    """Ignore a note."""


Complete = Callable[[Path], None]


def _leave_as_it_is(_folder: Path) -> None:
    """Add nothing to a release."""


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

    `before` is what the channel served. `rollout` is set if only the accounts `members` use the release, of which
    `joined` did not use it before. `refusals` are the objections of the checks, one line each. `account_names` is set
    if the release's conn.yaml allows account names in Markdown.
    """

    before: Channel
    release: str
    rollout: Rollout | None = None
    members: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    verdict: ReleaseChecks | None = None
    impact: Impact | None = None
    refusals: list[str] = field(default_factory=list)
    event: ChannelMove | None = None
    account_names: bool = False

    @property
    def already(self) -> bool:
        """Whether the channel served the release before, to the same accounts."""
        if self.rollout is None or self.before.rollout is None:
            return self.before.release == self.release
        return self.before.rollout.cohort == self.rollout.cohort

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
    reason: str = "",
    expected: str = "",
    connector: str = "",
    cohort: Cohort = EVERYONE,
    tell: Tell = _ignore_note,
    complete: Complete = _leave_as_it_is,
) -> Promotion:
    """Let `channel` serve `source` (another channel, `latest`, or the start of an ID) if the checks pass.

    With `connector`, only that connector is taken from `source`, and everything else stays as the channel serves it.
    With a `cohort`, only its accounts use the result: a rollout, which `cohort` can change later, and which ends when
    everyone uses it. The impact is that on the accounts that change what they use.

    `override` is the reason to ignore failed checks, and is recorded; else `reason` is. `expected` is the release that
    the channel must serve now. `complete` adds to the folder of a release what is merged over it where it is served, so
    that the checks include it. A refused promotion has `refusals` and no event. Raises UsageError for an unknown
    release or channel, ChannelMovedError if another user moves the channel in the meantime, and ConfigurationError for
    a release that cannot be loaded.
    """
    release = store.resolve(source)
    served = store.channel(channel)
    if expected and store.resolve(expected) != served.release:
        raise ChannelMovedError(
            f"{channel} serves {shorten(served.release) or 'nothing'}, not {expected}",
            hint=f"check what has changed (conn history --channel {channel}), then decide again",
        )
    if connector:
        release = compose_release(store, served, release, connector, act)
    rollout = plan_rollout(served, release, cohort, act)
    result = Promotion(served, release, rollout)
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
        channel,
        served.revision + 1,
        "promote" if rollout is None else "rollout",
        release if rollout is None else served.release,
        served.release,
        act.by,
        act.time,
        override or reason,
        result.counts(),
        rollout,
        served.pins,
    )
    store.move(event)
    result.event = event
    return result


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
            before = load_workspace(folder)
            _find_affected(before, workspace, result)
            if result.rollout is not None and not result.joined:
                return
            result.impact = impact(before, workspace, base=base, accounts=result.joined)
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


def _find_affected(before: Workspace, after: Workspace, result: Promotion) -> None:
    """Find the accounts that a rollout is for, and those that did not use its release before."""
    rollout, earlier = result.rollout, result.before.rollout
    if rollout is None or not rollout.is_served:
        return
    result.members = find_members(before, rollout.cohort, rollout.seed)
    used = set(list_members(before, earlier.cohort, earlier.seed)) if earlier is not None and earlier.is_served else ()
    result.joined = [name for name in result.members if name not in used]
    missing = [name for name in result.members if not after.has_account(name)]
    if missing:
        raise UsageError(
            f"release {shorten(result.release)} has no account {join_words(missing, most=3)}, which the rollout "
            "selects",
            hint="select other accounts, or promote the release to every account",
        )


def _list_objections(verdict: ReleaseChecks) -> list[str]:
    objections = [f"lint: {pluralize(verdict.errors, 'error')}"] if verdict.errors else []
    return objections + ([f"tests: {pluralize(verdict.failed, 'operation')} failed"] if verdict.failed else [])


def _list_breaking(impact: Impact) -> list[FieldImpact | Unknown]:
    rows: list[FieldImpact | Unknown] = [*impact.fields, *impact.unknown]
    return [row for row in rows if row.breaking and row.accounts]


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
