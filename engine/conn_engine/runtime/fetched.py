"""Hold what one request of a listing fetches: a response, its records, and the next place.

A long response is read a few rows at a time.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conn_engine.config import VendorOperation
from conn_engine.errors import UsageError
from conn_engine.runtime.call import encode_cursor
from conn_engine.runtime.records import ResponsePathMissing, records_of
from conn_engine.settings import Answer, Scope
from conn_engine.wire import Completeness, FieldProblem, Page, Request, Response

__all__ = ["Fetched", "RowPlace", "read_all_rows", "split_rows"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """One response of a vendor operation with its records, and the next place.

    `answer.records` are the records that `response_path` finds. `records` are those to deliver, after `record_mapping`
    and enrichments; `source` has the vendor's record for each. `whole` means that the response is a single object and
    not a list. `headers` are the rate limits in normalized form. `notes` are remarks for the caller. `settled` means
    that an error rule treats the response as empty or skips it; in the second case it is `skipped`, and its records
    have not been read. `again` is set when the listing must restart, to the expression that identifies its records.

    Within a listing, `next_state`, `prev_state` and `here` (the place of this page itself) are places (see `layers`);
    outside, they are the contents of a cursor. `scope` has the names of the layers above. `partial` means that the next
    page continues the same response. `state` is the state of an incremental operation after this page. `completeness`
    is the verdict on the listing, set on its very last page. `closing` means that no response brought this page (see
    `close_listing`).
    """

    answer: Answer
    whole: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    again: str | None = None
    settled: bool = False
    skipped: bool = False
    records: list[Any] = field(default_factory=list)
    source: list[Any] = field(default_factory=list)
    number: int = 0
    next_state: Any = None
    prev_state: Any = None
    here: Any = None
    scope: Scope = field(kw_only=True)
    partial: bool = False
    state: Any = None
    completeness: Completeness | None = None
    closing: bool = False

    @classmethod
    def close_listing(cls, scope: Scope) -> "Fetched":
        """Return a page without records, for the end of a listing whose last step has no page."""
        return cls(Answer(Request("GET", ""), Response(200), None, scope=scope), scope=scope, closing=True)

    @property
    def last(self) -> bool:
        """Whether this is the last page of its step."""
        return self.next_state is None and not self.partial

    @property
    def partition(self) -> Mapping[str, Any]:
        """The names and values of its partition."""
        return self.scope.get("partition") or {}

    def to_page(
        self, records: list[Any], problems: tuple[FieldProblem, ...] = (), *, mapping_seconds: float = 0.0
    ) -> Page:
        """Return the page as callers receive it, with its final records and the fields that fail on some of them."""
        return Page(
            records=records,
            raw=self.records,
            number=self.number,
            next_cursor=encode_cursor(self.next_state),
            prev_cursor=encode_cursor(self.prev_state),
            status=self.answer.response.status,
            headers=self.headers,
            whole=self.whole,
            partial=self.partial,
            notes=self.notes,
            partition=self.partition,
            state=self.state,
            completeness=self.completeness,
            problems=problems,
            skipped=self.skipped,
            content=self.answer.rest.content if self.answer.rest is not None else None,
            mapping_seconds=mapping_seconds,
        )

    def as_listed(self) -> "Fetched":
        """Return the page as part of a list, even if its response is a single object."""
        return replace(self, whole=False) if self.whole else self


@dataclass(frozen=True, slots=True)
class RowPlace:
    """A place within a long response: how many records were delivered, and a hash of the last one."""

    count: int
    mark: str

    @classmethod
    def read(cls, data: Any) -> "RowPlace | None":
        """Read the place from a cursor; None stays None. Raises UsageError for anything else."""
        if data is None:
            return None
        match data:
            case {"count": int(count), "mark": str(mark)} if count > 0:
                return cls(count, mark)
        raise _build_moved_row_error()

    @classmethod
    def from_part(cls, answer: Answer, before: "RowPlace | None") -> "RowPlace | None":
        """Return the place after a part of a response; None if there was no record yet."""
        if not answer.records:
            return before
        return cls(answer.count, _mark_record(answer.records[-1]))

    def data(self) -> dict[str, Any]:
        """Return the place as the data of a cursor."""
        return {"count": self.count, "mark": self.mark}

    def split(self, answer: Answer) -> tuple[Answer | None, Answer]:
        """Split a part of a response into the records before the place (None if there are none) and the others.

        Raises UsageError when the last record before the place has changed.
        """
        delivered = self.count - answer.earlier
        if 0 < delivered <= len(answer.records) and _mark_record(answer.records[delivered - 1]) != self.mark:
            raise _build_moved_row_error()
        if delivered <= 0:
            return None, answer
        before = replace(answer, records=answer.records[:delivered])
        return before, replace(answer, records=answer.records[delivered:], earlier=min(self.count, answer.count))


def _mark_record(record: Any) -> str:
    text = json.dumps(record, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _build_moved_row_error() -> UsageError:
    return UsageError(
        "the cursor points between two rows of a response that has changed since",
        hint="leave the cursor out to start again",
    )


def split_rows(
    fetched: Fetched, operation: VendorOperation, start: RowPlace | None, skip: Callable[[Answer], object]
) -> Iterator[tuple[Fetched, bool]]:
    """Yield the rows of a long response in parts, and whether each part is the last. Parts are read on demand.

    Rows before `start` are passed to `skip` and not yielded. Raises UsageError when the response has changed.
    """
    for part, last in _read_parts(fetched, operation):
        if start is None:
            yield part, last
            continue
        if last and part.answer.count < start.count:
            raise _build_moved_row_error()
        before, others = start.split(part.answer)
        if before is not None:
            skip(before)
        if last or part.answer.count > start.count:
            yield replace(part, answer=others), last


def _read_parts(fetched: Fetched, operation: VendorOperation) -> Iterator[tuple[Fetched, bool]]:
    answer = fetched.answer
    more = answer.rest.more if answer.rest is not None else None
    if more is None:
        yield fetched, True
        return
    earlier = 0
    while more.pending:
        yield replace(fetched, answer=answer), False
        rows = next(more)
        earlier += len(answer.records)
        try:
            records, _ = records_of(operation.response_path, rows, answer.scope)
        except ResponsePathMissing:  # the first rows had the path, so these are just empty
            records = []
        answer = replace(answer, body=rows, records=records, earlier=earlier)
    yield replace(fetched, answer=answer), True


def read_all_rows(fetched: Fetched, operation: VendorOperation) -> Fetched:
    """Read a long response in full, for callers that need all rows at once. Raises VendorError when it is too long."""
    answer = fetched.answer
    if answer.rest is None or answer.rest.more is None:
        return fetched
    body = [*answer.body, *answer.rest.more.rest()]
    answer.close()
    records, _ = records_of(operation.response_path, body, answer.scope)
    return replace(fetched, answer=replace(answer, body=body, records=records, rest=None))
