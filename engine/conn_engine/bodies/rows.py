"""Responses that are read row by row: JSON lines, events, and tables with a delimiter. The bytes are already UTF-8."""

import csv
import io
import itertools
from collections.abc import Iterator
from typing import Any, BinaryIO

from conn_engine.bodies.faults import JsonProblem, RowFault
from conn_engine.bodies.json_text import decode_json, decode_objects
from conn_engine.bodies.options import ResponseOptions

__all__ = ["MAX_ROW", "read_events", "read_json_lines", "read_table"]

MAX_ROW = 16 * 1024 * 1024
_MOST_COLUMNS = 20_000
_BLOCK = 64 * 1024


def read_json_lines(reader: BinaryIO) -> Iterator[Any]:
    """Yield one JSON value per line, skipping blank lines. Raises RowFault for a line that is not JSON or longer than
    16 MiB."""
    number = 0
    rest = b""
    while block := reader.read(_BLOCK):
        end = block.rfind(b"\n") + 1
        if not end:
            rest += block
            if len(rest) > MAX_ROW:
                break
            continue
        text, rest = rest + block[:end], block[end:]
        objects = decode_objects(text)
        if objects is not None:
            number += len(objects)
            yield from objects
            continue
        for line in text.split(b"\n")[:-1]:
            number += 1
            yield from _json_row(line, number)
    if rest:
        yield from _json_row(rest, number + 1, last=True)


def _json_row(line: bytes, number: int, *, last: bool = False) -> Iterator[Any]:
    text = line.strip()
    if len(line) > MAX_ROW:
        raise RowFault(f"line {number} is longer than {MAX_ROW // 2**20} MiB", _ONE_DOCUMENT)
    if not text:
        return
    try:
        yield decode_json(text)
    except JsonProblem as problem:
        if last:
            raise RowFault(f"the last line (line {number}) is cut off: the response is incomplete") from None
        raise RowFault(f"line {number} is not JSON: {problem}", _ONE_DOCUMENT if number == 1 else "") from None


_ONE_DOCUMENT = "set `response_format: json` if the response is one JSON document on several lines"


def read_events(reader: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield each server-sent event that has data, as `{event, data, id}`. Raises RowFault for an event larger than 16
    MiB.

    Unlike in a browser, which reconnects, the last event counts even without an empty line after it.
    """
    bounded = io.BufferedReader(_Lines(reader), _BLOCK)
    with io.TextIOWrapper(bounded, "utf-8", errors="surrogatepass") as text:  # every line ends with "\n" here
        name, data, size = "", list[str](), 0
        last: str | None = None
        for line in itertools.chain(text, ("\n",)):
            if line == "\n":
                if data:
                    yield {"event": name or "message", "data": "\n".join(data), "id": last}
                name, data, size = "", [], 0
                continue
            key, _, value = line.removesuffix("\n").partition(":")
            value = value.removeprefix(" ")
            if key == "data":
                data.append(value)
                size += len(value) + 1
            elif key == "event":
                name = value
            elif key == "id" and "\0" not in value:
                last = value or None
            if size > MAX_ROW:
                raise RowFault(f"an event has more than {MAX_ROW // 2**20} MiB")


def read_table(reader: BinaryIO, options: ResponseOptions, delimiter: str) -> Iterator[dict[str, Any]]:
    """Yield each row as an object of strings by column. Raises RowFault for a malformed table."""
    csv.field_size_limit(
        max(csv.field_size_limit(), MAX_ROW)
    )  # it applies to the complete process, so it is only ever raised
    bounded = io.BufferedReader(_Lines(reader), _BLOCK)
    with io.TextIOWrapper(bounded, "utf-8", errors="surrogatepass", newline="") as text:
        for _ in range(options.skip_rows):
            if not text.readline():
                raise RowFault(f"the response has fewer than {options.skip_rows} lines, which `skip_rows` skips")
        quote = '"' if options.quote is None else options.quote
        rows = csv.reader(
            text,
            delimiter=options.delimiter or delimiter,
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            escapechar=options.escape,
            strict=True,
        )
        try:
            yield from _read_records(rows, options)
        except csv.Error as error:
            is_cut_off = "unexpected end of data" in str(error)
            problem = "a quote is never closed: the response is incomplete" if is_cut_off else str(error)
            raise RowFault(f"line {rows.line_num + options.skip_rows}: {problem}", _OTHER_MARKS) from None


_OTHER_MARKS = "set delimiter, quote and escape in `response_options` if the table uses others"


class _Lines(io.RawIOBase):
    """The same bytes. Raises RowFault for a line that is too long to hold in memory."""

    def __init__(self, reader: BinaryIO) -> None:
        self._reader = reader
        self._open = self._lines = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._reader.read(len(buffer))
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
        if end >= 0:
            self._lines += piece.count(b"\n")
        self._open = len(piece) - end - 1 if end >= 0 else self._open + len(piece)
        if self._open > MAX_ROW:
            raise RowFault(f"line {self._lines + 1} is longer than {MAX_ROW // 2**20} MiB")
        buffer[: len(piece)] = piece
        return len(piece)


def _read_records(rows: Any, options: ResponseOptions) -> Iterator[dict[str, Any]]:
    names = list(options.columns) if options.columns is not None else None
    nulls = frozenset(options.nulls)
    if names is None:
        names = _check_header(next((row for row in rows if row), []))
    width, fill = len(names), options.ragged == "fill"
    for row in rows:
        if len(row) != width:
            if not row:
                continue
            if len(row) > width or not fill:
                raise _build_ragged_fault(rows.line_num + options.skip_rows, len(row), width)
            row += [None] * (width - len(row))  # noqa: PLW2901
        record = dict(zip(names, row))  # noqa: B905  they have the same length, and this is the innermost loop
        if nulls:
            record = {name: None if cell in nulls else cell for name, cell in record.items()}
        yield record


def _check_header(row: list[str]) -> list[str]:
    names = [name.strip() for name in row]
    if len(names) > _MOST_COLUMNS:
        raise RowFault(f"the table has more than {_MOST_COLUMNS} columns")
    repeated = (
        next((name for index, name in enumerate(names) if name in names[:index]), None)
        if _has_repetition(names)
        else None
    )
    if repeated is not None:
        raise RowFault(
            f'the table has the column "{repeated[:60]}" more than once',
            "set the names with `response_options.columns`, and skip the header line with `skip_rows: 1`",
        )
    return names


def _has_repetition(names: list[str]) -> bool:
    return len(set(names)) < len(names)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _build_ragged_fault(line: int, cells: int, names: int) -> RowFault:
    hint = "set `ragged: fill` to allow shorter rows" if cells < names else _OTHER_MARKS
    if cells == 1 or names == 1:
        hint = f"{_OTHER_MARKS}; use `skip_rows` to skip lines before the table"
    return RowFault(f"line {line} has {_count(cells, 'cell')} for {_count(names, 'column')}", hint)
