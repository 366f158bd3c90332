"""Convert raw data to typed models, driven by the models: rename aliases, flatten `{format, config}`, treat nulls as
unset.

A plan is compiled once per type and only visits data where a model requires it. `canonical` renames aliases and keeps
the structure of documents, in which levels are merged; `convert` returns the typed value. `validate` reports invalid
data; `convert` raises ConversionError with its path.
"""

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

import msgspec

from conn_engine.config.merge import Path_
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError
from conn_engine.settings import Settings

__all__ = ["ConversionError", "canonical", "convert", "said_twice", "union_tags"]

T = TypeVar("T")


@dataclass(slots=True)
class _Plan:
    """What to do with a value of one type. Exactly one of the parts is used, depending on the value."""

    structs: dict[str, "_Struct"] = field(default_factory=dict)  # by tag; "" for a struct without a tag
    item: "_Plan | None" = None
    value: "_Plan | None" = None

    @property
    def idle(self) -> bool:
        return not self.structs and self.item is None and self.value is None


class _Struct:
    """A model with the names of documents. Its fields are inspected when data for it is first seen: a run uses few of
    the models, and every command would wait for the rest."""

    def __init__(self, model: type[msgspec.Struct]) -> None:
        self.aliases: Mapping[str, str] = model.aliases if issubclass(model, Settings) else {}
        self.rest: str = getattr(model, "rest", "")
        self._model = model

    @cached_property
    def _plans(self) -> dict[str, _Plan | None]:
        return {entry.encode_name: _plan(entry.type) for entry in msgspec.structs.fields(self._model)}

    @cached_property
    def fields(self) -> dict[str, _Plan | None]:
        return {name: plan for name, plan in self._plans.items() if name != self.rest}

    @cached_property
    def rest_plan(self) -> _Plan | None:
        rest = self._plans[self.rest] if self.rest else None
        return rest.value if rest is not None else None


_struct = cache(_Struct)


@cache
def _plan(kind: Hashable) -> _Plan | None:
    plan = _Plan()
    _fill(plan, kind)
    return None if plan.idle else plan


def _fill(plan: _Plan, kind: Any) -> None:
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        _fill(plan, inside[0])
    elif origin in (Union, UnionType):
        for part in inside:
            _fill(plan, part)
    elif origin is dict:
        plan.value = _plan(inside[1])
    elif origin is list or (origin is tuple and inside[1:] == (...,)):
        plan.item = _plan(inside[0])
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        tag = kind.__struct_config__.tag
        plan.structs["" if tag is None else str(tag)] = _struct(kind)


def _tag(data: dict[str, Any]) -> str:
    tag = data.get("format")
    return tag if isinstance(tag, str) else ""


def union_tags(kind: Any) -> list[str]:
    """Return the `format` names of a union of strategies."""
    plan = _plan(kind)
    return sorted(plan.structs) if plan is not None else []


# --- the structure of documents ---


def canonical(data: Any, kind: Any, below: Any = None) -> tuple[Any, dict[Path_, str]]:
    """Return the data with every alias renamed, and the renamed paths: path in the result to the key as written.

    `below` is the data that it will be merged over: a strategy without a `format` has the one below. The input is not
    changed, and is returned as it is if it has no aliases.
    """
    renamed: dict[Path_, str] = {}
    return _rename(data, _plan(kind), below, (), renamed), renamed


def _rename(data: Any, plan: _Plan | None, below: Any, path: Path_, renamed: dict[Path_, str]) -> Any:
    if plan is None:
        return data
    if isinstance(data, dict):
        if plan.structs:
            return _rename_struct(data, plan, below, path, renamed)
        if plan.value is not None:
            return _rename_items(data, lambda _: plan.value, below, path, renamed)
    elif isinstance(data, list) and plan.item is not None:
        made = [_rename(item, plan.item, None, (*path, i), renamed) for i, item in enumerate(data)]
        return data if all(a is b for a, b in zip(made, data, strict=True)) else made
    return data


