"""Records that failed and were set aside."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from conn_service.syncs import tables
from conn_service.syncs.store.insertions import KNOWN, SPOOLED, build_known, build_spooled
from conn_service.syncs.store.rows import LONGEST_FIELD, PageHook, RunRow, SpoolRow, StreamRow
from conn_service.syncs.store.statements import add_counts

__all__ = ["SetAsideStore"]


class SetAsideStore:
    """The records that were set aside, in a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, *, sync: str | None = None, run_id: str | None = None, limit: int = 100) -> list[Row[Any]]:
        """Return open records that were set aside, the oldest first."""
        columns = tables.set_aside.c
        query = sa.select(tables.set_aside).where(columns.is_open).order_by(columns.number).limit(limit)
        query = query.where(columns.sync == sync) if sync is not None else query
        query = query.where(columns.run_id == run_id) if run_id is not None else query
        with self._engine.connect() as connection:
            return list(connection.execute(query))

    def close(
        self,
        run: RunRow,
        number: int,
        rows: Sequence[SpoolRow],
        *,
        stream: StreamRow,
        known: Mapping[str, str],
        counts: Mapping[str, int],
        more: Sequence[PageHook] = (),
    ) -> None:
        """Mark a record as handled, and spool what it led to. `counts` are added to those of the run, and `more` run in
        the same transaction.

        Nothing is changed if it is handled already.
        """
        columns, spooled = tables.set_aside.c, tables.spool.c
        with self._engine.begin() as connection:
            statement = sa.update(tables.set_aside).where(columns.number == number, columns.is_open)
            if connection.execute(statement.values(is_open=False)).rowcount == 0:
                return
            add_counts(connection, run.id, {"set_aside": -1, **counts})
            if rows:  # page 0: before all others
                query = sa.select(sa.func.coalesce(sa.func.max(spooled.n), -1) + 1)
                query = query.where(spooled.run_id == run.id, spooled.seq == 0)
                first = int(connection.execute(query).scalar_one())
                SPOOLED.execute(connection, build_spooled(run.id, 0, rows, first=first))
            KNOWN.execute(connection, build_known(stream.number, run.id, known))
            for hook in more:
                hook(connection, run.seq)

    def explain(self, number: int, message: str, field: str = "") -> None:
        """Change why a record is set aside."""
        with self._engine.begin() as connection:
            statement = sa.update(tables.set_aside).where(tables.set_aside.c.number == number)
            connection.execute(statement.values(message=message, field=field[:LONGEST_FIELD]))
