"""What an evaluation and a request depend on besides configuration and data: the time, randomness, the evaluator,
limits, and where untrusted expressions run. They are values: the caller passes them, and nothing looks them up."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any, Final, Protocol, TypeAlias

from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = [
    "DEFAULT_LIMITS",
    "USUAL",
    "Chance",
    "Conditions",
    "EvaluationLimits",
    "Isolated",
    "Names",
    "Scope",
    "conditions_of",
]

_FAR = 1 << 32
"""The distance between the seeds of two requests, so that their evaluations never share one."""
_GOLDEN = 0x9E3779B97F4A7C15
_SEEDS = 1 << 61


class Chance:
    """Source of random values: the machine, or a seed, so that the same run draws the same values again.

    With a seed, the n-th evaluation always has the same seed. What requests draw does not depend on the number of
    evaluations before: a request's chance is the same whatever mappings come before it. Threads may share one.
    """

    __slots__ = ("_draws", "_evaluations")

    def __init__(self, seed: int | None = None) -> None:
        start = None if seed is None else seed * _GOLDEN % _SEEDS
        self._evaluations = None if start is None else count(start + 1)
        self._draws = None if start is None else count(start + _FAR, _FAR)

    @classmethod
    def from_draw(cls, drawn: int) -> "Chance":
        """Return the chance of one request: whenever it is built, its evaluations have the seeds after `drawn`."""
        chance = cls()
        chance._evaluations = count(drawn)
        return chance

    def evaluation_seed(self) -> int | None:
        """Return the seed of the next evaluation; None if the machine is the source."""
        return None if self._evaluations is None else next(self._evaluations)

    def draw(self) -> int:
        """Return a number of 62 bits that is unpredictable without the seed."""
        if self._draws is not None:
            return next(self._draws)
        import secrets

        return secrets.randbits(62)

    def draw_hex(self, size: int) -> str:
        """Return random bytes in hexadecimal, for a nonce."""
        if self._draws is None:
            import secrets

            return secrets.token_hex(size)
        from random import Random

        return Random(next(self._draws)).randbytes(size).hex()  # noqa: S311


class Isolated(Protocol):
    """Where untrusted expressions run (see `expressions.isolation`)."""

    def trusts(self, texts: Collection[str]) -> bool:
        """Return whether an expression made of these strings may run in this process."""
        ...

    @property
    def has_room(self) -> bool:
        """Whether an evaluation would run at once."""
        ...

    def isolate_all(self) -> "Isolated":
        """Return an isolation that trusts no expression: for work that would take this process too long."""
        ...

    def compile(self, text: str, evaluator: str) -> Any:
        """Return an expression of the named evaluator that is evaluated in isolation
        (`expressions.CompiledExpression`)."""
        ...

    def audit(self, text: str, data: Any, bindings: Mapping[str, Any] | None) -> list[str]:
        """Return how the expression got its value."""
        ...


@dataclass(frozen=True)
class EvaluationLimits:
    """Bounds of one evaluation; passing one is an ExpressionError, never a wrong result.

    `seconds` of wall time (code `timeout`), `depth` of nested evaluation (`depth`; one level of a recursive
    function takes about five), `string_bytes` and `array_items` of any one value, `join_items` of a list in an
    expression with a join (`@`: each of them holds all that is joined) and `result_bytes` of the whole result as JSON
    (`size`). `steps` is deterministic (`steps`) and bounds jlens only.

    Not bounded within a process: what one step does with a value that holds itself many times over (compare it, show
    it in an error), a transform that deletes very many keys of a very large object, the sum of all values, and a
    regular expression at work under jsonata-python. `Isolation` bounds these too.
    """

    seconds: float = 5.0
    depth: int = 500
    string_bytes: int = 10_000_000
    array_items: int = 1_000_000
    join_items: int = 100_000
    result_bytes: int = 16_000_000
    steps: int = 20_000_000

    @cached_property
    def options(self) -> dict[str, Any]:
        """Return the limits as jlens' keyword arguments."""
        return {
            "timeout": self.seconds,
            "max_depth": self.depth,
            "max_string_length": self.string_bytes,
            "max_array_length": self.array_items,
            "max_result_size": self.result_bytes,
            "max_steps": self.steps,
        }

    @cached_property
    def join_options(self) -> dict[str, Any]:
        """Return the limits for an expression with a join."""
        return {**self.options, "max_array_length": min(self.array_items, self.join_items)}

    def times(self, factor: float) -> "EvaluationLimits":
        """Bounds for `factor` evaluations done as one. Depth and the size of a value inside stay."""
        return replace(
            self,
            seconds=self.seconds * factor,
            steps=int(self.steps * factor),
            result_bytes=int(self.result_bytes * factor),
        )


DEFAULT_LIMITS: Final = EvaluationLimits()

_MACHINE_CHANCE: Final = Chance()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What evaluations depend on besides their text and data.

    `evaluator` is a name in `expressions.evaluators()`; empty for the preferred one. `isolation` is where untrusted
    expressions run; None for this process. `limits` are those of each evaluation.
    """

    clock: Clock = MACHINE_CLOCK
    chance: Chance = _MACHINE_CHANCE
    evaluator: str = ""
    isolation: Isolated | None = None
    limits: EvaluationLimits = DEFAULT_LIMITS


USUAL: Final = Conditions()
"""The machine's clock and chance, the preferred evaluator, no isolation: for expressions that no customer wrote, and
for tools that one person uses. `tests/engine/test_ambient.py` lists where it may be named."""


Names: TypeAlias = dict[str, Any]
"""Names to add to a scope, with their values."""


class Scope(dict[str, Any]):
    """The names that an expression can use, by their top-level name (`query`, `response`, `context` …), with JSON-like
    values, and the conditions of its evaluation. `scope | {…}` is a scope with more names."""

    __slots__ = ("conditions",)

    def __init__(self, names: Mapping[str, Any] | Iterable[tuple[str, Any]], conditions: Conditions) -> None:
        super().__init__(names)
        self.conditions = conditions

    def __or__(self, more: Mapping[str, Any]) -> "Scope":  # type: ignore[override]
        combined = Scope(self, self.conditions)
        combined.update(more)
        return combined

    def __ror__(self, fewer: Mapping[str, Any]) -> "Scope":  # type: ignore[override]
        combined = Scope(fewer, self.conditions)
        combined.update(self)
        return combined

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)  # conditions are not sent to another process


def conditions_of(data: Any) -> Conditions:
    """Return the conditions of a scope. Raises TypeError for other data: a customer's expression would escape its
    isolation."""
    if isinstance(data, Scope):
        return data.conditions
    raise TypeError(
        f"a {type(data).__name__} has no conditions to be evaluated under: pass a Scope (scope | {{…}} is one), or "
        "conditions"
    )
