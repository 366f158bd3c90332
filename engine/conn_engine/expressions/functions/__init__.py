"""The functions added to JSONata, as one registry. Each theme is a file with a table of rows; adding a
function is one row.

An implementation gets JSON-like values. None stands for an argument that is undefined or left out (null too,
where the signature admits it); it returns a JSON-like value, None for undefined, or `NULL` for null. It
neither reads files, the network nor the clock: time and randomness are those of the evaluation (`Moment`).
What it refuses, it refuses with `FunctionFault`. A theme's heavy part is a module of its own, imported at the
first call.
"""

from conn_engine.expressions.functions import (
    collections,
    csv,
    currency,
    dates,
    digests,
    documents,
    encoding,
    fields,
    graph,
    keyed,
    presence,
    sql,
    text,
    tokens,
    urls,
    uuids,
    xml,
)
from conn_engine.expressions.functions.rows import NULL, Function, FunctionFault, answer

__all__ = ["FUNCTIONS", "NULL", "THEMES", "Function", "FunctionFault", "answer"]

THEMES: dict[str, tuple[Function, ...]] = {
    "Encodings": encoding.ROWS,
    "Digests and signatures": digests.ROWS + tokens.ROWS,
    "Identifiers and random values": uuids.ROWS,
    "Dates": dates.ROWS,
    "Text": text.ROWS,
    "Empty values and lookup tables": presence.ROWS,
    "Lists and objects": fields.ROWS + collections.ROWS + graph.ROWS + keyed.ROWS,
    "Money": currency.ROWS,
    "URLs and forms": urls.ROWS,
    "CSV": csv.ROWS,
    "XML": xml.ROWS,
    "HTML, Markdown and blocks": documents.ROWS,
    "Conditions": sql.ROWS,
}
"""Title of a theme to its rows, in the order of the documentation."""


def _registry(*tables: tuple[Function, ...]) -> dict[str, Function]:
    rows = [row for table in tables for row in table]
    registry = {row.name: row for row in rows}
    if len(registry) != len(rows):
        raise ValueError("a function is defined twice")
    return registry


FUNCTIONS: dict[str, Function] = _registry(*THEMES.values())
"""Name without `$` to its row, in the order of the documentation."""
