"""Reading and writing CSV, for `csv`."""

import csv
import io
import json
from collections import Counter
from typing import Any

from conn_engine.expressions.functions.rows import FunctionFault, check_length

__all__ = ["json_to_csv", "parse_csv"]

_MOST_CELLS = 2_000_000


def json_to_csv(records: Any, options: dict[str, Any] | None = None) -> str | None:
    """Write records as CSV. Text is quoted, numbers and booleans are not, null is empty, and lists and objects become
    JSON."""
    if records is None:
        return None
    settings = options or {}
    rows = records if isinstance(records, list) else [records]
    if wrong := [row for row in rows if not isinstance(row, dict)]:
        raise FunctionFault(f"$jsonToCsv takes objects, not {json.dumps(wrong[0])[:40]}")
    fields = settings.get("fields") or list(dict.fromkeys(key for row in rows for key in row))
    columns = [_column(field) for field in (fields if isinstance(fields, list) else [fields])]
    if len(columns) * (len(rows) + 1) > _MOST_CELLS:
        raise FunctionFault(f"the CSV would have more than {_MOST_CELLS} cells", "U1001")
    delimiter, eol = _mark(settings, "delimiter", ","), str(settings.get("eol", "\n"))[:2]
    lines = [delimiter.join(_cell(label) for label, _ in columns)] if settings.get("header", True) else []
    lines += [delimiter.join(_cell(_value(row, path)) for _, path in columns) for row in rows]
    return eol.join(lines)


def _mark(options: dict[str, Any], name: str, usual: str) -> str:
    mark = options.get(name, usual)
    if not isinstance(mark, str) or len(mark) != 1 or mark in "\r\n":
        raise FunctionFault(f"the {name} of CSV must be one character")
    return mark


def _column(field: Any) -> tuple[str, str]:
    if isinstance(field, str):
        return field, field
    if isinstance(field, dict) and isinstance(field.get("value"), str):
        return str(field.get("label", field["value"])), field["value"]
    raise FunctionFault("a field of CSV must be a name, or an object with label and value")


def _value(row: Any, path: str) -> Any:
    if path in row:
        return row[path]
    for name in path.split("."):
        if not isinstance(row, dict):
            return None
        row = row.get(name)
    return row


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return '"' + text.replace('"', '""') + '"'


def _distinct(names: list[str]) -> list[str]:
    """Return the column names. Raises FunctionFault if two are equal, because one column would be lost."""
    counts = Counter(name for name in names if name)
    if counts and (most := counts.most_common(1)[0])[1] > 1:
        raise FunctionFault(f"the CSV has the column {most[0][:40]!r} twice; read it with {{'header': false}}")
    return names


def parse_csv(text: str | None, options: dict[str, Any] | None = None) -> list[Any] | None:
    """Parse CSV to records with text in every cell. A row with more cells than columns is an error; a row with fewer
    lacks the last fields."""
    if text is None:
        return None
    settings = options or {}
    quote = _mark(settings, "quote", '"')
    reader = csv.reader(
        io.StringIO(check_length(text, "a CSV text").lstrip("\ufeff"), newline=""),
        delimiter=_mark(settings, "delimiter", ","),
        quotechar=quote,
        strict=True,
    )
    header, trim = settings.get("header", True), bool(settings.get("trim"))
    names: list[str] | None = [str(name) for name in header] if isinstance(header, list) else None
    rows: list[Any] = []
    cells = 0
    try:
        for line in reader:
            cells += len(line)
            if cells > _MOST_CELLS:
                raise FunctionFault(f"the CSV has more than {_MOST_CELLS} cells", "U1001")
            row = [cell.strip() for cell in line] if trim else line
            if not line:
                continue
            if header is False:
                rows.append(row)
            elif names is None:
                names = _distinct(row)
            elif len(row) > len(names):
                raise FunctionFault(f"line {reader.line_num} of the CSV has {len(row)} cells for {len(names)} names")
            else:
                rows.append(dict(zip(names, row, strict=False)))
    except csv.Error as error:
        raise FunctionFault(f"the CSV cannot be read: {error}, line {reader.line_num}") from None
    return rows
