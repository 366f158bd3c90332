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
        at = _skip(text, 0, _SPACE + ",")
        while at < len(text) and text[at] == "<":
            close = text.find(">", at)
            if close < 0:
                break
            target = text[at + 1 : close].strip()
            params, at = _params(text, close + 1)
            links.append(Link(target, tuple(params.get("rel", "").lower().split()), params))
            at = _skip(text, at, _SPACE + ",")
    return links


def _skip(text: str, at: int, characters: str) -> int:
    while at < len(text) and text[at] in characters:
        at += 1
    return at


def _params(text: str, at: int) -> tuple[dict[str, str], int]:
    """Return the parameters from `at` up to the comma that ends the link; the first of a repeated name counts."""
    params: dict[str, str] = {}
    while True:
        at = _skip(text, at, _SPACE)
        if at >= len(text) or text[at] != ";":
            return params, at
        at = _skip(text, at + 1, _SPACE)
        start = at
        while at < len(text) and text[at] not in "=;, \t":
            at += 1
        name = text[start:at].lower()
        at = _skip(text, at, _SPACE)
        value = ""
        if at < len(text) and text[at] == "=":
            at = _skip(text, at + 1, _SPACE)
            value, at = _read_quoted(text, at + 1) if text[at : at + 1] == '"' else _bare(text, at)
        if name:
            params.setdefault(name, value)


def _read_quoted(text: str, at: int) -> tuple[str, int]:
    out: list[str] = []
    while at < len(text) and text[at] != '"':
        at += text[at] == "\\"
        out.append(text[at : at + 1])
        at += 1
    return "".join(out), at + 1


def _bare(text: str, at: int) -> tuple[str, int]:
    start = at
    while at < len(text) and text[at] not in ";,":
        at += 1
    return text[start:at].strip(), at
