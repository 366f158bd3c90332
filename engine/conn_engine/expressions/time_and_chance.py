"""The time and the chance that expressions see: those of the run, or fixed for a block of code."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count

from conn_engine.wire import get_clock

__all__ = ["any_seed", "fixed_now", "fixed_seed", "read_time", "same_chance"]

_now: ContextVar[float | None] = ContextVar("now", default=None)
_seeds: ContextVar[Iterator[int] | None] = ContextVar("seeds", default=None)
_series: ContextVar[Iterator[int] | None] = ContextVar("series", default=None)
_FAR = 1 << 32
"""Between the seeds of two series, so that they never meet."""


@contextmanager
def fixed_now(seconds: float) -> Iterator[None]:
    """Fix what `$now` and `$millis` say for a block of code (this thread or task only). `seconds` are Unix
    time.

    Chance is fixed with it: the first evaluation of the block has seed 1, the next 2, and so on. What `any_seed` gives
    does not depend on how many evaluations there were: a request's chance is the same whatever mappings come before it.
    """
    token, seeds, series = _now.set(seconds), _seeds.set(count(1)), _series.set(count(_FAR, _FAR))
    try:
        yield
    finally:
        _now.reset(token)
        _seeds.reset(seeds)
        _series.reset(series)


@contextmanager
def same_chance(seed: int) -> Iterator[None]:
    """Let chance repeat itself: evaluations of the block have the seeds that follow `seed`, whenever it is run."""
    seeds = _seeds.set(count(seed))
    try:
        yield
    finally:
        _seeds.reset(seeds)


def any_seed() -> int:
    """A seed of this moment for `same_chance`; inside a `fixed_now` the one that is due."""
    series = _series.get()
    return secrets.randbits(62) if series is None else next(series)


def read_time() -> float:
    """The time that expressions see, in Unix seconds: what `fixed_now` has set, else that of the run's clock."""
    fixed = _now.get()
    return get_clock().now() if fixed is None else fixed


def fixed_seed() -> int | None:
    """The seed of the next evaluation inside a `fixed_now` or `same_chance`; None when chance is real."""
    seeds = _seeds.get()
    return None if seeds is None else next(seeds)
