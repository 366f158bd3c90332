"""The forms in which a secret may be sent, as patterns (`compile_forms`), and strings that each form contains
(`find_marks`).

`search` has the secrets, and `redaction` replaces them.
"""

import base64
import json
import re
from dataclasses import dataclass
from functools import cache
from html.entities import html5
from urllib.parse import quote

__all__ = ["FormsPattern", "compile_forms", "find_marks", "widen"]

_BASE64_CHARACTER = re.compile(r"[A-Za-z0-9+/_-]")
_ALNUM = re.compile("[A-Za-z0-9]+")
_UNRESERVED = re.compile("[A-Za-z0-9._~-]+")
_URL_SAFE = str.maketrans("+/", "-_")
_TELLING = 4
_DIGITS = re.compile("[0-9]+")
_TELLING_DIGITS = 10
_PERCENT = "%(?:25){0,3}"
_BACKSLASHES = r"\\{1,4}"
_BASE64_TAIL = re.compile(r"(?:[A-Za-z0-9+/_-]|%2[BbFf])*(?:=|%3[Dd]){0,2}")


@dataclass(frozen=True, slots=True)
class FormsPattern:
    """One pattern for `size` secrets; for each group the label, and whether the form is packed."""

    pattern: re.Pattern[str]
    groups: list[tuple[str, bool]]
    size: int


def compile_forms(labels: list[tuple[str, str]]) -> FormsPattern:
    """Compile the pattern for secrets in all forms. `labels` are pairs of a value and its label."""
    # Longest first: a secret that starts with another one must be replaced completely.
    ordered = sorted(labels, key=lambda pair: len(pair[0]), reverse=True)
    forms = [(_build_direct_forms(value), (label, False)) for value, label in ordered]
    forms += [(form, (label, True)) for value, label in ordered for form in _build_packed_forms(value)]
    groups: list[tuple[str, bool]] = []
    return FormsPattern(re.compile(_build_alternation(forms, groups)), groups, len(labels))


def _build_alternation(
    forms: list[tuple[str, tuple[str, bool]]], groups: list[tuple[str, bool]], depth: int = 0
) -> str:
    """Build one pattern for all forms that branches on their first characters. An empty group at the end of a branch
    identifies the form.

    With plain first characters, `re` skips to candidates, so many secrets are as fast as few. The meaning of each group
    is appended to `groups`.
    """
    branches: dict[str, list[tuple[str, tuple[str, bool]]]] = {}
    for pattern, meaning in forms:
        bare = depth < 3 and pattern[:1].isascii() and pattern[:1].isalnum()
        branches.setdefault(pattern[0] if bare else f"={pattern}", []).append((pattern, meaning))
    parts: list[str] = []
    for first, members in branches.items():
        if len(members) > 1 and len(first) == 1:
            rest = [(pattern[1:], meaning) for pattern, meaning in members]
            parts.append(f"{first}(?:{_build_alternation(rest, groups, depth + 1)})")
        else:
            groups.append(members[0][1])
            parts.append(f"{members[0][0]}()")
    return "|".join(parts)


def widen(text: str, start: int, end: int, floor: int) -> tuple[int, int]:
    """Extend a base64 match by the character before it, which contains bits of the secret, and by the rest of its run.

    The rest reveals the secret's length, and would differ for a different secret when a recording is replayed.
    """
    if start > floor and _BASE64_CHARACTER.match(text, start - 1):
        start -= 1
    tail = _BASE64_TAIL.match(text, end)
    return start, tail.end() if tail else end


def _build_direct_forms(value: str) -> str:
    """Build a pattern for the value plain, percent-encoded, form-encoded, JSON-escaped and in HTML, also mixed."""
    parts: list[str] = []
    offset = 0
    while offset < len(value):
        if (
            value[offset] == "\\"
        ):  # match a run at once: otherwise its escapes could be split in exponentially many ways
            run = len(value[offset:]) - len(value[offset:].lstrip("\\"))
            escapes = rf"{_PERCENT}5[Cc]|{_BACKSLASHES}u005[cC]|" + _list_references("\\")
            parts.append(rf"(?:\\{{{run},{4 * run}}}|(?:{escapes}){{{run}}})")
            offset += run
            continue
        if value[offset] in "\"'":  # tables double quotes; match a run at once for the same reason
            run = len(value[offset:]) - len(value[offset:].lstrip(value[offset]))
            parts.append(f"(?:{value[offset]}{{{run},{2 * run}}}|{_spell_character(value[offset])}{{{run}}})")
            offset += run
            continue
        parts.append(_spell_character(value[offset]))
        offset += 1
    return "".join(parts)


