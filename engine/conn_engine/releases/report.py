"""Reports on releases, promotions, rollbacks, the history and differences. They have paths, names and counts, but no
value of a configuration or a record."""

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from conn_engine.analysis.impact.report import ImpactReport
from conn_engine.releases.difference import Difference, Note
from conn_engine.releases.model import Channel, ChannelMove, EventKind, Release
from conn_engine.releases.promotion import CreatedRelease, Promotion
from conn_engine.reports import Report

__all__ = ["DifferenceReport", "HistoryReport", "PromotionReport", "ReleaseReport", "RollbackReport"]


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


class PromotionReport(Report, frozen=True, kw_only=True):
    """A promotion, or the reasons why it was refused. `already` is true if the channel already served the release, and
    `overridden` if it was promoted despite failed checks; `checks` has the counts of the checks."""

    kind: ClassVar[str] = "promote"
    channel: str
    release: str
    previous: str | None
    revision: int
    promoted: bool
    already: bool
    refusals: list[str]
    overridden: bool
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
            checks=done.counts(),
            impact=ImpactReport.from_impact(done.impact) if done.impact else None,
        )


class RollbackReport(Report, frozen=True, kw_only=True):
    """A rollback. `rolled_back` is false if the channel already served the release."""

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
    """A channel and the release that it serves. `revision` counts its moves."""

    channel: str
    release: str
    revision: int


class ChannelMovement(msgspec.Struct, frozen=True, kw_only=True):
    """A promotion or a rollback, with the counts of its checks."""

    channel: str
    revision: int
    kind: EventKind
    release: str
    previous: str | None
    by: str
    at: str
    reason: str
    checks: dict[str, Any]


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
                ServedChannel(channel=channel.name, release=channel.release, revision=channel.revision)
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
        checks=dict(event.checks),
    )
