"""The loop over the pages of a listing, for every strategy. It never runs forever: it stops at a repeated state, URL or
page, at a long series of empty pages, and at `max_pages`; the verdict on the listing then has the reason. The loop
neither sends nor maps: `fetch` and `emit` do."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from conn_engine.errors import ExpressionError, VendorError
from conn_engine.listing.known_records import KnownRecords
from conn_engine.listing.pagination.completeness import EndingTally
from conn_engine.listing.pagination.ending import MAX_PAGES, Ending
from conn_engine.listing.pagination.next_url import same_url
from conn_engine.listing.pagination.restarting import Restarting, fingerprint_of
from conn_engine.settings import Answer, Draft, Scope
from conn_engine.wire import Completeness, Flow

__all__ = ["MAX_EMPTY_PAGES", "Delivered", "Emit", "Fetch", "Strategy", "Turn", "pages"]

MAX_EMPTY_PAGES = 1_000
"""Maximum number of consecutive empty pages that each have a next page."""

MAX_KNOWN = 65_536
"""States that are remembered individually. Later ones are compared with one that is replaced at increasing intervals,
which finds a cycle of any length within twice its length."""


class Strategy(Protocol):
    """How a listing continues. States are JSON values; None is the first page, or the end."""

    def place(self, state: Any, draft: Draft) -> None:
        """Turn the draft into the request for the page of `state`."""
        ...

    def advance(self, state: Any, answer: Answer) -> Any:
        """Return the state of the page after this response; None at the end."""
        ...

    def retreat(self, state: Any, answer: Answer) -> Any:
        """Return the state of the page before this response; None if there is none or it is unknown."""
        ...


@dataclass(slots=True)
class Turn:
    """One requested page: what it adds to a request, what templates see of it, and which of its records to emit. `read`
    is the state after the parts of its response that were read."""

    strategy: Strategy
    state: Any
    delivered: "Delivered | None" = None
    read: Any = None

    def __post_init__(self) -> None:
        self.read = self.state

    def __call__(self, draft: Draft) -> None:
        """Turn the draft into the request for the page."""
        self.strategy.place(self.state, draft)

    def names(self, scope: Scope) -> Scope:
        """Return the names for templates, in addition to `scope`: `page` (unless the call has a value of that name),
        and the names of a restart."""
        strategy: Any = self.strategy
        page_names = strategy.names(self.state, scope) if isinstance(strategy, Ending | Restarting) else {}
        page = {"first": self.state is None, "size": getattr(strategy, "size", None), **page_names}
        params = strategy.params(self.state) if isinstance(strategy, Restarting) else {}
        return {"page": page} | scope | params

    def take_part(self, answer: Answer) -> Answer:
        """Return a part of a long response, but not the last one, with only the records that were not emitted before
        the listing was restarted."""
        records = self.find_fresh(answer)
        if isinstance(self.strategy, Restarting):
            self.read = self.strategy.add_part(self.read, answer)
        return replace(answer, records=records)

    def find_fresh(self, answer: Answer) -> list[Any]:
        """Return the records of a response that were not emitted before the listing was restarted."""
        records = answer.records
        if isinstance(self.strategy, Restarting):
            records = self.strategy.fresh(self.state, answer)
        return records if self.delivered is None else self.delivered.fresh(replace(answer, records=records))


Fetch = Callable[[Turn], Flow[Answer | None]]
"""Fetches one page. It is given what adds the page to a draft, and passes the parts of a long response before the last
one to `Turn.take_part`. Returns the last part, or None if the listing must restart."""

Emit = Callable[[Answer, int, Any, Any], Flow[Any]]
"""Receives `(answer, number, next_state, prev_state)` of each page, with numbers from 1. Returning True ends the
listing."""


class _Known:
    """The states that occurred: the first `MAX_KNOWN` individually, then one that is replaced at increasing
    intervals."""

    def __init__(self) -> None:
        self._marks: set[bytes] = set()
        self._kept = b""
        self._steps = 0
        self._due = 1

    def check_and_remember(self, mark: bytes) -> bool:
        """Return whether the state was seen before, and remember it."""
        if mark in self._marks or mark == self._kept:
            return True
        if len(self._marks) < MAX_KNOWN:
            self._marks.add(mark)
            return False
        self._steps += 1
        if self._steps >= self._due:
            self._kept, self._steps, self._due = mark, 0, self._due * 2
        return False


def pages(
    settings: Strategy,
    fetch: Fetch,
    emit: Emit,
    state: Any = None,
    delivered: "Delivered | None" = None,
    *,
    seen: set[str] | None = None,
    counts: bool = True,
) -> Flow[None]:
    """Fetch page after page, starting at `state` (None: at the first), and emit each.

    `delivered` knows the emitted records if the listing may have to restart (see `Fetch`); they are then left out. The
    listing also stops where it would not end: when the next state occurred before, or when the page has the same
    records as the one before it (the vendor ignores the parameter for the next page). Such a page is emitted without
    its records.

    The last response has the verdict on the listing: `completeness`. For `seen` and `counts`, see `EndingTally`. The
    error of a response that does not lead to the next page is raised after the page is emitted.
    """
    restart = settings.restart if isinstance(settings, Ending) else None
    strategy: Strategy = Restarting(settings, restart) if restart and isinstance(settings, Ending) else settings
    guard = _Guard(settings, state)
    seen = set() if seen is None else seen
    tally = _tally_of(settings, seen, resumed=state is not None, counts=counts)
    while True:
        turn = Turn(strategy, state, delivered)
        answer = yield from fetch(turn)
        if answer is None:
            state = None
            guard.restart()
            tally = _tally_of(settings, seen, resumed=False, counts=counts)
            continue
        repeated = guard.count_page(answer)
        following = previous = failure = None
        try:
            following, verdict = _find_next(settings, turn, answer, guard, tally, repeated=repeated)
            previous = strategy.retreat(state, answer)
        except (
            ExpressionError,
            VendorError,
        ) as error:  # the records were read, so they are emitted before it is raised
            failure, following, verdict = error, None, _describe_failure(error, guard.number)
        if repeated:
            answer.records.clear()
        next_state = following
        if isinstance(strategy, Restarting):
            previous, next_state = strategy.trim_state(previous), strategy.trim_state(following)
        answer.records[:] = turn.find_fresh(answer)
        answer = replace(answer, completeness=verdict, failure=failure)
        is_done = yield from emit(answer, guard.number, next_state, previous)
        if failure is not None:
            raise failure
        if following is None or is_done is True:
            return
        state = following


def _find_next(
    settings: Strategy, turn: Turn, answer: Answer, guard: "_Guard", tally: EndingTally, *, repeated: bool
) -> tuple[Any, Completeness | None]:
    """Return the state of the page after a response, or None with the verdict on the listing."""
    cut = guard.judge_repetition(answer) if repeated else None
    following = turn.strategy.advance(turn.read, answer) if cut is None else None
    if following is not None and _is_end(settings, turn.state, following, answer):
        following = None
        answer.more.clear()  # naming itself is the end, whatever else it reports
    if isinstance(settings, Ending):
        tally.add(answer, settings.total(answer), again=repeated)
    cut = cut or guard.judge_next(following, answer)
    if following is None or cut is not None:
        return None, _completeness(settings, tally, answer, cut)
    return following, None


def _describe_failure(error: ExpressionError | VendorError, number: int) -> Completeness:
    """Return the verdict on a listing whose page `number` may name another page in an unreadable way."""
    source = f" ({error.text})" if isinstance(error, ExpressionError) and error.text else ""
    reason = f"page {number} does not lead to another page: {error.message}{source}"
    return Completeness("incomplete", reason, hint=error.hint or _NOT_READ)


class _Guard:
    """Detects a listing that would not end. `number` is that of the last page."""

    def __init__(self, settings: Strategy, state: Any) -> None:
        self._settings = settings
        self._limit = settings.max_pages if isinstance(settings, Ending) else MAX_PAGES
        self.number = 0
        self.restart(state)

    def restart(self, state: Any = None) -> None:
        """Forget the pages so far: the listing starts at `state`."""
        self._known = _Known()
        self._before: list[Any] = []
        self._empty = 0
        if state is not None:
            self._known.check_and_remember(_fingerprint(state))

    def count_page(self, answer: Answer) -> bool:
        """Count a page. Return whether it has the records of the one before it."""
        self.number += 1
        return bool(answer.records) and answer.records == self._before

    def judge_repetition(self, answer: Answer) -> Completeness | None:
        """Return the verdict on a page that repeats the one before it; None if it may validly do so."""
        if _first_again(self._settings, self.number):
            return None
        return Completeness(
            "incomplete", f"page {self.number} has the same records as page {self.number - 1}", hint=_IGNORED
        )

    def judge_next(self, following: Any, answer: Answer) -> Completeness | None:
        """Return the verdict if the next page occurred before or if there are too many pages; None if the listing may
        continue."""
        self._empty = 0 if answer.count else self._empty + 1
        starts = isinstance(following, dict) and following.get("at", 0) is None  # the first page of a restart
        # A restart may validly begin with the last records.
        self._before = [] if starts else list(answer.records)
        if following is None:
            return None
        if self._known.check_and_remember(_fingerprint(following)) or _was_requested(following, answer):
            if starts:
                return Completeness("incomplete", "the listing was restarted and does not advance", hint=_STUCK)
            return Completeness(
                "incomplete", f"page {self.number} names a next page that was there before", hint=_REPEATED
            )
        if self.number >= self._limit:
            if self._limit < MAX_PAGES:
                return Completeness("stopped", f"`max_pages` ({self._limit}) was reached")
            return Completeness("incomplete", f"the listing has more than {self._limit:,} pages", hint=_LIMIT)
        if self._empty >= MAX_EMPTY_PAGES:
            return Completeness("incomplete", f"{self._empty:,} empty pages came in a row", hint=_REPEATED)
        return None


def _tally_of(settings: Strategy, seen: set[str], *, resumed: bool, counts: bool) -> EndingTally:
    if not isinstance(settings, Ending):
        return EndingTally((), (), seen, resumed=resumed, counts=counts)
    # After a restart the vendor counts what its filter lets through.
    counts = counts and settings.restart is None
    return EndingTally(settings.end_keys(), settings.total_keys(), seen, resumed=resumed, counts=counts)


def _completeness(settings: Strategy, tally: EndingTally, answer: Answer, cut: Completeness | None) -> Completeness:
    """Return the verdict on a listing that ended, or was `cut` where it would not end."""
    if not isinstance(settings, Ending):
        return cut or Completeness("complete")
    judged = tally.judge(answer, settings.full_size(answer))
    return judged if cut is None else replace(cut, settings=judged.settings)


class Delivered:
    """The emitted records, distinguished by the expression `key`."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.known = KnownRecords()

    def fresh(self, answer: Answer) -> list[Any]:
        """Return the records of a response that were not emitted, and remember them."""
        marks = [fingerprint_of(self._key, record, answer.scope) for record in answer.records]
        new = dict.fromkeys(mark for mark in marks if self.known.add(base64.urlsafe_b64decode(mark)))
        return [record for record, mark in zip(answer.records, marks, strict=True) if mark in new]


