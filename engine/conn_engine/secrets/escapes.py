r"""Undo escapes and map places back to the original text, to find secrets with escaped letters and digits, or secrets
that are divided by meaningless text.

`secrets.forms` handles escaped punctuation. Letters, digits and `-._~` rarely are escaped (`\u0061`, `%61`, `&#97;`),
so escapes are undone only around a trace of one. Sections and comments of XML, the line breaks of MIME, and the zeros
of UTF-16 may divide a secret.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from heapq import merge
from html.entities import html5

__all__ = ["Unescaped", "can_hide", "unescape_around", "unwrap", "unwrap_roughly"]

_DEEPEST = 4
_FEW = 50
_PLAIN = "(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|2[DdEe]|5[Ff]|7[Ee])"
_PLAIN_IN_DECIMAL = "(?:4[5689]|5[0-7]|6[5-9]|[78][0-9]|90|95|9[7-9]|1[01][0-9]|12[0-26])"
_LINE = "(?<=[A-Za-z0-9+/]{60}"  # of base64, as MIME wraps it; what ends the line follows
# Each pattern starts with its character, so that a string without the character is skipped at the speed of `in`.
_TRACES = {
    "%": rf"%(?:25)*(?:{_PLAIN}|5[Cc]|u00|26(?:#|%(?:25)*23|amp))",
    "\\": rf"\\(?:u00{_PLAIN}|u005[Cc]|u0025[0-9]|u0026(?:#|amp)|u\{{|x{_PLAIN}|x5[Cc]"
    rf"|n{_LINE}\\n)|r\\n{_LINE}\\r\\n))",
    "&": rf"&(?:amp;)*#(?:0*(?:{_PLAIN_IN_DECIMAL}|3[78]|92)(?![0-9])|[xX]0*(?:{_PLAIN}|2[56]|5[Cc])(?![0-9A-Fa-f]))",
    "<": r"<(?:!\[CDATA\[|!--|\?)",
    "\n": rf"\n(?:{_LINE}\n)|{_LINE}\r\n))",
}


def _match_character_in_bytes(mark: str) -> str:
    """Return a pattern for one UTF-8 character with a mark before each byte, or for a byte of another character set."""
    later = f"{mark}[89AaBb][0-9A-Fa-f]"
    long = f"{mark}[CcDd][0-9A-Fa-f]{later}|{mark}[Ee][0-9A-Fa-f](?:{later}){{2}}|{mark}[Ff][0-7](?:{later}){{3}}"
    return f"{long}|{mark}[0-9A-Fa-f]{{2}}"


_SCRIPT = r"""\\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})
    |\\u(?P<unit>[0-9a-fA-F]{4})|\\x(?P<byte>[0-9a-fA-F]{2})|\\u\{0*(?P<braced>[0-9a-fA-F]{1,6})\}
    |\\(?P<short>["'/\\bfnrt])"""
_PERCENT = rf"%u(?P<legacy>[0-9a-fA-F]{{4}})|(?P<percent>{_match_character_in_bytes('%')})"
_REFERENCES = r"""&\#0*(?P<decimal>[0-9]{1,7});?|&\#[xX]0*(?P<hexadecimal>[0-9a-fA-F]{1,6});?
    |&(?P<name>[A-Za-z][A-Za-z0-9]{1,30};)|(?P<section><!\[CDATA\[|\]\]>)"""
_LINES = r"(?P<line>(?=[\r\n])(?<=[A-Za-z0-9+/]{60})\r?\n[ \t]*)"
_QUOTED_PRINTABLE = rf"(?P<soft>=\r?\n)|(?P<quoted>{_match_character_in_bytes('=')})"
# Combined, because escapes may be nested, and single, because the text of one escape may look like another escape.
_READINGS = ("|".join((_SCRIPT, _PERCENT, _REFERENCES, _LINES)), _SCRIPT, _PERCENT, _REFERENCES)
_BYTE = re.compile("[0-9A-Fa-f]{2}")
_ZEROS = re.compile("\0+")
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ASIDES = (("<!--", "-->"), ("<?", "?>"))


@cache
def _compile_traces() -> list[tuple[str, re.Pattern[str]]]:  # not at the top: most runs never need it
    return [(character, re.compile(pattern)) for character, pattern in _TRACES.items()]


@cache
def _compile(reading: str) -> re.Pattern[str]:
    return re.compile(reading, re.VERBOSE)


@dataclass(frozen=True, slots=True)
class _Edit:
    """A replaced part: its place in the new text, from `start` to `end`, and its place in the old one."""

    start: int
    end: int
    old_start: int
    old_end: int


@dataclass(frozen=True, slots=True)
class Unescaped:
    """A part of a string without its escapes. `locate` maps its places back to the text."""

    text: str
    _edits: list[_Edit]
    _offset: int = 0
    _source: "Unescaped | None" = None

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the complete text for a place in this part, including meaningless text around it."""
        start, end = self._offset + self._locate_start(start), self._offset + self._locate_end(end)
        return self._source.locate(start, end) if self._source is not None else (start, end)

    def unescape(self, reading: str) -> "Unescaped":
        """Undo one more layer of escapes. Return the same object if there are none."""
        edited = _edit(self.text, _find_escapes(self.text, reading))
        return Unescaped(*edited, 0, self) if edited[1] else self

    def compose(self, source: "Unescaped") -> "Unescaped":
        """Return the same part of the text of `source`, where this one is a part of the unescaped text of `source`."""
        return replace(self, _source=source if self._source is None else self._source.compose(source))

    def _locate_start(self, offset: int) -> int:
        edits = self._edits
        index = bisect_left(edits, offset, key=lambda edit: edit.end)
        if index < len(edits) and edits[index].start < edits[index].end == offset:  # it ends where the place begins
            index += 1
        if index < len(edits) and edits[index].start <= offset:
            return edits[index].old_start
        return offset if not index else edits[index - 1].old_end + offset - edits[index - 1].end

    def _locate_end(self, offset: int) -> int:
        edits = self._edits
        index = bisect_left(edits, offset, key=lambda edit: edit.start)
        while index < len(edits) and edits[index].start == edits[index].end == offset:
            index += 1
        if not index:
            return offset
        last = edits[index - 1]
        return last.old_end + max(0, offset - last.end)


def can_hide(text: str) -> bool:
    """Return whether the text may have needless escapes, or meaningless text, that hide a secret."""
    return any(_has_trace(text, character, trace) for character, trace in _compile_traces())


def _has_trace(text: str, character: str, trace: re.Pattern[str]) -> bool:
    offset = text.find(character)
    for _ in range(_FEW):  # `find` is thirty times as fast as `search`, as long as there is little to find
        if offset < 0 or trace.match(text, offset) is not None:
            return offset >= 0
        offset = text.find(character, offset + 1)
    return offset >= 0 and trace.search(text, offset) is not None


def unescape_around(text: str, reach: int) -> Iterator[Unescaped]:
    """Yield the text around each trace of such escapes, with `reach` characters on both sides: without one layer of
    escapes, without two, and so on."""
    for start, end in _find_surroundings(text, reach):
        part = Unescaped(text[start:end], [], start)
        texts = {part.text}
        for reading in _READINGS:
            view = part
            for _ in range(_DEEPEST):
                view = view.unescape(reading)
                if view.text in texts:
                    break
                texts.add(view.text)
                yield view


def unwrap(text: str) -> Iterator[Unescaped]:
    """Remove what an encoding of the complete text adds between its characters: UTF-16, quoted-printable."""
    if "\0" in text:
        yield Unescaped(*_edit(text, ((*match.span(), "") for match in _ZEROS.finditer(text))))
    if _has_soft_breaks(text):
        yield Unescaped(*_edit(text, _find_escapes(text, _QUOTED_PRINTABLE)))


def unwrap_roughly(text: str) -> Iterator[str]:
    """Do the same as `unwrap` faster, well enough to check whether the text contains a run of letters."""
    if "\0" in text:
        yield text.replace("\0", "")
    if _has_soft_breaks(text):
        yield text.replace("=\r\n", "").replace("=\n", "")


def _has_soft_breaks(text: str) -> bool:
    return "\n" in text and ("=\n" in text or "=\r\n" in text)


def _find_surroundings(text: str, reach: int) -> Iterator[tuple[int, int]]:
    traces = [
        match.span() for character, trace in _compile_traces() if character in text for match in trace.finditer(text)
    ]
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


def _edit(text: str, replacements: Iterable[tuple[int, int, str]]) -> tuple[str, list[_Edit]]:
    """Apply sorted replacements to the text. The first of two overlapping ones is used."""
    parts: list[str] = []
    edits: list[_Edit] = []
    done = length = 0
    for start, end, new in replacements:
        if start < done:
            continue
        length += start - done
        parts += (text[done:start], new)
        edits.append(_Edit(length, length + len(new), start, end))
        length += len(new)
        done = end
    return "".join((*parts, text[done:])), edits


def _find_escapes(text: str, reading: str) -> Iterator[tuple[int, int, str]]:
    matches = (
        (*match.span(), new) for match in _compile(reading).finditer(text) if (new := _decode_escape(match)) is not None
    )
    return merge(_find_asides(text), matches) if _REFERENCES in reading else matches


def _find_asides(text: str) -> list[tuple[int, int, str]]:
    """Yield the comments and processing instructions of XML."""
    asides: list[tuple[int, int, str]] = []
    for opening, closing in _ASIDES:
        offset = text.find(opening)
        while offset >= 0:
            end = text.find(closing, offset + len(opening))
            if end < 0:  # neither has any that follows
                break
            asides.append((offset, end + len(closing), ""))
            offset = text.find(opening, end)
    return sorted(asides)


def _decode_escape(match: re.Match[str]) -> str | None:
    """Return the characters of an escape, or None if it represents none."""
    kind = match.lastgroup or ""
    escaped = match[kind]
    if kind in ("section", "line", "soft"):
        return ""
    if kind == "short":
        return _SHORT.get(escaped, escaped)
    if kind == "name":
        return html5.get(escaped)
    if kind in ("percent", "quoted"):
        raw = bytes(int(pair, 16) for pair in _BYTE.findall(escaped))
        return raw.decode("utf-8" if len(raw) > 1 else "latin-1", "replace")
    if kind == "low":
        return bytes.fromhex(match["high"] + escaped).decode("utf-16-be")
    number = int(escaped, 10 if kind == "decimal" else 16)
    return chr(number) if number < 0x110000 else None
