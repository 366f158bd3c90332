"""Find overrides that drop what the levels below set without saying so: the condition of a filter, steps, and the
settings of a strategy with another format."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from conn_engine.config.dotted_places import format_place
from conn_engine.config.inheritance import find_inherited
from conn_engine.config.merge import MISSING, Path_, inherit, is_filter, leaves, lookup, merge
from conn_engine.config.models import Configuration
from conn_engine.config.origins import Layer
from conn_engine.config.plans import Plan, StructPlan, compile_plan
from conn_engine.diagnostics import Diagnostic, diagnostic, join_words

__all__ = ["find_dropped_settings"]

_STEPS: Final = ("before", "after", "connect")
_STEPS_LENGTH: Final = 5  # unified.<model>.<resource>.<operation>.before
_SECRET: Final = ("credentials", "authorization", "signature", "verify")
_NAMED: Final = 4


def find_dropped_settings(layers: Sequence[Layer]) -> Iterator[Diagnostic]:
    """CFG161: the highest level replaces a filter or a list of steps. CFG162: it gives a strategy another format, which
    also has settings that are now unset."""
    below = merge([layer.data for layer in layers[:-1]])
    for path, value in leaves(layers[-1].data) if len(layers) > 1 else ():
        if is_filter(path):
            yield from _check_filter(layers[-1], path, value, lookup(below, path))
        elif path[-1] in _STEPS and len(path) in (1, _STEPS_LENGTH) and isinstance(value, list):
            yield from _check_steps(layers[-1], path, value, lookup(below, path))
        elif path[-1] == "format" and path[0] != "unified" and isinstance(value, str):
            yield from _check_format(layers[-1], path, value, below)


def _check_filter(layer: Layer, path: Path_, value: Any, below: Any) -> Iterator[Diagnostic]:
    if not isinstance(value, str) or not isinstance(below, str) or value == below or "$base" in value:
        return
    condition = f"({value})" if " or " in value or "?" in value else value
    yield _build_finding(
        "CFG161",
        layer,
        path,
        f"{format_place(path)} drops the filter of the level below: {below}",
        f"to apply both, write $base and {condition}",
    )


def _check_steps(layer: Layer, path: Path_, value: Sequence[Any], below: Any) -> Iterator[Diagnostic]:
    names = _list_names(value)
    lost = [name for name in _list_names(below) if name not in names]
    if value and lost:
        steps = f"step{'s' * (len(lost) > 1)} {join_words(lost, _NAMED)}"
        message = f"{format_place(path)} drops the {steps} of the level below"
        yield _build_finding("CFG161", layer, path, message, f"repeat the {steps}, because a list replaces a list")


def _list_names(steps: Any) -> list[str]:
    return [str(step.get("name")) for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []


def _check_format(layer: Layer, path: Path_, value: str, below: Mapping[str, Any]) -> Iterator[Diagnostic]:
    strategy = path[:-1]
    lower = _find_below(below, strategy)
    struct = _find_struct(strategy, value)
    if not isinstance(lower, dict) or lower.get("format") in (None, value) or struct is None:
        return
    written = lookup(layer.data, (*strategy, "config"))
    settings = lower.get("config")
    lost = {
        key: setting
        for key, setting in (settings.items() if isinstance(settings, dict) else ())
        if key in struct.fields and not (isinstance(written, dict) and key in written)
    }
    if lost:
        edits = [
            f"{key}: {'…' if strategy[-1] in _SECRET else _format_value(setting)}" for key, setting in lost.items()
        ]
        place = format_place(strategy)
        yield _build_finding(
            "CFG162",
            layer,
            path,
            f"{place} changes its format from {lower['format']} to {value}, without {join_words(list(lost), _NAMED)} "
            "of the level below",
            f"repeat {join_words(edits, _NAMED)} in {place}, or set {'it' if len(lost) == 1 else 'them'} to null",
        )


def _find_below(below: Mapping[str, Any], strategy: Path_) -> Any:
    """Return the strategy that the levels below have at a path, or that it would inherit there."""
    if strategy[0] == "resources" and len(strategy) == 4:
        return find_inherited(below, str(strategy[1]), str(strategy[2]), str(strategy[3]))
    if strategy[0] == "resources" and len(strategy) == 3:
        return inherit(lookup(below, strategy[2:]), lookup(below, strategy))
    return lookup(below, strategy)


def _find_struct(path: Path_, tag: str) -> StructPlan | None:
    """Return the model of a strategy with this format; None for a strategy inside another one."""
    plan: Plan | None = compile_plan(Configuration)
    for key in path:
        if plan is None:
            return None
        plan = plan.structs[""].get_plan(str(key)) if "" in plan.structs else plan.value
    return plan.structs.get(tag) if plan is not None else None


def _format_value(value: Any) -> str:
    import json

    return "…" if isinstance(value, dict | list) or value is MISSING else json.dumps(value, ensure_ascii=False)


def _build_finding(code: str, layer: Layer, path: Path_, message: str, hint: str) -> Diagnostic:
    return diagnostic(code, message, layer.span(path), path=format_place(path), hint=hint)
