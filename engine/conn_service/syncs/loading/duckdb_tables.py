"""Load rows into a table of a DuckDB file, in one transaction: merged by key, the newest last, without deleted ones.

Columns have the names and types that dlt gives them, and tables that dlt has made are continued. A column becomes wider
when a value does not fit it, so that none is changed or refused.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from typing import Final

import duckdb
import pyarrow as pa

from conn_service.syncs.loading.column_names import normalize_name
from conn_service.syncs.loading.failures import LoadFailedError, describe_failure
from conn_service.syncs.loading.messages import LoadReply, LoadRequest
from conn_service.syncs.loading.rows import DELETED, KEY, SEQ

__all__ = ["load_table"]

_OURS: Final = ("BOOLEAN", "BIGINT", "DOUBLE", "VARCHAR")
_LARGEST_EXACT: Final = 2**53
"""The largest integer up to which a float has all of them."""


def load_table(request: LoadRequest, rows: pa.Table) -> None:
    """Merge rows into the table of a request, which is created if it is not there. Raises LoadFailedError."""
    rows = rows.rename_columns(_name_columns(rows.column_names, request.run_id))
    try:
        with closing(duckdb.connect(request.to)) as connection:
            connection.execute("begin")
            _merge(connection, request, rows)
            connection.execute("commit")
    except duckdb.Error as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        reply = describe_failure(reason, request.run_id, passing="close what has the file open")
        raise LoadFailedError(reply) from None


def _name_columns(fields: list[str], run_id: str) -> list[str]:
    names = [normalize_name(field) for field in fields]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        same = " and ".join(f'"{field}"' for field, name in zip(fields, names, strict=True) if name == twice)
        hint = f"rename one of them in the transform, then start another run; or drop it: conn sync cancel {run_id}"
        raise LoadFailedError(LoadReply("lasting", f'the fields {same} are one column, "{twice}"', hint))
    return names


def _merge(connection: duckdb.DuckDBPyConnection, request: LoadRequest, rows: pa.Table) -> None:
    schema, table = f'"{request.dataset}"', f'"{request.dataset}"."{normalize_name(request.table)}"'
    connection.execute(f"create schema if not exists {schema}")
    connection.execute(f'create table if not exists {table} ("{KEY}" varchar not null)')
    connection.register("batch", rows)
    _fit_columns(connection, table, {name for name in rows.column_names if rows[name].null_count == rows.num_rows})
    order = f'row_number() over (partition by "{KEY}" order by "{SEQ}" desc)'
    connection.execute(f"create temp table newest as select * from batch qualify {order} = 1")  # noqa: S608
    connection.execute(f'delete from {table} where "{KEY}" in (select "{KEY}" from newest)')  # noqa: S608 - normalized
    connection.execute(f'insert into {table} by name select * from newest where not "{DELETED}"')  # noqa: S608


def _fit_columns(connection: duckdb.DuckDBPyConnection, table: str, empty: set[str]) -> None:
    """Add the columns that a table does not have, and widen those into which the values of the batch do not fit."""
    present = _describe(connection, table)
    for name, given in _describe(connection, "batch").items():
        old = present.get(name.lower())
        if old is None:
            connection.execute(f'alter table {table} add column "{name}" {given}')
        elif name not in empty and (wider := _widen(connection, table, name, old, given)) != old:
            connection.execute(f'alter table {table} alter "{name}" type {wider}')


def _describe(connection: duckdb.DuckDBPyConnection, relation: str) -> Mapping[str, str]:
    return {str(row[0]).lower(): str(row[1]) for row in connection.execute(f"describe {relation}").fetchall()}


def _widen(connection: duckdb.DuckDBPyConnection, table: str, name: str, old: str, given: str) -> str:
    """Return the type that a column must have. One that somebody else has chosen stays, and takes what it can."""
    if old == given or old not in _OURS:
        return old
    if {old, given} == {"BIGINT", "DOUBLE"}:
        integers = table if old == "BIGINT" else "batch"
        large = f'select 1 from {integers} where "{name}" not between -{_LARGEST_EXACT} and {_LARGEST_EXACT} limit 1'  # noqa: S608
        return "VARCHAR" if connection.execute(large).fetchall() else "DOUBLE"
    return "VARCHAR"
