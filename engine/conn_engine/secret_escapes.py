r"""Escapes undone, and where in the text they stood: for secrets whose letters and digits are escaped, or that are
divided by what has no meaning.

`secret_forms` knows how punctuation is escaped. A letter, a digit and `-._~` never have to be (`\u0061`, `%61`,
`&#97;`), so escapes are undone only around a trace of one. What divides a secret: sections and comments of XML, the
line breaks of MIME, and the zeros of UTF-16.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from html.entities import html5

__all__ = ["Unescaped", "may_hide", "unescape_around", "without_zeros"]

_DEEPEST = 4
_FEW = 50
_PLAIN = "(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|2[DdEe]|5[Ff]|7[Ee])"
_PLAIN_IN_DECIMAL = "(?:4[5689]|5[0-7]|6[5-9]|[78][0-9]|90|95|9[7-9]|1[01][0-9]|12[0-26])"
_LINE = "(?<=[A-Za-z0-9+/]{60}"  # of base64, as MIME wraps it; what ends the line follows
# Each pattern begins with its character: a text without the character is passed over at the speed of `in`.
_TRACES = {
    "%": rf"%(?:25)*(?:{_PLAIN}|5[Cc]|u00|26(?:#|%(?:25)*23|amp))",
    "\\": rf"\\(?:u00{_PLAIN}|u005[Cc]|u0025[0-9]|u0026(?:#|amp)|u\{{|x{_PLAIN}|x5[Cc]"
    rf"|n{_LINE}\\n)|r\\n{_LINE}\\r\\n))",
    "&": rf"&(?:amp;)*#(?:0*(?:{_PLAIN_IN_DECIMAL}|3[78]|92)(?![0-9])|[xX]0*(?:{_PLAIN}|2[56]|5[Cc])(?![0-9A-Fa-f]))",
    "<": r"<(?:!\[CDATA\[|!--|\?)",
    "\n": rf"\n(?:(?<==\n)|(?<==\r\n)|{_LINE}\n)|{_LINE}\r\n))",
}
_BYTE = re.compile(r"([0-9A-Fa-f]{2})(?=[%=]|$)")


def _character_in_bytes(mark: str) -> str:
    """A pattern for one character of UTF-8, each byte of it after a mark; or a byte of another character set."""
    later = f"{mark}[89AaBb][0-9A-Fa-f]"
    long = f"{mark}[CcDd][0-9A-Fa-f]{later}|{mark}[Ee][0-9A-Fa-f](?:{later}){{2}}|{mark}[Ff][0-7](?:{later}){{3}}"
    return f"{long}|{mark}[0-9A-Fa-f]{{2}}"


_ESCAPE = rf"""
      (?<!\\)\\++u(?P<high>[dD][89abAB][0-9a-fA-F]{{2}})\\++u(?P<low>[dD][c-fC-F][0-9a-fA-F]{{2}})
    | (?:(?<!\\)\\++|%(?:25)*)u(?P<unit>[0-9a-fA-F]{{4}})
    | (?<!\\)\\++(?:x(?P<byte>[0-9a-fA-F]{{2}})|u\{{0*(?P<braced>[0-9a-fA-F]{{1,6}})\}}|(?P<short>["'/bfnrt]))
    | (?P<bytes>{_character_in_bytes("%(?:25)*")}|{_character_in_bytes("=")})
    | &(?:amp;)*(?:\#0*(?P<decimal>[0-9]{{1,7}});?|\#[xX]0*(?P<hexadecimal>[0-9a-fA-F]{{1,6}});?
        |(?P<name>[A-Za-z][A-Za-z0-9]{{1,30}};))
    | (?P<nothing><!\[CDATA\[|\]\]>|=\r?\n|(?=[\r\n])(?<=[A-Za-z0-9+/]{{60}})\r?\n[ \t]*)
"""
_ZEROS = re.compile("\0+")
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ASIDES = (("<!--", "-->"), ("<?", "?>"))


@cache
def _traced() -> list[tuple[str, re.Pattern[str]]]:  # not at the top: most runs never need it
    return [(character, re.compile(pattern)) for character, pattern in _TRACES.items()]


@cache
def _escape() -> re.Pattern[str]:
    return re.compile(_ESCAPE, re.VERBOSE)


@dataclass(frozen=True, slots=True)
class _Edit:
    """What stands in the new text, from `start` to `end`, for what stood in the old one."""

    start: int
    end: int
    old_start: int
    old_end: int


@dataclass(frozen=True, slots=True)
class Unescaped:
    """A part of a text without its escapes. `locate` leads back from it to the text."""

    text: str
    _edits: list[_Edit]
    _offset: int = 0
    _source: "Unescaped | None" = None

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """The place in the whole text that this place stands for, with whatever without a meaning surrounds it."""
        start, end = self._offset + self._locate_start(start), self._offset + self._locate_end(end)
        return self._source.locate(start, end) if self._source is not None else (start, end)

    def unescape(self) -> "Unescaped":
        """The same without one more layer of escapes; this very object when there is none."""
        view = self
        for edit in (_without_asides, _without_escapes):
            text, edits = edit(view.text)
            if edits:
                view = Unescaped(text, edits, 0, view)
        return view

    def within(self, source: "Unescaped") -> "Unescaped":
        """The same part of a text that is itself `source`, without its escapes."""
        return replace(self, _source=source if self._source is None else self._source.within(source))

    def _locate_start(self, at: int) -> int:
        edits = self._edits
        index = bisect_left(edits, at, key=lambda edit: edit.end)
        if index < len(edits) and edits[index].start < edits[index].end == at:  # it ends where the place begins
            index += 1
        if index < len(edits) and edits[index].start <= at:
            return edits[index].old_start
        return at if not index else edits[index - 1].old_end + at - edits[index - 1].end

    def _locate_end(self, at: int) -> int:
        edits = self._edits
        index = bisect_left(edits, at, key=lambda edit: edit.start)
        while index < len(edits) and edits[index].start == edits[index].end == at:
            index += 1
        if not index:
            return at
        last = edits[index - 1]
        return last.old_end + max(0, at - last.end)


def may_hide(text: str) -> bool:
    """Whether what never has to be escaped may be escaped in the text, or something may divide it."""
    return any(_has_trace(text, character, trace) for character, trace in _traced())


def _has_trace(text: str, character: str, trace: re.Pattern[str]) -> bool:
    at = text.find(character)
    for _ in range(_FEW):  # `find` is thirty times as fast as `search`, as long as there is little to find
        if at < 0 or trace.match(text, at) is not None:
            return at >= 0
        at = text.find(character, at + 1)
    return at >= 0 and trace.search(text, at) is not None


def unescape_around(text: str, reach: int) -> Iterator[Unescaped]:
    """What the text says around each trace of such escapes, `reach` characters to either side: without one layer of
    escapes, two, and so on."""
    for start, end in _surroundings(text, reach):
        view = Unescaped(text[start:end], [], start)
        for _ in range(_DEEPEST):
            deeper = view.unescape()
            if deeper is view:
                break
            yield deeper
            if not may_hide(deeper.text):
                break
            view = deeper


def without_zeros(text: str) -> Unescaped:
    """The text without zeros: one in UTF-16 is full of them."""
    return Unescaped(*_without((found.span() for found in _ZEROS.finditer(text)), text))


def _surroundings(text: str, reach: int) -> Iterator[tuple[int, int]]:
    traces = [found.span() for character, trace in _traced() if character in text for found in trace.finditer(text)]
    traces.sort()
    start = end = -1
    for trace_start, trace_end in traces:
        if start >= 0 and trace_start - reach <= end:
            end = max(end, trace_end + reach)
            continue
        if start >= 0:
            yield start, end
        start, end = max(0, trace_start - reach), trace_end + reach
    if start >= 0:
        yield start, end


def _without_asides(text: str) -> tuple[str, list[_Edit]]:
    """Without the comments and processing instructions of XML."""
    asides: list[tuple[int, int]] = []
    for opening, closing in _ASIDES:
        at = text.find(opening)
        while at >= 0:
            end = text.find(closing, at + len(opening))
            if end < 0:  # neither has any that follows
                break
            asides.append((at, end + len(closing)))
            at = text.find(opening, end)
    return _without(sorted(asides), text)


def _without(spans: Iterable[tuple[int, int]], text: str) -> tuple[str, list[_Edit]]:
    parts: list[str] = []
    edits: list[_Edit] = []
    done = length = 0
    for start, end in spans:
        if start < done:
            continue
        parts.append(text[done:start])
        length += start - done
        edits.append(_Edit(length, length, start, end))
        done = end
    return "".join((*parts, text[done:])), edits


def _without_escapes(text: str) -> tuple[str, list[_Edit]]:
    parts: list[str] = []
    edits: list[_Edit] = []
    done = length = 0
    for found in _escape().finditer(text):
        start, end = found.span()
        meaning = _meaning(found)
        if meaning is None:
            continue
        length += start - done
        parts += (text[done:start], meaning)
        edits.append(_Edit(length, length + len(meaning), start, end))
        length += len(meaning)
        done = end
    parts.append(text[done:])
    return "".join(parts), edits


def _meaning(found: re.Match[str]) -> str | None:
    """The characters that an escape stands for; None when it is none."""
    kind, said = found.lastgroup or "", found[found.lastgroup or 0]
    if kind == "nothing":
        return ""
    if kind == "short":
        return _SHORT.get(said, said)
    if kind == "bytes":
        return _decode(bytes(int(pair, 16) for pair in _BYTE.findall(said)))
    if kind == "name":
        return html5.get(said)
    if kind == "low":
        pair = bytes.fromhex(found["high"] + said)
        return pair.decode("utf-16-be")
    number = int(said, 10 if kind == "decimal" else 16)
    return chr(number) if number < 0x110000 else None


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
