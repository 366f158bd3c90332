"""Rollouts, pins and rollbacks: moves of a channel that need no checks.

With a rollout, a part of the accounts uses another release than the others, until a person completes or ends it.
`promotion` starts, extends and completes rollouts, because it checks what is promoted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from conn_engine.diagnostics import did_you_mean, join_words
from conn_engine.errors import UsageError
from conn_engine.releases.actors import Act
from conn_engine.releases.cohorts import Cohort
from conn_engine.releases.content import Manifest
from conn_engine.releases.faults import ChannelMovedError
from conn_engine.releases.model import Channel, ChannelMove, EventKind, Pin, Release, Rollout, shorten
from conn_engine.releases.store import Store

__all__ = [
    "compose_release",
    "halt_rollout",
    "halt_unchanged",
    "pin_account",
    "plan_rollout",
    "resume_rollout",
    "roll_back",
    "unpin_account",
]


def plan_rollout(served: Channel, release: str, cohort: Cohort, act: Act) -> Rollout | None:
    """Return the rollout of a release after a promotion, None if every account uses it then.

    Raises UsageError while another rollout is on, or if this one was halted.
    """
    rollout = served.rollout
    if rollout is not None and rollout.release != release:
        raise UsageError(
            f"a rollout is on: {served.name} serves release {shorten(rollout.release)} to {rollout.cohort.describe()}",
            hint=f"complete it first: conn promote {shorten(rollout.release)} {served.name}; "
            f"or end it: conn rollback {served.name}",
        )
    if rollout is not None and rollout.halted:
        raise UsageError(
            f"the rollout of release {shorten(release)} was halted: {rollout.halted}",
            hint=f"resume it first: conn rollout {served.name} --resume --reason REASON; "
            f"or end it: conn rollback {served.name}",
        )
    if cohort.is_everyone:
        return None
    if not served.revision:
        raise UsageError(
            f"{served.name} serves no release yet, so that no other account can stay at one",
            hint=f"promote a release to every account first: conn promote {shorten(release)} {served.name}",
        )
    seed = f"{served.name}-{served.revision + 1}" if rollout is None else rollout.seed
    return Rollout(seed, release, cohort, act.time)


def compose_release(store: Store, served: Channel, source: str, connector: str, act: Act) -> str:
    """Return the release that a channel serves, with one connector of another one. It is stored if it is new.

    Raises UsageError for an unknown connector, and for one that needs models which the other release changes.
    """
    if not served.revision:
        raise UsageError(f"{served.name} serves no release yet", hint=f"promote a complete one first: conn promote "
                         f"{shorten(source)} {served.name}")  # fmt: skip
    old, new = store.manifest(served.release).files, store.manifest(source).files
    folder = f"connectors/{connector}/"
    taken = {path: digest for path, digest in new.items() if path.startswith(folder)}
    if not taken:
        known = sorted({path.split("/")[1] for path in new if path.startswith("connectors/")})
        hint = did_you_mean(connector, known) or f"use one of: {join_words(known)}"
        raise UsageError(f'release {shorten(source)} has no connector "{connector}"', hint=hint)
    names = {
        path.removeprefix(f"{folder}unified/").partition(".")[0]
        for path in taken
        if path.startswith(f"{folder}unified/")
    }
    changed = sorted(name for name in names if _find_models(old, name) != _find_models(new, name))
    if changed:
        raise UsageError(
            f'the connector "{connector}" maps to the model {join_words(changed)}, which release {shorten(source)} '
            "changes for other connectors too",
            hint=f"promote the complete release: conn promote {shorten(source)} {served.name}",
        )
    files = {path: digest for path, digest in old.items() if not path.startswith(folder)} | taken
    manifest = Manifest(files)
    if manifest.id != served.release:
        message = f"release {shorten(served.release)} with the connector {connector} of {shorten(source)}"
        parent = store.release(source)
        store.add(Release(manifest.id, message, act.by, act.time, parent.engine, parent.verdict), manifest, {})
    return manifest.id


def _find_models(files: Mapping[str, str], model: str) -> dict[str, str]:
    """Return the files of the schemas of a model, wherever conn.yaml has the folder."""
    return {
        path: digest
        for path, digest in files.items()
        if f"/{model}/" in f"/{path}" and not path.startswith("connectors/")
    }


# --- a person, or the service, intervenes ---


def roll_back(store: Store, channel: str, act: Act, *, to: str = "", reason: str = "") -> ChannelMove | None:
    """Let a channel serve its previous release, or `to`, a release that it has served before.

    While a rollout is on, it is ended instead, unless `to` is given: its accounts use the channel's release again.

    Returns None if the channel already serves that release. Raises UsageError if there is no previous release,
    ChannelMovedError if another user moves the channel in the meantime, and StoreFault if the release is damaged.
    """
    served = store.channel(channel)
    if not served.revision:
        name = [name.name for name in store.channels()]
        raise UsageError(
            f'the channel "{channel}" has not served a release yet',
            hint=did_you_mean(channel, name) or f"channels: {', '.join(name) or 'none yet'}",
        )
    events = store.history(channel)
    if to or served.rollout is None:
        release = store.resolve(to) if to else _find_previous(channel, events)
    else:
        release = served.release
    if release not in {event.release for event in events}:
        raise UsageError(
            f"{channel} has never served {shorten(release)}",
            hint=f"to move forward, promote it: conn promote {shorten(release)} {channel}",
        )
    if release == served.release and served.rollout is None:
        return None
    for _ in store.contents(store.manifest(release).files.values()):
        pass  # each file is checked against its digest: nothing incomplete is served
    event = ChannelMove(
        channel, served.revision + 1, "rollback", release, served.release, act.by, act.time, reason, pins=served.pins
    )
    store.move(event)
    return event


def _find_previous(channel: str, events: Sequence[ChannelMove]) -> str:
    """Return what a channel served before. Promotions go forward, and rollbacks go back the same way."""
    way: list[str] = []
    for event in reversed(events):
        if event.kind == "rollback" and event.release in way:
            while way[-1] != event.release:
                way.pop()
        elif way[-1:] != [event.release]:  # a rollout does not change what the others use
            way.append(event.release)
    if len(way) < 2:
        others = [shorten(event.release) for event in events if event.release != way[-1]]
        if others:
            hint = f"to use a later one again: conn rollback {channel} --to {others[0]}"
        else:
            hint = f"to move forward, promote a release: conn promote RELEASE {channel}"
        raise UsageError(f"{channel} has served nothing before {shorten(way[-1])}", hint=hint)
    return way[-2]


def halt_rollout(channel: Channel, reason: str, act: Act, checks: Mapping[str, Any] | None = None) -> ChannelMove:
    """Return the move that stops a rollout: its accounts use the channel's release. Raises UsageError without one."""
    rollout = _get_rollout(channel)
    if rollout.halted:
        raise UsageError(
            f"the rollout was halted before: {rollout.halted}", hint=f"conn rollback {channel.name} ends it"
        )
    halted = replace(rollout, halted=_check_reason(reason), since=act.time)
    return _move(channel, "halt", reason, act, halted, channel.pins, checks)


