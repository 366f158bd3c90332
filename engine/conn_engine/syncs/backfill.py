"""Read a range of time again, in chunks: which ones there are, and how the operation of a sync is limited to one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from conn_engine.config import Effective, VendorOperation, lookup
from conn_engine.diagnostics import pluralize
from conn_engine.documents import iterate_texts
from conn_engine.errors import UsageError
from conn_engine.listing.incremental import Datetime
from conn_engine.listing.incremental.durations import add_duration, parse_duration
from conn_engine.runtime.scope_reads import read_paths
from conn_engine.runtime.unified import find_operation_behind
from conn_engine.syncs.compiling import SyncFault
from conn_engine.syncs.plan import SyncPlan

__all__ = ["MOST_CHUNKS", "BackfillRange", "limit_to_window", "reads_window"]

MOST_CHUNKS = 10_000
_BOTH = {"start", "end"}
_SHORT = {"d": "P{}D", "w": "P{}W", "h": "PT{}H"}


@dataclass(frozen=True, slots=True)
class BackfillRange:
    """A range of time, divided into chunks of one length (an ISO 8601 duration); the last one may be shorter."""

    start: datetime
    end: datetime
    length: str

    @classmethod
    def read(cls, start: str, end: str, chunk: str) -> "BackfillRange":
        """Return a range from two dates or times in ISO 8601, UTC by default, and a length such as `7d` or `P1M`.

        Raises UsageError for an invalid date, time or length, for a range that does not end after its start, and for
        too many chunks.
        """
        made = cls(_read_moment(start), _read_moment(end), _read_length(chunk))
        if made.start >= made.end:
            raise UsageError(f"the range ends at {end}, which is not after {start}", hint="pass a later end")
        if len(made.list_chunks(MOST_CHUNKS + 1)) > MOST_CHUNKS:
            raise UsageError(
                f"the range has more than {pluralize(MOST_CHUNKS, 'chunk')} of {chunk}", hint="pass longer chunks"
            )
        return made

    def list_chunks(self, most: int = MOST_CHUNKS) -> list[tuple[datetime, datetime]]:
        """Return the start and the end of each chunk, the oldest first, and at most `most` of them."""
        chunks: list[tuple[datetime, datetime]] = []
        start, length = self.start, parse_duration(self.length)
        while start < self.end and len(chunks) < most:
            end = min(add_duration(start, length), self.end)
            chunks.append((start, end))
            start = end
        return chunks


def limit_to_window(plan: SyncPlan, effective: Effective) -> SyncPlan:
    """Return the plan of a backfill: its operation lists what is in the window, and nothing else looks for deleted
    records.

    Raises SyncFault for an operation that cannot be limited to a range.
    """
    own = plan.backfill.params if plan.backfill is not None else {}
    fetch = plan.fetch
    if own:
        _check_reads(plan.name, own)
        limited = replace(fetch, params={**fetch.params, **own})
    elif _has_range(effective, find_operation_behind(effective, fetch.operation)):
        limited = replace(fetch, uses_window=True)
    else:
        raise SyncFault(
            f'the sync "{plan.name}" cannot be limited to a range: {fetch.operation.text} has no parameters for it',
            "source",
            hint="add the vendor's parameters to the sync, such as "
            'backfill: { params: { updated_after: "{{ window.start }}", updated_before: "{{ window.end }}" } }; '
            "or add start_param and end_param to the incremental of the operation",
        )
    steps = tuple(limited if step is fetch else step for step in plan.steps)
    deletes = None if plan.deleted_when is None else plan.deletes
    return replace(plan, steps=steps, deletes=deletes, deletes_fetch=None)


def reads_window(values: Any) -> bool:
    """Return whether templates read both ends of a window."""
    return _find_ends(text for _, text in iterate_texts(values)) >= _BOTH


def _check_reads(name: str, params: Mapping[str, Any]) -> None:
    if not reads_window(dict(params)):
        raise SyncFault(
            f'backfill.params of the sync "{name}" do not use window.start and window.end, so every chunk would be the '
            "same",
            "backfill",
            "params",
            hint='write both, such as updated_after: "{{ window.start }}" and updated_before: "{{ window.end }}"',
        )


def _has_range(effective: Effective, operation: VendorOperation | None) -> bool:
    """Return whether an operation is incremental over times, and sends both ends of a window."""
    if operation is None or not isinstance(operation.incremental, Datetime):
        return False
    return operation.incremental.can_limit() or reads_window(lookup(effective.data, operation.place))


def _find_ends(texts: Iterable[str]) -> set[str]:
    return {path[1] for text in texts for path in read_paths(text) if len(path) > 1 and path[0] == "window"}


def _read_moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f'"{text}" is not a date or a time', hint="write it as 2025-01-31 or 2025-01-31T12:00:00Z"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _read_length(text: str) -> str:
    """Return a length as ISO 8601 duration."""
    pattern = _SHORT.get(text[-1:]) if text[:-1].isdecimal() else None
    length = pattern.format(text[:-1]) if pattern is not None else text
    try:
        is_empty = parse_duration(length).nothing
    except ValueError as error:
        raise UsageError(f"the length of a chunk: {error}", hint="write it as 7d, 12h or P1M") from None
    if is_empty:
        raise UsageError(f'a chunk of "{text}" has no length', hint="write it as 7d, 12h or P1M")
    return length
