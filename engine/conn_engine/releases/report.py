"""Reports on releases, promotions, rollbacks, the history and differences. They have paths, names and counts, but no
value of a configuration or a record."""

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from conn_engine.analysis.impact.report import ImpactReport
from conn_engine.releases.difference import Difference, Note
from conn_engine.releases.model import Channel, ChannelMove, EventKind, Pin, Release, Rollout
from conn_engine.releases.promotion import CreatedRelease, Promotion
from conn_engine.releases.status import ChannelStatus
from conn_engine.reports import Report

__all__ = ["DifferenceReport", "HistoryReport", "PromotionReport", "ReleaseReport", "RollbackReport", "RolloutReport"]


class ReleaseReport(Report, frozen=True, kw_only=True):
    """A created release. `new` is false if the same content was released before; `verdict` has the counts of lint and
    tests."""

    kind: ClassVar[str] = "release"
    release: str
    new: bool
    files: int
    left_out: list[str]
    verdict: dict[str, Any]

    @classmethod
    def from_created(cls, created: CreatedRelease) -> "ReleaseReport":
        """Report a release that was created or already existed."""
        return cls(
            release=created.release.id,
            new=created.new,
            files=created.files,
            left_out=list(created.left_out),
            verdict=dict(created.release.verdict),
        )


class ServedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A release that only a part of the accounts of a channel uses: those that are named, and of those with one of the
    tags (empty: of all) a percentage. `halted` is why nobody uses it now, or null, and `since` the last change."""

    id: str
    release: str
    accounts: list[str]
    tags: list[str]
    percent: float | None
    since: str
    halted: str | None

    @classmethod
    def from_rollout(cls, rollout: Rollout) -> "ServedPart":
        """Report a rollout."""
        return cls(
            id=rollout.seed,
            release=rollout.release,
            accounts=list(rollout.cohort.accounts),
            tags=list(rollout.cohort.tags),
            percent=rollout.cohort.percent,
            since=rollout.since,
            halted=rollout.halted or None,
        )


class PinnedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account that uses a release until a time, whatever the channel serves. `ended` is set after that time."""

    account: str
    release: str
    until: str
    ended: bool
    reason: str
    by: str

    @classmethod
    def from_pin(cls, pin: Pin, now: float) -> "PinnedAccount":
        """Report a pin at a time."""
        return cls(
            account=pin.account,
            release=pin.release,
            until=pin.until,
            ended=pin.has_ended(now),
            reason=pin.reason,
            by=pin.by,
        )


class PromotionReport(Report, frozen=True, kw_only=True):
    """A promotion, or the reasons why it was refused. `already` is true if the channel already served the release, and
    `overridden` if it was promoted despite failed checks; `checks` has the counts of the checks. With a `rollout`, only
    the accounts `members` use the release, of which `joined` did not use it before."""

    kind: ClassVar[str] = "promote"
    channel: str
    release: str
    previous: str | None
    revision: int
    promoted: bool
    already: bool
    refusals: list[str]
    overridden: bool
    rollout: ServedPart | None
    members: list[str]
    joined: list[str]
    checks: dict[str, Any]
    impact: ImpactReport | None

    @classmethod
    def from_promotion(cls, done: Promotion) -> "PromotionReport":
        """Report a promotion."""
        return cls(
            channel=done.before.name,
            release=done.release,
            previous=done.before.release or None,
            revision=done.event.revision if done.event else done.before.revision,
            promoted=done.event is not None,
            already=done.already,
            refusals=list(done.refusals),
            overridden=done.overridden,
            rollout=ServedPart.from_rollout(done.rollout) if done.rollout else None,
            members=list(done.members),
            joined=list(done.joined),
            checks=done.counts(),
            impact=ImpactReport.from_impact(done.impact) if done.impact else None,
        )


class RollbackReport(Report, frozen=True, kw_only=True):
    """A rollback. `rolled_back` is false if the channel already served the release. If it ended a rollout, `release`
    and `previous` are the same."""

    kind: ClassVar[str] = "rollback"
    channel: str
    release: str
    previous: str | None
    revision: int
    rolled_back: bool

    @classmethod
    def from_channel(cls, serving: Channel, event: ChannelMove | None) -> "RollbackReport":
        """Report what the channel serves now. Without an event, it has not moved."""
        return cls(
            channel=serving.name,
            release=serving.release,
            previous=event.previous if event else None,
            revision=serving.revision,
            rolled_back=event is not None,
        )


class ServedChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A channel and the release that it serves. `revision` counts its moves. With a `rollout`, a part of the accounts
    uses another release."""

    channel: str
    release: str
    revision: int
    rollout: ServedPart | None
    pins: int


class ChannelMovement(msgspec.Struct, frozen=True, kw_only=True):
    """A move of a channel, with the counts of its checks, and the rollout that was on after it."""

    channel: str
    revision: int
    kind: EventKind
    release: str
    previous: str | None
    by: str
    at: str
    reason: str
    rollout: ServedPart | None
    checks: dict[str, Any]


class ReleaseUsers(msgspec.Struct, frozen=True, kw_only=True):
    """A release that a channel serves, and the accounts that use it."""

    release: str
    accounts: list[str]


class CountedCalls(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of some accounts since the last change of a rollout: all, those that failed, those that were compared
    with the other release, of these those that now miss something, those whose requests differ, and those that were not
    compared for lack of time."""

    calls: int
    failed: int
    compared: int
    missing: int
    different: int
    dropped: int


