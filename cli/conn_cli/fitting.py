"""Fit text for people into the columns of a terminal.

Prose continues on an indented line or in its column, broken between words. A command to paste stays on one line if it
can, and is continued with a backslash if not. A source line is cut around its marker, and the URL of a replayed request
in its middle. A row of a list stays on one line (`fit_line`). Nothing else is shortened: a longer word (a URL to open,
a path) and a line of JSON stay whole.
"""

import re
from collections.abc import Iterator

from conn_cli.neutralize import Styled
from conn_cli.plain import measure_width

__all__ = ["USUAL_WIDTH", "fit_line", "fit_text", "shorten_middle"]

USUAL_WIDTH = 80
"""The width of a terminal that does not report its own."""
SMALLEST = 20
"""A narrower terminal is treated as one of this width."""
_BEFORE_MARKER = 12
_SHORTEST_WORD = 16
"""A row that does not fit has words of this length at least before its end is cut."""

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_WORD = re.compile(r"( *)((?:\x1b\[[0-9;]*m|[^ \x1b])+)")
_MARKER = re.compile(r"((?: *\| )?)( *)((?:\x1b\[[0-9;]*m)*)(\^+)((?:\x1b\[[0-9;]*m)*)")
_REQUEST = re.compile(r"( +(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) )([^\s\x1b]+)   (?:\d{3}|-)(?: |$)")
_DATA = re.compile(r"\s*[\"{}\[\]]")
_COMMAND = re.compile(r"""(?:^|(?<=: )|(?<=\x1b\[0m))conn [a-z](?:"[^"]*"|'[^']*'|(?!, | \(|; |: )[^\x1b])*""")
_ARGUMENT = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")
_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")
_FINDING = re.compile(r"\S+:\d+:\d+  ")
_LABEL = re.compile(r" *(?:(?:fix|next): )?")


def fit_text(text: str, width: int | None) -> str:
    """Return the text with lines of at most `width` columns. Without a width, for a file or a pipe, it stays as it is.

    The colors of a `Styled` take no columns.
    """
    if width is None:
        return text
    joined = "\n".join(_fit_lines(text.split("\n"), max(width, SMALLEST)))
    return Styled(joined) if isinstance(text, Styled) else joined


def shorten_middle(text: str, most: int) -> str:
    """Return the text, with an ellipsis in place of its middle if it has more than `most` characters."""
    if len(text) <= most:
        return text
    end = most // 2
    return f"{text[: most - end - 1]}…{text[len(text) - end :]}"


def fit_line(text: str, width: int | None) -> str:
    """Return the text on one line of at most `width` columns: its longest words without their middle and, if that is
    not enough, without its end."""
    if width is None or measure_width(text) <= width:
        return text
    words = re.split(r"( +)", text)
    sizes = [len(word) for word in words]
    while sum(sizes) > width and max(sizes) > _SHORTEST_WORD:
        sizes[sizes.index(max(sizes))] -= 1
    line = "".join(shorten_middle(word, size) for word, size in zip(words, sizes, strict=True))
    return line if measure_width(line) <= width else f"{_take_columns(line, width - 1)}…"


def _columns(text: str) -> int:
    return measure_width(_STYLE.sub("", text))


def _fit_lines(lines: list[str], width: int) -> Iterator[str]:
    index = 0
    while index < len(lines):
        line, following = lines[index], lines[index + 1] if index + 1 < len(lines) else ""
        marker = _MARKER.fullmatch(following)
        index += 1
        if marker is not None and max(_columns(line), _columns(following)) > width:
            yield from _cut_source(_STYLE.sub("", line), marker, width)
            index += 1
        elif _columns(line) <= width or _is_data(lines[max(0, index - 2) : index]):
            yield line
        else:
            yield from _wrap(_shorten_request(line, width), width)


def _is_data(lines: list[str]) -> bool:
    """Return whether the last line is JSON, or belongs to a command for a shell on several lines."""
    return any(line.endswith(" \\") for line in lines) or _DATA.match(lines[-1]) is not None


