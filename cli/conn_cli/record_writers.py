"""Write records as they arrive, as JSON lines, JSON, CSV or a table. Only the table keeps them in memory."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from conn_cli.neutralize import Form
from conn_engine.diagnostics import pluralize
from conn_engine.errors import UsageError

__all__ = ["WRITERS", "RecordWriter", "Sink", "create_writer"]

TABLE_ROWS = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The first characters of a cell that a spreadsheet runs. The last four are wide forms of the first four."""


class Sink(Protocol):
    """Receives the written records: standard output, or a file."""

    def write(self, text: str = "", *, end: str = "\n", form: Form = "text") -> None:
        """Write text."""
        ...

    def err(self, text: str = "", *, end: str = "\n") -> None:
        """Write to standard error."""
        ...

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Draw a table."""
        ...


class RecordWriter(Protocol):
    """Writes pages of records until it is closed."""

    def write(self, records: Sequence[Any]) -> None:
        """Write some records."""
        ...

    def close(self) -> None:
        """Write the end."""
        ...


_encode = json.JSONEncoder(ensure_ascii=False).encode


class JsonLines:
    """Writes one JSON value on each line."""

    def __init__(self, app: Sink) -> None:
        self._app = app

    def write(self, records: Sequence[Any]) -> None:
        """Write some records."""
        if records:
            self._app.write("\n".join(map(_encode, records)), form="json")

    def close(self) -> None:
        """Write nothing: every line is complete."""


class JsonArray:
    """Writes one JSON array for all pages."""

    def __init__(self, app: Sink) -> None:
        self._app = app
        self._started = False

    def write(self, records: Sequence[Any]) -> None:
        """Write some records."""
        for record in records:
            text = json.dumps(record, ensure_ascii=False, indent=2).replace("\n", "\n  ")
            self._app.write(f"{',' if self._started else '['}\n  {text}", end="", form="json")
            self._started = True

    def close(self) -> None:
        """Close the array."""
        self._app.write("\n]" if self._started else "[]")


class Csv:
    """Writes comma-separated values: nested objects as dotted columns, lists as JSON, columns by the first page."""

    def __init__(self, app: Sink) -> None:
        self._app = app
        self._columns: list[str] = []
        self._left_out: set[str] = set()

    def write(self, records: Sequence[Any]) -> None:
        """Write some records."""
        rows = [_flatten(record) for record in records]
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        if not self._columns and rows:
            self._columns = list(dict.fromkeys(name for row in rows for name in row))
            writer.writerow([_format_cell(name) for name in self._columns])
        for row in rows:
            self._left_out |= row.keys() - set(self._columns)
            writer.writerow([_format_cell(row.get(name)) for name in self._columns])
        self._app.write(buffer.getvalue(), end="")

    def close(self) -> None:
        """Warn about fields that only later pages have."""
        if self._left_out:
            names = ", ".join(sorted(self._left_out))
            self._app.err(f"warning: fields that are not in the first page are omitted: {names} (use --output jsonl)")


class Table:
    """Draws a table of the first rows for people."""

    def __init__(self, app: Sink) -> None:
        self._app = app
        self._rows: list[dict[str, Any]] = []
        self._more = 0

    def write(self, records: Sequence[Any]) -> None:
        """Store some records for the table."""
        for record in records:
            if len(self._rows) < TABLE_ROWS:
                self._rows.append(_flatten(record))
            else:
                self._more += 1

    def close(self) -> None:
        """Draw the table."""
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        self._app.table(columns, ([_format_value(row.get(name)) for name in columns] for row in self._rows))
        if self._more:
            self._app.err(f"{pluralize(self._more, 'more record')} not shown (use --output jsonl)")


def _flatten(record: Any) -> dict[str, Any]:
    from conn_engine.testing.compare import leaves

    return leaves(record) if isinstance(record, Mapping) else {"value": record}


def _format_value(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, bool | list | dict) else str(value)


def _format_cell(value: Any) -> str:
    """Format a cell so that a spreadsheet does not run it: text that starts like a formula gets a `'`."""
    text = _format_value(value)
    if not isinstance(value, str) or not text.startswith(_FORMULA) or _is_number(text):
        return text
    return f"'{text}"


def _is_number(text: str) -> bool:
    return text[0] in "+-" and text[1:].replace(".", "", 1).replace(" ", "").isdigit()


WRITERS: dict[str, Callable[[Sink], RecordWriter]] = {
    "jsonl": JsonLines,
    "json": JsonArray,
    "csv": Csv,
    "table": Table,
}


def create_writer(app: Sink, name: str) -> RecordWriter:
    """Return the writer with this name. Raises UsageError for an unknown one."""
    if name not in WRITERS:
        raise UsageError(f'--output "{name}" is unknown', hint=f"use one of {', '.join(WRITERS)}")
    return WRITERS[name](app)
