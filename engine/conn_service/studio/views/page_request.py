"""The request for a page without scripts."""

from collections.abc import Mapping

import msgspec

from conn_engine.errors import UsageError

__all__ = ["PageRequest"]


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A page with the parameters of its URL, or a form with its values.

    `store` is the address of the releases and `service_store` that of the runs, "" for those of the workspace; `actor`
    is the person that the history names.
    """

    page: str
    query: Mapping[str, str] = {}
    store: str = ""
    actor: str = ""
    service_store: str = ""

    def require(self, name: str, what: str) -> str:
        """Return a parameter. Raises UsageError if it is empty."""
        value = self.query.get(name, "").strip()
        if not value:
            raise UsageError(f"{what} is missing", hint="fill in the field")
        return value
