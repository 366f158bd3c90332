"""The loop over the pages of a listing, whatever the strategy. It never runs for ever: a state, a URL or a
page that comes again is an error, and so is a long row of empty pages. It neither sends nor maps: that is
`fetch` and `emit`."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Protocol

from conn_engine.errors import VendorError
from conn_engine.pagination.next_url import same_url
from conn_engine.strategies import Answer, Draft
from conn_engine.wire import Flow

__all__ = ["MAX_EMPTY_PAGES", "Emit", "Fetch", "Strategy", "pages"]

MAX_EMPTY_PAGES = 1_000
"""Empty pages in a row, each with a next page, that are borne before the listing is called broken."""


class Strategy(Protocol):
    """How a listing goes on. States are JSON values; None is the first page, or the end."""

    def place(self, state: Any, draft: Draft) -> None:
        """Make the draft the request for the page of `state`."""
        ...

    def advance(self, state: Any, answer: Answer) -> Any:
        """State of the page after this answer; None at the end."""
        ...

    def retreat(self, state: Any, answer: Answer) -> Any:
        """State of the page before this answer; None when there is none or it is not known."""
        ...


Fetch = Callable[[Callable[[Draft], None]], Flow[Answer]]
"""Fetches one page: is given what places the page in a draft."""

Emit = Callable[[Answer, int, Any, Any], Flow[Any]]
"""Receives `(answer, number, next_state, prev_state)` of each page, numbers from 1. Returning True ends the
listing."""


def pages(strategy: Strategy, fetch: Fetch, emit: Emit, state: Any = None) -> Flow[None]:
    """Fetch page after page, from `state` on (None: from the first), and emit each.

    Raises VendorError(bad_response), before the page is emitted, when the next state was there before, or
    when the page has the same records as the one before it (the vendor ignores what asks for the next page).
    """
    known = set() if state is None else {_fingerprint(state)}
    before: list[Any] = []
    empty = 0
    number = 0
    while True:
        number += 1
        answer = yield from fetch(lambda draft, at=state: strategy.place(at, draft))  # type: ignore[misc]
        if answer.records and answer.records == before:
            raise _broken(answer, f"page {number} has the same records as page {number - 1}", _IGNORED)
        following = strategy.advance(state, answer)
        if following is not None:
            mark = _fingerprint(following)
            if mark in known or same_url(_url(following), answer.request.url):
                raise _broken(answer, f"page {number} names a next page that was there before", _REPEATED)
            known.add(mark)
        empty = 0 if answer.records else empty + 1
        if empty >= MAX_EMPTY_PAGES and following is not None:
            raise _broken(answer, f"{empty} empty pages in a row", _REPEATED)
        enough = yield from emit(answer, number, following, strategy.retreat(state, answer))
        if following is None or enough is True:
            return
        before, state = answer.records, following


_REPEATED = "the listing would never end: check where `pagination` takes the next page from, or add a `stop` rule"
_IGNORED = "check the parameter names in `pagination`; an operation that is not paged says `pagination: {format: none}`"


def _broken(answer: Answer, message: str, hint: str) -> VendorError:
    return VendorError(
        f"pagination: {message}",
        kind="bad_response",
        request=answer.request,
        response=answer.response,
        hint=hint,
    )


def _url(state: Any) -> str:
    return str(state["url"]) if isinstance(state, dict) and "url" in state else ""


def _fingerprint(state: Any) -> bytes:
    if isinstance(state, dict):  # counts of what came before tell nothing about where the page is
        state = {name: value for name, value in state.items() if name not in ("seen", "width")}
    text = json.dumps(state, sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
