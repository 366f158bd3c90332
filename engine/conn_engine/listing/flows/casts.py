"""Types of the values at certain paths of a delivered record, whatever the vendor sends."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

__all__ = ["ACCEPTED", "KIND", "PLACE", "cast_records", "steps_of"]

KIND: TypeAlias = Literal["text", "number", "integer", "boolean", "list"]

PLACE: Final = r"^(?:[^.\[\]`\s]+|`[^`]+`)(?:\[\])?(?:\.(?:[^.\[\]`\s]+|`[^`]+`)(?:\[\])?)*$"
"""Names joined by dots. `[]` after a name means each item of a list; backticks enclose a name with other characters."""

ACCEPTED: Mapping[str, frozenset[str]] = {
    "text": frozenset({"string", "number", "boolean"}),
    "number": frozenset({"string", "number", "boolean"}),
    "integer": frozenset({"string", "number", "boolean"}),
    "boolean": frozenset({"string", "number", "boolean"}),
    "list": frozenset({"string", "number", "boolean", "list"}),
}
"""The types that each type can be converted from, with the names that drift uses."""

_STEP = re.compile(r"([^.\[\]`\s]+|`[^`]+`)(\[\])?")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+")
_LONGEST = 400
_WORDS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}


@lru_cache(maxsize=4096)
def steps_of(place: str) -> tuple[str | None, ...]:
    """Return the names of a path; None means each item of a list."""
    steps: list[str | None] = []
    for name, each in _STEP.findall(place):
        steps.append(name.strip("`"))
        if each:
            steps.append(None)
    return tuple(steps)


def cast_records(types: Mapping[str, KIND], records: list[Any]) -> list[Any]:
    """Return the records with their values converted as `types` declares. A value that cannot be converted is kept, and
    so is null. The given records are not changed."""
    if not types:
        return records
    plan = _build_plan(tuple(types.items()))
    return [_apply_plan(plan, record) for record in records]


@dataclass(slots=True)
class _CastPlan:
    """What to do with a value, its fields and its items."""

    change: Callable[[Any], Any] | None = None
    fields: dict[str, "_CastPlan"] = field(default_factory=dict)
    items: "_CastPlan | None" = None


@lru_cache(maxsize=256)
def _build_plan(types: tuple[tuple[str, KIND], ...]) -> _CastPlan:
    root = _CastPlan()
    for place, kind in types:
        node = root
        for step in steps_of(place):
            if step is None:
                node.items = node.items or _CastPlan()
                node = node.items
            else:
                node = node.fields.setdefault(step, _CastPlan())
        node.change = _CHANGES[kind]
    return root


def _apply_plan(plan: _CastPlan, value: Any) -> Any:
    if plan.change is not None and value is not None:
        value = plan.change(value)
    if isinstance(value, dict) and plan.fields:
        converted = {name: _apply_plan(inner, value[name]) for name, inner in plan.fields.items() if name in value}
        return {**value, **converted}
    if isinstance(value, list) and plan.items is not None:
        return [_apply_plan(plan.items, item) for item in value]
    return value


def _to_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
    return value


def _to_number(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and len(value) <= _LONGEST and _NUMBER.fullmatch(text := value.strip()):
        is_integer = _WHOLE.fullmatch(text)
        number = int(text) if is_integer else float(text)
        return number if abs(number) != float("inf") else value
    return value


def _to_integer(value: Any) -> Any:
    number = _to_number(value)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    return number if isinstance(number, int) else value


def _to_boolean(value: Any) -> Any:
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower(), value)
    return bool(value) if value in (0, 1) else value


def _to_list(value: Any) -> Any:
    return value if isinstance(value, list | dict) else [value]


_CHANGES: Mapping[str, Callable[[Any], Any]] = {
    "text": _to_text,
    "number": _to_number,
    "integer": _to_integer,
    "boolean": _to_boolean,
    "list": _to_list,
}
