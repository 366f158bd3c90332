"""Estimate how often a sync runs, and how its requests relate to the budgets of `rate_limit`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from conn_engine.config import Effective, OperationName
from conn_engine.diagnostics import pluralize
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.runtime.unified import vendor_behind
from conn_engine.syncs.schedule import Schedule

__all__ = ["count_runs", "describe_budgets"]


@lru_cache(64)
def count_runs(schedule: Schedule, start: float) -> int:
    """Return how often a schedule starts a run in the day after a moment, in Unix seconds. Raises ScheduleError."""
    moment = datetime.fromtimestamp(start, UTC)
    end, count = moment + timedelta(days=1), 0
    while (moment := schedule.find_next(moment)) <= end:
        count += 1
    return count


def describe_budgets(effective: Effective, operation: OperationName, requests: int) -> Iterator[str]:
    """Yield what each budget that applies to an operation means for a run with this number of requests."""
    try:
        limit = vendor_behind(effective, operation).rate_limit
    except (ConfigurationError, UsageError):
        return
    for budget in () if limit is None else limit.budget:
        name = budget.name or f"{pluralize(budget.requests, 'request')} per {budget.per_seconds:g} s"
        rounds = max(requests - 1, 0) // budget.requests
        seconds = f": a run waits at least {rounds * budget.per_seconds:,.0f} s" if rounds else ""
        shared = ", shared by all accounts" if budget.scope == "connector" else ""
        yield f"{requests:,} of {name}{shared}{seconds}"
