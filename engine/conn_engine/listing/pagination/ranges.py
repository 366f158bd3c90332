"""Pages by range: from the first to the last record, in one value (`items=0-24`) or in two."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.listing.pagination.ending import Counted, to_number
from conn_engine.listing.pagination.placement import Where, read_integer
from conn_engine.roles import HEADER_PLACE, PARAMETER, POINTER, TEXT
from conn_engine.settings import Answer, Draft, Names, Scope

__all__ = ["Range"]

_CONTENT_RANGE = re.compile(r"\s*[\w-]+\s+(?:(\d{1,15})-(\d{1,15})|\*)/(\d{1,15}|\*)\s*")


class Range(Counted, frozen=True, kw_only=True, tag_field="format", tag="range"):
    """A request names its first and last record. State: `{start, seen, width}`: the first record to request, and the
    number of records and the longest page before it. Templates see `page.start` and `page.end`.

    The response's Content-Range header (`items 0-24/3573`) takes precedence; status 416 is the end.
    """

    is_advanced: ClassVar[bool] = True

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
        bool, Meta(description="Whether the end is the number of the last record, or the one after it.")
    ] = True
    unit: Annotated[
        str | None,
        Meta(
            description='Text before the range ("items" for items=0-24). Default: items in a header, else none.',
            extra=TEXT,
        ),
    ] = None
    range_header: Annotated[
        str | None,
        Meta(
            description="Request header for the range. Default, if no other place is set: Range.",
            extra=HEADER_PLACE,
        ),
    ] = None
    range_param: Annotated[str | None, Meta(description="Query parameter for the range.", extra=PARAMETER)] = None
    range_body: Annotated[str | None, Meta(description="JSON pointer to the range in the body.", extra=POINTER)] = None
    start_param: Annotated[str | None, Meta(description="Query parameter for the start.", extra=PARAMETER)] = None
    end_param: Annotated[str | None, Meta(description="Query parameter for the end.", extra=PARAMETER)] = None
    start_body: Annotated[str | None, Meta(description="JSON pointer to the start.", extra=POINTER)] = None
    end_body: Annotated[str | None, Meta(description="JSON pointer to the end.", extra=POINTER)] = None

    def __post_init__(self) -> None:
        if self.size is None:
            raise ValueError("range pagination needs `size`, the number of records in a range")

    @property
    def where(self) -> Where:
        """Where to send the range as one value."""
        elsewhere = self.range_param or self.range_body or self.start_param or self.start_body
        header = self.range_header or (None if elsewhere else "Range")
        return Where(self.range_param, header, self.range_body)

    def place(self, state: Any, draft: Draft) -> None:
        """Request the range that starts at the start of `state`; None is the first page."""
        start = read_integer(state, "start", self.first)
        end = self._end(start)
        self.drop_first_page_only(state, draft)
        whole = self.where
        unit = self.unit if self.unit is not None else ("items" if whole.header else "")
        whole.set_parameter(draft, f"{unit}={start}-{end}" if unit else f"{start}-{end}")
        Where(self.start_param, pointer=self.start_body).set_parameter(draft, start)
        Where(self.end_param, pointer=self.end_body).set_parameter(draft, end)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the next page; None at the end (the rules of `Counted`)."""
        start, width = read_integer(state, "start", self.first), read_integer(state, "width")
        count = answer.count
        seen = read_integer(state, "seen") + count
        following = start + count
        content_range = _content_range(answer)
        if content_range is not None and content_range[2] is not None:
            following = int(content_range[2]) + 1
        ended = self.is_end(answer)
        if ended is None:
            ended = self.is_end_by_count(answer, seen=seen, widest=width, sized=True)
        return None if ended else {"start": following, "seen": seen, "width": max(width, count)}

    def total(self, answer: Answer) -> int | None:
        """Return what `total_field` finds, else the total of the Content-Range header."""
        total, content_range = super().total(answer), _content_range(answer)
        return to_number(content_range[3]) if total is None and content_range is not None else total

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the previous page; None on the first."""
        start, seen, width = (
            read_integer(state, "start", self.first),
            read_integer(state, "seen"),
            read_integer(state, "width"),
        )
        if start <= self.first or not width:
            return None
        return {"start": max(self.first, start - width), "seen": max(0, seen - width), "width": width}

    def names(self, state: Any, scope: Scope) -> Names:
        """Return `start` and `end`."""
        start = read_integer(state, "start", self.first)
        return {"start": start, "end": self._end(start)}

    def _end(self, start: int) -> int:
        return start + (self.size or 1) - (1 if self.inclusive else 0)


def _content_range(answer: Answer) -> re.Match[str] | None:
    return _CONTENT_RANGE.fullmatch(answer.response.headers.get("content-range", "")[:100])
