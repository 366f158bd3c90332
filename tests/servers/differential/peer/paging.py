"""How an endpoint pages: page sizes, and what the answers must hold so that the CDK's strategy goes on and ends.

For a cursor the fields that its templates read are found, and each is tried in the parts that such fields play in APIs
(a token, a URL, "has more", a total …) until the CDK's own strategy walks through all pages and stops.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import requests
from airbyte_cdk.sources.declarative.extractors.record_selector import _EXTRACTED_RECORD_COUNT
from airbyte_cdk.sources.declarative.requesters.paginators.strategies import (
    CursorPaginationStrategy,
    OffsetIncrement,
    PageIncrement,
)
from requests.structures import CaseInsensitiveDict

from differential.peer import templates
from differential.peer.endpoints import Endpoint
from differential.peer.synthesis import put, remove

__all__ = ["MARK", "Paging", "Turn", "plan"]

MARK = "zz_page"
_KEEP = object()
_ABSENT = object()
_MOST_TRIES = 5000
_RAW = "$[]"


@dataclass
class Turn:
    """One page of one listing: its number from 0, how many there are, its records, and the URL that was asked."""

    number: int
    sizes: Sequence[int]
    records: list[Any]
    url: str
    names: Sequence[str] = ()

    @property
    def last(self) -> bool:
        return self.number >= len(self.sizes) - 1

    def token(self) -> str:
        return f"tk{self.number + 2}x"

    def link(self, relative: bool = False) -> str:
        parts = urlsplit(self.url)
        kept = [pair for pair in parts.query.split("&") if pair and not pair.startswith(f"{MARK}=")]
        kept = [pair for pair in kept if unquote(pair.partition("=")[0]) not in self.names]
        more = [f"{quote(name, safe=_RAW)}={self.token()}" for name in self.names] + [f"{MARK}={self.number + 1}"]
        origin = "" if relative else f"{parts.scheme}://{parts.netloc}"
        return f"{origin}{parts.path}?{'&'.join([*kept, *more])}"


Part = Callable[[Turn], Any]
_ENDS: dict[str, Any] = {"none": None, "absent": _ABSENT, "empty": ""}
_GOING: dict[str, Part] = {
    "token": Turn.token,
    "url": Turn.link,
    "path": lambda turn: turn.link(relative=True),
    "next_page": lambda turn: turn.number + 2,
    "next_offset": lambda turn: sum(turn.sizes[: turn.number + 1]),
    "mapping": lambda turn: {"next": turn.link(), "href": turn.link(), "url": turn.link()},
    "keep": lambda turn: _KEEP,
}
_ALWAYS: dict[str, Part] = {
    "more": lambda turn: not turn.last,
    "done": lambda turn: turn.last,
    "page": lambda turn: turn.number + 1,
    "page0": lambda turn: turn.number,
    "pages": lambda turn: len(turn.sizes),
    "total": lambda turn: sum(turn.sizes),
    "size": lambda turn: max(turn.sizes),
    "count": lambda turn: turn.sizes[turn.number],
    "offset": lambda turn: sum(turn.sizes[: turn.number]),
    "links": lambda turn: (
        [{"rel": "self", "href": turn.url}]
        + ([] if turn.last else [{"rel": "next", "href": turn.link(), "url": turn.link(), "uri": turn.link()}])
    ),
    "steady": Turn.token,
    "leave": lambda turn: _KEEP,
}
_HINTS = (
    (r"has|more|truncated", ("more",)),
    (r"is_?last|done|complete|end_?of", ("done",)),
    (r"link|url|href|uri", ("url", "mapping", "links")),
    (r"next.*page|page.*next", ("token", "next_page", "url")),
    (r"next", ("token", "url", "next_page")),
    (r"token|cursor|after|continu|scroll|marker|bookmark", ("token",)),
    (r"total.*page|page.*(count|total)|last_?page|pages", ("pages",)),
    (r"total|count", ("total", "count")),
    (r"offset|start|skip", ("next_offset", "offset")),
    (r"limit|size|per_?page|max", ("size",)),
    (r"page|current", ("page", "page0", "next_page")),
)


def _parts() -> dict[str, Part]:
    found = dict(_ALWAYS)
    for name, going in _GOING.items():
        for end, value in _ENDS.items():
            found[f"{name}:{end}"] = lambda turn, going=going, value=value: value if turn.last else going(turn)
    return found


PARTS = _parts()


def _ranked(path: Sequence[Any], linked: bool) -> list[str]:
    """The parts a field may play, likely ones first."""
    leaf = str(path[-1]).lower()
    likely = [name for expression, names in _HINTS if re.search(expression, leaf) for name in names]
    if linked:
        likely = ["url", "path", *likely]
    order = [*likely, "token", "more", "done", "url", "page", "next_page", "pages", "total", "count", "size"]
    order += ["offset", "next_offset", "links", "mapping", "path", "page0", "keep", "steady", "leave"]
    full: list[str] = []
    for name in dict.fromkeys(order):
        full += [name] if name in _ALWAYS else [f"{name}:{end}" for end in _ENDS]
    return full


@dataclass
class Paging:
    """What else responses of an endpoint hold. `sizes`: records per page. `played`: field to its part."""

    strategy: Any
    sizes: list[int]
    played: dict[tuple[str, tuple[Any, ...]], str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    found: bool = True

    def decorate(self, body: Any, headers: dict[str, str], turn: Turn) -> Any:
        """Set the fields of a page's body and headers; gives the body."""
        turn.names = self.names
        for (root, path), part in self.played.items():
            value = PARTS[part](turn)
            if value is _KEEP:
                continue
            if root == "headers":
                self._header(headers, path, value, turn)
                continue
            target = body if root == "response" else (turn.records[-1] if turn.records else {})
            if value is _ABSENT:
                remove(target, path)
            else:
                put(target, path, value)
        return body

    def _header(self, headers: dict[str, str], path: Sequence[Any], value: Any, turn: Turn) -> None:
        if str(path[0]).lower() == "link":
            if not turn.last:
                headers["Link"] = f'<{turn.link()}>; rel="next", <{turn.url}>; rel="first"'
            else:
                headers["Link"] = f'<{turn.url}>; rel="first"'
        elif value not in (None, _ABSENT):
            headers[str(path[0])] = str(value)

    def following(self, body: Any, headers: Mapping[str, str], turn: Turn, token: Any) -> Any:
        """What the CDK's strategy makes of an answer: the token of the next page, or None."""
        if self.strategy is None:
            return None
        response = requests.Response()
        response.status_code = 200
        response._content = json.dumps(body).encode()
        response.headers = CaseInsensitiveDict(headers)
        setattr(response, _EXTRACTED_RECORD_COUNT, len(turn.records))
        last = turn.records[-1] if turn.records else None
        return self.strategy.next_page_token(response, len(turn.records), last, token)


