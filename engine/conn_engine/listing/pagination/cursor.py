"""Pages by cursor: an opaque value of the response that the next request sends."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qsl

from msgspec import Meta

from conn_engine.errors import VendorError
from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.ending import Chained
from conn_engine.listing.pagination.links import find_link
from conn_engine.listing.pagination.placement import Where, read_token
from conn_engine.roles import FORM_PLACE, HEADER, HEADER_PLACE, LINK, PARAMETER, POINTER, expression_over
from conn_engine.settings import Answer, Draft, Names, Scope
from conn_engine.urls import split_plain_url

__all__ = ["Cursor"]


class Cursor(Chained, frozen=True, kw_only=True, tag_field="format", tag="cursor"):
    """A response has a cursor for the next page. State: `{cursor}`, any JSON value, as the vendor returned it.
    Templates see `page.cursor` (null on the first page).

    The listing ends when a rule says so or when the response has no cursor (missing, null, "", "null", 0). A repeated
    cursor is an error of the loop, not an end.
    """

    aliases: ClassVar[Mapping[str, str]] = {
        "cursor_path": "cursor_field",
        "next_cursor_field": "cursor_field",
        "next_cursor_path": "cursor_field",
        "token_field": "cursor_field",
        "token_path": "cursor_field",
        "cursor_key": "cursor_param",
        "token_param": "cursor_param",
        "prev_cursor_path": "prev_cursor_field",
        "limit_param": "size_param",
        "limit_key": "size_param",
        "size_key": "size_param",
        "page_size": "size",
        "limit": "size",
    }

    cursor_field: Annotated[
        str | None,
        Meta(
            description="The next page's cursor (`paging.next.after`).",
            extra=expression_over("body"),
        ),
    ] = None
    cursor_from_header: Annotated[
        str | None, Meta(description="Response header with the next page's cursor.", extra=HEADER)
    ] = None
    cursor_from_link: Annotated[
        str | None,
        Meta(
            description="Relation of the Link header whose URL contains the cursor (next); needs `cursor_from_url`.",
            extra=LINK,
        ),
    ] = None
    next_cursor: Annotated[
        str | None,
        Meta(
            description="The next page's cursor, if it is computed (`records[-1].id`).",
            extra=expression_over("paging"),
        ),
    ] = None
    cursor_from_url: Annotated[
        str | None,
        Meta(
            description="Set if the value is a URL: name of its query parameter with the cursor (`$skiptoken`, "
            "`page_info`).",
            extra=PARAMETER,
        ),
    ] = None
    prev_cursor_field: Annotated[
        str | None,
        Meta(description="The previous page's cursor.", extra=expression_over("body")),
    ] = None
    cursor_param: Annotated[
        str | None,
        Meta(
            description="Query parameter for the cursor. Default, if no other place is set: `cursor_from_url`, "
            "or the last name of `cursor_field`. Empty: only templates use it, as page.cursor.",
            extra=PARAMETER,
        ),
    ] = None
    cursor_header: Annotated[str | None, Meta(description="Request header for the cursor.", extra=HEADER_PLACE)] = None
    cursor_body: Annotated[
        str | None,
        Meta(description="JSON pointer to the cursor in the request's body (`/variables/after`).", extra=POINTER),
    ] = None
    cursor_form: Annotated[str | None, Meta(description="Form field for the cursor.", extra=FORM_PLACE)] = None
    first: Annotated[
        Any,
        Meta(description='Cursor of the first page, for a vendor that requires one ("*"). Default: none is sent.'),
    ] = None
    size_param: Annotated[str | None, Meta(description="Query parameter for the page size.", extra=PARAMETER)] = None
    size_header: Annotated[str | None, Meta(description="Request header for the page size.", extra=HEADER_PLACE)] = None
    size_body: Annotated[str | None, Meta(description="JSON pointer to the page size in the body.", extra=POINTER)] = (
        None
    )
    size_form: Annotated[str | None, Meta(description="Form field for the page size.", extra=FORM_PLACE)] = None

    def __post_init__(self) -> None:
        if not (self.cursor_field or self.cursor_from_header or self.cursor_from_link or self.next_cursor):
            raise ValueError(
                "cursor pagination needs `cursor_field` (or `cursor_from_header`, `cursor_from_link` or `next_cursor`)"
            )
        if self.cursor_from_link and not self.cursor_from_url:
            raise ValueError(
                "`cursor_from_link` needs `cursor_from_url`, the name of the URL's parameter with the cursor"
            )
        if not self.where.is_set and self.cursor_param is None:
            raise ValueError("cursor pagination needs `cursor_param`, the query parameter for the cursor")

    @property
    def where(self) -> Where:
        """Where to send the cursor, including the default."""
        param = self.cursor_param
        if param is None and not (self.cursor_header or self.cursor_body or self.cursor_form):
            param = self.cursor_from_url or _last_name(self.cursor_field)
        return Where(param or None, self.cursor_header, self.cursor_body, self.cursor_form)

    @property
    def size_where(self) -> Where:
        """Where to send the page size."""
        return Where(self.size_param, self.size_header, self.size_body, self.size_form)

    def place(self, state: Any, draft: Draft) -> None:
        """Add the cursor of `state` to the request; None is the first page."""
        value = self.first if state is None else read_token(state, "cursor")
        self.drop_first_page_only(state, draft)
        if value is not None:
            self.where.set_parameter(draft, value)
        self.put_size(state, draft, self.size_where)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the next page; None at the end. Raises VendorError(bad_response) for a URL without the
        cursor."""
        if self.is_end(answer):
            return None
        value = self._extract_cursor(self._read_cursor(answer), answer)
        return None if self.is_missing(value) else {"cursor": value}

    def lead(self) -> EndKey | None:
        """Return the key of the next cursor."""
        if self.next_cursor is not None:
            return EndKey("next_cursor", self.next_cursor, "answer")
        if self.cursor_from_header is not None:
            return EndKey("cursor_from_header", self.cursor_from_header, "header")
        if self.cursor_from_link is not None:
            return EndKey("cursor_from_link", "Link", "header")
        return EndKey("cursor_field", self.cursor_field or "")

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the previous page if the response has its cursor."""
        if self.prev_cursor_field is None:
            return None
        value = self._extract_cursor(answer.field(self.prev_cursor_field), answer)
        return None if self.is_missing(value) else {"cursor": value}

    def names(self, state: Any, scope: Scope) -> Names:
        """Return `cursor`."""
        return {"cursor": self.first if state is None else read_token(state, "cursor")}

    def _read_cursor(self, answer: Answer) -> Any:
        if self.next_cursor is not None:
            return answer.ask(self.next_cursor)
        if self.cursor_from_header is not None:
            return answer.response.headers.get(self.cursor_from_header)
        if self.cursor_from_link is not None:
            link = find_link(answer.response.headers.get_all("Link"), self.cursor_from_link)
            return None if link is None else link.target
        return answer.field(self.cursor_field or "")

    def _extract_cursor(self, value: Any, answer: Answer) -> Any:
        """Return the cursor from a value that is a URL if `cursor_from_url` is set."""
        if self.cursor_from_url is None or self.is_missing(value):
            return value
        pairs = parse_qsl(split_plain_url(value).query, True) if isinstance(value, str) else []
        values = [text for name, text in pairs if name == self.cursor_from_url]
        if not values:
            raise VendorError(
                f"the URL of the next page has no parameter {self.cursor_from_url}",
                kind="bad_response",
                request=answer.request,
                response=answer.response,
                hint="check `cursor_from_url`; if the last page has such a URL, add a `stop` rule",
            )
        return values[0]


def _last_name(path: str | None) -> str | None:
    name = (path or "").rpartition(".")[2].strip().strip("`")
    return name if name.replace("_", "").replace("-", "").isalnum() else None
