"""Keeping to the budgets of `rate_limit`, and going slower when the vendor says that little is left.

It counts and tells how long to wait; the waiting is the driver's. Threads and event loops may share one `Budgets`.
"""

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from conn_engine.documents import wildcards
from conn_engine.responses.ratelimit.settings import Budget, RateLimit
from conn_engine.urls import split_plain_url
from conn_engine.wire import Request

__all__ = ["Budgets", "Charge"]

_SHORTEST = 0.001  # a pause below the clock's own precision would only be repeated


@dataclass(frozen=True, slots=True)
class Charge:
    """Whose request it is, and of which operation (resource.method). `base_path` is the path of base_url."""

    connector: str
    account: str
    operation: str
    base_path: str = ""


@dataclass(slots=True)
class _Pace:
    """The next moment at which a request may go, and how far the ones after it are apart."""

    due: float
    seconds: float


@dataclass(slots=True)
class Budgets:
    """What has been asked so far, for every budget. `shared` counts for the budgets that accounts share."""

    shared: "Budgets | None" = None
    _sent: dict[Hashable, deque[float]] = field(default_factory=dict)
    _paces: dict[Hashable, _Pace] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def admit(self, settings: RateLimit | None, charge: Charge, request: Request, now: float) -> tuple[float, str]:
        """Count a request as sent at `now` (Unix seconds) and return 0; or the seconds until it may be tried again
        and why, and count nothing."""
        if settings is None or not (settings.budget or settings.slow_when_remaining):
            return 0.0, ""
        fitting = dict.fromkeys(budget for budget in settings.budget if _fits(budget, charge, request))
        counted = [(_key(budget, charge), budget) for budget in fitting]  # one said twice is one
        common = [pair for pair in counted if pair[1].scope == "connector"] if self.shared is not None else []
        own = [pair for pair in counted if pair not in common]
        with self._lock:
            pause, reason = max((self._compute_slowdown(charge, now), self._full(own, now)))
            if pause <= 0 and self.shared is not None and common:
                pause, reason = self.shared._take(common, now)
            if pause > 0:
                return max(pause, _SHORTEST), reason
            self._count(own, now)
            pace = self._paces.get(charge.account)
            if pace is not None:
                pace.due = now + pace.seconds
        return 0.0, ""

    def slow(self, charge: Charge, pace: float | None, now: float) -> None:
        """Keep requests of the account `pace` seconds apart from now on; None lifts it."""
        with self._lock:
            if pace is None:
                self._paces.pop(charge.account, None)
            else:
                self._paces[charge.account] = _Pace(now + pace, pace)

    def _take(self, pairs: Sequence[tuple[Hashable, Budget]], now: float) -> tuple[float, str]:
        with self._lock:
            pause, reason = self._full(pairs, now)
            if pause <= 0:
                self._count(pairs, now)
            return pause, reason

    def _compute_slowdown(self, charge: Charge, now: float) -> tuple[float, str]:
        pace = self._paces.get(charge.account)
        if pace is None:
            return 0.0, ""
        return min(pace.due - now, pace.seconds), "little is left of the rate limit"  # min: the clock went back

    def _full(self, pairs: Sequence[tuple[Hashable, Budget]], now: float) -> tuple[float, str]:
        worst = (0.0, "")
        for key, budget in pairs:
            sent = self._sent.get(key)
            if sent is not None and len(sent) == budget.requests:
                pause = min(sent[0] + budget.per_seconds - now, budget.per_seconds)
                worst = max(worst, (pause, f"the budget of {budget}"))
        return worst

    def _count(self, pairs: Sequence[tuple[Hashable, Budget]], now: float) -> None:
        for key, budget in pairs:
            self._sent.setdefault(key, deque(maxlen=budget.requests)).append(now)


def _key(budget: Budget, charge: Charge) -> Hashable:
    if budget.scope == "connector":
        return (charge.connector, budget)
    if budget.scope == "operation":
        return (charge.connector, charge.account, charge.operation, budget)
    return (charge.connector, charge.account, budget)


def _fits(budget: Budget, charge: Charge, request: Request) -> bool:
    if budget.methods and request.method not in {method.upper() for method in budget.methods}:
        return False
    if budget.operations and not any(wildcards.is_match(name, charge.operation) for name in budget.operations):
        return False
    if budget.path is None:
        return True
    path = split_plain_url(request.url).path
    return wildcards.is_match(budget.path, path) or wildcards.is_match(budget.path, path.removeprefix(charge.base_path))
