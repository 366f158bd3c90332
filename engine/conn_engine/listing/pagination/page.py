"""Pages by number: 1, 2, 3 … or whatever number comes first."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.ending import Counted, number
from conn_engine.listing.pagination.placement import Where, integer
from conn_engine.roles import FIELD, PARAMETER, POINTER, REQUEST_HEADER, expression_over
from conn_engine.settings import Answer, Draft, Names, Scope

__all__ = ["PageNumber"]


class PageNumber(Counted, frozen=True, kw_only=True, tag_field="format", tag="page"):
    """Numbered pages. State: `{page, seen, width}`: the number to ask for, records and widest page before
    it. Templates see `page.number`."""

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

    page_param: Annotated[
        str | None,
        Meta(
            description="Query parameter of the page number. Default, when no other place is given: page. Empty: "
            "only templates use it, as page.number.",
            extra=PARAMETER,
        ),
    ] = "page"
    page_header: Annotated[
        str | None, Meta(description="Request header of the page number; then no parameter.", extra=REQUEST_HEADER)
    ] = None
    page_body: Annotated[
        str | None,
        Meta(
            description="JSON pointer of the page number in the body; then no query parameter is sent.", extra=POINTER
        ),
    ] = None
    page_form: Annotated[
        str | None, Meta(description="Form field of the page number; then no parameter.", extra=FIELD)
    ] = None
    first: Annotated[int, Meta(description="Number of the first page.")] = 1
    first_sent: Annotated[
        bool, Meta(description="Whether the first page's request carries its number; false leaves it out.")
    ] = True
    size_param: Annotated[str | None, Meta(description="Query parameter of the page size.", extra=PARAMETER)] = None
    size_header: Annotated[str | None, Meta(description="Request header of the page size.", extra=REQUEST_HEADER)] = (
        None
    )
    size_body: Annotated[str | None, Meta(description="JSON pointer of the page size in the body.", extra=POINTER)] = (
        None
    )
    size_form: Annotated[str | None, Meta(description="Form field of the page size.", extra=FIELD)] = None
    next_page: Annotated[
        str | None,
        Meta(
            description="Expression over status, headers, body: the next page's number; null, undefined or "
            "empty at the end. Without it the numbers are counted.",
            extra=expression_over("paging"),
        ),
    ] = None
    total_pages_field: Annotated[
        str | None,
        Meta(
            description="Expression over the body: how many pages the whole listing has.", extra=expression_over("body")
        ),
    ] = None

    @property
    def where(self) -> Where:
        """Where the page number goes."""
        elsewhere = self.page_header or self.page_body or self.page_form
        return Where(None if elsewhere else self.page_param or None, self.page_header, self.page_body, self.page_form)

    @property
    def size_where(self) -> Where:
        """Where the page size goes."""
        return Where(self.size_param, self.size_header, self.size_body, self.size_form)

    def place(self, state: Any, draft: Draft) -> None:
        """Ask for the page of `state`; None is the first."""
        page = integer(state, "page", self.first)
        self.drop_first_page_only(state, draft)
        if state is not None or self.first_sent:
            self.where.put(draft, page)
        self.put_size(state, draft, self.size_where)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the next page; None at the end (the rules of `Counted`)."""
        page, width = integer(state, "page", self.first), integer(state, "width")
        seen = integer(state, "seen") + answer.count
        following: int | None = page + 1
        ended = self.is_end(answer)
        if self.next_page is not None and ended is not True:
            value = answer.ask(self.next_page)
            following = None if self.is_missing(value) else number(value)
            ended = following is None
        if ended is None and self.total_pages_field is not None:
            pages = number(answer.field(self.total_pages_field))
            ended = None if pages is None else page - self.first + 1 >= pages
        if ended is None:
            sized = self.has_size(answer, self.size_where)
            ended = self.is_end_by_count(answer, seen=seen, widest=width, sized=sized)
        return None if ended else {"page": following, "seen": seen, "width": max(width, answer.count)}

    def lead(self) -> EndKey | None:
        """Where the next number is taken from, when it is not counted."""
        return None if self.next_page is None else EndKey("next_page", self.next_page, "answer")

    def total_keys(self) -> tuple[EndKey, ...]:
        """Those of `total_field` and `total_pages_field`."""
        pages = self.total_pages_field
        return (*super().total_keys(), *(() if pages is None else (EndKey("total_pages_field", pages),)))

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

    def names(self, state: Any, scope: Scope) -> Names:
        """`number`."""
        return {"number": integer(state, "page", self.first)}
