"""The rows of the store of syncs: runs, streams, what is delivered, and what was set aside."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from sqlalchemy.engine import Connection, Row

__all__ = [
    "BACKFILL",
    "ENDED",
    "LONGEST_FIELD",
    "OPEN",
    "PageHook",
    "PageRows",
    "RunRow",
    "RunStatus",
    "SetAside",
    "SpoolRow",
    "StreamRow",
    "name_run",
    "name_target",
    "to_run",
    "to_stream",
]

RunStatus: TypeAlias = Literal[
    "queued",
    "running",
    "waiting",
    "login",
    "delivering",
    "undelivered",
    "complete",
    "incomplete",
    "unknown",
    "failed",
    "cancelled",
]
OPEN: tuple[RunStatus, ...] = ("queued", "running", "waiting", "login")
"""The states of a run that has not read everything yet. A sync has one such run per account."""
ENDED: tuple[RunStatus, ...] = tuple(status for status in get_args(RunStatus) if status not in OPEN)
LONGEST_FIELD = 300
BACKFILL = "backfill"
"""The cause of runs that read a range of time again."""
PageHook: TypeAlias = Callable[[Connection, int], object]
"""`(connection, seq)`: writes more rows in the transaction of a page."""
_JSON: Final = ("settings", "place", "counts", "report")


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run. Times are in Unix seconds; `since` is the `last_run_at` that the run sees, and `resumes_at` the end of
    a wait. `plan` is the digest of the sync that it began with, and `connector` that of the connector, if its files are
    those of a folder; "" if they may change."""

    id: str
    sync: str
    account: str
    release: str
    cause: str
    is_full: bool
    status: RunStatus
    reason: str
    began: float
    ended: float | None
    since: str | None
    settings: Mapping[str, Any]
    phase: str
    seq: int
    place: Mapping[str, Any]
    counts: Mapping[str, int]
    report: Mapping[str, Any]
    resumes_at: float | None = None
    plan: str = ""
    connector: str = ""

    @property
    def target_digest(self) -> str:
        """What identifies a destination that replaces that of the sync, "" for its own. Each knows where it begins."""
        return name_target(self.settings)


@dataclass(frozen=True, slots=True)
class StreamRow:
    """Where the next run of a sync for an account begins. `number` identifies it in the table of known records."""

    sync: str
    account: str
    number: int
    state: Any
    last_run_at: float | None
    is_paused: bool
    next_due: float | None = None


class SpoolRow(NamedTuple):
    """One record to deliver. `payload` is JSON text."""

    key: str
    event_id: str
    payload: str
    change: str = "upsert"
    seq: int = 0
    n: int = 0


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that failed. `record` is JSON text, and `field` the one whose expression failed, if that is known."""

    key: str
    stage: str
    record: str
    message: str
    field: str = ""


@dataclass(slots=True)
class PageRows:
    """What a page stores."""

    spool: list[SpoolRow] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    loop_items: list[tuple[str, str]] = field(default_factory=list)
    records: int = 0
    place_digest: str = ""


def name_run(sync: str, account: str, moment: float) -> str:
    """Return the ID of a run. IDs of one sync and account sort by time."""
    return f"{sync}:{account}:{int(moment * 1000):013d}"


def name_target(settings: Mapping[str, Any]) -> str:
    """Return what identifies the destination that the settings of a run name, "" if they name none."""
    text = settings.get("to")
    return hashlib.sha256(str(text).encode()).hexdigest() if text else ""


def to_run(row: Row[Any]) -> RunRow:
    """Return a run from a row of its table."""
    values = {name: getattr(row, name) for name in RunRow.__slots__}
    return RunRow(**(values | {name: json.loads(values[name]) for name in _JSON}))


def to_stream(row: Row[Any]) -> StreamRow:
    values = {name: getattr(row, name) for name in StreamRow.__slots__}
    return StreamRow(**(values | {"state": json.loads(row.state)}))
