"""Measures mapping coverage: which mapped fields ever have a value, and which vendor fields no mapping reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.testing.compare import leaves

__all__ = ["Coverage", "find_paths", "iterate_fields", "measure"]

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


def measure(fields: Iterable[str], results: Sequence[Any], unread: Iterable[tuple[str, ...]] = ()) -> Coverage:
    """Measure which mapped `fields` (dotted) have values in `results`. `unread` are the vendor paths that no mapping
    reads."""
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
    return Coverage(len(results), counts, tuple(".".join(path) for path in sorted(unread)[:MAX_UNREAD]))


def _present(present: Mapping[str, Any], field: str) -> bool:
    value = present.get(field)
    if value is not None and value not in ([], {}):
        return True
    return any(name.startswith(f"{field}.") and item is not None for name, item in present.items())


def find_paths(records: Sequence[Any]) -> frozenset[tuple[str, ...]]:
    """Return every path of the records that has a value; the items of a list share its path."""
    return frozenset(path for record in records for path, value, _ in iterate_fields(record) if value != [])


def iterate_fields(record: Any) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Yield the fields of a record without fields below them, in order: the path, the value, and whether it is in a
    list. The items of a list share its path; an empty list or object is a value."""
    waiting: list[tuple[tuple[str, ...], Any, bool]] = [((), record, False)]
    while waiting:
        path, value, is_item = waiting.pop()
        if isinstance(value, Mapping) and value:
            waiting += [((*path, str(key)), item, is_item) for key, item in reversed(list(value.items()))]
        elif isinstance(value, list) and value:
            waiting += [(path, item, True) for item in reversed(value)]
        elif path:
            yield path, value, is_item
