"""What an evaluation and a request depend on besides configuration and data: the time, chance, the evaluator, and where
expressions run that are not trusted. They are values: who runs something passes them, nothing looks them up.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Protocol, TypeAlias

from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = ["USUAL", "Chance", "Conditions", "Isolated", "Names", "Scope", "conditions_of"]

_FAR = 1 << 32
"""Between the seeds of two requests, so that their evaluations never share one."""
_GOLDEN = 0x9E3779B97F4A7C15
_SEEDS = 1 << 61


class Chance:
    """Where random values come from: the machine, or a seed, so that the same run draws the same ones again.

    With a seed, the n-th evaluation has the same seed each time. What requests draw does not depend on how many
    evaluations there were: a request's chance is the same whatever mappings come before it. Threads may share one.
    """

    __slots__ = ("_draws", "_evaluations")

    def __init__(self, seed: int | None = None) -> None:
        start = None if seed is None else seed * _GOLDEN % _SEEDS
        self._evaluations = None if start is None else count(start + 1)
        self._draws = None if start is None else count(start + _FAR, _FAR)

    @classmethod
    def from_draw(cls, drawn: int) -> "Chance":
        """The chance of one request: each time it is made, its evaluations have the seeds that follow `drawn`."""
        made = cls()
        made._evaluations = count(drawn)
        return made

    def evaluation_seed(self) -> int | None:
        """The seed of the next evaluation; None when chance is the machine's."""
        return None if self._evaluations is None else next(self._evaluations)

    def draw(self) -> int:
        """A number that nobody can foresee unless they know the seed, of 62 bits."""
        if self._draws is not None:
            return next(self._draws)
        import secrets

        return secrets.randbits(62)

    def draw_hex(self, size: int) -> str:
        """Random bytes in hexadecimal: a nonce."""
        if self._draws is None:
            import secrets

            return secrets.token_hex(size)
        from random import Random

        return Random(next(self._draws)).randbytes(size).hex()  # noqa: S311


class Isolated(Protocol):
    """Where expressions run that are not trusted (see `expressions.isolation`)."""

    def trusts(self, texts: Collection[str]) -> bool:
        """Whether an expression that is made of these may run here."""
        ...

    def compile(self, text: str, evaluator: str) -> Any:
        """An expression as the evaluator of this name has it, evaluated there (`expressions.Compiled`)."""
        ...

    def audit(self, text: str, data: Any, bindings: Mapping[str, Any] | None) -> list[str]:
        """How the expression came to its value."""
        ...


_MACHINE_CHANCE: Final = Chance()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What evaluations depend on besides their text and data.

    `evaluator` is a name of `expressions.evaluators()`; empty: the preferred one. `isolation` is where expressions run
    that are not trusted; None: here.
    """

    clock: Clock = MACHINE_CLOCK
    chance: Chance = _MACHINE_CHANCE
    evaluator: str = ""
    isolation: Isolated | None = None


USUAL: Final = Conditions()
"""The machine's clock and chance, the preferred evaluator, no isolation."""


Names: TypeAlias = dict[str, Any]
"""Names that something adds to a scope, with their values."""


class Scope(dict[str, Any]):
    """The names that an expression may use, by their top-level name (`query`, `response`, `context` …), with JSON-like
    values; and the conditions that it is evaluated under. `scope | {…}` is a scope with more names."""

    __slots__ = ("conditions",)

    def __init__(
        self, names: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), conditions: Conditions = USUAL
    ) -> None:
        super().__init__(names)
        self.conditions = conditions

    def __or__(self, more: Mapping[str, Any]) -> "Scope":  # type: ignore[override]
        made = Scope(self, self.conditions)
        made.update(more)
        return made

    def __ror__(self, fewer: Mapping[str, Any]) -> "Scope":  # type: ignore[override]
        made = Scope(fewer, self.conditions)
        made.update(self)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)  # conditions stay in their process


def conditions_of(data: Any) -> Conditions:
    """The conditions of a scope; the usual ones for other data."""
    return data.conditions if isinstance(data, Scope) else USUAL