def _cut_source(line: str, marker: re.Match[str], width: int) -> tuple[str, str]:
    """Return the part of a source line around its marker, and the marker."""
    gutter, lead, opening, marks, closing = marker.groups()
    source, room = line[len(gutter) :], width - len(gutter) - 2
    first = 0 if len(lead) + len(marks) <= room else max(0, len(lead) - _BEFORE_MARKER)
    part = _take_columns(_drop_columns(source, first), room)
    before, after = "…" if first else "", "…" if _columns(source) > first + room else ""
    lead = " " * (len(lead) - first + len(before))
    marks = marks[: max(1, width - len(gutter) - len(lead))]
    return f"{line[: len(gutter)]}{before}{part}{after}", f"{gutter}{lead}{opening}{marks}{closing}"


def _take_columns(text: str, most: int) -> str:
    columns = 0
    for index, character in enumerate(text):
        columns += measure_width(character)
        if columns > most:
            return text[:index]
    return text


def _drop_columns(text: str, columns: int) -> str:
    return text[len(_take_columns(text, columns)) :]


def _shorten_request(line: str, width: int) -> str:
    """Shorten the URL of a replayed request so that the line fits, but leave enough of it to recognize it."""
    request = _REQUEST.match(line)
    if request is None:
        return line
    most = max(width // 2, len(request[2]) - (_columns(line) - width))
    return line[: request.start(2)] + shorten_middle(request[2], most) + line[request.end(2) :]


def _wrap(line: str, width: int) -> Iterator[str]:
    """Break a line between words, and before a command."""
    indent = " " * _find_indent(_STYLE.sub("", line), width)
    current, used = "", 0
    for gap, word, ending in _find_words(line, width - len(indent)):
        columns = _columns(word)
        if current.strip() and used + len(gap) + columns + len(ending) > width:
            yield current
            current, used = indent + word + ending, len(indent) + columns
        else:
            current, used = current + gap + word + ending, used + len(gap) + columns
        if ending:
            yield current
            current, used = f"{indent}  ", len(indent) + 2
    yield current


def _find_indent(line: str, width: int) -> int:
    """Return where a line continues: below the text after its label, in its last column, or a little to the right."""
    label = len(line) - len(_LABEL.sub("", line, count=1))
    gaps = [gap.end() for gap in _GAP.finditer(line)]
    start = len(line) - len(line.lstrip(" "))
    if label > start or (not gaps and line[start : start + 1].isupper()):  # a sentence, as in a paragraph
        return min(label, width // 2)
    columns = [] if _FINDING.match(line) else [gap for gap in gaps if gap <= width * 3 // 5]
    return max([min(start + 4, width // 2), *columns])


def _find_words(line: str, room: int) -> Iterator[tuple[str, str, str]]:
    """Find the words that stay whole, each with the blanks before it and what ends its line, if it has to end there."""
    command = next(iter(list(_COMMAND.finditer(line))[-1:]), None)
    if command is None:
        yield from ((word[1], word[2], "") for word in _WORD.finditer(line))
        return
    before, text, after = (
        line[: command.start()],
        command[0].rstrip(),
        line[command.start() + len(command[0].rstrip()) :],
    )
    yield from ((word[1], word[2], "") for word in _WORD.finditer(before.rstrip(" ")))
    gap = " " * (len(before) - len(before.rstrip(" ")))
    closing = after.split(" ", 1)[0]
    *parts, last = _split_command(text, room - len(closing))
    for part in parts:
        yield gap, part, " \\"
        gap = ""
    yield gap, last + closing, ""
    yield from ((word[1], word[2], "") for word in _WORD.finditer(after[len(closing) :]))


def _split_command(command: str, room: int) -> Iterator[str]:
    """Split a command that does not fit on one line into lines that a shell joins again."""
    if _columns(command) <= room:
        yield command
        return
    current = ""
    for argument in _ARGUMENT.findall(command):
        if current and _columns(f"{current} {argument} \\") > room - 2:
            yield current
            current = argument
        else:
            current = f"{current} {argument}".lstrip()
    yield current
