"""What the statements of the store have in common."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from conn_service.syncs import tables

__all__ = ["DIALECTS", "add_counts", "build_insert", "count_rows", "split_values"]

DIALECTS: Mapping[str, Any] = {"postgresql": postgresql, "sqlite": sqlite}
_CHUNK: Final = 500


def build_insert(engine: Engine, table: sa.Table) -> Any:
    """Return an insertion in the dialect of the database, which has `on_conflict_do_nothing` and the like."""
    return DIALECTS[engine.dialect.name].insert(table)


def add_counts(connection: Connection, run_id: str, changes: Mapping[str, int]) -> None:
    """Add to counts of a run, outside of a page."""
    columns = tables.run.c
    counts = json.loads(connection.execute(sa.select(columns.counts).where(columns.id == run_id)).scalar_one())
    counts |= {name: counts.get(name, 0) + amount for name, amount in changes.items() if amount}
    connection.execute(sa.update(tables.run).where(columns.id == run_id).values(counts=json.dumps(counts)))


def count_rows(table: sa.Table, run_id: str) -> sa.Select[int]:
    """Return the query for the number of rows that a run has in a table."""
    return sa.select(sa.func.count()).select_from(table).where(table.c.run_id == run_id)


def split_values(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield values in parts that one statement can have."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
