"""The events that a sync delivers: an ID that is the same whenever the same change is delivered, and the body."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

__all__ = ["OutgoingEvent", "build_event", "compute_event_id", "to_iso"]

Change = Literal["upsert", "delete"]
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
"""Two digits of base 32 for each number of ten bits: `base64.b32encode` takes twice as long."""
_SHIFTS = range(150, -1, -10)


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """One event to deliver. `key` is the record's; events with the same key are delivered in order. `body` is JSON
    data: `{type, timestamp, account, data}`. `stored_data` identifies data that is stored elsewhere, not in `body`."""

    id: str
    type: str
    key: str
    change: Change
    body: dict[str, Any]
    stored_data: Mapping[str, Any] | None = None


def compute_event_id(sync: str, account: str, key: str, content: Any, version: str) -> str:
    """Return the ID of an event, `evt_` and 32 characters. `version` tells apart a record that changes back to what it
    was: its own version, or the run."""
    text = msgspec.json.encode([sync, account, key, content, version], order="deterministic")
    number = int.from_bytes(hashlib.sha256(text).digest()[:20])
    return f"evt_{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"


def build_event(
    *,
    sync: str,
    account: str,
    type_: str,
    key: str,
    data: Any,
    version: str,
    began: float,
    change: Change = "upsert",
    content: bytes = b"",
) -> OutgoingEvent:
    """Return the event of one record. `began` is the start of the run, in Unix seconds. `content` is the data as
    canonical JSON, if that is known."""
    event_id = compute_event_id(sync, account, key, msgspec.Raw(content) if content else data, version)
    name = f"{type_.rpartition('.')[0] or type_}.deleted" if change == "delete" else type_
    return OutgoingEvent(
        event_id, name, key, change, {"type": name, "timestamp": to_iso(began), "account": account, "data": data}
    )


def to_iso(moment: float) -> str:
    """Return Unix seconds as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
