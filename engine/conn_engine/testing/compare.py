"""Compares two lists of records, and two lists of requests, field by field. It does not know files or levels."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal

__all__ = [
    "FieldChange",
    "RecordChange",
    "RecordComparison",
    "RequestChange",
    "compare_fields",
    "compare_records",
    "compare_requests",
    "is_name",
    "leaves",
    "nameable",
    "same_value",
]

ChangeKind = Literal["added", "changed", "missing", "type_changed"]
ABSENT = object()
_NAME = re.compile(r"[@$#]?[^\W\d][\w \-/&():#%?']{0,63}")
_SCALARS: Final = (str, int, float, bool, type(None))  # nearly all values: checked first
_PARTS: Final = ("method", "url", "headers", "credentials", "body")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. `before` or `after` is None if the field is absent or null on that side."""

    field: str
    kind: ChangeKind
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One record whose fields differ. `key` is its id if both sides have unique ids, else its position (#3)."""

    key: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class RecordComparison:
    """The difference between two lists of records. `same` counts equal records; `gone` and `new` list keys."""

    same: int
    changed: tuple[RecordChange, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    reordered: bool

    @property
    def equal(self) -> bool:
        """Whether nothing differs, including the order."""
        return not (self.changed or self.gone or self.new or self.reordered)

    @property
    def disjoint(self) -> bool:
        """Whether both sides have records, but none in common."""
        return bool(self.gone and self.new) and not (self.same or self.changed)

    def by_field(self) -> dict[tuple[str, ChangeKind], int]:
        """Count the changed records for each field and kind of change."""
        counts: dict[tuple[str, ChangeKind], int] = {}
        for record in self.changed:
            for change in record.fields:
                key = (change.field, change.kind)
                counts[key] = counts.get(key, 0) + 1
        return counts

    def intersect(self, other: "RecordComparison") -> "RecordComparison":
        """Return the comparison with only the fields that also differ in `other`."""
        there = {(record.key, change.field) for record in other.changed for change in record.fields}
        records = [
            RecordChange(record.key, tuple(change for change in record.fields if (record.key, change.field) in there))
            for record in self.changed
        ]
        return replace(self, changed=tuple(record for record in records if record.fields))


@dataclass(frozen=True, slots=True)
class RequestChange:
    """One request that differs: its number (from 1), the part that differs (or `missing`, `extra`), and both values."""

    number: int
    part: Literal["method", "url", "headers", "credentials", "body", "missing", "extra"]
    before: Any
    after: Any


def leaves(value: Any, prefix: str = "") -> dict[str, Any]:
    """Map the dotted path of each leaf of nested objects to its value. A list or an empty object is one leaf."""
    if not isinstance(value, Mapping) or not value:
        return {prefix: value} if prefix else {}
    values: dict[str, Any] = {}
    for key, item in value.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(item, _SCALARS):
            values[name] = item
        else:
            values |= leaves(item, name) if isinstance(item, Mapping) and item else {name: item}
    return values


@lru_cache(maxsize=4096)
def nameable(field: str) -> str:
    """Return a dotted field that is safe to share: `*` replaces it from the first key that may be a record's value (an
    address, an id)."""
    first, *below = field.split(".")
    if not is_name(first):
        return "*" if field else field
    return field if all(map(is_name, below)) else f"{first}.*"


def is_name(key: str) -> bool:
    """Return whether a key is a name, and not an address, an id, a date or a number."""
    digits = sum(character.isdigit() for character in key)
    return _NAME.fullmatch(key) is not None and not (digits >= 6 and 2 * digits >= len(key))


def compare_records(
    before: Sequence[Any], after: Sequence[Any], *, keys: tuple[Sequence[str], Sequence[str]] | None = None
) -> RecordComparison:
    """Pair records by `id`, or by `keys`, if these are unique on both sides, else by position, and compare their
    leaves."""
    keys_before, keys_after = keys if keys is not None else (_keys(before), _keys(after))
    if len(set(keys_before)) != len(keys_before) or len(set(keys_after)) != len(keys_after):
        keys_before = [f"#{n}" for n in range(1, len(before) + 1)]
        keys_after = [f"#{n}" for n in range(1, len(after) + 1)]
    old = dict(zip(keys_before, before, strict=True))
    new = dict(zip(keys_after, after, strict=True))
    changed: list[RecordChange] = []
    same = 0
    for key in (key for key in keys_before if key in new):
        fields = _fields(old[key], new[key])
        if fields:
            changed.append(RecordChange(key, fields))
        else:
            same += 1
    shared = [key for key in keys_after if key in old]
    return RecordComparison(
        same=same,
        changed=tuple(changed),
        gone=tuple(key for key in keys_before if key not in new),
        new=tuple(key for key in keys_after if key not in old),
        reordered=shared != [key for key in keys_before if key in new],
    )


def compare_fields(before: Sequence[Any], after: Sequence[Any]) -> dict[tuple[str, ChangeKind], int]:
    """Compare two lists of unrelated records: count the records that have a field which only one side has, or which has
    another type there."""
    old, new = _types_of_fields(before), _types_of_fields(after)
    counts: dict[tuple[str, ChangeKind], int] = {}
    for name in {**old, **new}:
        if name not in new:
            counts[name, "missing"] = old[name].total()
        elif name not in old:
            counts[name, "added"] = new[name].total()
        elif old[name].keys().isdisjoint(new[name]):
            counts[name, "type_changed"] = new[name].total()
    return counts


def _types_of_fields(records: Sequence[Any]) -> dict[str, Counter[str]]:
    """Count the types of each field's values; null has no type."""
    types: dict[str, Counter[str]] = {}
    for record in records:
        for name, value in (leaves(record) if isinstance(record, Mapping) else {"": record}).items():
            if value is not None:
                types.setdefault(name, Counter())[_type(value)] += 1
    return types


def _keys(records: Sequence[Any]) -> list[str]:
    keys = []
    for number, record in enumerate(records, 1):
        key = record.get("id") if isinstance(record, Mapping) else None
        keys.append(str(key) if isinstance(key, str | int) else f"#{number}")
    return keys


def _fields(before: Any, after: Any) -> tuple[FieldChange, ...]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        gone = {n: item for n, item in before.items() if n not in after or not same_value(item, after[n])}
        come = {n: item for n, item in after.items() if n in gone or n not in before}
        if not gone and not come:
            return ()
        old, new = leaves(gone), leaves(come)
    elif same_value(before, after):
        return ()
    else:
        old = leaves(before) if isinstance(before, Mapping) else {"": before}
        new = leaves(after) if isinstance(after, Mapping) else {"": after}
    changes = []
    for name in [*old, *(name for name in new if name not in old)]:
        change = _change(name, old.get(name, ABSENT), new.get(name, ABSENT))
        if change is not None:
            changes.append(change)
    # Names with dots in them can hide a change of nesting: {"a.b": 1} and {"a": {"b": 1}} have the same leaves.
    return tuple(changes) or (FieldChange("", "changed", before, after),)


def same_value(before: Any, after: Any) -> bool:
    """Return whether a customer sees two JSON values as the same: 1 equals 1.0, but not true."""
    if before is after:
        return True
    if type(before) is type(after) and isinstance(before, _SCALARS):
        return bool(before == after)
    if isinstance(before, Mapping):
        return (
            isinstance(after, Mapping)
            and before.keys() == after.keys()
            and all(same_value(item, after[name]) for name, item in before.items())
        )
    if isinstance(before, list | tuple):
        return (
            isinstance(after, list | tuple)
            and len(before) == len(after)
            and all(same_value(old, new) for old, new in zip(before, after, strict=True))
        )
    return bool(_type(before) == _type(after) and before == after)


def _change(name: str, before: Any, after: Any) -> FieldChange | None:
    if type(before) is type(after) and isinstance(before, _SCALARS) and before == after:
        return None
    if before is ABSENT or (before is None and after is not ABSENT and after is not None):
        return FieldChange(name, "added", None, after)
    if after is ABSENT or (after is None and before is not None):
        return FieldChange(name, "missing", before, None)
    if _type(before) != _type(after):
        return FieldChange(name, "type_changed", before, after)
    return None if same_value(before, after) else FieldChange(name, "changed", before, after)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "list" if isinstance(value, tuple) else type(value).__name__


def compare_requests(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[RequestChange]:
    """Compare requests one by one. Each is `{method, url, headers?, credentials?, body?}`, with header names in lower
    case. The order of a URL's parameters is ignored."""
    changes: list[RequestChange] = []
    for number, (old, new) in enumerate(zip(before, after, strict=False), 1):
        for part in _PARTS:
            if not same_value(_sort_parameters(part, old.get(part)), _sort_parameters(part, new.get(part))):
                changes.append(RequestChange(number, part, old.get(part), new.get(part)))
    changes.extend(RequestChange(n, "missing", old, None) for n, old in enumerate(before, 1) if n > len(after))
    changes.extend(RequestChange(n, "extra", None, new) for n, new in enumerate(after, 1) if n > len(before))
    return changes


def _sort_parameters(part: str, value: Any) -> Any:
    """Sort a URL's parameters by name, and leave repeated names in order; return any other part unchanged."""
    if part != "url" or not isinstance(value, str) or "&" not in value:
        return value
    path, _, query = value.partition("?")
    return path, sorted(query.split("&"), key=lambda pair: pair.partition("=")[0])
