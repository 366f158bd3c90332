"""Answers that are read row by row: JSON lines, and tables with a delimiter. The bytes are UTF-8 by now."""

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from conn_engine.bodies.faults import JsonProblem, RowFault
from conn_engine.bodies.json_text import decode_json
from conn_engine.bodies.options import ResponseOptions

__all__ = ["MAX_ROW", "json_rows", "table_rows"]

MAX_ROW = 16 * 1024 * 1024
_MOST_COLUMNS = 20_000


def json_rows(reader: BinaryIO) -> Iterator[Any]:
    """One JSON value a line; blank lines are left out. Raises RowFault for a line that is none or beyond 16 MiB."""
    number = 0
    while line := reader.readline(MAX_ROW + 1):
        number += 1
        if len(line) > MAX_ROW:
            raise RowFault(f"line {number} is longer than {MAX_ROW // 2**20} MiB", _ONE_DOCUMENT)
        text = line.strip()
        if not text:
            continue
        try:
            value = decode_json(text)
        except JsonProblem as problem:
            if not line.endswith(b"\n") and not reader.read(1):
                raise RowFault(f"line {number}, the last, is cut off: the answer is not complete") from None
            raise RowFault(f"line {number} is not JSON: {problem}", _ONE_DOCUMENT if number == 1 else "") from None
        yield value


_ONE_DOCUMENT = "an answer that is one JSON document over several lines is `response_format: json`"


def table_rows(reader: BinaryIO, options: ResponseOptions, delimiter: str) -> Iterator[dict[str, Any]]:
    """Each row as an object of texts by column. Raises RowFault for a table that does not hold together."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW))  # of the whole process, so it is only ever raised
    with io.TextIOWrapper(reader, "utf-8", errors="surrogatepass", newline="") as text:
        lines = _Lines(text)
        for _ in range(options.skip_rows):
            if next(lines, None) is None:
                raise RowFault(f"the answer has fewer than the {options.skip_rows} lines that `skip_rows` leaves out")
        quote = '"' if options.quote is None else options.quote
        rows = csv.reader(
            lines,
            delimiter=options.delimiter or delimiter,
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            escapechar=options.escape,
            strict=True,
        )
        try:
            yield from _records(rows, options, lines)
        except csv.Error as error:
            cut = "unexpected end of data" in str(error)
            said = "a quote is opened and never closed: the answer is not complete" if cut else str(error)
            raise RowFault(f"line {lines.number}: {said}", _OTHER_MARKS) from None


_OTHER_MARKS = "`response_options` says delimiter, quote and escape where they are others"


class _Lines:
    """Lines with their ends, bounded, counted."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW + 1)
        if not line:
            raise StopIteration
        if len(line) > MAX_ROW:
            raise RowFault(f"line {self.number + 1} is longer than {MAX_ROW // 2**20} MiB")
        self.number += 1
        return line


def _records(rows: Iterator[list[str]], options: ResponseOptions, lines: _Lines) -> Iterator[dict[str, Any]]:
    names = list(options.columns) if options.columns is not None else None
    nulls = frozenset(options.nulls)
    width = 0
    for row in rows:
        if not row:
            continue
        if names is None:
            names = _header(row)
            continue
        width = width or len(names)
        if len(row) != width:
            if len(row) > width or options.ragged == "error":
                raise _ragged(lines.number, len(row), width)
            row = [*row, *[None] * (width - len(row))]  # type: ignore[list-item]  # noqa: PLW2901
        if nulls:
            yield {name: None if cell in nulls else cell for name, cell in zip(names, row, strict=True)}
        else:
            yield dict(zip(names, row, strict=True))


def _header(row: list[str]) -> list[str]:
    names = [name.strip() for name in row]
    if len(names) > _MOST_COLUMNS:
        raise RowFault(f"the table has more than {_MOST_COLUMNS} columns")
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None) if _repeats(names) else None
    if twice is not None:
        raise RowFault(
            f'the table has the column "{twice[:60]}" twice',
            "name the columns by `response_options.columns`, with `skip_rows: 1` for the line that names them now",
        )
    return names


def _repeats(names: list[str]) -> bool:
    return len(set(names)) < len(names)


def _ragged(line: int, cells: int, names: int) -> RowFault:
    hint = "`ragged: fill` lets rows be shorter" if cells < names else _OTHER_MARKS
    if cells == 1 or names == 1:
        hint = f"{_OTHER_MARKS}; `skip_rows` leaves out lines before the table"
    return RowFault(f"line {line} has {cells} cells for {names} columns", hint)
