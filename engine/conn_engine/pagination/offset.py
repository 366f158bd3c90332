"""Pages by offset: how many records to leave out."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from conn_engine.pagination.ending import Counted, blank, number
from conn_engine.pagination.placement import integer, put
from conn_engine.strategies import Answer, Draft

__all__ = ["Offset"]


class Offset(Counted, frozen=True, kw_only=True, tag_field="format", tag="offset"):
    """Offsets. State: `{offset, seen, width}`: the offset to ask for, records and widest page before it.

    The offset advances by the records that came, so a page size that the vendor caps loses nothing.
    """

    aliases: ClassVar[Mapping[str, str]] = {
        "offset_key": "offset_param",
        "start_param": "offset_param",
        "skip_param": "offset_param",
        "limit_key": "limit_param",
        "size_param": "limit_param",
        "size_key": "limit_param",
        "page_size": "size",
        "limit": "size",
        "start": "first",
        "total_key": "total_field",
        "total_path": "total_field",
    }

    offset_param: Annotated[str | None, Meta(description="Query parameter of the offset.")] = "offset"
    offset_body: Annotated[
        str | None,
        Meta(description="JSON pointer of the offset in the body; then no query parameter is sent."),
    ] = None
    limit_param: Annotated[str | None, Meta(description="Query parameter of the page size.")] = "limit"
    limit_body: Annotated[str | None, Meta(description="JSON pointer of the page size in the body.")] = None
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
            "at the end. Without it the records are counted."
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.step == "size" and self.size is None:
            raise ValueError("offset pagination with `step: size` needs `size`")

    def place(self, state: Any, draft: Draft) -> None:
        """Ask for the records from the offset of `state`; None is the first page."""
        offset = integer(state, "offset", self.first)
        if state is not None or self.first_sent:
            put(draft, offset, param=None if self.offset_body else self.offset_param, pointer=self.offset_body)
        self.put_size(draft, None if self.limit_body else self.limit_param, self.limit_body)
        self.drop_first_page_only(state, draft)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the next page; None at the end (the rules of `Counted`)."""
        offset, width = integer(state, "offset", self.first), integer(state, "width")
        count = len(answer.records)
        seen = integer(state, "seen") + count
        following: int | None = offset + (self.size if self.step == "size" and self.size else count)
        ended = self.ended(answer)
        if self.next_offset is not None and ended is not True:
            value = answer.ask(self.next_offset)
            following = None if blank(value) else number(value)
            ended = following is None
        if ended is None:
            sized = self.sized(answer, self.limit_param)
            ended = self.counted(answer, seen=seen, widest=width, sized=sized)
        return None if ended else {"offset": following, "seen": seen, "width": max(width, count)}

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