class RolledOutField(msgspec.Struct, frozen=True, kw_only=True):
    """What differs with a rollout in a field of an operation of an account, with IDs of some of the records."""

    account: str
    operation: str
    field: str
    change: str
    calls: int
    records: int
    ids: list[str]


class RolloutReport(Report, frozen=True, kw_only=True):
    """Which release each account of a channel uses. `since` is when the channel began to serve its release, if it is
    known, and `unread` are accounts whose files cannot be read. `members` and `others` are the calls of the accounts of
    the rollout and of the others, and null without a database of the service."""

    kind: ClassVar[str] = "rollout"
    channel: str
    release: str
    revision: int
    since: str | None
    rollout: ServedPart | None
    users: list[ReleaseUsers]
    pins: list[PinnedAccount]
    unread: list[str]
    members: CountedCalls | None
    others: CountedCalls | None
    differences: list[RolledOutField]

    @classmethod
    def from_status(cls, status: ChannelStatus) -> "RolloutReport":
        """Report who uses which release of a channel."""
        channel = status.channel
        return cls(
            channel=channel.name,
            release=channel.release,
            revision=channel.revision,
            since=status.since or None,
            rollout=ServedPart.from_rollout(channel.rollout) if channel.rollout else None,
            users=[ReleaseUsers(release=release, accounts=accounts) for release, accounts in status.users.items()],
            pins=[PinnedAccount.from_pin(pin, status.now) for pin in channel.pins],
            unread=list(status.unread),
            members=None if status.counts is None else CountedCalls(**status.counts.members.to_data()),
            others=None if status.counts is None else CountedCalls(**status.counts.others.to_data()),
            differences=[
                RolledOutField(
                    account=one.account,
                    operation=one.operation,
                    field=one.field,
                    change=one.kind,
                    calls=one.calls,
                    records=one.records,
                    ids=list(one.ids),
                )
                for one in status.differences
            ],
        )


class MadeRelease(msgspec.Struct, frozen=True, kw_only=True):
    """A release, with the counts of lint and tests."""

    release: str
    message: str
    by: str
    at: str
    engine: str
    verdict: dict[str, Any]


class HistoryReport(Report, frozen=True, kw_only=True):
    """What the channels serve, their moves, and the releases, newest first."""

    kind: ClassVar[str] = "history"
    channels: list[ServedChannel]
    events: list[ChannelMovement]
    releases: list[MadeRelease]

    @classmethod
    def from_rows(
        cls, channels: Sequence[Channel], events: Sequence[ChannelMove], releases: Sequence[Release]
    ) -> "HistoryReport":
        """Report the history of a store."""
        return cls(
            channels=[
                ServedChannel(
                    channel=channel.name,
                    release=channel.release,
                    revision=channel.revision,
                    rollout=ServedPart.from_rollout(channel.rollout) if channel.rollout else None,
                    pins=len(channel.pins),
                )
                for channel in channels
            ],
            events=[_describe_event(event) for event in events],
            releases=[
                MadeRelease(
                    release=release.id,
                    message=release.message,
                    by=release.made_by,
                    at=release.made_at,
                    engine=release.engine,
                    verdict=dict(release.verdict),
                )
                for release in releases
            ],
        )


class ChangedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that differs."""

    path: str
    note: Note


class ChangedAccounts(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts that only one side has."""

    added: list[str]
    removed: list[str]


class ChangedPath(msgspec.Struct, frozen=True, kw_only=True):
    """A path of the effective configuration that differs, and for how many accounts. `connector` is null for settings
    of conn.yaml."""

    connector: str | None
    path: str
    note: Note
    accounts: int


class UnreadableAccounts(msgspec.Struct, frozen=True, kw_only=True):
    """Why the configuration of some accounts cannot be compared."""

    reason: str
    accounts: int


class DifferenceReport(Report, frozen=True, kw_only=True):
    """What differs between two releases: files, accounts, and paths of the effective configuration."""

    kind: ClassVar[str] = "diff"
    before: str
    after: str
    same: bool
    files: list[ChangedFile]
    accounts: ChangedAccounts
    paths: list[ChangedPath]
    unknown: list[UnreadableAccounts]

    @classmethod
    def from_difference(cls, difference: Difference) -> "DifferenceReport":
        """Report a difference."""
        return cls(
            before=difference.before.manifest.id,
            after=difference.after.manifest.id,
            same=difference.same,
            files=[ChangedFile(path=file.path, note=file.note) for file in difference.files],
            accounts=ChangedAccounts(added=list(difference.added), removed=list(difference.removed)),
            paths=[
                ChangedPath(
                    connector=change.connector or None, path=change.path, note=change.note, accounts=change.accounts
                )
                for change in difference.paths
            ],
            unknown=[UnreadableAccounts(reason=message, accounts=number) for message, number in difference.broken],
        )


def _describe_event(event: ChannelMove) -> ChannelMovement:
    return ChannelMovement(
        channel=event.channel,
        revision=event.revision,
        kind=event.kind,
        release=event.release,
        previous=event.previous or None,
        by=event.done_by,
        at=event.done_at,
        reason=event.reason,
        rollout=ServedPart.from_rollout(event.rollout) if event.rollout else None,
        checks=dict(event.checks),
    )
