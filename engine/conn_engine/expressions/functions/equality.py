"""Values that are equal, found in linear time: each distinct value has a number, made of those of its parts."""

from typing import Any

__all__ = ["distinct", "find_keys"]


class _Numbers:
    """Numbers of values: the same for two values exactly when JSONata's `=` holds for them.

    A value that is held in many places is looked at once, so that one that holds itself many times over costs no more
    than its parts. The values must live as long as this does.
    """

    def __init__(self) -> None:
        self._known: dict[Any, int] = {}
        self._seen: dict[int, int] = {}

    def find(self, value: Any) -> int:
        """Return the number of a value."""
        if not isinstance(value, list | dict):
            return self._known.setdefault(_scalar(value), len(self._known))
        number = self._seen.get(id(value))
        if number is None:
            if isinstance(value, list):
                parts: Any = ("list", tuple([self.find(item) for item in value]))
            else:
                parts = frozenset([(key, self.find(item)) for key, item in value.items()])
            number = self._seen[id(value)] = self._known.setdefault(parts, len(self._known))
        return number


def _scalar(value: Any) -> Any:
    """Equal for equal scalars only, and never to what stands for a list: true is not 1. Functions are equal to
    themselves."""
    if isinstance(value, bool | int | float | str) or value is None:
        return (isinstance(value, bool), value)
    return ("other", id(value))


def distinct(items: list[Any]) -> list[Any]:
    """Return the first of each distinct value, in order."""
    numbers = _Numbers()
    unique: dict[int, Any] = {}
    for item in items:
        unique.setdefault(numbers.find(item), item)
    return list(unique.values())


def find_keys(items: list[Any]) -> list[str]:
    """Return the keys of the objects in a list and in nested lists, each once."""
    keys: dict[str, None] = {}
    waiting, visited = [iter(items)], {id(items)}
    while waiting:
        for item in waiting[-1]:
            if isinstance(item, list):
                if id(item) in visited:
                    continue
                visited.add(id(item))
                waiting.append(iter(item))
                break
            if isinstance(item, dict):
                keys.update(dict.fromkeys(item))
        else:
            waiting.pop()
    return list(keys)
