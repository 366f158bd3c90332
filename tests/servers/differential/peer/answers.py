"""What one endpoint answers: which page of which records a request wants, and the answer to it.

An endpoint whose requests tell a window has one set of records, spread over the whole time; a request gets those of
its window. So a parent is the same in every reading, and a second reading finds just what is new to it.
"""

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from differential.peer import bodies, paging, synthesis, templates, tokens
from differential.peer.endpoints import Endpoint, Seen
from differential.peer.moment import NOW, length
from differential.peer.records import Records
from differential.peer.windows import Windows

__all__ = ["Answers"]

MOST_RECORDS = 40
_FINEST = timedelta(milliseconds=1)


@dataclass
class _Listing:
    """What a request lists: its records as (number, place in time), cut into pages."""

    picks: list[tuple[int, float]]
    sizes: list[int]


class Answers:
    """One endpoint with what is known of its answers."""

    def __init__(self, endpoint: Endpoint, span: timedelta) -> None:
        self.endpoint = endpoint
        self.records = Records(endpoint)
        self.windows = Windows(endpoint)
        self.span = span
        selector = endpoint.retriever.get("record_selector") or {}
        self.extractor = selector.get("extractor") or {}
        self.path = [
            templates.plain(step, endpoint.config, self.extractor.get("$parameters") or {})
            for step in self.extractor.get("field_path") or []
        ]
        grain = length(self.records.sync.get("cursor_granularity")) or _FINEST
        self._all = synthesis.Dates(NOW - span, NOW, self.records.forms, max(grain, _FINEST))
        self.paging = paging.plan(endpoint, self.path, self._trial)
        option = (endpoint.retriever.get("paginator") or {}).get("page_token_option") or {}
        self.places = tokens.places(option, endpoint.requester)

    def _trial(self, turn: paging.Turn) -> tuple[Any, list[Any]]:
        total = sum(turn.sizes)
        return self._page(
            turn, _Listing([(1000 + at, (at + 1) / (total + 1)) for at in range(total)], list(turn.sizes))
        )

    def _page(self, turn: paging.Turn, listing: _Listing) -> tuple[Any, list[Any]]:
        before = sum(listing.sizes[: turn.number])
        picks = listing.picks[before : before + listing.sizes[turn.number]]
        records = [self.records.make(number, place, self._all) for number, place in picks]
        return self._wrap(records), records

    def _wrap(self, records: list[Any]) -> Any:
        if self.extractor.get("type") != "DpathExtractor" or not self.path:
            return records if len(records) != 1 or not self._bare else records[0]
        return bodies.nest(self.path, records, root=True)

    @property
    def _bare(self) -> bool:
        """Whether the body is the one record itself: where answers hold fields beside it."""
        row = (self.endpoint.retriever.get("paginator") or {}).get("pagination_strategy") or {}
        return any(templates.paths(str(row.get(key) or ""), "response") for key in ("cursor_value", "stop_condition"))

    def _listing(self, seen: Seen) -> _Listing:
        seen.base = self._base(seen)
        seed = (zlib.crc32(seen.base.encode()) % 90000 + 10000) * 1000
        sizes = self.paging.sizes
        start, end = self.windows.of(seen)
        seen.window = (start.timestamp() if start else None, end.timestamp() if end else None)
        if start is None:
            if self.endpoint.depth > 1:  # one ancestor is enough: each has children, and these have some of their own
                sizes = self._cut(1)
            elif seed // 1000 % 5 == 4 and not self.endpoint.own:
                sizes = sizes[-1:]
            total = sum(sizes)
            return _Listing([(seed + at, (at + 1) / (total + 1)) for at in range(total)], sizes)
        step = length(self.records.sync.get("step"))
        windows = math.ceil(self.span / step) if step else 1
        full = sizes[0]
        total = min(windows * (2 * full + 1 if self.endpoint.own else full + 1), max(MOST_RECORDS, full + 1))
        places = [(seed + at, (at + 1) / (total + 1)) for at in range(total)]
        picks = [(number, place) for number, place in places if _within(self._all.moment(place), start, end)]
        return _Listing(picks, self._cut(len(picks)))

    def _cut(self, count: int) -> list[int]:
        if self.paging.strategy is None or not self.paging.found:
            return [count]
        full, rest = divmod(count, self.paging.sizes[0])
        sizes = [self.paging.sizes[0]] * full + ([rest] if rest else [])
        counted = bool(self._counted) and not rest
        return [*sizes, 0] if not sizes or counted or self.paging.sizes[-1] == 0 else sizes

    def answer(self, seen: Seen, secrets: Sequence[str]) -> tuple[Any, dict[str, str]]:
        """Body (data) and headers for a request."""
        number, token = self._number(seen)
        listing = self._listing(seen)
        if number >= len(listing.sizes):  # beyond the end nothing is left
            listing.sizes = [*listing.sizes, 0]
            number = len(listing.sizes) - 1
        turn = paging.Turn(number, listing.sizes, [], _without(seen.origin + seen.target, secrets))
        body, turn.records = self._page(turn, listing)
        seen.page, seen.count = number, len(turn.records)
        headers: dict[str, str] = {}
        body = self.paging.decorate(body, headers, turn)
        if isinstance(body, list | dict):
            following = self._following(body, headers, turn, token)
            if following is not None:
                for place in self.places:
                    place.remember(following, number + 1, self.endpoint.config, self.endpoint.parameters)
        return body, headers

    def _following(self, body: Any, headers: dict[str, str], turn: paging.Turn, token: Any) -> Any:
        if token is None and self.paging.strategy is not None:
            token = self.paging.strategy.initial_token
        try:
            return self.paging.following(body, headers, turn, token)
        except Exception:
            return None

    def _number(self, seen: Seen) -> tuple[int, Any]:
        marked = dict(seen.query).get(paging.MARK, "")
        if marked.isdigit():
            return int(marked), None
        for place in self.places:
            found = place.number(seen)
            if found is not None:
                return found
        if self._counted and any(place.holds(seen, self._counted) for place in self.places):
            return MOST_RECORDS, None
        return 0, None

    @property
    def _counted(self) -> set[str]:
        """What the place of a page number or offset may hold for the first page; empty for other paginations."""
        row = (self.endpoint.retriever.get("paginator") or {}).get("pagination_strategy") or {}
        first = {"PageIncrement": row.get("start_from_page") or 0, "OffsetIncrement": 0}
        return {str(first[row["type"]])} if row.get("type") in first else set()

    def _base(self, seen: Seen) -> str:
        """The request without what says which page and which window."""
        linked = {paging.MARK, *self.paging.names} if any(name == paging.MARK for name, _ in seen.query) else set()
        query = dict(sorted((name, value) for name, value in seen.query if name not in linked))
        body: Any = json.loads(json.dumps(seen.data), parse_float=_number) if seen.data is not None else None
        path = self.windows.erase(query, body, seen.path)
        for place in self.places:
            path = place.base(query, body, path)
        kept = {name: value for name, value in query.items() if "/" in name or (name and value not in ("", "None"))}
        told = [(name.lower(), value) for name, value in seen.headers if name.lower() in self.endpoint.parted]
        return json.dumps([path, kept, body or None, *sorted(told)], sort_keys=True, default=str)

    def forget(self) -> None:
        """No token was handed out."""
        for place in self.places:
            place.rendered = {}


def _number(text: str) -> int | float:
    return int(float(text)) if float(text).is_integer() else float(text)


def _within(moment: datetime, start: datetime, end: datetime | None) -> bool:
    return start <= moment and (end is None or moment <= end)


def _without(url: str, secrets: Sequence[str]) -> str:
    """A URL without parameters that hold a secret: vendors leave them out of their links."""
    parts = urlsplit(url)
    kept = [pair for pair in parts.query.split("&") if pair]
    kept = [pair for pair in kept if not any(secret in value for _, value in parse_qsl(pair) for secret in secrets)]
    return parts._replace(query="&".join(kept)).geturl()
