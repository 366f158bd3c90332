"""What the statements of the store have in common."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine

__all__ = ["DIALECTS", "build_insert", "count_rows", "split_values"]

DIALECTS: Mapping[str, Any] = {"postgresql": postgresql, "sqlite": sqlite}
_CHUNK: Final = 500


def build_insert(engine: Engine, table: sa.Table) -> Any:
    """Return an insertion in the dialect of the database, which has `on_conflict_do_nothing` and the like."""
    return DIALECTS[engine.dialect.name].insert(table)


def count_rows(table: sa.Table, run_id: str) -> sa.Select[int]:
    """Return the query for the number of rows that a run has in a table."""
    return sa.select(sa.func.count()).select_from(table).where(table.c.run_id == run_id)


def split_values(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield values in parts that one statement can have."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
