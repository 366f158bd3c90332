"""The request for a page without scripts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy.engine import Engine

from conn_engine.errors import UsageError
from conn_engine.releases.store_location import StoreLocation
from conn_service.store import DEFAULT_FILE, open_engine, translate_errors
from conn_service.studio.hosting import QueryContext

__all__ = ["PageRequest"]


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A page with the parameters of its URL, or a form with its values. `context` has the person, and what is around
    the page."""

    page: str
    query: Mapping[str, str] = {}
    context: QueryContext = QueryContext()

    @contextmanager
    def open_service_store(self, root: Path) -> Iterator[Engine | None]:
        """Open the database of the service; None before its first use. Raises ServiceStoreError if it fails."""
        location = StoreLocation.read(self.context.service_store or str(root / DEFAULT_FILE), root)
        if location.file is not None and not location.file.exists():
            yield None
            return
        with translate_errors(location):
            engine = open_engine(location, connections=1)
            try:
                yield engine
            finally:
                engine.dispose()

    def require(self, name: str, what: str) -> str:
        """Return a parameter. Raises UsageError if it is empty."""
        value = self.query.get(name, "").strip()
        if not value:
            raise UsageError(f"{what} is missing", hint="fill in the field")
        return value
