"""What runs have spooled: records that wait to be written, or to be delivered at the end."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from conn_service.syncs import tables
from conn_service.syncs.store.insertions import insert_set_aside
from conn_service.syncs.store.rows import PageHook, RunRow, SetAside, SpoolRow
from conn_service.syncs.store.statements import count_rows

__all__ = ["SpoolStore"]

_UNDELIVERED = "undelivered"
"""The digest of a record whose last change was not delivered: it equals no other."""


class SpoolStore:
    """The rows that runs have spooled, in a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, run: RunRow, after: tuple[int, int] = (0, -1), limit: int = 1000) -> list[SpoolRow]:
        """Return rows of finished pages behind a place `(seq, n)`, in order."""
        return self._read_spool(run, after, limit)

    def read_unwritten(self, run: RunRow, after: tuple[int, int], limit: int) -> list[SpoolRow]:
        """Return rows behind a place `(seq, n)` that are not written yet, in order. Deletions are not written."""
        columns = tables.spool.c
        return self._read_spool(run, after, limit, columns.change == "upsert", columns.done_at.is_(None))

    def _read_spool(
        self, run: RunRow, after: tuple[int, int], limit: int, *conditions: sa.ColumnElement[bool]
    ) -> list[SpoolRow]:
        columns = tables.spool.c
        place = sa.tuple_(columns.seq, columns.n)  # compared as a row, so that the index leads to it
        query = (
            sa.select(*(columns[name] for name in SpoolRow._fields))
            .where(columns.run_id == run.id, columns.seq <= run.seq, place > sa.tuple_(*after), *conditions)
            .order_by(columns.seq, columns.n)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [SpoolRow(*row) for row in connection.execute(query)]

    def finish_row(self, run: RunRow, row: SpoolRow, now: float, *, more: Sequence[PageHook] = ()) -> None:
        """Mark a row as written. `more` run in the same transaction, such as one that adds a delivery."""
        with self._engine.begin() as connection:
            connection.execute(sa.update(tables.spool).where(*_is_row(run, row)).values(done_at=now))
            for hook in more:
                hook(connection, run.seq)

    def drop_row(self, run: RunRow, row: SpoolRow, fault: SetAside | None, now: float) -> None:
        """Remove a row that cannot be written, and keep its record if it is set aside."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(tables.spool).where(*_is_row(run, row)))
            if fault is not None:
                insert_set_aside(connection, run, [fault], now)

    def count_written(self, run_id: str) -> dict[str, int]:
        """Return how many records of a run are written, and how many are set aside."""
        columns = tables.spool.c
        written = count_rows(tables.spool, run_id).where(columns.done_at.is_not(None))
        set_aside = count_rows(tables.set_aside, run_id).where(tables.set_aside.c.is_open)
        with self._engine.connect() as connection:
            counts = {
                "written": int(connection.execute(written).scalar() or 0),
                "set_aside": int(connection.execute(set_aside).scalar() or 0),
            }
        return {name: count for name, count in counts.items() if count}

    def clear(self, run_id: str) -> None:
        """Remove what a run has delivered."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(tables.spool).where(tables.spool.c.run_id == run_id))

    def count(self, run_id: str) -> int:
        """Return how many rows a run has spooled."""
        with self._engine.connect() as connection:
            return int(connection.execute(count_rows(tables.spool, run_id)).scalar() or 0)

    def drop_undelivered(self, run: RunRow) -> None:
        """Remove what a run has spooled and will not deliver. These records count as changed in the next run."""
        spooled = sa.select(tables.spool.c.key).where(tables.spool.c.run_id == run.id)
        known, stream = tables.known.c, tables.stream.c
        number = sa.select(stream.number).where(
            stream.sync == run.sync, stream.account == run.account, stream.target == run.target_digest
        )
        mine = (known.stream.in_(number), known.seen == run.id, known.key.in_(spooled))
        with self._engine.begin() as connection:
            connection.execute(sa.update(tables.known).where(*mine).values(digest=_UNDELIVERED))
            for table in (tables.spool, tables.enrichment):
                connection.execute(sa.delete(table).where(table.c.run_id == run.id))


def _is_row(run: RunRow, row: SpoolRow) -> tuple[Any, ...]:
    columns = tables.spool.c
    return columns.run_id == run.id, columns.seq == row.seq, columns.n == row.n
