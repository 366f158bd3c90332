"""What one request of a listing fetches: an answer, its records, and what comes next. A long answer is read some rows
at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conn_engine.config import VendorOperation
from conn_engine.runtime.call import encode_cursor
from conn_engine.runtime.records import ResponsePathMissing, records_of
from conn_engine.settings import Answer, Scope
from conn_engine.wire import Completeness, Page

__all__ = ["Fetched", "read_all_rows", "split_rows"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer of a vendor operation with its records, and what comes next.

    `answer.records` are those that `response_path` finds. `records` are those to deliver, which `record_mapping` and
    enrichments have made of them; `source` has the vendor's own record for each. `whole`: the answer is one thing
    rather than a list. `headers` are the rate limits in normalized form. `notes` are what the caller should hear of the
    request. `settled`: an error rule calls the answer empty, or skips it, which is `skipped`: it has not been read.
    `again`: the listing has to start again; the expression that tells its records apart.

    Within a listing `next_state`, `prev_state` and `here` (the place of this page itself) are places (see `layers`);
    outside, they are what goes into a cursor. `scope` has the names of the layers above. `partial`: the next page
    continues the same answer. `state` is what an incremental operation has read once this page is delivered.
    `completeness` is the verdict on the listing, on its very last page.
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
    scope: Scope = field(default_factory=Scope)
    partial: bool = False
    state: Any = None
    completeness: Completeness | None = None

    @property
    def last(self) -> bool:
        """Whether no page follows in its step."""
        return self.next_state is None and not self.partial

    @property
    def partition(self) -> Mapping[str, Any]:
        """Names and values of the partition it belongs to."""
        return self.scope.get("partition") or {}

    def to_page(self, records: list[Any]) -> Page:
        """The page as callers see it, with its final records."""
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
            content=self.answer.rest.content if self.answer.rest is not None else None,
        )

    def as_listed(self) -> "Fetched":
        """The page as one of several: whatever it brought, the whole is a list."""
        return replace(self, whole=False) if self.whole else self


def split_rows(fetched: Fetched, operation: VendorOperation) -> Iterator[tuple[Fetched, bool]]:
    """A long answer, some of its rows at a time, and whether these are the last. The next are read when asked for."""
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
        except ResponsePathMissing:  # it was there in the first rows: these just have nothing
            records = []
        answer = replace(answer, body=rows, records=records, earlier=earlier)
    yield replace(fetched, answer=answer), True


def read_all_rows(fetched: Fetched, operation: VendorOperation) -> Fetched:
    """A long answer in one piece, for those who need all of it at once. Raises VendorError when it is too long."""
    answer = fetched.answer
    if answer.rest is None or answer.rest.more is None:
        return fetched
    body = [*answer.body, *answer.rest.more.rest()]
    answer.close()
    records, _ = records_of(operation.response_path, body, answer.scope)
    return replace(fetched, answer=replace(answer, body=body, records=records, rest=None))