def _rename_struct(data: dict[str, Any], plan: _Plan, below: Any, path: Path_, renamed: dict[Path_, str]) -> Any:
    if "" in plan.structs:
        struct = plan.structs[""]
        plain = _rename_keys(data, struct.aliases, path, renamed)
        return _rename_items(
            plain,
            lambda key: struct.fields.get(key, struct.rest_plan if struct.rest else None),
            below,
            path,
            renamed,
        )
    config = data.get("config")
    if not isinstance(config, dict):
        return data
    tag = data.get("format", below.get("format") if isinstance(below, dict) else None)
    candidates = [plan.structs[tag]] if isinstance(tag, str) and tag in plan.structs else list(plan.structs.values())
    here = (*path, "config")
    lower = below.get("config") if isinstance(below, dict) else None
    plain = _rename_keys(config, _common_aliases(candidates), here, renamed)
    if len(candidates) == 1:
        plain = _rename_items(plain, candidates[0].fields.get, lower, here, renamed)
    return data if plain is config else {**data, "config": plain}


def _common_aliases(candidates: list[_Struct]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for struct in candidates:
        for alias, name in struct.aliases.items():
            found.setdefault(alias, set()).add(name)
    return {alias: names.pop() for alias, names in found.items() if len(names) == 1}


def said_twice(data: Any, kind: Any) -> list[tuple[Path_, str]]:
    """Return the paths of aliases next to another spelling of the same key, and that spelling."""
    found: list[tuple[Path_, str]] = []
    _find_doubles(data, _plan(kind), (), found)
    return found


def _find_doubles(data: Any, plan: _Plan | None, path: Path_, found: list[tuple[Path_, str]]) -> None:
    if plan is None:
        return
    if isinstance(data, list) and plan.item is not None:
        for index, item in enumerate(data):
            _find_doubles(item, plan.item, (*path, index), found)
    elif isinstance(data, dict) and "" in plan.structs:
        _doubles_in(data, plan.structs[""], path, found)
    elif isinstance(data, dict) and _tag(data) in plan.structs and isinstance(data.get("config"), dict):
        _doubles_in(data["config"], plan.structs[_tag(data)], (*path, "config"), found)
    elif isinstance(data, dict) and plan.value is not None:
        for key, value in data.items():
            _find_doubles(value, plan.value, (*path, key), found)


def _doubles_in(data: dict[str, Any], struct: _Struct, path: Path_, found: list[tuple[Path_, str]]) -> None:
    first: dict[str, str] = {name: name for name in data if name in struct.fields}
    for key, value in data.items():
        name = struct.aliases.get(key, key)
        if name != key:
            if name in first:
                found.append(((*path, key), first[name]))
            first.setdefault(name, key)
        _find_doubles(value, struct.fields.get(name, struct.rest_plan if struct.rest else None), (*path, key), found)


def _rename_keys(
    data: dict[str, Any], aliases: Mapping[str, str], path: Path_, renamed: dict[Path_, str]
) -> dict[str, Any]:
    present = [key for key in data if key in aliases and aliases[key] not in data]
    if not present:
        return data
    for key in present:
        renamed[(*path, aliases[key])] = key
    return {aliases[key] if key in present else key: value for key, value in data.items()}


def _rename_items(data: dict[str, Any], plan_of: Any, below: Any, path: Path_, renamed: dict[Path_, str]) -> Any:
    lower = below if isinstance(below, dict) else {}
    made = {key: _rename(value, plan_of(key), lower.get(key), (*path, key), renamed) for key, value in data.items()}
    return data if all(made[key] is data[key] for key in data) else made


# --- typed values ---


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
        return msgspec.convert(_flat(data, _plan(cast("Hashable", kind))), kind)
    except msgspec.ValidationError as error:
        reason = _PLACE.sub("", str(error)).strip()
        place = _place(data, str(error))
        where = ".".join(part for part in (at, format_path(place)) if part)
        raise ConversionError(f"{where}: {reason}" if where else reason, reason=reason, place=place) from None


def _place(data: Any, message: str) -> Path_:
    """Return the path at the end of an msgspec message, in the structure of documents (settings below `config`)."""
    found = _PLACE.search(message)
    path: list[str | int] = []
    node = data
    for step in _STEP.finditer(found[1] if found else ""):
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


def _flat(data: Any, plan: _Plan | None) -> Any:
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


def _flat_struct(data: dict[str, Any], plan: _Plan) -> Any:
    if "" in plan.structs:
        return _flat_fields(data, plan.structs[""])
    config = data.get("config") or {}
    tag = _tag(data)
    if not isinstance(config, dict) or tag not in plan.structs or data.keys() - {"format", "config"}:
        return data  # msgspec reports what is wrong with it
    return {**_flat_fields(config, plan.structs[tag]), "format": tag}


def _flat_fields(data: dict[str, Any], struct: _Struct) -> dict[str, Any]:
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
