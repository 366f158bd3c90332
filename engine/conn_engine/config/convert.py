"""Convert canonical data to typed models, driven by the models: rename aliases, flatten `{format, config}`, treat nulls
as unset.

`short_form` makes the canonical form, in which levels are merged. `validate` reports invalid data; `convert` raises
ConversionError with its path.
"""

import re
from collections.abc import Hashable
from typing import Any, TypeVar, cast

import msgspec

from conn_engine.config.merge import Path_
from conn_engine.config.plans import Plan, StructPlan, compile_plan, get_tag
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError

__all__ = ["ConversionError", "convert"]

T = TypeVar("T")
_PLACE = re.compile(r" - at `\$([^`]*)`\Z")
_FIELD = re.compile(r"^Object (?:contains unknown|missing required) field `([^`]*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class ConversionError(ConfigurationError):
    """Data that does not fit its model. `reason` is one line, and `place` is the path in the data as far as it is
    known."""

    def __init__(self, message: str, *, reason: str, place: Path_) -> None:
        super().__init__(message)
        self.reason = reason
        self.place = place


def convert(data: Any, kind: type[T], *, at: str = "") -> T:
    """Return the typed value of canonical data. `kind` is a model or a union of strategies; `at` is the path for
    messages.

    Raises ConversionError when the data does not fit.
    """
    try:
        return msgspec.convert(_flat(data, compile_plan(cast("Hashable", kind))), kind)
    except msgspec.ValidationError as error:
        reason = _PLACE.sub("", str(error)).strip()
        place = _place(data, str(error))
        where = ".".join(part for part in (at, format_path(place)) if part)
        raise ConversionError(f"{where}: {reason}" if where else reason, reason=reason, place=place) from None


def _place(data: Any, message: str) -> Path_:
    """Return the path at the end of an msgspec message, in the structure of documents (settings below `config`)."""
    match = _PLACE.search(message)
    path: list[str | int] = []
    node = data
    for step in _STEP.finditer(match[1] if match else ""):
        name, index = step[1], step[2]
        if index == "...":  # msgspec does not report which key of the object
            break
        if isinstance(node, dict) and name not in node and isinstance(node.get("config"), dict):
            path.append("config")
            node = node["config"]
        key: str | int = name if name is not None else int(index)
        path.append(key)
        try:
            node = node[key]
        except (KeyError, IndexError, TypeError):
            break
    field = _FIELD.search(message)
    settings = isinstance(node, dict) and isinstance(node.get("config"), dict)
    if field and settings and field[1] != "format" and field[1] not in node:
        path.append("config")
    return tuple(path)


def _flat(data: Any, plan: Plan | None) -> Any:
    if plan is None:
        return data
    if isinstance(data, dict):
        if plan.structs:
            return _flat_struct(data, plan)
        if plan.value is not None:
            return {key: _flat(value, plan.value) for key, value in data.items() if value is not None}
    elif isinstance(data, list | tuple) and plan.item is not None:
        return [_flat(item, plan.item) for item in data]
    return data


def _flat_struct(data: dict[str, Any], plan: Plan) -> Any:
    if "" in plan.structs:
        return _flat_fields(data, plan.structs[""])
    config = data.get("config") or {}
    tag = get_tag(data)
    alias = plan.formats.get(tag)
    if alias is not None and isinstance(config, dict):
        tag, config = alias.tag, {**alias.settings, **config}
    if not isinstance(config, dict) or tag not in plan.structs or data.keys() - {"format", "config"}:
        return data  # msgspec reports what is wrong with it
    return {**_flat_fields(config, plan.structs[tag]), "format": tag}


def _flat_fields(data: dict[str, Any], struct: StructPlan) -> dict[str, Any]:
    made: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, value in data.items():
        if value is None:
            continue
        name = struct.aliases.get(key, key)
        if name in struct.fields:
            made[name] = _flat(value, struct.fields[name])
        elif struct.rest:
            rest[name] = _flat(value, struct.rest_plan)
        else:
            made[name] = value
    if struct.rest:
        made[struct.rest] = rest
    return made
