"""No pagination: one request returns the complete listing."""

from typing import Any

from conn_engine.settings import Answer, Draft, Settings

__all__ = ["NoPagination"]


class NoPagination(Settings, frozen=True, kw_only=True, tag_field="format", tag="none"):
    """One request, one page."""

    def place(self, state: Any, draft: Draft) -> None:
        """Add nothing."""

    def advance(self, state: Any, answer: Answer) -> None:
        """Return None: there is no next page."""
        return

    def retreat(self, state: Any, answer: Answer) -> None:
        """Return None: there is no previous page."""
        return
