"""The grammar of the Link header (RFC 8288)."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Link", "find_link", "parse_links"]

_MAX_HEADER = 65_536
_SPACE = " \t"


@dataclass(frozen=True, slots=True)
class Link:
    """One link: its target as written, its relation types in lower case, and its parameters (lower-case names)."""

    target: str
    rels: tuple[str, ...]
    params: dict[str, str]


def find_link(values: Iterable[str], rel: str) -> Link | None:
    """Return the first link of a relation in Link header fields that is about this resource itself; None if there is
    none."""
    links = parse_links(values)
    return next((link for link in links if rel.lower() in link.rels and "anchor" not in link.params), None)


def parse_links(values: Iterable[str]) -> list[Link]:
    """Parse Link header fields by RFC 8288 appendix B: several links in one field, commas inside <>, quoted parameters,
    several relation types. A malformed part ends the parsing of its field; links before it count."""
    links: list[Link] = []
    for value in values:
        text = value[:_MAX_HEADER]
        position = _skip(text, 0, _SPACE + ",")
        while position < len(text) and text[position] == "<":
            close = text.find(">", position)
            if close < 0:
                break
            target = text[position + 1 : close].strip()
            params, position = _params(text, close + 1)
            links.append(Link(target, tuple(params.get("rel", "").lower().split()), params))
            position = _skip(text, position, _SPACE + ",")
    return links


def _skip(text: str, position: int, characters: str) -> int:
    while position < len(text) and text[position] in characters:
        position += 1
    return position


def _params(text: str, position: int) -> tuple[dict[str, str], int]:
    """Return the parameters from `at` up to the comma that ends the link; the first of a repeated name counts."""
    params: dict[str, str] = {}
    while True:
        position = _skip(text, position, _SPACE)
        if position >= len(text) or text[position] != ";":
            return params, position
        position = _skip(text, position + 1, _SPACE)
        start = position
        while position < len(text) and text[position] not in "=;, \t":
            position += 1
        name = text[start:position].lower()
        position = _skip(text, position, _SPACE)
        value = ""
        if position < len(text) and text[position] == "=":
            position = _skip(text, position + 1, _SPACE)
            value, position = (
                _read_quoted(text, position + 1) if text[position : position + 1] == '"' else _bare(text, position)
            )
        if name:
            params.setdefault(name, value)


def _read_quoted(text: str, position: int) -> tuple[str, int]:
    out: list[str] = []
    while position < len(text) and text[position] != '"':
        position += text[position] == "\\"
        out.append(text[position : position + 1])
        position += 1
    return "".join(out), position + 1


def _bare(text: str, position: int) -> tuple[str, int]:
    start = position
    while position < len(text) and text[position] not in ";,":
        position += 1
    return text[start:position].strip(), position
