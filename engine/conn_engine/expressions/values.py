"""Values of the expression language that JSON lacks, the bounds of an evaluation, and how one result is laid
over another."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

__all__ = ["DEFAULT_LIMITS", "UNDEFINED", "EvaluationLimits", "Path_", "Undefined", "overlay"]

Path_ = tuple[str | int, ...]


class Undefined:
    """The type of `UNDEFINED`, the value of an expression that finds nothing. It is false, and not null."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False

    def __copy__(self) -> "Undefined":
        return self

    def __deepcopy__(self, _memo: object) -> "Undefined":
        return self

    def __reduce__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = Undefined()


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


class Removal:
    """The type of `REMOVE`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "REMOVE"


REMOVE: Final = Removal()
"""A null in an upper layer's object: it removes the field of the levels below."""


@dataclass(slots=True)
class Decided:
    """What an expression in an upper layer's object gives for its field: it stands for the whole field, whatever the
    levels below made of it. UNDEFINED takes the field away."""

    value: Any


def overlay(below: Any, above: Any) -> Any:
    """`above` laid over `below`: two objects field by field, deep; anything else, null too, replaces what is
    below; REMOVE takes a field away; what is Decided replaces or takes away. An object of which a value that is
    missing leaves nothing is left out.

    An undefined `above` changes nothing. `below` is not modified, but parts of it are shared with the result.
    """
    if above is UNDEFINED:
        return below
    if not isinstance(above, dict):
        return above
    result = dict(below) if isinstance(below, dict) else {}
    for key, value in above.items():
        laid = value
        if isinstance(value, Decided):
            laid = value.value
        elif isinstance(value, dict):
            laid = overlay(result.get(key), value) or (UNDEFINED if _lacks(value) else {})
        if laid is REMOVE or laid is UNDEFINED:
            result.pop(key, None)
        else:
            result[key] = laid
    return result


def _lacks(node: dict[str, Any]) -> bool:
    """Return whether an expression anywhere in an upper layer's object has no value."""
    return any(
        value.value is UNDEFINED if isinstance(value, Decided) else isinstance(value, dict) and _lacks(value)
        for value in node.values()
    )
