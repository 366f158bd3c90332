"""Bounded versions of functions of jsonata-python. The originals build long values before their length can be checked,
or take time that grows with the square of their input."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from jsonata import Jsonata, Utils
from jsonata.jexception import JException

from conn_engine.conditions import EvaluationLimits
from conn_engine.expressions.functions.equality import distinct, find_keys

__all__ = ["bounded_functions"]


def bounded_functions(instance: Any, limits: EvaluationLimits) -> dict[str, Any]:
    """Return the bounded functions by name, for an instance of the package."""
    built_in = instance.environment.lookup
    return {
        "pad": _Guarded(built_in("pad"), limits, lambda text, width=0, *_: abs(int(width))),
        "join": _Guarded(built_in("join"), limits, _joined_length),
        "replace": _Guarded(built_in("replace"), limits, _replaced_length),
        "toMillis": _Dated(built_in("toMillis")),
        "distinct": _Linear(built_in("distinct"), _distinct),
        "keys": _Linear(built_in("keys"), _keys),
        "spread": _Linear(built_in("spread"), partial(_spread, limits.array_items)),
    }


class _Replacement(Jsonata.JFunction):  # type: ignore[misc]
    """A function that replaces one of the package, with the same name and signature."""

    def __init__(self, inner: Any) -> None:
        super().__init__(None, None)
        self.function_name = inner.function_name
        self.signature = inner.signature
        self._inner = inner

    def get_number_of_args(self) -> int:
        """Return the number of arguments."""
        return int(self._inner.get_number_of_args())


class _Guarded(_Replacement):
    """A function of the package that builds a string before its length can be checked."""

    def __init__(self, inner: Any, limits: EvaluationLimits, length: Callable[..., int]) -> None:
        super().__init__(inner)
        self._longest = limits.string_bytes
        self._length = length

    def call(self, input_: Any, args: Any) -> Any:
        """Call the function. Raises JException when the result would be too long."""
        if args and all(item is not None for item in args[:2]) and self._length(*args) > self._longest:
            raise JException("U1001", -1)
        return self._inner.call(input_, args)


class _Dated(_Replacement):
    """`$toMillis`, which raises Python's errors when a name or a number in the text is not part of a date."""

    def call(self, input_: Any, args: Any) -> Any:
        """Return the time. Raises JSONata's error for a string that is not a date."""
        try:
            return self._inner.call(input_, args)
        except (KeyError, ValueError) as error:
            refusal = JException("D3110", -1)
            refusal.args = (f"$toMillis cannot parse the text as a date: {type(error).__name__}: {error}",)
            raise refusal from None


class _Linear(_Replacement):
    """A function of the package with Conn's implementation, which takes linear time, over the package's values."""

    def __init__(self, inner: Any, implementation: Callable[[Any], Any]) -> None:
        super().__init__(inner)
        self._implementation = implementation

    def call(self, _input: Any, args: Any) -> Any:
        """Return the result of the implementation."""
        return self._implementation(args[0] if args else None)

    def get_number_of_args(self) -> int:
        """Return the number of arguments."""
        return 1


def _distinct(value: Any) -> Any:
    if not isinstance(value, list) or len(value) <= 1:
        return value
    items = distinct(list(_items(value)))
    return Utils.create_sequence_from_iter(items) if Utils.is_sequence(value) else items


def _keys(value: Any) -> Any:
    return Utils.create_sequence_from_iter(find_keys(value if isinstance(value, list) else [value]))


def _spread(most: int, value: Any) -> Any:
    if not isinstance(value, list | dict):
        return value
    result = Utils.create_sequence()
    waiting = [_items([value])]
    while waiting:
        for item in waiting[-1]:
            if isinstance(item, list):
                waiting.append(_items(item))
                break
            result.extend([{key: part} for key, part in item.items()] if isinstance(item, dict) else [item])
            if len(result) > most:
                raise JException("U1001", -1)
        else:
            waiting.pop()
    return result


def _items(value: list[Any]) -> Iterator[Any]:
    return (value[index] for index in range(len(value)))  # the package's ranges do not support iteration


def _joined_length(items: Any, separator: Any = "", *_rest: Any) -> int:
    if not isinstance(items, list):
        return 0
    between = len(separator) if isinstance(separator, str) else 0
    return sum(len(item) for item in items if isinstance(item, str)) + between * len(items)


def _replaced_length(text: Any, pattern: Any, replacement: Any = None, *_rest: Any) -> int:
    if not isinstance(text, str) or not isinstance(replacement, str):
        return 0
    occurrences = text.count(pattern) if isinstance(pattern, str) and pattern else len(text) + 1
    return len(text) + occurrences * len(replacement)
