"""Keep to the budgets of `rate_limit`, and slow down when the vendor reports that little is left.

This module counts and returns how long to wait; the driver waits. Threads and event loops may share one `Budgets`.
`BudgetStore` is the interface of what counts, for processes that share budgets in a database.
"""

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, ClassVar, Final, Protocol

from conn_engine.documents import wildcards
from conn_engine.responses.ratelimit.settings import Budget, RateLimit
from conn_engine.urls import split_plain_url
from conn_engine.wire import Request

__all__ = [
    "LITTLE_LEFT",
    "SHORTEST_PAUSE",
    "BudgetStore",
    "Budgets",
    "Charge",
    "build_budget_key",
    "find_budgets",
    "has_budgets",
]

SHORTEST_PAUSE: Final = 0.001
"""A pause below the clock's precision would have no effect."""
LITTLE_LEFT: Final = "little of the rate limit is left"
"""The reason of a pause because the vendor reports so."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Whose request it is, and for which operation (resource.method). `base_path` is the path of base_url."""

    connector: str
    account: str
    operation: str
    base_path: str = ""


class BudgetStore(Protocol):
    """Counts the requests that are sent. Threads may share one."""

    @property
    def blocks(self) -> bool:
        """Whether it waits for a database."""
        ...

    def admit(self, settings: RateLimit | None, charge: Charge, request: Request, now: float) -> tuple[float, str]:
        """Count a request as sent at `now` (Unix seconds) and return 0, or return the seconds until it may be tried
        again and the reason, without counting it."""
        ...

    def slow(self, charge: Charge, pace: float | None, now: float) -> None:
        """Keep the account's requests `pace` seconds apart from now on; None removes the limit."""
        ...


@dataclass(slots=True)
class _Pace:
    """When the next request may be sent, and the seconds between the ones after it."""

    due: float
    seconds: float


@dataclass(slots=True)
class Budgets:
    """The requests sent so far, for every budget. `shared` counts for budgets that accounts share."""

    blocks: ClassVar[bool] = False
    shared: "Budgets | None" = None
    _sent: dict[Hashable, deque[float]] = field(default_factory=dict)
    _paces: dict[Hashable, _Pace] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def admit(self, settings: RateLimit | None, charge: Charge, request: Request, now: float) -> tuple[float, str]:
        """Count a request as sent at `now` (Unix seconds) and return 0, or return the seconds until it may be tried
        again and the reason, without counting it."""
        if settings is None or not (settings.budget or settings.slow_when_remaining):
            return 0.0, ""
        counted = [(build_budget_key(budget, charge), budget) for budget in find_budgets(settings, charge, request)]
        shared_budgets = [pair for pair in counted if pair[1].scope == "connector"] if self.shared is not None else []
        account_budgets = [pair for pair in counted if pair not in shared_budgets]
        with self._lock:
            pause, reason = max((self._compute_slowdown(charge, now), self._find_longest_pause(account_budgets, now)))
            if pause <= 0 and self.shared is not None and shared_budgets:
                pause, reason = self.shared._take(shared_budgets, now)
            if pause > 0:
                return max(pause, SHORTEST_PAUSE), reason
            self._count(account_budgets, now)
            pace = self._paces.get(charge.account)
            if pace is not None:
                pace.due = now + pace.seconds
        return 0.0, ""

    def slow(self, charge: Charge, pace: float | None, now: float) -> None:
        """Keep the account's requests `pace` seconds apart from now on; None removes the limit."""
        with self._lock:
            if pace is None:
                self._paces.pop(charge.account, None)
            else:
                self._paces[charge.account] = _Pace(now + pace, pace)

    def _take(self, pairs: Sequence[tuple[Hashable, Budget]], now: float) -> tuple[float, str]:
        with self._lock:
            pause, reason = self._find_longest_pause(pairs, now)
            if pause <= 0:
                self._count(pairs, now)
            return pause, reason

    def _compute_slowdown(self, charge: Charge, now: float) -> tuple[float, str]:
        pace = self._paces.get(charge.account)
        if pace is None:
            return 0.0, ""
        return min(pace.due - now, pace.seconds), LITTLE_LEFT  # min: in case the clock was set back

    def _find_longest_pause(self, pairs: Sequence[tuple[Hashable, Budget]], now: float) -> tuple[float, str]:
        worst = (0.0, "")
        for key, budget in pairs:
            times = self._sent.get(key)
            if times is not None and len(times) == budget.requests:
                pause = min(times[0] + budget.per_seconds - now, budget.per_seconds)
                worst = max(worst, (pause, f"the budget of {budget}"))
        return worst

    def _count(self, pairs: Sequence[tuple[Hashable, Budget]], now: float) -> None:
        for key, budget in pairs:
            self._sent.setdefault(key, deque(maxlen=budget.requests)).append(now)


def find_budgets(settings: RateLimit, charge: Charge, request: Request) -> list[Budget]:
    """Return the budgets that a request counts against. One that is repeated counts once."""
    return list(dict.fromkeys(budget for budget in settings.budget if _applies(budget, charge, request)))


def has_budgets(data: Any) -> bool:
    """Return whether any `rate_limit` in raw data counts requests."""
    if isinstance(data, list):
        return any(map(has_budgets, data))
    if not isinstance(data, dict):
        return False
    settings = data.get("rate_limit")
    if isinstance(settings, dict) and (settings.get("budget") or settings.get("slow_when_remaining")):
        return True
    return any(map(has_budgets, data.values()))


def build_budget_key(budget: Budget, charge: Charge) -> Hashable:
    """Return what identifies a budget: requests with the same key count together."""
    if budget.scope == "connector":
        return (charge.connector, budget)
    if budget.scope == "operation":
        return (charge.connector, charge.account, charge.operation, budget)
    return (charge.connector, charge.account, budget)


def _applies(budget: Budget, charge: Charge, request: Request) -> bool:
    if budget.methods and request.method not in {method.upper() for method in budget.methods}:
        return False
    if budget.operations and not any(wildcards.is_match(name, charge.operation) for name in budget.operations):
        return False
    if budget.path is None:
        return True
    path = split_plain_url(request.url).path
    return wildcards.is_match(budget.path, path) or wildcards.is_match(budget.path, path.removeprefix(charge.base_path))
