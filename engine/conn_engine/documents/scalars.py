"""Map a character of a scalar's value to its character in the text. The parsers find the scalar."""

import re

__all__ = ["find_offsets"]

_BREAKS = "\r\n\x85\u2028\u2029"
_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_BLANKS = re.compile(r"[ \t]+")
_FOLD = re.compile(r"(?:\r\n|[\r\n\x85\u2028\u2029])(?:[ \t]*(?:\r\n|[\r\n\x85\u2028\u2029]))*[ \t]*")
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_NEWLINES = re.compile(r"\n+")
_ESCAPE_LENGTHS = {"x": 4, "u": 6, "U": 10}


def find_offsets(text: str, start: int, end: int, style: str, value: str) -> list[int]:
    """Return the offset in `text` of every character of `value`, and of its end: `len(value) + 1` ascending numbers.

    The scalar is between `start` and `end`. If the text does not match the value, the remaining characters get the
    offset of the end of the scalar.
    """
    if style in {"|", ">"}:
        table, end = _find_block_offsets(text, start, end, style, value)
    elif style == "json":
        table, end = _find_escaped_offsets(text, start + 1, end - 1), end - 1
    elif style:
        table, end = _find_flow_offsets(text, start + 1, end - 1, style), end - 1
    else:
        table = _find_flow_offsets(text, start, end, "")
    del table[len(value) :]
    table.extend([end] * (len(value) + 1 - len(table)))
    return table


def _find_escape_end(text: str, position: int) -> int:
    if pair := _PAIR.match(text, position):
        return pair.end()
    return position + _ESCAPE_LENGTHS.get(text[position + 1 : position + 2], 2)


def _find_escaped_offsets(text: str, position: int, end: int) -> list[int]:
    table = []
    while position < end:
        table.append(position)
        position = _find_escape_end(text, position) if text[position] == "\\" else position + 1
    return table


def _find_flow_offsets(text: str, position: int, end: int, style: str) -> list[int]:
    """Map plain and quoted scalars. A single line break becomes a space, n + 1 become n, and spaces around them are
    removed."""
    table: list[int] = []
    while position < end:
        sign = text[position]
        if sign in " \t":
            blanks = _BLANKS.match(text, position, end)
            after = blanks.end() if blanks else position + 1
            if text[after : after + 1] not in _BREAKS or after >= end:
                table.extend(range(position, after))
            position = after
        elif sign in _BREAKS:
            fold = _FOLD.match(text, position, end)
            breaks = [match.start() for match in _BREAK.finditer(text, position, fold.end() if fold else position + 1)]
            table.extend(breaks if len(breaks) == 1 else breaks[:-1])
            position = fold.end() if fold else position + 1
        elif sign == "\\" and style == '"':
            if text[position + 1 : position + 2] in _BREAKS:
                fold = _FOLD.match(text, position + 1, end)
                after = fold.end() if fold else position + 2
                table.extend(match.start() for match in list(_BREAK.finditer(text, position + 1, after))[1:])
                position = after
            else:
                table.append(position)
                position = _find_escape_end(text, position)
        else:
            table.append(position)
            position += 2 if sign == "'" and style == "'" else 1
    return table


def _find_block_offsets(text: str, start: int, end: int, style: str, value: str) -> tuple[list[int], int]:
    header = _BREAK.search(text, start, end)
    if header is None:
        return [], end
    lines: list[tuple[int, int]] = []
    position = header.end()
    for match in _BREAK.finditer(text, position, end):
        lines.append((position, match.start()))
        position = match.end()
    lines.append((position, end))
    # The indentation, declared or detected, is the number of columns that the value lacks in its first line with text.
    indentation = next((_count_indentation(text[a:b]) for a, b in lines if text[a:b].strip(" ")), 0)
    kept_indentation = next(
        (_count_indentation(line) for line in re.split(r"[\n\x85\u2028\u2029]", value) if line.strip(" ")), 0
    )
    indent = indentation - kept_indentation
    contents = [(min(a + indent, b), b) for a, b in lines]
    return (_find_folded_offsets(text, contents, value) if style == ">" else _find_literal_offsets(contents)), end


def _count_indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _find_literal_offsets(lines: list[tuple[int, int]]) -> list[int]:
    table: list[int] = []
    for start, end in lines:
        table.extend(range(start, end + 1))  # the offset at `end` is that of the line break
    return table


def _find_folded_offsets(text: str, lines: list[tuple[int, int]], value: str) -> list[int]:
    table: list[int] = []
    breaks: list[int] = []
    for start, end in lines:
        if start == end:
            breaks.append(end)
            continue
        offset_count = len(table)
        if value[offset_count : offset_count + 1] == "\n":
            run = _NEWLINES.match(value, offset_count)
            count = run.end() - offset_count if run and breaks else 0
            table.extend(breaks[min(i, len(breaks) - 1)] for i in range(count))
        elif offset_count and value[offset_count : offset_count + 1] == " " and breaks and text[start] not in " \t":
            table.append(breaks[0])
        table.extend(range(start, end))
        breaks = [end]
    return table
