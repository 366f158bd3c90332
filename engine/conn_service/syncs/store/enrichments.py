"""The results of calls that complete the records of a page, while a pause keeps it from being stored."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from conn_service.store import RowInsertion
from conn_service.syncs import tables

__all__ = ["EnrichmentStore"]

_RESULTS = RowInsertion(tables.enrichment, ("run_id", "digest", "result"), key=("run_id", "digest"))


class EnrichmentStore:
    """What runs have read for a page that is not stored yet, in a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, run_id: str) -> dict[str, Any]:
        """Return the results of the calls of a run, by the digest of the call."""
        columns = tables.enrichment.c
        query = sa.select(columns.digest, columns.result).where(columns.run_id == run_id)
        with self._engine.connect() as connection:
            return {row.digest: json.loads(row.result) for row in connection.execute(query)}

    def save(self, run_id: str, results: Mapping[str, Any]) -> None:
        """Store results of calls."""
        with self._engine.begin() as connection:
            rows = [(run_id, digest, json.dumps(result)) for digest, result in sorted(results.items())]
            _RESULTS.execute(connection, rows)

    def remove(self, connection: Connection, run_id: str) -> None:
        """Remove the results of a run, in the transaction of the caller."""
        connection.execute(sa.delete(tables.enrichment).where(tables.enrichment.c.run_id == run_id))
