"""Pair the results of a mapping with the records that a run returns, and with the vendor's records in a page.

Steps after a mapping see all records of a page at once, and may change, drop or add some; a mapping with `each: page`
makes all of its records from one response. Neither says which record became which, so records are paired by what they
have in common: everything, else their ID.
"""

import json
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from conn_engine.documents import Path_
from conn_engine.expressions import UNDEFINED

__all__ = ["ReturnedRecord", "find_vendor_records", "pair_returned"]

_DEEPEST: Final = 8
_MOST_LISTS: Final = 200


@dataclass(frozen=True, slots=True)
class ReturnedRecord:
    """What a run returns for one result of a mapping. `value` is UNDEFINED if it returns nothing for it."""

    state: Literal["same", "changed", "dropped"]
    value: Any


def pair_returned(mapped: Sequence[Any], returned: Sequence[Any]) -> list[ReturnedRecord]:
    """Return, for each result of a mapping, the record that a run returns for it. `returned` are all of its records."""
    places: dict[str, deque[int]] = defaultdict(deque)
    for index, record in enumerate(returned):
        places[_write_key(record)].append(index)
    exact = [
        places[key].popleft() if (key := _write_key(value)) in places and places[key] else None for value in mapped
    ]
    taken = {index for index in exact if index is not None}
    by_id: dict[str, deque[int]] = defaultdict(deque)
    for index, record in enumerate(returned):
        if index not in taken:
            by_id[_identify(record)].append(index)
    found = []
    for value, place in zip(mapped, exact, strict=True):
        same_id = by_id.get(_identify(value)) if _identify(value) else None
        if place is not None:
            found.append(ReturnedRecord("same", value))
        elif same_id:
            found.append(ReturnedRecord("changed", returned[same_id.popleft()]))
        else:
            found.append(ReturnedRecord("dropped", UNDEFINED))
    return found


def find_vendor_records(body: Any, results: Sequence[Any]) -> list[Path_ | None]:
    """Return, for each record that a mapping makes of a complete response, the path of the vendor's record in it; None
    if it is unknown."""
    identifiers = [_identify(record) for record in results]
    wanted = set(filter(None, identifiers))
    best: tuple[int, Path_, list[Any]] = (0, (), [])
    alike: tuple[Path_, list[Any]] | None = None
    for path, items in _list_lists(body):
        matching = sum(not wanted.isdisjoint(_list_scalars(item)) for item in items)
        if matching > best[0]:
            best = (matching, path, items)
        if alike is None and len(items) == len(results):
            alike = (path, items)
    if best[0]:
        places: dict[str, int] = {}
        for index, item in enumerate(best[2]):
            for text in _list_scalars(item):
                places.setdefault(text, index)
        return [(*best[1], places[name]) if name in places else None for name in identifiers]
    return [(*alike[0], index) if alike is not None else None for index in range(len(results))]


def _list_lists(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, list[Any]]]:
    """Yield the lists of objects in a value, outer ones first."""
    waiting: deque[tuple[Path_, Any]] = deque([(path, value)])
    count = 0
    while waiting and count < _MOST_LISTS:
        at, node = waiting.popleft()
        if isinstance(node, list) and any(isinstance(item, Mapping) for item in node):
            count += 1
            yield at, node
        if len(at) < _DEEPEST:
            pairs = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
            waiting.extend(((*at, key), item) for key, item in pairs if isinstance(item, Mapping | list))


def _list_scalars(item: Any) -> Iterator[str]:
    for value in item.values() if isinstance(item, Mapping) else ():
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            yield str(value)


def _identify(record: Any) -> str:
    identifier = record.get("id") if isinstance(record, Mapping) else None
    return "" if identifier is None else str(identifier)


def _write_key(record: Any) -> str:
    return "" if record is UNDEFINED else json.dumps(record, sort_keys=True, default=str)
