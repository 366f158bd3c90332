"""The loop over the pages of a listing, whatever the strategy. It never runs for ever: it stops at a state, a URL or a
page that comes again, at a long row of empty pages, and at `max_pages`. The verdict on the listing then names the
reason. The loop neither sends nor maps: that is `fetch` and `emit`."""

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
"""Empty pages in a row, each with a next page, that are borne before the listing is called broken."""

MAX_KNOWN = 65_536
"""States of which each is remembered. Later ones are compared with one that moves on ever more slowly: a cycle of any
length is found, within twice its length."""


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


@dataclass(slots=True)
class Turn:
    """One page that is wanted: what it puts into a request, what templates may know of it, and which of its records are
    to be emitted. `read` is the state after the parts of its answer that were read."""

    strategy: Strategy
    state: Any
    delivered: "Delivered | None" = None
    read: Any = None

    def __post_init__(self) -> None:
        self.read = self.state

    def __call__(self, draft: Draft) -> None:
        """Make the draft the request for the page."""
        self.strategy.place(self.state, draft)

    def names(self, scope: Scope) -> Scope:
        """The names for templates besides those of `scope`: `page` (unless the call has a value of that name), and what
        a restart gives."""
        known: Any = self.strategy
        own = known.names(self.state, scope) if isinstance(known, Ending | Restarting) else {}
        page = {"first": self.state is None, "size": getattr(known, "size", None), **own}
        params = known.params(self.state) if isinstance(known, Restarting) else {}
        return {"page": page} | scope | params

    def take_part(self, answer: Answer) -> Answer:
        """A part of a long answer that is not its last one, with only the records that were not emitted before the
        listing began again."""
        records = self.find_fresh(answer)
        if isinstance(self.strategy, Restarting):
            self.read = self.strategy.add_part(self.read, answer)
        return replace(answer, records=records)

    def find_fresh(self, answer: Answer) -> list[Any]:
        """The records of an answer that were not emitted before the listing began again."""
        records = answer.records
        if isinstance(self.strategy, Restarting):
            records = self.strategy.fresh(self.state, answer)
        return records if self.delivered is None else self.delivered.fresh(replace(answer, records=records))


Fetch = Callable[[Turn], Flow[Answer | None]]
"""Fetches one page: is given what places the page in a draft, and the parts of a long answer that come before its last
one (see `Turn.take_part`). Returns the last part, or None when the listing has to begin again."""

Emit = Callable[[Answer, int, Any, Any], Flow[Any]]
"""Receives `(answer, number, next_state, prev_state)` of each page, numbers from 1. Returning True ends the
listing."""


