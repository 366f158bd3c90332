"""Measures mapping coverage: which mapped fields ever have a value, and which vendor fields no mapping reads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.testing.compare import leaves

__all__ = ["Coverage", "find_paths", "measure"]

MAX_UNREAD = 1000


@dataclass(frozen=True, slots=True)
class Coverage:
    """`seen` counts the records in which each mapped field has a value; `unread` lists unread vendor paths."""

    records: int
    seen: Mapping[str, int]
    unread: tuple[str, ...]

    @property
    def empty(self) -> tuple[str, ...]:
        """The mapped fields that are empty in every record."""
        return tuple(field for field, count in self.seen.items() if count == 0)


def measure(
    fields: Iterable[str], reads: Iterable[tuple[Any, ...]], results: Sequence[Any], paths: Iterable[tuple[str, ...]]
) -> Coverage:
    """Measure which mapped `fields` (dotted) have values in `results`, and which vendor `paths` are not in `reads`.

    `reads` are paths of the mapping's scope, such as `("response", "properties", "email")`. Reading an object or a list
    reads everything below it.
    """
    counts = dict.fromkeys(fields, 0)
    for result in results:
        present: dict[str, Any] | None = None
        for field in counts:
            if isinstance(result, Mapping) and isinstance(result.get(field), str | int | float):
                counts[field] += 1  # nearly every field: it has nothing below it
                continue
            if present is None:
                present = leaves(result) if isinstance(result, Mapping) else {}
            if _present(present, field):
                counts[field] += 1
    below = {tuple(part for part in path[1:] if isinstance(part, str)) for path in reads if path[:1] == ("response",)}
    unread = sorted(path for path in paths if not any(path[:n] in below for n in range(len(path) + 1)))
    return Coverage(len(results), counts, tuple(".".join(path) for path in unread[:MAX_UNREAD]))


def _present(present: Mapping[str, Any], field: str) -> bool:
    value = present.get(field)
    if value is not None and value not in ([], {}):
        return True
    return any(name.startswith(f"{field}.") and item is not None for name, item in present.items())


def find_paths(records: Sequence[Any]) -> frozenset[tuple[str, ...]]:
    """Return every path of the records that has a value; the items of a list share its path."""
    paths: set[tuple[str, ...]] = set()

    def walk(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, Mapping) and value:
            for key, item in value.items():
                walk(item, (*path, str(key)))
        elif isinstance(value, list):
            for item in value:
                walk(item, path)
        elif path:
            paths.add(path)

    walk(list(records), ())
    return frozenset(paths)
