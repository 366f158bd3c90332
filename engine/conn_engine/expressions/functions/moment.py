"""The time and the randomness of one evaluation, for the functions that need them. They come from nowhere else."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

__all__ = ["EvaluationContext"]


class EvaluationContext:
    """`now` in Unix seconds, the same throughout the evaluation, and a source of chance. An implementation whose row
    says `moment` has it as its first parameter."""

    def __init__(self, now: float, seed: int | None) -> None:
        self.now = now
        self._seed = seed

    @cached_property
    def chance(self) -> "Random":
        """Repeatable when the evaluation has a seed; else the system's."""
        from random import Random, SystemRandom

        return SystemRandom() if self._seed is None else Random(self._seed)  # noqa: S311
