"""What to visit in raw data of one type: a plan is compiled once per type and only leads to where a model requires
work."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from conn_engine.settings import Settings

__all__ = [
    "FormatAlias",
    "Plan",
    "StructPlan",
    "choose_structs",
    "common_aliases",
    "common_plan",
    "compile_plan",
    "get_tag",
    "is_flat",
    "union_tags",
]


@dataclass(slots=True)
class Plan:
    """What to do with a value of one type. Exactly one of the parts is used, depending on the value."""

    structs: dict[str, "StructPlan"] = field(default_factory=dict)  # by tag; "" for a struct without a tag
    formats: dict[str, "FormatAlias"] = field(default_factory=dict)  # other names of tags
    item: "Plan | None" = None
    value: "Plan | None" = None

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self.structs and self.item is None and self.value is None


@dataclass(frozen=True, slots=True)
class FormatAlias:
    """What another name of a format means: the name of the format, and settings of it."""

    tag: str
    settings: Mapping[str, Any]


class StructPlan:
    """A model with the names of documents. Its fields are inspected when data for it is first seen: a run uses few of
    the models, and every command would wait for the rest."""

    def __init__(self, model: type[msgspec.Struct]) -> None:
        self.aliases: Mapping[str, str] = model.aliases if issubclass(model, Settings) else {}
        self.moved: Mapping[str, str] = model.moved if issubclass(model, Settings) else {}
        self.rest: str = getattr(model, "rest", "")
        self.text_form: tuple[str, str] | None = getattr(model, "text_form", None)
        self._model = model

    @cached_property
    def _plans(self) -> dict[str, Plan | None]:
        return {entry.encode_name: compile_plan(entry.type) for entry in msgspec.structs.fields(self._model)}

    @cached_property
    def fields(self) -> dict[str, Plan | None]:
        return {name: plan for name, plan in self._plans.items() if name != self.rest}

    @cached_property
    def rest_plan(self) -> Plan | None:
        rest = self._plans[self.rest] if self.rest else None
        return rest.value if rest is not None else None

    def get_plan(self, name: str) -> Plan | None:
        """Return how to visit the setting of this name, or the entry of the rest."""
        return self.fields.get(name, self.rest_plan if self.rest else None)


_plan_struct = cache(StructPlan)


@cache
def compile_plan(kind: Hashable) -> Plan | None:
    """Return how to visit data of a type, None if there is nothing to do in it."""
    plan = Plan()
    _fill(plan, kind)
    return None if plan.idle else plan


def _fill(plan: Plan, kind: Any) -> None:
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        _fill(plan, inside[0])
    elif origin in (Union, UnionType):
        for part in inside:
            _fill(plan, part)
    elif origin is dict:
        plan.value = compile_plan(inside[1])
    elif origin is list or (origin is tuple and inside[1:] == (...,)):
        plan.item = compile_plan(inside[0])
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        tag = kind.__struct_config__.tag
        plan.structs["" if tag is None else str(tag)] = _plan_struct(kind)
        for name, settings in kind.format_aliases.items() if issubclass(kind, Settings) else ():
            plan.formats[name] = FormatAlias(str(tag), settings)


def get_tag(data: Mapping[str, Any]) -> str:
    """Return the name of a strategy's format, empty if it has none."""
    tag = data.get("format")
    return tag if isinstance(tag, str) else ""


def union_tags(kind: Any) -> list[str]:
    """Return the `format` names of a union of strategies."""
    plan = compile_plan(kind)
    return sorted(plan.structs) if plan is not None else []


def is_flat(strategy: Mapping[str, Any]) -> bool:
    """Return whether a strategy has its settings next to `format`."""
    return "config" not in strategy and any(key != "format" for key in strategy)


def choose_structs(tag: Any, plan: Plan) -> list[StructPlan]:
    """Return the models that a strategy may have: all of them if its format is unknown."""
    tag = plan.formats[tag].tag if isinstance(tag, str) and tag in plan.formats else tag
    return [plan.structs[tag]] if isinstance(tag, str) and tag in plan.structs else list(plan.structs.values())


def common_aliases(candidates: Sequence[StructPlan]) -> Mapping[str, str]:
    """Return the aliases that mean the same in all of the models that have them."""
    if len(candidates) == 1:
        return candidates[0].aliases
    names: dict[str, set[str]] = {}
    for struct in candidates:
        for alias, name in struct.aliases.items():
            names.setdefault(alias, set()).add(name)
    return {alias: found.pop() for alias, found in names.items() if len(found) == 1}


def common_plan(key: str, candidates: Sequence[StructPlan]) -> Plan | None:
    """Return how to visit a setting that is the same in all of the models that have it."""
    plans = [struct.get_plan(key) for struct in candidates if key in struct.fields or struct.rest]
    return plans[0] if plans and all(plan is plans[0] for plan in plans) else None
