"""Values of the expression language that JSON lacks, and how one result is merged over another."""

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["UNDEFINED", "Path_", "Undefined", "overlay"]

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
