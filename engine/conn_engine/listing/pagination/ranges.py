"""Pages by range: from the first to the last record wanted, in one value (`items=0-24`) or in two."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.listing.pagination.ending import Counted, number
from conn_engine.listing.pagination.placement import Where, integer
from conn_engine.roles import PARAMETER, POINTER, REQUEST_HEADER, TEXT
from conn_engine.settings import Answer, Draft, Names, Scope

__all__ = ["Range"]

_CONTENT_RANGE = re.compile(r"\s*[\w-]+\s+(?:(\d{1,15})-(\d{1,15})|\*)/(\d{1,15}|\*)\s*")


class Range(Counted, frozen=True, kw_only=True, tag_field="format", tag="range"):
    """Ranges of records. State: `{start, seen, width}`: the first record to ask for, records and widest page before
    it. Templates see `page.start` and `page.end`.

    What the answer's Content-Range says (`items 0-24/3573`) is believed; status 416 is the end.
    """

    aliases: ClassVar[Mapping[str, str]] = {
        "step": "size",
        "page_size": "size",
        "limit": "size",
        "stop_param": "end_param",
        "total_key": "total_field",
        "total_path": "total_field",
    }

    first: Annotated[int, Meta(ge=0, description="Number of the first record.")] = 0
    inclusive: Annotated[
        bool, Meta(description="Whether the end is the last record's own number, or the one after it.")
    ] = True
    unit: Annotated[
        str | None,
        Meta(
            description='What stands before the range ("items" for items=0-24). Default: items in a header, else none.',
            extra=TEXT,
        ),
    ] = None
    range_header: Annotated[
        str | None,
        Meta(
            description="Request header of the range. Default, when no other place is given: Range.",
            extra=REQUEST_HEADER,
        ),
    ] = None
    range_param: Annotated[str | None, Meta(description="Query parameter of the range.", extra=PARAMETER)] = None
    range_body: Annotated[str | None, Meta(description="JSON pointer of the range in the body.", extra=POINTER)] = None
    start_param: Annotated[str | None, Meta(description="Query parameter of the start alone.", extra=PARAMETER)] = None
    end_param: Annotated[str | None, Meta(description="Query parameter of the end alone.", extra=PARAMETER)] = None
    start_body: Annotated[str | None, Meta(description="JSON pointer of the start alone.", extra=POINTER)] = None
    end_body: Annotated[str | None, Meta(description="JSON pointer of the end alone.", extra=POINTER)] = None

    def __post_init__(self) -> None:
        if self.size is None:
            raise ValueError("range pagination needs `size`: how many records a range has")

    @property
    def where(self) -> Where:
        """Where the range goes as one value."""
        elsewhere = self.range_param or self.range_body or self.start_param or self.start_body
        header = self.range_header or (None if elsewhere else "Range")
        return Where(self.range_param, header, self.range_body)

    def place(self, state: Any, draft: Draft) -> None:
        """Ask for the range that begins at the start of `state`; None is the first page."""
        start = integer(state, "start", self.first)
        end = self._end(start)
        self.drop_first_page_only(state, draft)
        whole = self.where
        unit = self.unit if self.unit is not None else ("items" if whole.header else "")
        whole.put(draft, f"{unit}={start}-{end}" if unit else f"{start}-{end}")
        Where(self.start_param, pointer=self.start_body).put(draft, start)
        Where(self.end_param, pointer=self.end_body).put(draft, end)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the next page; None at the end (the rules of `Counted`)."""
        start, width = integer(state, "start", self.first), integer(state, "width")
        count = answer.count
        seen = integer(state, "seen") + count
        following = start + count
        told = _content_range(answer)
        if told is not None and told[2] is not None:
            following = int(told[2]) + 1
        ended = self.is_end(answer)
        if ended is None:
            ended = self.is_end_by_count(answer, seen=seen, widest=width, sized=True)
        return None if ended else {"start": following, "seen": seen, "width": max(width, count)}

    def total(self, answer: Answer) -> int | None:
        """What `total_field` finds, else what the Content-Range header says."""
        found, told = super().total(answer), _content_range(answer)
        return number(told[3]) if found is None and told is not None else found

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the page before; None on the first."""
        start, seen, width = integer(state, "start", self.first), integer(state, "seen"), integer(state, "width")
        if start <= self.first or not width:
            return None
        return {"start": max(self.first, start - width), "seen": max(0, seen - width), "width": width}

    def names(self, state: Any, scope: Scope) -> Names:
        """`start` and `end`."""
        start = integer(state, "start", self.first)
        return {"start": start, "end": self._end(start)}

    def _end(self, start: int) -> int:
        return start + (self.size or 1) - (1 if self.inclusive else 0)


def _content_range(answer: Answer) -> re.Match[str] | None:
    return _CONTENT_RANGE.fullmatch(answer.response.headers.get("content-range", "")[:100])
