"""The functions added to JSONata, as one registry. Each theme is a file with a table of rows; adding a
function is one row.

An implementation gets JSON-like values. None stands for an argument that is undefined or left out (null too,
where the signature admits it); it returns a JSON-like value, None for undefined, or `NULL` for null. It
neither reads files, the network nor the clock. What it refuses, it refuses with `FunctionFault`.
"""

from conn_engine.functions import collections, digests, encoding
from conn_engine.functions.rows import NULL, Function, FunctionFault

__all__ = ["FUNCTIONS", "NULL", "Function", "FunctionFault"]


def _registry(*tables: tuple[Function, ...]) -> dict[str, Function]:
    rows = [row for table in tables for row in table]
    registry = {row.name: row for row in rows}
    if len(registry) != len(rows):
        raise ValueError("a function is defined twice")
    return registry


FUNCTIONS: dict[str, Function] = _registry(encoding.ROWS, digests.ROWS, collections.ROWS)
"""Name without `$` to its row, in the order of the documentation."""