def _strategy(endpoint: Endpoint) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    paginator = endpoint.retriever.get("paginator") or {}
    row = paginator.get("pagination_strategy") or {}
    parameters = row.get("$parameters") or {}
    size = row.get("page_size")
    if isinstance(size, str) and size.isdigit():
        size = int(size)
    common = {"config": endpoint.config, "parameters": parameters, "page_size": size}
    kind = row.get("type")
    if kind == "PageIncrement":
        first = {name: row[name] for name in ("start_from_page", "inject_on_first_request") if name in row}
        return PageIncrement(**common, **first), row, paginator
    if kind == "OffsetIncrement":
        first = {name: row[name] for name in ("inject_on_first_request",) if name in row}
        return OffsetIncrement(**common, **first), row, paginator
    if kind == "CursorPagination":
        stop = row.get("stop_condition")
        return CursorPaginationStrategy(cursor_value=row["cursor_value"], stop_condition=stop, **common), row, paginator
    return None, row, paginator


def _fields(row: Mapping[str, Any]) -> list[tuple[str, tuple[Any, ...]]]:
    found: list[tuple[str, tuple[Any, ...]]] = []
    for template in (row.get("cursor_value"), row.get("stop_condition")):
        for root in ("response", "headers", "last_record"):
            for path in templates.paths(str(template or ""), root):
                linked = root == "headers" and str(path[0]).lower() == "link"
                found.append((root, ("link",) if linked else path))
    found = list(dict.fromkeys(found))
    return [one for one in found if not any(one[0] == other[0] and _below(other[1], one[1]) for other in found)]


