"""Insert many rows with one statement, without the work of SQLAlchemy for each value: most of the time that storing a
page takes."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

__all__ = ["RowInsertion"]

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
        arrays = ", ".join(f"%s::{_find_array(table.c[name])}" for name in columns)
        marks = ", ".join("?" * len(columns))
        self._sqlite = f"INSERT INTO {table.name} ({names}) VALUES ({marks}){conflict}"  # noqa: S608 - our names
        self._postgres = f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}){conflict}"  # noqa: S608

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows in the transaction of a connection. Two rows of an insertion with a key must have different
        ones."""
        if not rows:
            return
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(self._postgres, tuple(list(values) for values in zip(*rows, strict=True)))
        else:
            connection.exec_driver_sql(self._sqlite, list(rows))


def _find_array(column: "sa.Column[Any]") -> str:
    return next(name for kind, name in _ARRAYS if isinstance(column.type, kind))
