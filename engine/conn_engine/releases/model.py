"""Releases, channels and their history as data. `store` stores them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from conn_engine.releases.cohorts import Cohort

__all__ = ["SHORT", "Channel", "ChannelMove", "EventKind", "Pin", "Release", "Rollout", "shorten"]

EventKind = Literal["promote", "rollback", "rollout", "halt", "resume", "pin", "unpin"]
SHORT = 12


def shorten(release: str) -> str:
    """Return the start of a release's ID, for people."""
    return release[:SHORT]


@dataclass(frozen=True, slots=True)
class Release:
    """A release: its ID, reason, author and time (RFC 3339, UTC), the engine, and the results of lint and tests.

    `verdict` has only counts: `{lint: {errors, warnings}, tests: {cases, failed, unrecorded}}`.
    """

    id: str
    message: str = ""
    made_by: str = ""
    made_at: str = ""
    engine: str = ""
    verdict: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rollout:
    """A release that a part of the accounts uses. `seed` names the rollout, and distributes the accounts.

    `halted` is why the part uses the channel's release instead, or "". `since` is the time of its last change.
    """

    seed: str
    release: str
    cohort: Cohort
    since: str
    halted: str = ""

    @property
    def is_served(self) -> bool:
        """Whether an account can use its release."""
        return not self.halted and self.cohort.percent != 0


@dataclass(frozen=True, slots=True)
class Pin:
    """An account that uses a release until a time (RFC 3339), whatever the channel serves, and why."""

    account: str
    release: str
    until: str
    reason: str
    by: str

    def has_ended(self, now: float) -> bool:
        """Return whether the account uses what the channel serves again."""
        return datetime.fromisoformat(self.until).timestamp() <= now


@dataclass(frozen=True, slots=True)
class Channel:
    """What a channel serves. `revision` counts its moves from 1; before the first one it is 0, without a release.

    A pin that has ended stays until a person removes it, so that it is seen.
    """

    name: str
    release: str = ""
    revision: int = 0
    rollout: Rollout | None = None
    pins: tuple[Pin, ...] = ()

    def find_release(self, account: str, find_tags: Callable[[], Collection[str]]) -> str:
        """Return the release that an account uses: that of its pin, else that of the rollout if the account belongs to
        the cohort, else the channel's. Pins that have ended must have been removed (`without_ended`)."""
        for pin in self.pins:
            if pin.account == account:
                return pin.release
        rollout = self.rollout
        if rollout is not None and rollout.is_served and rollout.cohort.has_member(account, rollout.seed, find_tags):
            return rollout.release
        return self.release

    def list_releases(self) -> list[str]:
        """Return every release that an account may use or is compared with, the channel's first."""
        rollout = [self.rollout.release] if self.rollout is not None and not self.rollout.halted else []
        return list(dict.fromkeys([self.release, *rollout, *(pin.release for pin in self.pins)]))

    def without_ended(self, now: float) -> "Channel":
        """Return the channel without the pins that have ended."""
        return replace(self, pins=tuple(pin for pin in self.pins if not pin.has_ended(now)))


@dataclass(frozen=True, slots=True)
class ChannelMove:
    """A move of a channel. `previous` is "" for the first one, `checks` has counts, and `reason` is a person's text.

    `rollout` and `pins` are those of the channel after the move.
    """

    channel: str
    revision: int
    kind: EventKind
    release: str
    previous: str
    done_by: str
    done_at: str
    reason: str = ""
    checks: Mapping[str, Any] = field(default_factory=dict)
    rollout: Rollout | None = None
    pins: tuple[Pin, ...] = ()
