"""The mutants of a connector: small changes of its documents, one line each.

A line that several operations share, through their resource or an anchor, changes for all of them, as it would for an
author. This module does not choose the cases that test a mutant.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from conn_engine.analysis.mutants.credentials import mutate_hosts
from conn_engine.analysis.mutants.edits import DROPPED, is_path, replace_value
from conn_engine.analysis.mutants.equivalents import is_equivalent
from conn_engine.analysis.mutants.rows import Change, Row, mutate_expression
from conn_engine.analysis.mutants.settings import (
    mutate_event,
    mutate_inheritable,
    mutate_operation,
    mutate_webhooks,
)
from conn_engine.config import MAPPINGS, RESOURCE_MAPPINGS, Effective, Layer, Layers, Path_, format_place, lookup
from conn_engine.config.merge import INHERITED
from conn_engine.config.models import Step
from conn_engine.config.reads import find_texts
from conn_engine.diagnostics import Span

__all__ = ["KINDS", "Change", "Mutant", "create_mutants"]

KINDS = (
    "authorization",
    "body",
    "drop_field",
    "drop_step",
    "error_rule",
    "glob",
    "header",
    "host",
    "literal",
    "operator",
    "pagination",
    "path",
    "query",
    "rate_limit",
    "record_filter",
    "request",
    "response_path",
    "swap_paths",
    "webhook",
)
"""All kinds of mistakes."""

_RESULT_MAPPINGS = tuple(sorted(MAPPINGS))


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: `text` describes it, `span` is its line, and `changes` are all places that it modifies."""

    kind: str
    text: str
    path: str
    span: Span | None
    changes: tuple[Change, ...]

    def apply(self, effective: Effective) -> Effective:
        """Return the configuration with the mistake in its base."""
        base, *above = effective.layers
        data: Any = base.data
        for change in self.changes:
            data = replace_value(data, change.path, change.value)
        return effective.with_layers([Layer(base.level, data, base.sources), *above])


def create_mutants(effective: Effective) -> list[Mutant]:
    """Return every mutant of a connector's base documents, by place. Equal mistakes on one line are one mutant, and
    those that change nothing are left out."""
    layer = effective.layers[0]
    mutants: dict[tuple[Any, ...], list[tuple[str, str, Change, Span | None]]] = {}
    unused = _find_unused_settings(effective)
    for kind, text, change, within in _mutate_everything(layer.data):
        if any(change.path[: len(path)] == path for path in unused) or is_equivalent(effective, change):
            continue
        span = layer.span(change.path)
        key = (kind, text, within, span.file, span.line, span.column) if span else (kind, text, within, change.path)
        mutants.setdefault(key, []).append((kind, text, change, span))
    rows = [
        Mutant(group[0][0], group[0][1], format_place(group[0][2].path), group[0][3], tuple(row[2] for row in group))
        for group in mutants.values()
    ]
    return sorted(rows, key=lambda m: (m.span.file, m.span.line, m.span.column, m.kind, m.text) if m.span else ("",))


def _find_unused_settings(effective: Effective) -> list[Path_]:
    """Return the paths of disabled operations, without a response mapping that events may use."""
    found: list[Path_] = []
    for name in set(effective.operations()) - set(effective.enabled_operations()):
        has_events = name.kind == "unified" and bool(lookup(effective.data, (*name.path[:3], "events")))
        keys = [key for key in lookup(effective.data, name.path) if key != "response_mapping"]
        found += [(*name.path, key) for key in keys] if has_events else [name.path]
    return found


def _mutate_everything(data: Mapping[str, Any]) -> Iterator[Row]:
    for model, resources in _objects(data.get("unified")):
        for resource, operations in _objects(resources):
            for key in RESOURCE_MAPPINGS:
                yield from _mutate_mapping(("unified", model, resource, key), operations.get(key))
            for name, event in _objects(operations.get("events")):
                yield from mutate_event(("unified", model, resource, "events", name), event)
            for name, operation in _objects(operations):
                if name not in (*RESOURCE_MAPPINGS, "events"):
                    yield from _mutate_unified(("unified", model, resource, name), operation)
    if isinstance(data.get("webhooks"), Mapping):
        yield from mutate_webhooks(data["webhooks"])
    yield from mutate_hosts(data.get("hosts"))
    yield from mutate_inheritable((), data)
    for resource, operations in _objects(data.get("resources")):
        yield from mutate_inheritable(("resources", resource), operations)
        for name, operation in _objects(operations):
            if name not in INHERITED:
                yield from mutate_inheritable(("resources", resource, name), operation)
                yield from mutate_operation(("resources", resource, name), operation, operations)


def _objects(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, Mapping):
                yield key, item


def _mutate_unified(path: Path_, operation: Mapping[str, Any]) -> Iterator[Row]:
    for key in _RESULT_MAPPINGS:
        if key in operation:
            yield from _mutate_mapping((*path, key), operation[key])
    for key in ("before", "after"):
        for index, step in enumerate(operation.get(key) or []):
            yield "drop_step", f"{key} step {step.get('name', index)} dropped", Change((*path, key, index), DROPPED), 0
            for text in find_texts(Step, step, (*path, key, index)):
                if text.role == "expression":
                    yield from mutate_expression(text.path, text.text)


def _mutate_mapping(mapping_path: Path_, mapping: Any) -> Iterator[Row]:
    leaves = list(_leaves(mapping, mapping_path))
    for path, _value in leaves:
        if path != mapping_path:
            yield "drop_field", f"{path[-1]} dropped", Change(path, DROPPED), 0
    for path, value in leaves:
        if isinstance(value, str):
            yield from mutate_expression(path, value)
        elif isinstance(value, bool):
            yield "literal", f"{str(value).lower()} -> {str(not value).lower()}", Change(path, not value), 0
        elif isinstance(value, int | float):
            yield "literal", f"{value} -> {value + 1}", Change(path, value + 1), 0
    plain = [(path, value) for path, value in leaves if isinstance(value, str) and is_path(value)]
    for (path, field_value), (_, other_value) in pairwise([*plain, *plain[:1]] if len(plain) > 1 else []):
        if field_value != other_value:
            yield "swap_paths", f"{field_value} -> {other_value}", Change(path, other_value), 0


def _leaves(value: Any, path: Path_) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list | Layers):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    elif value is not None:
        yield path, value
