"""Pages by offset: the number of records to skip."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.ending import Counted, to_number
from conn_engine.listing.pagination.placement import Where, read_integer
from conn_engine.roles import FORM_PLACE, HEADER_PLACE, PARAMETER, POINTER, expression_over
from conn_engine.settings import Answer, Draft, Names, Scope

__all__ = ["Offset"]


class Offset(Counted, frozen=True, kw_only=True, tag_field="format", tag="offset"):
    """The vendor counts records. State: `{offset, seen, width}`: the offset to request, and the number of records and
    the longest page before it.

    The offset advances by the records that came, so no record is lost if the vendor limits the page size. Templates see
    `page.offset`.
    """

    aliases: ClassVar[Mapping[str, str]] = {
        "offset_key": "offset_param",
        "start_param": "offset_param",
        "skip_param": "offset_param",
        "limit_param": "size_param",
        "limit_header": "size_header",
        "limit_body": "size_body",
        "limit_form": "size_form",
        "limit_key": "size_param",
        "size_key": "size_param",
        "page_size": "size",
        "limit": "size",
        "start": "first",
        "total_key": "total_field",
        "total_path": "total_field",
    }

    offset_param: Annotated[
        str | None,
        Meta(
            description="Query parameter for the offset. Default, if no other place is set: offset. Empty: only "
            "templates use it, as page.offset.",
            extra=PARAMETER,
        ),
    ] = "offset"
    offset_header: Annotated[
        str | None,
        Meta(
            description="Request header for the offset; no query parameter is sent then.",
            extra=HEADER_PLACE,
        ),
    ] = None
    offset_body: Annotated[
        str | None,
        Meta(description="JSON pointer to the offset in the body; no query parameter is sent then.", extra=POINTER),
    ] = None
    offset_form: Annotated[
        str | None,
        Meta(description="Form field for the offset; no query parameter is sent then.", extra=FORM_PLACE),
    ] = None
    size_param: Annotated[
        str | None,
        Meta(
            description="Query parameter for the page size. Default, if no other place is set: limit.",
            extra=PARAMETER,
        ),
    ] = "limit"
    size_header: Annotated[
        str | None,
        Meta(
            description="Request header for the page size; no query parameter is sent then.",
            extra=HEADER_PLACE,
        ),
    ] = None
    size_body: Annotated[
        str | None,
        Meta(description="JSON pointer to the page size in the body; no query parameter is sent then.", extra=POINTER),
    ] = None
    size_form: Annotated[
        str | None,
        Meta(description="Form field for the page size; no query parameter is sent then.", extra=FORM_PLACE),
    ] = None
    first: Annotated[int, Meta(ge=0, description="Offset of the first record.")] = 0
    first_sent: Annotated[bool, Meta(description="Whether the first page's request includes its offset.")] = True
    step: Annotated[
        Literal["records", "size"],
        Meta(
            description="What the offset advances by: `records`, the number that arrived, or `size`, the requested "
            "number (for a vendor that filters a page after cutting it)."
        ),
    ] = "records"
    next_offset: Annotated[
        str | None,
        Meta(
            description="The next offset; null, undefined or empty at the end. Default: the records are counted.",
            extra=expression_over("paging"),
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.step == "size" and self.size is None:
            raise ValueError("offset pagination with `step: size` needs `size`")

    @property
    def where(self) -> Where:
        """Where to send the offset."""
        elsewhere = self.offset_header or self.offset_body or self.offset_form
        return Where(
            None if elsewhere else self.offset_param or None, self.offset_header, self.offset_body, self.offset_form
        )

    @property
    def size_where(self) -> Where:
        """Where to send the page size."""
        elsewhere = self.size_header or self.size_body or self.size_form
        return Where(None if elsewhere else self.size_param or None, self.size_header, self.size_body, self.size_form)

    def place(self, state: Any, draft: Draft) -> None:
        """Request the records from the offset of `state`; None is the first page."""
        offset = read_integer(state, "offset", self.first)
        self.drop_first_page_only(state, draft)
        if state is not None or self.first_sent:
            self.where.set_parameter(draft, offset)
        self.put_size(state, draft, self.size_where)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the next page; None at the end (the rules of `Counted`)."""
        offset, width = read_integer(state, "offset", self.first), read_integer(state, "width")
        count = answer.count
        seen = read_integer(state, "seen") + count
        following: int | None = offset + (self.size if self.step == "size" and self.size else count)
        ended = self.is_end(answer)
        if self.next_offset is not None and ended is not True:
            value = answer.ask(self.next_offset)
            following = None if self.is_missing(value) else to_number(value)
            ended = following is None
        if ended is None:
            sized = self.has_size(answer, self.size_where)
            ended = self.is_end_by_count(answer, seen=seen, widest=width, sized=sized)
        return None if ended else {"offset": following, "seen": seen, "width": max(width, count)}

    def lead(self) -> EndKey | None:
        """Return the key of the next offset, unless it is counted."""
        return None if self.next_offset is None else EndKey("next_offset", self.next_offset, "answer")

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the previous page; None on the first."""
        offset, seen, width = (
            read_integer(state, "offset", self.first),
            read_integer(state, "seen"),
            read_integer(state, "width"),
        )
        back = self.size if self.step == "size" and self.size else width
        if offset <= self.first or not back:
            return None
        return {"offset": max(self.first, offset - back), "seen": max(0, seen - width), "width": width}

    def names(self, state: Any, scope: Scope) -> Names:
        """Return `offset`."""
        return {"offset": read_integer(state, "offset", self.first)}