def _below(longer: tuple[Any, ...], shorter: tuple[Any, ...]) -> bool:
    """Whether one path is the beginning of another, which then decides."""
    return len(longer) > len(shorter) and longer[: len(shorter)] == shorter


def _sizes(row: Mapping[str, Any], size: int | None, own: bool, bare: bool) -> Iterator[list[int]]:
    if bare:
        yield [1, 1, 1] if own else [1, 1]
    full = min(size or 2, 300)
    pages = [full, full, 1] if own and full <= 20 else [full, 1]
    if full == 1:
        pages = [1, 1, 0]
    yield pages
    yield [*pages, 0]
    numbers = [int(text) for text in re.findall(r"\d+", str(row.get("cursor_value")) + str(row.get("stop_condition")))]
    for number in numbers:
        if 1 < number <= 1000:
            yield [number, 1]
            yield [number, 1, 0]


def plan(endpoint: Endpoint, at: Sequence[str], page: Callable[[Turn], tuple[Any, list[Any]]]) -> Paging:
    """How the endpoint's answers page. `at` is where records are; `page` makes the bare body and records of a turn."""
    strategy, row, paginator = _strategy(endpoint)
    if strategy is None:
        return Paging(None, [3])
    option = paginator.get("page_token_option") or {}
    linked = option.get("type") == "RequestPath"
    fields = _fields(row) if row["type"] == "CursorPagination" else []
    names = [str(option["field_name"])] if option.get("field_name") else []
    text = f"{row.get('cursor_value', '')} {row.get('stop_condition', '')}"
    names += re.findall(r"([\w$\[\]-]+)=(?!=)", text) if fields else []
    tries = 0
    choices = [
        ["leave", "keep:absent"] if root == "response" and path == tuple(at)[: len(path)] else _ranked(path, linked)
        for root, path in fields
    ]
    if len(choices) > 2:
        choices = [ranked[:9] for ranked in choices]
    combined = sorted(itertools.product(*(enumerate(ranked) for ranked in choices)), key=lambda c: sum(n for n, _ in c))
    for strict in (True, False):
        for sizes in _sizes(row, strategy.get_page_size(), endpoint.own, _is_bare(endpoint, fields)):
            for combination in combined:
                tries += 1
                if tries > _MOST_TRIES:
                    break
                played = {one: part for one, (_, part) in zip(fields, combination, strict=True)}
                paging = Paging(strategy, sizes, played, list(dict.fromkeys(names)))
                if _walks(paging, endpoint, page, linked, strict):
                    return paging
    return Paging(strategy, [2], {}, names, found=False)


def _is_bare(endpoint: Endpoint, fields: Sequence[tuple[str, tuple[Any, ...]]]) -> bool:
    """Whether the whole body is the record although the pagination reads fields of it: then a page is one record."""
    extractor = (endpoint.retriever.get("record_selector") or {}).get("extractor") or {}
    return not extractor.get("field_path") and any(root == "response" for root, _ in fields)


def _walks(
    paging: Paging, endpoint: Endpoint, page: Callable[[Turn], tuple[Any, list[Any]]], linked: bool, strict: bool
) -> bool:
    token: Any = paging.strategy.initial_token
    seen: list[Any] = []
    for number in range(len(paging.sizes)):
        turn = Turn(number, paging.sizes, [], "https://api.example.com/things?limit=2")
        body, turn.records = page(turn)
        headers: dict[str, str] = {}
        try:
            body = paging.decorate(body, headers, turn)
            token = paging.following(body, headers, turn, token)
        except Exception:
            return False
        if turn.last:
            return token is None
        if token is None or token in seen or not _fits(token, linked, strict):
            return False
        seen.append(token)
    return False


def _fits(token: Any, linked: bool, strict: bool) -> bool:
    if isinstance(token, str) and "{{" in token:  # a template that fails gives itself
        return False
    if linked:
        return isinstance(token, str) and f"{MARK}=" in token
    if not strict:
        return True
    return (isinstance(token, int) and not isinstance(token, bool)) or (isinstance(token, str) and "://" not in token)
