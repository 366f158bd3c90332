"""Insert many rows with one statement, without the work of SQLAlchemy for each value: most of the time that storing a
page takes."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

__all__ = ["RowInsertion", "insert_together"]

_ARRAYS: Final[tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...]] = (
    (sa.String, "text[]"),
    (sa.Integer, "bigint[]"),
    (sa.Float, "double precision[]"),
)


class RowInsertion:
    """An insertion of rows, which are tuples of the values of some columns of a table: texts, integers or floats.

    With `key`, a row whose values in these columns are in the table replaces what the table has in the others.
    """

    def __init__(self, table: sa.Table, columns: Sequence[str], *, key: Sequence[str] = ()) -> None:
        names = ", ".join(columns)
        replaced = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
        conflict = f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {replaced}" if key else ""
        arrays = ", ".join(f"%b::{_find_array(table.c[name])}" for name in columns)  # binary: as text, each is escaped
        marks = ", ".join("?" * len(columns))
        self._are_floats = [isinstance(table.c[name].type, sa.Float) for name in columns]
        self._sqlite = f"INSERT INTO {table.name} ({names}) VALUES ({marks}){conflict}"  # noqa: S608 - our names
        self.postgres: Final = f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}){conflict}"  # noqa: S608

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows in the transaction of a connection. Two rows of an insertion with a key must have different
        ones."""
        if not rows:
            return
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(self.postgres, tuple(self.to_columns(rows)))
        else:
            connection.exec_driver_sql(self._sqlite, list(rows))

    def to_columns(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[list[Any]]:
        """Yield the values of each column, as Postgres takes them: of one type."""
        for is_float, values in zip(self._are_floats, zip(*rows, strict=True), strict=True):
            yield [None if value is None else float(value) for value in values] if is_float else list(values)


def insert_together(connection: Connection, parts: Sequence[tuple[RowInsertion, Sequence[tuple[Any, ...]]]]) -> None:
    """Insert rows of several tables, in one request if the database is a server. None may depend on another."""
    parts = [(insertion, rows) for insertion, rows in parts if rows]
    if connection.dialect.name != "postgresql":
        for insertion, rows in parts:
            insertion.execute(connection, rows)
    elif parts:
        *first, (last, _) = parts
        names = ", ".join(f"part{number} AS ({insertion.postgres})" for number, (insertion, _) in enumerate(first))
        values = tuple(column for insertion, rows in parts for column in insertion.to_columns(rows))
        connection.exec_driver_sql(f"WITH {names} {last.postgres}" if names else last.postgres, values)


def _find_array(column: "sa.Column[Any]") -> str:
    return next(name for kind, name in _ARRAYS if isinstance(column.type, kind))
