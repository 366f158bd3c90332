"""The time and the randomness of one evaluation, for the functions that need them. They come from nowhere else.

The evaluator enters a moment before it evaluates an expression that names such a function.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

__all__ = ["Moment", "current", "entered"]


class Moment:
    """`now` in Unix seconds, the same throughout the evaluation, and a source of chance."""

    def __init__(self, now: float, seed: int | None) -> None:
        self.now = now
        self._seed = seed

    @cached_property
    def chance(self) -> "Random":
        """Repeatable when the evaluation has a seed; else the system's."""
        from random import Random, SystemRandom

        return SystemRandom() if self._seed is None else Random(self._seed)  # noqa: S311


_current: ContextVar[Moment] = ContextVar("moment")


def current() -> Moment:
    """The moment of the evaluation under way. Raises LookupError outside of one."""
    return _current.get()


@contextmanager
def entered(now: float, seed: int | None) -> Iterator[None]:
    """The time and the randomness of the evaluation in a block of code."""
    token = _current.set(Moment(now, seed))
    try:
        yield
    finally:
        _current.reset(token)
