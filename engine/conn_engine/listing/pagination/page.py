"""Pages by number: 1, 2, 3 …, starting at any number."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.ending import Counted, to_number
from conn_engine.listing.pagination.placement import Where, read_integer
from conn_engine.roles import FORM_PLACE, HEADER_PLACE, PARAMETER, POINTER, expression_over
from conn_engine.settings import Answer, Draft, Names, Scope

__all__ = ["PageNumber"]


class PageNumber(Counted, frozen=True, kw_only=True, tag_field="format", tag="page"):
    """The vendor counts pages. State: `{page, seen, width}`: the number to request, and the number of records and the
    longest page before it. Templates see `page.number`."""

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
            description="Query parameter for the page number. Default, if no other place is set: page. Empty: "
            "only templates use it, as page.number.",
            extra=PARAMETER,
        ),
    ] = "page"
    page_header: Annotated[
        str | None,
        Meta(
            description="Request header for the page number; no query parameter is sent then.",
            extra=HEADER_PLACE,
        ),
    ] = None
    page_body: Annotated[
        str | None,
        Meta(
            description="JSON pointer to the page number in the body; no query parameter is sent then.", extra=POINTER
        ),
    ] = None
    page_form: Annotated[
        str | None,
        Meta(description="Form field for the page number; no query parameter is sent then.", extra=FORM_PLACE),
    ] = None
    first: Annotated[int, Meta(description="Number of the first page.")] = 1
    first_sent: Annotated[bool, Meta(description="Whether the first page's request includes its number.")] = True
    size_param: Annotated[str | None, Meta(description="Query parameter for the page size.", extra=PARAMETER)] = None
    size_header: Annotated[str | None, Meta(description="Request header for the page size.", extra=HEADER_PLACE)] = None
    size_body: Annotated[str | None, Meta(description="JSON pointer to the page size in the body.", extra=POINTER)] = (
        None
    )
    size_form: Annotated[str | None, Meta(description="Form field for the page size.", extra=FORM_PLACE)] = None
    next_page: Annotated[
        str | None,
        Meta(
            description="The next page's number; null, undefined or empty at the end. Default: the pages are counted.",
            extra=expression_over("paging"),
        ),
    ] = None
    total_pages_field: Annotated[
        str | None,
        Meta(description="The total number of pages.", extra=expression_over("body")),
    ] = None

    @property
    def where(self) -> Where:
        """Where to send the page number."""
        elsewhere = self.page_header or self.page_body or self.page_form
        return Where(None if elsewhere else self.page_param or None, self.page_header, self.page_body, self.page_form)

    @property
    def size_where(self) -> Where:
        """Where to send the page size."""
        return Where(self.size_param, self.size_header, self.size_body, self.size_form)

    def place(self, state: Any, draft: Draft) -> None:
        """Request the page of `state`; None is the first."""
        page = read_integer(state, "page", self.first)
        self.drop_first_page_only(state, draft)
        if state is not None or self.first_sent:
            self.where.set_parameter(draft, page)
        self.put_size(state, draft, self.size_where)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the next page; None at the end (the rules of `Counted`)."""
        page, width = read_integer(state, "page", self.first), read_integer(state, "width")
        seen = read_integer(state, "seen") + answer.count
        following: int | None = page + 1
        ended = self.is_end(answer)
        if self.next_page is not None and ended is not True:
            value = answer.ask(self.next_page)
            following = None if self.is_missing(value) else to_number(value)
            ended = following is None
        if ended is None and self.total_pages_field is not None:
            pages = to_number(answer.field(self.total_pages_field))
            ended = None if pages is None else page - self.first + 1 >= pages
        if ended is None:
            sized = self.has_size(answer, self.size_where)
            ended = self.is_end_by_count(answer, seen=seen, widest=width, sized=sized)
        return None if ended else {"page": following, "seen": seen, "width": max(width, answer.count)}

    def lead(self) -> EndKey | None:
        """Return the key of the next number, unless it is counted."""
        return None if self.next_page is None else EndKey("next_page", self.next_page, "answer")

    def total_keys(self) -> tuple[EndKey, ...]:
        """Return the keys of `total_field` and `total_pages_field`."""
        pages = self.total_pages_field
        return (*super().total_keys(), *(() if pages is None else (EndKey("total_pages_field", pages),)))

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the previous page; None on the first."""
        page, seen, width = (
            read_integer(state, "page", self.first),
            read_integer(state, "seen"),
            read_integer(state, "width"),
        )
        if page <= self.first:
            return None
        return {"page": page - 1, "seen": max(0, seen - width), "width": width}

    def names(self, state: Any, scope: Scope) -> Names:
        """Return `number`."""
        return {"number": read_integer(state, "page", self.first)}
