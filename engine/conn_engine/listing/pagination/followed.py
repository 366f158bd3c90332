"""What strategies that follow a URL of the response share: the settings, and the request for it."""

from typing import Annotated, Any

from msgspec import Meta

from conn_engine.listing.pagination.ending import Chained
from conn_engine.listing.pagination.placement import Where, build_foreign_error, read_token
from conn_engine.roles import FORM_PLACE, HEADER_PLACE, PARAMETER, POINTER, TEXT
from conn_engine.settings import Draft, Names, Scope

__all__ = ["Followed"]


class Followed(Chained, frozen=True, kw_only=True):
    """A listing whose responses contain the complete next request. State: `{url}`, absolute, or `{path}` below
    base_url."""

    without: Annotated[
        tuple[str, ...],
        Meta(
            description="Query parameters to remove from a next URL, for a vendor that echoes the credential there.",
            extra=TEXT,
        ),
    ] = ()
    size_param: Annotated[
        str | None, Meta(description="Query parameter for the page size, in the first page's request.", extra=PARAMETER)
    ] = None
    size_header: Annotated[str | None, Meta(description="Request header for the page size.", extra=HEADER_PLACE)] = None
    size_body: Annotated[str | None, Meta(description="JSON pointer to the page size in the body.", extra=POINTER)] = (
        None
    )
    size_form: Annotated[str | None, Meta(description="Form field for the page size.", extra=FORM_PLACE)] = None

    @property
    def size_where(self) -> Where:
        """Where to send the page size."""
        return Where(self.size_param, self.size_header, self.size_body, self.size_form)

    def place(self, state: Any, draft: Draft) -> None:
        """Turn the draft into the request of `state`; None is the first page."""
        if state is None:
            self.put_size(state, draft, self.size_where)
            return
        where = self.size_where
        self.drop_first_page_only(state, draft)
        self.put_size(state, draft, Where(None, where.header, where.pointer, where.form))
        _follow(draft, state)

    def names(self, state: Any, scope: Scope) -> Names:
        """Return `url` (null on the first page)."""
        if state is not None and not isinstance(state, dict):
            raise build_foreign_error()
        return {"url": None if state is None else state.get("url", state.get("path"))}


def _follow(draft: Draft, state: Any) -> None:
    """Turn a draft into the request for the URL of `state`. Raises UsageError for the state of another operation."""
    path = state.get("path") if isinstance(state, dict) else None
    if isinstance(path, str) and path[:1] not in ("/", "?"):
        raise build_foreign_error()  # base_url may end with a host name
    url = draft.base + path if isinstance(path, str) else read_token(state, "url")
    if not isinstance(url, str):
        raise build_foreign_error()
    draft.url = url
    draft.query = []
    draft.absolute = True
