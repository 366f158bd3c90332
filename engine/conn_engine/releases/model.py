"""Releases, channels and their history as data. What is stored is this; how is `store`'s."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["SHORT", "Channel", "ChannelMove", "EventKind", "Release", "shorten"]

EventKind = Literal["promote", "rollback"]
SHORT = 12


def shorten(release: str) -> str:
    """The beginning of a release's id, as people see it."""
    return release[:SHORT]


@dataclass(frozen=True, slots=True)
class Release:
    """One release: its id, why, who and when (RFC 3339, UTC) made it, with which engine, what lint and tests said.

    `verdict` holds counts only: `{lint: {errors, warnings}, tests: {cases, failed, unrecorded}}`.
    """

    id: str
    message: str = ""
    made_by: str = ""
    made_at: str = ""
    engine: str = ""
    verdict: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Channel:
    """What a channel serves. `revision` counts its movements from 1; 0 and no release: it has never moved."""

    name: str
    release: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class ChannelMove:
    """One movement of a channel. `previous` is "" for the first one; `checks` are counts; `reason` is a person's."""

    channel: str
    revision: int
    kind: EventKind
    release: str
    previous: str
    done_by: str
    done_at: str
    reason: str = ""
    checks: Mapping[str, Any] = field(default_factory=dict)
