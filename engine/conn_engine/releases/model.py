"""Releases, channels and their history as data. `store` stores them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["SHORT", "Channel", "ChannelMove", "EventKind", "Release", "shorten"]

EventKind = Literal["promote", "rollback"]
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
class Channel:
    """What a channel serves. `revision` counts its moves from 1; before the first one it is 0, without a release."""

    name: str
    release: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class ChannelMove:
    """A move of a channel. `previous` is "" for the first one, `checks` has counts, and `reason` is a person's text."""

    channel: str
    revision: int
    kind: EventKind
    release: str
    previous: str
    done_by: str
    done_at: str
    reason: str = ""
    checks: Mapping[str, Any] = field(default_factory=dict)
