"""Pages by number: 1, 2, 3 … or whatever number comes first."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.pagination.ending import Counted, blank, number
from conn_engine.pagination.placement import integer, put
from conn_engine.strategies import Answer, Draft

__all__ = ["Page"]


class Page(Counted, frozen=True, kw_only=True, tag_field="format", tag="page"):
    """Numbered pages. State: `{page, seen, width}`: the number to ask for, records and widest page before
    it."""

    aliases: ClassVar[Mapping[str, str]] = {
        "page_key": "page_param",
        "per_page_param": "size_param",
        "limit_param": "size_param",
        "size_key": "size_param",
        "limit_key": "size_param",
        "per_page": "size",
        "page_size": "size",
        "limit": "size",
        "start_page": "first",
        "first_page": "first",
        "total_key": "total_field",
        "total_path": "total_field",
    }

    page_param: Annotated[str | None, Meta(description="Query parameter of the page number.")] = "page"
    page_body: Annotated[
        str | None,
        Meta(description="JSON pointer of the page number in the body; then no query parameter is sent."),
    ] = None
    first: Annotated[int, Meta(description="Number of the first page.")] = 1
    first_sent: Annotated[
        bool, Meta(description="Whether the first page's request carries its number; false leaves it out.")
    ] = True
    size_param: Annotated[str | None, Meta(description="Query parameter of the page size.")] = None
    size_body: Annotated[str | None, Meta(description="JSON pointer of the page size in the body.")] = None
    next_page: Annotated[
        str | None,
        Meta(
            description="Expression over status, headers, body: the next page's number; null, undefined or "
            "empty at the end. Without it the numbers are counted."
        ),
    ] = None

    def place(self, state: Any, draft: Draft) -> None:
        """Ask for the page of `state`; None is the first."""
        page = integer(state, "page", self.first)
        if state is not None or self.first_sent:
            put(draft, page, param=None if self.page_body else self.page_param, pointer=self.page_body)
        self.put_size(draft, self.size_param, self.size_body)
        self.drop_first_page_only(state, draft)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the next page; None at the end (the rules of `Counted`)."""
        page, width = integer(state, "page", self.first), integer(state, "width")
        seen = integer(state, "seen") + len(answer.records)
        following: int | None = page + 1
        ended = self.ended(answer)
        if self.next_page is not None and ended is not True:
            value = answer.ask(self.next_page)
            following = None if blank(value) else number(value)
            ended = following is None
        if ended is None:
            sized = self.sized(answer, self.size_param)
            ended = self.counted(answer, seen=seen, widest=width, sized=sized)
        return None if ended else {"page": following, "seen": seen, "width": max(width, len(answer.records))}

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the page before; None on the first."""
        page, seen, width = (
            integer(state, "page", self.first),
            integer(state, "seen"),
            integer(state, "width"),
        )
        if page <= self.first:
            return None
        return {"page": page - 1, "seen": max(0, seen - width), "width": width}