class _Known:
    """The states that were there: the first `MAX_KNOWN` each, then one that is renewed at ever longer distances."""

    def __init__(self) -> None:
        self._marks: set[bytes] = set()
        self._kept = b""
        self._steps = 0
        self._due = 1

    def check_and_remember(self, mark: bytes) -> bool:
        """Whether the state was there before; it is from now on."""
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
    """Fetch page after page, from `state` on (None: from the first), and emit each.

    `delivered` knows the records that were emitted, when the listing may have to begin again (see `Fetch`): they are
    left out then. The listing also stops where it would not end: when the next state was there before, or when the
    page has the same records as the one before it (the vendor ignores what asks for the next page). Such a page is
    emitted without its records.

    The last answer has the verdict on the listing: `completeness`. `seen` and `counts`: see `EndingTally`. The error of
    an answer that does not lead to the next page is raised once the page is emitted.
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
        except (ExpressionError, VendorError) as error:  # the records were read: they are emitted before it is raised
            failure, following, verdict = error, None, _describe_failure(error, guard.number)
        if repeated:
            answer.records.clear()
        told = following
        if isinstance(strategy, Restarting):
            previous, told = strategy.trim_state(previous), strategy.trim_state(following)
        answer.records[:] = turn.find_fresh(answer)
        answer = replace(answer, completeness=verdict, failure=failure)
        enough = yield from emit(answer, guard.number, told, previous)
        if failure is not None:
            raise failure
        if following is None or enough is True:
            return
        state = following


def _find_next(
    settings: Strategy, turn: Turn, answer: Answer, guard: "_Guard", tally: EndingTally, *, repeated: bool
) -> tuple[Any, Completeness | None]:
    """The state of the page after an answer, or None with the verdict on the listing."""
    cut = guard.judge_repetition(answer) if repeated else None
    following = turn.strategy.advance(turn.read, answer) if cut is None else None
    if following is not None and _is_end(settings, turn.state, following, answer):
        following = None
        answer.more.clear()  # that it names itself is the end, whatever it says beside
    if isinstance(settings, Ending):
        tally.add(answer, settings.total(answer), again=repeated)
    cut = cut or guard.judge_next(following, answer)
    if following is None or cut is not None:
        return None, _completeness(settings, tally, answer, cut)
    return following, None


def _describe_failure(error: ExpressionError | VendorError, number: int) -> Completeness:
    """The verdict on a listing of which page `number` may name another one, but in a way that cannot be read."""
    source = f" ({error.text})" if isinstance(error, ExpressionError) and error.text else ""
    reason = f"page {number} does not lead to another page: {error.message}{source}"
    return Completeness("incomplete", reason, hint=error.hint or _NOT_READ)


class _Guard:
    """Finds where a listing would not end. `number` is that of the last page."""

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
        """The verdict on a page that repeats the one before it; None if it may rightly be that one."""
        if _first_again(self._settings, self.number):
            return None
        return Completeness(
            "incomplete", f"page {self.number} has the same records as page {self.number - 1}", hint=_IGNORED
        )

    def judge_next(self, following: Any, answer: Answer) -> Completeness | None:
        """The verdict where the next page was there before, and where there are too many; None if the listing may
        continue."""
        self._empty = 0 if answer.count else self._empty + 1
        starts = isinstance(following, dict) and following.get("at", 0) is None  # the first page of a restart
        # It may rightly begin with what came last.
        self._before = [] if starts else list(answer.records)
        if following is None:
            return None
        if self._known.check_and_remember(_fingerprint(following)) or _asked_for(following, answer):
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
    """The verdict on a listing that ended, or was `cut` where it would not end."""
    if not isinstance(settings, Ending):
        return cut or Completeness("complete")
    judged = tally.judge(answer, settings.full_size(answer))
    return judged if cut is None else replace(cut, settings=judged.settings)


class Delivered:
    """The records that were emitted, by what tells them apart: the expression `key`."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.known = KnownRecords()

    def fresh(self, answer: Answer) -> list[Any]:
        """The records of an answer that were not emitted; from now on they were."""
        marks = [fingerprint_of(self._key, record, answer.scope) for record in answer.records]
        new = dict.fromkeys(mark for mark in marks if self.known.add(base64.urlsafe_b64decode(mark)))
        return [record for record, mark in zip(answer.records, marks, strict=True) if mark in new]


_REPEATED = (
    "check where `pagination` takes the next page from; if a page that names itself is the last one, set "
    "`end_on_repeat: true`"
)
_IGNORED = "check the parameter names in `pagination`; for an operation without pages, set `pagination: {format: none}`"
_STUCK = "sort the listing by what `restart.set` filters by; more records than the cap may share one value"
_NOT_READ = "check where `pagination` takes the next page from, and what the vendor answered"
_LIMIT = "if the listing is that long, raise `max_pages` in `pagination`; otherwise add a `stop` rule"


def _is_end(settings: Strategy, state: Any, following: Any, answer: Answer) -> bool:
    """Whether an answer that names its own page as the next one means the end."""
    if not isinstance(settings, Ending) or not settings.end_on_repeat:
        return False
    same = state is not None and _fingerprint(state) == _fingerprint(following)
    return same or _asked_for(following, answer)


def _asked_for(following: Any, answer: Answer) -> bool:
    """Whether the next page's URL is the one that was just asked for."""
    if isinstance(following, dict) and "stretch" in following:
        following = following["at"]
    url = following.get("url") if isinstance(following, dict) else None
    if not isinstance(url, str):
        return False
    asked = answer.request.url
    return same_url(url, asked) or same_url(url, str(answer.sent.get("url") or asked), with_credential=asked)


def _first_again(settings: Strategy, number: int) -> bool:
    """Whether page 2 may rightly be page 1: the first was asked for without its number, and the vendor counts from what
    is thought to be the second. It is delivered once."""
    return number == 2 and getattr(settings, "first_sent", True) is False


def _fingerprint(state: Any) -> bytes:
    text = json.dumps(_bare(state), sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _bare(state: Any) -> Any:
    """A state without counts of what came before: they tell nothing about where the page is."""
    if not isinstance(state, dict):
        return state
    if isinstance(state.get("stretch"), dict):
        return {"at": _bare(state.get("at")), "set": state["stretch"].get("set")}
    if state.keys() == {"outer", "inner"}:
        return {name: _bare(part) for name, part in state.items()}
    return {name: value for name, value in state.items() if name not in ("seen", "width")}