def halt_unchanged(
    rollout: Rollout, reason: str, act: Act, checks: Mapping[str, Any]
) -> Callable[[Channel], ChannelMove]:
    """Return what plans to halt a rollout, with the numbers for the history. It raises ChannelMovedError if the rollout
    was changed in the meantime."""

    def plan(channel: Channel) -> ChannelMove:
        if channel.rollout != rollout:
            raise ChannelMovedError("the rollout was changed in the meantime", hint="check it: conn rollout")
        return halt_rollout(channel, reason, act, checks)

    return plan


def resume_rollout(channel: Channel, reason: str, act: Act) -> ChannelMove:
    """Return the move that continues a halted rollout. Raises UsageError without one, and without a reason."""
    rollout = _get_rollout(channel)
    if not rollout.halted:
        raise UsageError("the rollout was not halted", hint=f"look at it: conn rollout {channel.name}")
    resumed = replace(rollout, halted="", since=act.time)
    return _move(channel, "resume", _check_reason(reason), act, resumed, channel.pins)


def pin_account(  # noqa: PLR0917
    channel: Channel, account: str, until: float, reason: str, act: Act, accounts: Iterable[str]
) -> ChannelMove:
    """Return the move after which an account uses the channel's release until a time, whatever the channel serves.

    `accounts` are those that exist. Raises UsageError for another account, a time in the past, and without a reason.
    """
    known = sorted(accounts)
    if account not in known:
        hint = did_you_mean(account, known) or "list them: conn account list; --service-store names their database"
        raise UsageError(f'unknown account "{account}"', hint=hint)
    if until <= act.now:
        raise UsageError("--until is in the past", hint="pass a later time, such as 2030-01-31")
    end = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    pin = Pin(account, channel.release, end, _check_reason(reason), act.by)
    others = tuple(other for other in channel.pins if other.account != account)
    return _move(channel, "pin", f"{account}: {reason}", act, channel.rollout, (*others, pin))


def unpin_account(channel: Channel, account: str, reason: str, act: Act) -> ChannelMove:
    """Return the move that removes the pin of an account, also one that has ended. Raises UsageError without one."""
    others = tuple(other for other in channel.pins if other.account != account)
    if others == channel.pins:
        names = join_words([pin.account for pin in channel.pins]) or "none"
        raise UsageError(f'"{account}" has no pin in {channel.name}', hint=f"accounts with a pin: {names}")
    return _move(channel, "unpin", f"{account}: {reason}" if reason else account, act, channel.rollout, others)


def _get_rollout(channel: Channel) -> Rollout:
    if channel.rollout is None:
        raise UsageError(
            f"no rollout is on in {channel.name}", hint=f"start one: conn promote latest {channel.name} --percent 10"
        )
    return channel.rollout


def _check_reason(reason: str) -> str:
    if not reason.strip():
        raise UsageError("this needs a reason, which the history records", hint='add --reason "REASON"')
    return reason.strip()


def _move(  # noqa: PLR0917
    channel: Channel,
    kind: EventKind,
    reason: str,
    act: Act,
    rollout: Rollout | None,
    pins: tuple[Pin, ...],
    checks: Mapping[str, Any] | None = None,
) -> ChannelMove:
    if not channel.revision:
        raise UsageError(
            f"{channel.name} serves no release yet", hint=f"promote one: conn promote latest {channel.name}"
        )
    return ChannelMove(
        channel.name, channel.revision + 1, kind, channel.release, channel.release, act.by, act.time, reason,
        checks or {}, rollout, pins,
    )  # fmt: skip
