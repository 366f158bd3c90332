"""Pages by the Link header (RFC 8288): the header's grammar, and the preset of next_url that reads it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.pagination.followed import Followed
from conn_engine.pagination.next_url import resolve
from conn_engine.strategies import Answer

__all__ = ["Link", "LinkHeader", "parse_links"]

_MAX_HEADER = 65_536
_SPACE = " \t"


@dataclass(frozen=True, slots=True)
class Link:
    """One link: its target as written, its relation types in lower case, and its parameters (lower-case
    names)."""

    target: str
    rels: tuple[str, ...]
    params: dict[str, str]


class LinkHeader(Followed, frozen=True, kw_only=True, tag_field="format", tag="link_header"):
    """The Link header. State: `{url}`, absolute. In `stop` and `has_more`, `link` is the parameters of the
    next link."""

    aliases: ClassVar[Mapping[str, str]] = {
        "link_rel": "rel",
        "limit_param": "size_param",
        "page_size": "size",
        "limit": "size",
    }

    rel: Annotated[str, Meta(description="Relation type of the next page's link.")] = "next"
    prev_rel: Annotated[str, Meta(description="Relation type of the link to the page before.")] = "prev"
    header: Annotated[str, Meta(description="Name of the header.")] = "Link"

    def advance(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the next page; None at the end."""
        link = self._find(answer, self.rel)
        if link is None or not link.target or self.ended(answer, link=link.params):
            return None
        return {"url": resolve(link.target, answer, without=self.without)}

    def retreat(self, state: Any, answer: Answer) -> dict[str, Any] | None:
        """State of the page before, when the header names it."""
        link = self._find(answer, self.prev_rel)
        if link is None or not link.target:
            return None
        return {"url": resolve(link.target, answer, without=self.without)}

    def _find(self, answer: Answer, rel: str) -> Link | None:
        links = parse_links(answer.response.headers.all(self.header))
        return next((link for link in links if rel.lower() in link.rels and "anchor" not in link.params), None)


def parse_links(values: Iterable[str]) -> list[Link]:
    """Read Link header fields by RFC 8288 appendix B: several links in one field, commas inside <>, quoted
    parameters, several relation types. What is malformed ends the reading of that field; what came before it
    counts."""
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
    """Parameters from `at` up to the comma that ends the link; the first of a repeated name counts."""
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
            value, at = _quoted(text, at + 1) if text[at : at + 1] == '"' else _bare(text, at)
        if name:
            params.setdefault(name, value)


def _quoted(text: str, at: int) -> tuple[str, int]:
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