def _spell_character(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    hexes = [f"{byte:02x}" for byte in character.encode("utf-8", "surrogatepass")]
    percent = "".join(f"{_PERCENT}{_match_either_case(pair)}" for pair in hexes)
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escaped = "".join(f"{_BACKSLASHES}u{_match_either_case(units[i : i + 4])}" for i in range(0, len(units), 4))
    quoted_printable = "".join(f"={pair.upper()}" for pair in hexes)
    forms = [re.escape(character), percent, escaped, quoted_printable]
    if 127 < ord(character) < 256:
        forms.append(f"{_PERCENT}{_match_either_case(f'{ord(character):02x}')}")
    short = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}.get(character)
    if short:
        forms.append(f"{_BACKSLASHES}{short}")
    elif character in "\"/'":
        forms.append(f"{_BACKSLASHES}{character}")
    elif character == " ":
        forms.append(r"\+")
    forms.append(_list_references(character))
    return f"(?:{'|'.join(forms)})"


def _list_references(character: str) -> str:
    """Return a pattern for the references to a character in HTML and XML, also if they are escaped twice."""
    number = ord(character)
    names = "".join(f"{name}|" for name in _list_html_names().get(character, ()))
    return f"&(?:amp;){{0,3}}(?:{names}#0{{0,4}}{number}|#[xX]0{{0,4}}{_match_either_case(f'{number:x}')});"


@cache
def _list_html_names() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, characters in html5.items():
        if name.endswith(";") and len(characters) == 1:
            names.setdefault(characters, []).append(name[:-1])
    return names


def _match_either_case(digits: str) -> str:
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)


def _build_packed_forms(value: str) -> list[str]:
    """Build patterns for the value in base64 (either alphabet, any alignment) or in hexadecimal."""
    forms: set[str] = set()
    for raw in _spell(value):
        forms.update({raw.hex(), raw.hex().upper()})
        forms.update("".join(map(_spell_in_base64, _encode_core(raw, offset))) for offset in range(3))
    forms.discard("")
    return sorted(forms, key=lambda form: (-len(form), form))


def _spell(value: str) -> set[bytes]:
    """Return the bytes of the value that may be packed: plain, JSON-escaped, percent-encoded, in Latin-1."""
    spelled = {value.encode("utf-8", "surrogatepass")}
    if _UNRESERVED.fullmatch(value):  # it has the same form in all of them
        return spelled
    spelled.add(json.dumps(value)[1:-1].encode())
    spelled.add(json.dumps(value, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass"))
    spelled.add(quote(value.encode("utf-8", "surrogatepass"), safe="").encode())
    if all(ord(character) < 256 for character in value):
        spelled.add(value.encode("latin-1"))
    return spelled


def _encode_core(raw: bytes, offset: int) -> str:
    """Return the base64 characters that depend only on `raw`, if `offset` bytes (modulo 3) precede it."""
    text = base64.b64encode(b"\0" * offset + raw + b"\0\0").decode()
    first = -(-offset * 8 // 6)
    last = (offset + len(raw)) * 8 // 6
    return text[first:last] if last - first >= 4 else ""


def _spell_in_base64(character: str) -> str:
    other = {"+": "-", "/": "_"}.get(character)
    return character if other is None else f"(?:{_spell_character(character)}|{other})"


def find_marks(value: str) -> frozenset[str]:
    """Return strings of which every form of the value contains one, so that most strings are recognized as clean
    quickly.

    They consist of characters that are the same in every form (`secrets.escapes` undoes the others). An empty one is
    in every text.
    """
    marks = {_measure_longest(_UNRESERVED, value)}
    for raw in _spell(value):
        digits = _measure_longest(_DIGITS, raw.hex())  # the same in either case
        marks |= {digits} if len(digits) >= _TELLING_DIGITS else {raw.hex(), raw.hex().upper()}
        for core in filter(None, (_encode_core(raw, offset) for offset in range(3))):
            run = _measure_longest(_ALNUM, core)
            marks |= {run} if len(run) >= _TELLING else _list_base64_spellings(core)
    return frozenset(marks)


def _measure_longest(kind: re.Pattern[str], text: str) -> str:
    return text if kind.fullmatch(text) else max(kind.findall(text), key=len, default="")


def _list_base64_spellings(core: str) -> set[str]:
    return {core, core.translate(_URL_SAFE), core.replace("/", "\\/"), quote(core, safe="")}
