"""Call the operations that complete records. A pause starts the page of the records again, but not its calls: their
results are stored until the page is."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from conn_engine.config import OperationName
from conn_engine.errors import ConnError
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Connection as VendorConnection
from conn_engine.syncs.pipeline import concerns_the_run
from conn_service.syncs.store import SyncStore

__all__ = ["EnrichmentCache"]


@dataclass(slots=True)
class EnrichmentCache:
    """What the calls for the records of one page have returned, also before a pause. The same call is made once."""

    connection: VendorConnection
    store: SyncStore
    run_id: str
    _results: dict[str, Any] = field(default_factory=dict)
    _new: set[str] = field(default_factory=set)
    _is_read: bool = False

    def enrich(self, operation: OperationName, call: Call) -> Any:
        """Return the record, or the records, of a call. Raises the errors of `Connection.pages`."""
        self._read_stored()
        digest = _compute_digest(operation, call)
        if digest not in self._results:
            self._results[digest] = self._call(operation, call)
            self._new.add(digest)
        result = self._results[digest]
        if "error" in result:
            raise ConnError(result["error"], hint=result["hint"])
        return result["value"]

    def _call(self, operation: OperationName, call: Call) -> dict[str, Any]:
        try:
            pages = list(self.connection.pages(operation, call))
        except ConnError as error:
            if concerns_the_run(error):
                raise
            return {"error": error.message, "hint": error.hint}
        records = [record for part in pages for record in part.records]
        return {"value": records[0] if pages and pages[0].whole and records else records}

    def _read_stored(self) -> None:
        if not self._is_read:
            self._results |= self.store.enrichments.read(self.run_id)
            self._is_read = True

    @contextmanager
    def save_on_failure(self) -> Iterator[None]:
        """Store the results if the page cannot be finished now."""
        try:
            yield
        except ConnError:
            if self._new:
                self.store.enrichments.save(self.run_id, {digest: self._results[digest] for digest in self._new})
            raise

    def clear(self, connection: Connection, _seq: int) -> None:
        """Forget the results, in the transaction that stores the page."""
        if len(self._results) > len(self._new):  # some are stored
            self.store.enrichments.remove(connection, self.run_id)
        self._results, self._new = {}, set()


def _compute_digest(operation: OperationName, call: Call) -> str:
    text = json.dumps([operation.model, operation.resource, operation.method, call.id, call.query], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