_REPEATED = (
    "check where `pagination` takes the next page from; if a page that names itself is the last one, set "
    "`end_on_repeat: true`"
)
_IGNORED = "check the parameter names in `pagination`; for an operation without pages, set `pagination: {format: none}`"
_STUCK = "sort the listing by what `restart.set` filters by; more records than the cap may share one value"
_NOT_READ = "check where `pagination` takes the next page from, and what the response contains"
_LIMIT = "if the listing is that long, raise `max_pages` in `pagination`; otherwise add a `stop` rule"


def _is_end(settings: Strategy, state: Any, following: Any, answer: Answer) -> bool:
    """Return whether a response that names its own page as the next one means the end."""
    if not isinstance(settings, Ending) or not settings.end_on_repeat:
        return False
    same = state is not None and _fingerprint(state) == _fingerprint(following)
    return same or _was_requested(following, answer)


def _was_requested(following: Any, answer: Answer) -> bool:
    """Return whether the next page's URL is the one that was just requested."""
    if isinstance(following, dict) and "stretch" in following:
        following = following["at"]
    url = following.get("url") if isinstance(following, dict) else None
    if not isinstance(url, str):
        return False
    requested_url = answer.request.url
    return same_url(url, requested_url) or same_url(
        url, str(answer.sent.get("url") or requested_url), with_credential=requested_url
    )


def _first_again(settings: Strategy, number: int) -> bool:
    """Return whether page 2 may validly repeat page 1: the first was requested without its number, and the vendor
    counts from what we take for the second. It is delivered once."""
    return number == 2 and getattr(settings, "first_sent", True) is False


def _fingerprint(state: Any) -> bytes:
    text = json.dumps(_bare(state), sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _bare(state: Any) -> Any:
    """Return a state without its counts of what came before, which do not identify a page."""
    if not isinstance(state, dict):
        return state
    if isinstance(state.get("stretch"), dict):
        return {"at": _bare(state.get("at")), "set": state["stretch"].get("set")}
    if state.keys() == {"outer", "inner"}:
        return {name: _bare(part) for name, part in state.items()}
    return {name: value for name, value in state.items() if name not in ("seen", "width")}
