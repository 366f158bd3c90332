"""Settings that a document writes in two ways: under two names, or both next to `format` and below `config`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from conn_engine.config.merge import Path_
from conn_engine.config.plans import (
    Plan,
    StructPlan,
    choose_structs,
    common_aliases,
    common_plan,
    compile_plan,
    is_flat,
)

__all__ = ["Conflict", "find_conflicts"]

_KEYS: Final = frozenset({"format", "config"})


@dataclass(frozen=True, slots=True)
class Conflict:
    """A setting that a document sets in two ways. `path` is the place of the second one."""

    path: Path_
    message: str
    fix: str = ""


def find_conflicts(data: Any, kind: Any) -> list[Conflict]:
    """Return the settings of a document that are written under two names, or both next to `format` and below
    `config`."""
    conflicts: list[Conflict] = []
    _find_conflicts(data, compile_plan(kind), (), conflicts)
    return conflicts


def _find_conflicts(data: Any, plan: Plan | None, path: Path_, conflicts: list[Conflict]) -> None:
    if plan is None:
        return
    if isinstance(data, list) and plan.item is not None:
        for index, item in enumerate(data):
            _find_conflicts(item, plan.item, (*path, index), conflicts)
    elif isinstance(data, dict) and "" in plan.structs:
        _find_doubles(data, [plan.structs[""]], path, conflicts)
    elif isinstance(data, dict) and plan.structs:
        _find_in_strategy(data, choose_structs(data.get("format"), plan), path, conflicts)
    elif isinstance(data, dict) and plan.value is not None:
        for key, value in data.items():
            _find_conflicts(value, plan.value, (*path, key), conflicts)


def _find_in_strategy(
    data: dict[str, Any], candidates: Sequence[StructPlan], path: Path_, conflicts: list[Conflict]
) -> None:
    config = data.get("config")
    if is_flat(data):
        settings = {key: value for key, value in data.items() if key != "format"}
        _find_doubles(settings, candidates, path, conflicts)
        return
    aliases = common_aliases(candidates)
    below = {aliases.get(key, key): key for key in config} if isinstance(config, dict) else {}
    for key in (key for key in data if key not in _KEYS):
        twice = below.get(aliases.get(key, key))
        conflicts.append(
            Conflict((*path, key), f'"{key}" and "config.{twice}" are the same setting; remove one')
            if twice
            else Conflict(
                (*path, key),
                f'"{key}" and "config" are both set: settings are either next to format, or below config',
                f'move "{key}" below config, or remove the line "config:" and move its settings next to format',
            )
        )
    if isinstance(config, dict):
        _find_doubles(config, candidates, (*path, "config"), conflicts)


def _find_doubles(
    data: dict[str, Any], candidates: Sequence[StructPlan], path: Path_, conflicts: list[Conflict]
) -> None:
    aliases = common_aliases(candidates)
    first = {key: key for key in data if any(key in struct.fields for struct in candidates)}
    for key, value in data.items():
        name = aliases.get(key, key)
        if name != key:
            if name in first:
                message = f'"{key}" and "{first[name]}" are the same setting; remove one'
                conflicts.append(Conflict((*path, key), message))
            first.setdefault(name, key)
        _find_conflicts(value, common_plan(name, candidates), (*path, key), conflicts)
