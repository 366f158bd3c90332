"""Kinds of values that a delivered record has at certain places, whatever the vendor wrote there."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

__all__ = ["ACCEPTED", "KIND", "PLACE", "cast_records", "steps_of"]

KIND: TypeAlias = Literal["text", "number", "integer", "boolean", "list"]

PLACE: Final = r"^(?:[^.\[\]`\s]+|`[^`]+`)(?:\[\])?(?:\.(?:[^.\[\]`\s]+|`[^`]+`)(?:\[\])?)*$"
"""Names joined by dots; `[]` after one is each item of a list, backticks are around a name with other characters."""

ACCEPTED: Mapping[str, frozenset[str]] = {
    "text": frozenset({"string", "number", "boolean"}),
    "number": frozenset({"string", "number", "boolean"}),
    "integer": frozenset({"string", "number", "boolean"}),
    "boolean": frozenset({"string", "number", "boolean"}),
    "list": frozenset({"string", "number", "boolean", "list"}),
}
"""What each kind may be made of, as drift calls it."""

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
    """The names of a place; None is each item of a list."""
    steps: list[str | None] = []
    for name, each in _STEP.findall(place):
        steps.append(name.strip("`"))
        if each:
            steps.append(None)
    return tuple(steps)


def cast_records(types: Mapping[str, KIND], records: list[Any]) -> list[Any]:
    """The records with their values as `types` has it. What cannot become its kind stays as it is, null does too.

    The records that are given are not changed.
    """
    if not types:
        return records
    plan = _plan(tuple(types.items()))
    return [_apply_plan(plan, record) for record in records]


@dataclass(slots=True)
class _CastPlan:
    """What becomes of a value, of its fields and of its items."""

    change: Callable[[Any], Any] | None = None
    fields: dict[str, "_CastPlan"] = field(default_factory=dict)
    items: "_CastPlan | None" = None


@lru_cache(maxsize=256)
def _plan(types: tuple[tuple[str, KIND], ...]) -> _CastPlan:
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
        made = {name: _apply_plan(inner, value[name]) for name, inner in plan.fields.items() if name in value}
        return {**value, **made}
    if isinstance(value, list) and plan.items is not None:
        return [_apply_plan(plan.items, item) for item in value]
    return value


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and len(value) <= _LONGEST and _NUMBER.fullmatch(text := value.strip()):
        whole = _WHOLE.fullmatch(text)
        made = int(text) if whole else float(text)
        return made if abs(made) != float("inf") else value
    return value


def _integer(value: Any) -> Any:
    made = _number(value)
    if isinstance(made, float) and made.is_integer():
        return int(made)
    return made if isinstance(made, int) else value


def _boolean(value: Any) -> Any:
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower(), value)
    return bool(value) if value in (0, 1) else value


def _list(value: Any) -> Any:
    return value if isinstance(value, list | dict) else [value]


_CHANGES: Mapping[str, Callable[[Any], Any]] = {
    "text": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "list": _list,
}
