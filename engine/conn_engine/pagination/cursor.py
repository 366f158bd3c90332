"""Pages by cursor: an opaque value of the answer that the next request carries."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.pagination.ending import Ending, blank
from conn_engine.pagination.placement import put, token
from conn_engine.strategies import Answer, Draft

__all__ = ["Cursor"]


class Cursor(Ending, frozen=True, kw_only=True, tag_field="format", tag="cursor"):
    """Cursors. State: `{cursor}`: any JSON value, as the vendor gave it.

    The listing ends when a rule says so or the answer has no cursor (missing, null, "", "null", 0). A cursor
    that comes again is an error of the loop, not an end.
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
        Meta(description="Expression over the body: the next page's cursor (`paging.next.after`)."),
    ] = None
    cursor_from_header: Annotated[
        str | None, Meta(description="Response header that carries the next page's cursor.")
    ] = None
    next_cursor: Annotated[
        str | None,
        Meta(
            description="Expression over status, headers, body, records and request for the next page's "
            "cursor, when it is computed (`records[-1].id`)."
        ),
    ] = None
    prev_cursor_field: Annotated[
        str | None, Meta(description="Expression over the body: the cursor of the page before.")
    ] = None
    cursor_param: Annotated[
        str | None,
        Meta(
            description="Query parameter that carries the cursor. Default, when no other place is given: "
            "the last name of `cursor_field`."
        ),
    ] = None
    cursor_header: Annotated[str | None, Meta(description="Request header that carries the cursor.")] = None
    cursor_body: Annotated[
        str | None, Meta(description="JSON pointer of the cursor in the request's body (`/variables/after`).")
    ] = None
    cursor_form: Annotated[str | None, Meta(description="Form field that carries the cursor.")] = None
    first: Annotated[
        Any,
        Meta(description='Cursor of the first page, for a vendor that wants one ("*"). Default: none is sent.'),
    ] = None
    size: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Records per page to ask for. A size in the call's own query wins."),
    ] = None
    size_param: Annotated[str | None, Meta(description="Query parameter of the page size.")] = None
    size_body: Annotated[str | None, Meta(description="JSON pointer of the page size in the body.")] = None

    def __post_init__(self) -> None:
        if not (self.cursor_field or self.cursor_from_header or self.next_cursor):
            raise ValueError("cursor pagination needs `cursor_field` (or `cursor_from_header` or `next_cursor`)")
        if not (self.cursor_param or self.cursor_header or self.cursor_body or self.cursor_form):
            name = _last_name(self.cursor_field)
            if name is None:
                raise ValueError("cursor pagination needs `cursor_param`: where does the cursor go?")

    @property
    def param(self) -> str | None:
        """The query parameter that carries the cursor, the default included."""
        if self.cursor_param or self.cursor_header or self.cursor_body or self.cursor_form:
            return self.cursor_param
        return _last_name(self.cursor_field)

    def place(self, state: Any, draft: Draft) -> None:
        """Put the cursor of `state` where it goes; None is the first page."""
        value = self.first if state is None else token(state, "cursor")
        if value is not None:
            put(
                draft,
                value,
                param=self.param,
                header=self.cursor_header,
                pointer=self.cursor_body,
                form=self.cursor_form,
            )
        if self.size is not None:
            wanted = any(name == self.size_param for name, _ in draft.query)
            put(draft, self.size, param=None if wanted else self.size_param, pointer=self.size_body)
        self.drop_first_page_only(state, draft)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the next page; None at the end."""
        if self.ended(answer):
            return None
        if self.next_cursor is not None:
            value = answer.ask(self.next_cursor)
        elif self.cursor_from_header is not None:
            value = answer.response.headers.get(self.cursor_from_header)
        else:
            value = answer.field(self.cursor_field or "")
        return None if blank(value) else {"cursor": value}

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the page before, when the answer has its cursor."""
        if self.prev_cursor_field is None:
            return None
        value = answer.field(self.prev_cursor_field)
        return None if blank(value) else {"cursor": value}


def _last_name(path: str | None) -> str | None:
    name = (path or "").rpartition(".")[2].strip().strip("`")
    return name if name.replace("_", "").replace("-", "").isalnum() else None
