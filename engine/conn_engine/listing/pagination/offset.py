"""Pages by offset: how many records to leave out."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.ending import Counted, number
from conn_engine.listing.pagination.placement import Where, integer
from conn_engine.roles import FIELD, PARAMETER, POINTER, REQUEST_HEADER, expression_over
from conn_engine.settings import Answer, Draft, Names, Scope

__all__ = ["Offset"]


class Offset(Counted, frozen=True, kw_only=True, tag_field="format", tag="offset"):
    """Offsets. State: `{offset, seen, width}`: the offset to ask for, records and widest page before it.

    The offset advances by the records that came, so a page size that the vendor caps loses nothing. Templates see
    `page.offset`.
    """

    aliases: ClassVar[Mapping[str, str]] = {
        "offset_key": "offset_param",
        "start_param": "offset_param",
        "skip_param": "offset_param",
        "limit_key": "limit_param",
        "size_param": "limit_param",
        "size_header": "limit_header",
        "size_body": "limit_body",
        "size_form": "limit_form",
        "size_key": "limit_param",
        "page_size": "size",
        "limit": "size",
        "start": "first",
        "total_key": "total_field",
        "total_path": "total_field",
    }

    offset_param: Annotated[
        str | None,
        Meta(
            description="Query parameter of the offset. Default, when no other place is given: offset. "
            "Empty: only templates use it, as page.offset.",
            extra=PARAMETER,
        ),
    ] = "offset"
    offset_header: Annotated[
        str | None, Meta(description="Request header of the offset; then no parameter.", extra=REQUEST_HEADER)
    ] = None
    offset_body: Annotated[
        str | None,
        Meta(description="JSON pointer of the offset in the body; then no query parameter is sent.", extra=POINTER),
    ] = None
    offset_form: Annotated[
        str | None, Meta(description="Form field of the offset; then no parameter.", extra=FIELD)
    ] = None
    limit_param: Annotated[
        str | None,
        Meta(
            description="Query parameter of the page size. Default, when no other place is given: limit.",
            extra=PARAMETER,
        ),
    ] = "limit"
    limit_header: Annotated[
        str | None, Meta(description="Request header of the page size; then no parameter.", extra=REQUEST_HEADER)
    ] = None
    limit_body: Annotated[
        str | None, Meta(description="JSON pointer of the page size in the body; then no parameter.", extra=POINTER)
    ] = None
    limit_form: Annotated[
        str | None, Meta(description="Form field of the page size; then no parameter.", extra=FIELD)
    ] = None
    first: Annotated[int, Meta(ge=0, description="Offset of the first record.")] = 0
    first_sent: Annotated[
        bool, Meta(description="Whether the first page's request carries its offset; false leaves it out.")
    ] = True
    step: Annotated[
        Literal["records", "size"],
        Meta(
            description="What the offset advances by: the records that came, or the size asked for (a "
            "vendor that filters a page after it is cut)."
        ),
    ] = "records"
    next_offset: Annotated[
        str | None,
        Meta(
            description="Expression over status, headers, body: the next offset; null, undefined or empty "
            "at the end. Without it the records are counted.",
            extra=expression_over("paging"),
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.step == "size" and self.size is None:
            raise ValueError("offset pagination with `step: size` needs `size`")

    @property
    def where(self) -> Where:
        """Where the offset goes."""
        elsewhere = self.offset_header or self.offset_body or self.offset_form
        return Where(
            None if elsewhere else self.offset_param or None, self.offset_header, self.offset_body, self.offset_form
        )

    @property
    def size_where(self) -> Where:
        """Where the page size goes."""
        elsewhere = self.limit_header or self.limit_body or self.limit_form
        return Where(
            None if elsewhere else self.limit_param or None, self.limit_header, self.limit_body, self.limit_form
        )

    def place(self, state: Any, draft: Draft) -> None:
        """Ask for the records from the offset of `state`; None is the first page."""
        offset = integer(state, "offset", self.first)
        self.drop_first_page_only(state, draft)
        if state is not None or self.first_sent:
            self.where.put(draft, offset)
        self.put_size(state, draft, self.size_where)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the next page; None at the end (the rules of `Counted`)."""
        offset, width = integer(state, "offset", self.first), integer(state, "width")
        count = answer.count
        seen = integer(state, "seen") + count
        following: int | None = offset + (self.size if self.step == "size" and self.size else count)
        ended = self.is_end(answer)
        if self.next_offset is not None and ended is not True:
            value = answer.ask(self.next_offset)
            following = None if self.is_missing(value) else number(value)
            ended = following is None
        if ended is None:
            sized = self.has_size(answer, self.size_where)
            ended = self.is_end_by_count(answer, seen=seen, widest=width, sized=sized)
        return None if ended else {"offset": following, "seen": seen, "width": max(width, count)}

    def lead(self) -> EndKey | None:
        """Where the next offset is taken from, when it is not counted."""
        return None if self.next_offset is None else EndKey("next_offset", self.next_offset, "answer")

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the page before; None on the first."""
        offset, seen, width = (
            integer(state, "offset", self.first),
            integer(state, "seen"),
            integer(state, "width"),
        )
        back = self.size if self.step == "size" and self.size else width
        if offset <= self.first or not back:
            return None
        return {"offset": max(self.first, offset - back), "seen": max(0, seen - width), "width": width}

    def names(self, state: Any, scope: Scope) -> Names:
        """`offset`."""
        return {"offset": integer(state, "offset", self.first)}
