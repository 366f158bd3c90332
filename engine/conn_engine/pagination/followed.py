"""What the strategies share that follow a URL of the answer: the settings, and the request for it."""

from typing import Annotated, Any

from msgspec import Meta

from conn_engine.pagination.ending import Ending
from conn_engine.pagination.placement import token
from conn_engine.strategies import Draft

__all__ = ["Followed"]


class Followed(Ending, frozen=True, kw_only=True):
    """A listing whose answers name the whole next request. State: `{url}`, absolute."""

    without: Annotated[
        tuple[str, ...],
        Meta(description="Query parameters removed from a next URL (a vendor that echoes the credential there)."),
    ] = ()
    size: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Records per page to ask for, on the first request."),
    ] = None
    size_param: Annotated[str | None, Meta(description="Query parameter of the page size.")] = None

    def place(self, state: Any, draft: Draft) -> None:
        """Make the request the one of `state`; None is the first page."""
        if state is not None:
            _follow(draft, state)
            return
        wanted = any(name == self.size_param for name, _ in draft.query)
        if self.size is not None and self.size_param is not None and not wanted:
            draft.set_query(self.size_param, self.size)


def _follow(draft: Draft, state: Any) -> None:
    """Turn a draft into the request for the URL of `state`. Raises UsageError for a foreign state."""
    url = token(state, "url")
    draft.url = url if isinstance(url, str) else token(None, "url")
    draft.query = []
    draft.absolute = True
