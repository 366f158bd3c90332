"""Two paginations in one: pages of items within pages of items."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

import conn_engine.listing.pagination as pagination  # noqa: PLR0402 - the package is still being read: its names come later
from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.ending import Counted, Ending
from conn_engine.listing.pagination.placement import build_foreign_error
from conn_engine.settings import Answer, Draft, Names, Scope

if TYPE_CHECKING:
    from conn_engine.listing.pagination.loop import Strategy

__all__ = ["Nested"]


class Nested(Ending, frozen=True, kw_only=True, tag_field="format", tag="nested"):
    """One pagination inside another. State: `{outer, inner}`. When the inner one ends, the outer one continues from the
    same response, and the inner one starts again. Templates see `page.outer.…` and `page.inner.…`."""

    is_advanced: ClassVar[bool] = True

    outer: Annotated[
        "pagination.Pagination",
        Meta(
            description="The pagination that continues when the inner one has ended. It sees the last response "
            "of the inner one, so pages and offsets need an explicit rule: stop, has_more, "
            "next_page, next_offset or total_pages_field."
        ),
    ]
    inner: Annotated["pagination.Pagination", Meta(description="The pagination within one outer page.")]

    def __post_init__(self) -> None:
        names = ("stop", "has_more", "next_page", "next_offset", "total_pages_field")
        if isinstance(self.outer, Counted) and not any(getattr(self.outer, name, None) for name in names):
            raise ValueError(
                "set `stop` or `has_more` of `outer`: it counts records, but sees only those of the inner pagination"
            )

    def place(self, state: Any, draft: Draft) -> None:
        """Add both states to the draft."""
        outer, inner = _parts(state)
        self.drop_first_page_only(state, draft)
        self._outer.place(outer, draft)
        self._inner.place(inner, draft)

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the next page; None when the outer pagination ends too."""
        outer, inner = _parts(state)
        if self.is_end(answer):
            return None
        further = self._inner.advance(inner, answer)
        if further is not None:
            return {"outer": outer, "inner": further}
        following = self._outer.advance(outer, answer)
        return None if following is None else {"outer": following, "inner": None}

    def end_keys(self) -> tuple[EndKey, ...]:
        """Return the keys of both."""
        parts = (("outer", self._outer), ("inner", self._inner))
        below = [(name, key) for name, part in parts if isinstance(part, Ending) for key in part.end_keys()]
        return (*super().end_keys(), *(replace(key, setting=f"{name}.{key.setting}") for name, key in below))

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """Return the state of the previous page within one outer page."""
        outer, inner = _parts(state)
        before = self._inner.retreat(inner, answer)
        return None if before is None else {"outer": outer, "inner": before}

    def names(self, state: Any, scope: Scope) -> Names:
        """Return `outer` and `inner`."""
        outer, inner = _parts(state)
        return {"outer": _names(self._outer, outer, scope), "inner": _names(self._inner, inner, scope)}

    @property
    def _outer(self) -> "Strategy":
        return self.outer

    @property
    def _inner(self) -> "Strategy":
        return self.inner


def _names(strategy: "Strategy", state: Any, scope: Scope) -> Names:
    page_names = strategy.names(state, scope) if isinstance(strategy, Ending) else {}
    return {"first": state is None, **page_names}


def _parts(state: Any) -> tuple[Any, Any]:
    if state is None:
        return None, None
    if not isinstance(state, dict) or state.keys() != {"outer", "inner"}:
        raise build_foreign_error()
    return state["outer"], state["inner"]
