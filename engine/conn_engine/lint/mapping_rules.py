"""Rules for unified mappings and their levels: fields that the model lacks, that `$base` reads, that null removes, and
that are mapped in one direction only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conn_engine.config import (
    MAPPINGS,
    MISSING,
    Effective,
    Layer,
    OperationName,
    Path_,
    UnifiedOperation,
    find_own_fields,
    format_place,
    lookup,
    mapping_layers,
    singular,
)
from conn_engine.config.base_references import BASE, iterate_base_references
from conn_engine.config.corrections import rename_to_match
from conn_engine.config.resource_mappings import to_written
from conn_engine.diagnostics import Diagnostic, Severity, diagnostic, did_you_mean, find_match
from conn_engine.documents import format_path, is_overlap, iterate_texts
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression
from conn_engine.expressions.tokens import Token
from conn_engine.lint.layer_view import build_put, locate_in_layer
from conn_engine.lint.target import LintTarget

__all__ = ["check_model_fields", "find_base_references", "find_one_sided_fields", "find_removed_fields"]

_READS = ("get", "list")


@dataclass(frozen=True, slots=True)
class _MappingLevel:
    """A mapping as one level writes it. `inside` is its content: below `replace`, if the level replaces the mapping."""

    layer: Layer
    path: Path_
    written: Any

    @property
    def replaces(self) -> bool:
        return isinstance(self.written, dict) and self.written.keys() == {"replace"}

    @property
    def inside(self) -> tuple[Path_, Any]:
        return ((*self.path, "replace"), self.written["replace"]) if self.replaces else (self.path, self.written)


def _find_overridden_operations(effective: Effective) -> Iterator[tuple[OperationName, UnifiedOperation]]:
    """Yield the operations to check: for an account, only those that it overrides."""
    rows = effective.unified_operations()
    return (row for row in rows if effective.account is None or _is_overridden(effective, row[0].path))


def _find_levels(effective: Effective, path: Path_) -> list[_MappingLevel]:
    """Return the levels of a mapping that have an effect, the lowest first."""
    levels: list[_MappingLevel] = []
    for layer in effective.expanded:
        written = lookup(layer.data, path)
        if written is MISSING:
            continue
        level = _MappingLevel(layer, path, written)
        levels = [] if written is None else [level] if level.replaces else [*levels, level]
    return levels


def find_base_references(target: LintTarget) -> Iterator[Diagnostic]:
    """MAP130: `$base` reads a field that no level below sets. MAP131: there is no level below."""
    effective = target.effective
    for name, operation in _find_overridden_operations(effective):
        for key in sorted(MAPPINGS):
            levels = _find_levels(effective, (*name.path, key))
            is_mapped_over = key == "response_mapping" and levels[1:]
            record = operation.record or ""
            model = effective.schemas.find_closed_fields(name.model, record) if is_mapped_over else None
            for number, level in enumerate(levels):
                if level.layer.level != "base" or effective.account is None:  # the base is the same for every account
                    yield from _check_references(level, [lower.inside[1] for lower in levels[:number]], model)


def _check_references(level: _MappingLevel, below: Sequence[Any], model: frozenset[str] | None) -> Iterator[Diagnostic]:
    for path, text in iterate_texts(level.inside[1], level.inside[0]):
        for token, following in iterate_base_references(text):
            if not below:
                message = f"{BASE} is empty: this is the lowest level of the mapping"
                hint = f"read from `response` (or `body`) instead of `{BASE}`"
                yield _make_finding("MAP131", level, path, message, hint, token)
                continue
            names = [name.text.strip("`") for name in following]
            fields = _list_known_fields(below, names, model)
            if fields is not None:
                message = f'{BASE} has no field "{names[0]}"'
                hint = did_you_mean(names[0], sorted(fields)) or f"use one of: {', '.join(sorted(fields)[:12])}"
                finding = _make_finding("MAP130", level, path, message, hint, following[0])
                meant, is_certain = find_match(names[0], fields)
                if meant:
                    fixed = f"{text[: following[0].start]}{meant}{text[following[0].end :]}"
                    finding = replace(finding, fix=build_put(level.layer, path, fixed, is_certain=is_certain))
                yield finding


def _list_known_fields(below: Sequence[Any], names: Sequence[str], model: frozenset[str] | None) -> set[str] | None:
    """Return the known fields if the first of `names` is not one of them, or None if it is or may be one."""
    if not names:
        return None
    trees = [layer for layer in below if isinstance(layer, dict)]
    fields = {str(key) for tree in trees for key in tree}
    if names[0] in fields:
        return None
    if model is not None:
        return None if names[0] in model else fields | model
    return fields if len(trees) == len(below) else None


def _make_finding(  # noqa: PLR0917
    code: str, level: _MappingLevel, path: Path_, message: str, hint: str, token: Token | None = None
) -> Diagnostic:
    """Build the finding at a path of a level, or at a token of the expression there."""
    start, width = (-1, 1) if token is None else (token.start, token.end - token.start)
    place = to_written(path) if level.layer.of_resources else path
    return diagnostic(
        code, message, locate_in_layer(level.layer, path, start, width), path=format_place(place), hint=hint
    )


def find_removed_fields(target: LintTarget) -> Iterator[Diagnostic]:
    """MAP132: a mapping sets a field to null that the model requires, or that cannot be null."""
    effective = target.effective
    for name, operation in _find_overridden_operations(effective):
        schema = effective.schemas.find_record(name.model, operation.record or "") or {}
        required, properties = schema.get("required") or [], schema.get("properties") or {}
        levels = _find_levels(effective, (*name.path, "response_mapping"))
        for number, level in enumerate(levels if name.method != "delete" else ()):
            path, tree = level.inside
            nulls = [key for key, value in tree.items() if value is None] if isinstance(tree, dict) else []
            for key in nulls:
                if (key in required) if number else not _takes_null(properties.get(key)):
                    reason = "requires it" if key in required else "does not allow null"
                    message = f"{key} is null, but {name.model}.{operation.record} {reason}"
                    hint = f"map it, for example {key}: response.{key}, or delete the line"
                    yield _make_finding("MAP132", level, (*path, key), message, hint)


def _takes_null(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return True
    if "type" in schema:
        return "null" in (schema["type"] if isinstance(schema["type"], list) else [schema["type"]])
    choices = schema.get("anyOf") or schema.get("oneOf")
    return "$ref" in schema or not choices or any(map(_takes_null, choices))


def find_one_sided_fields(target: LintTarget) -> Iterator[Diagnostic]:
    """MAP134: a write sends a field of the model that no read returns, or an override adds a field to a read that no
    write sends."""
    effective = target.effective
    resources: dict[Path_, dict[str, tuple[OperationName, UnifiedOperation]]] = {}
    for name, operation in effective.unified_operations():
        if operation.enabled and (effective.account is None or _is_overridden(effective, name.path[:3])):
            resources.setdefault(name.path[:3], {})[name.method] = (name, operation)
    for operations in resources.values():
        read_operation = next((operations[method] for method in _READS if method in operations), None)
        writes = [row for row in operations.values() if row[1].request_body_mapping is not None]
        if read_operation is None or not writes:
            continue
        sent_fields = {field: path for row in writes for field, path in _find_sent_fields(*row)}
        if () not in sent_fields:
            yield from _check_returned(effective, read_operation, sent_fields)
            yield from _check_sent(effective, read_operation, sent_fields)


def _is_overridden(effective: Effective, path: Path_) -> bool:
    return any(layer.level != "base" and lookup(layer.data, path) is not MISSING for layer in effective.expanded)


def _find_sent_fields(name: OperationName, operation: UnifiedOperation) -> Iterator[tuple[Path_, Path_]]:
    """Yield the fields of the caller's body that a write reads, with the path of the expression; `()` for all."""
    for layer in mapping_layers(operation.request_body_mapping):
        for path, text in iterate_texts(layer, (*name.path, "request_body_mapping")):
            try:
                compiled = expression(text)
            except ExpressionError:
                continue  # reported as EXP101
            if compiled.roots() is None:
                yield (), path
            for read_path in compiled.reads():
                if read_path[0] == "body":
                    yield tuple(part for part in read_path[1:] if isinstance(part, str)), path


def _check_returned(
    effective: Effective, read_operation: tuple[OperationName, UnifiedOperation], sent_fields: Mapping[Path_, Path_]
) -> Iterator[Diagnostic]:
    name, operation = read_operation
    levels = _find_levels(effective, (*name.path, "response_mapping"))
    schema = effective.schemas.find_record(name.model, operation.record or "") or {}
    if not levels or not all(isinstance(level.inside[1], dict) for level in levels):
        return  # an expression may return any field
    base = [
        lookup(layer.data, (*name.path, "response_mapping")) for layer in effective.expanded if layer.level == "base"
    ]
    for field, place in sorted(sent_fields.items()):
        if field[0] not in schema.get("properties", {}) or any(_sets_field(level.inside[1], field) for level in levels):
            continue
        if _is_overridden(effective, place) or not any(
            _sets_field(mapping, field) for mapping in base if mapping is not MISSING
        ):
            message = f"{format_path(field)} is sent, but {name.text} does not return it"
            hint = f"map it in response_mapping of {name.model}.{name.resource}, or remove it from the write"
            yield diagnostic("MAP134", message, effective.span(place), path=format_place(place), hint=hint)


def _check_sent(
    effective: Effective, read_operation: tuple[OperationName, UnifiedOperation], sent_fields: Mapping[Path_, Path_]
) -> Iterator[Diagnostic]:
    name, _ = read_operation
    path = (*name.path, "response_mapping")
    levels = [_MappingLevel(layer, path, lookup(layer.data, path)) for layer in effective.expanded]
    levels = [level for level in levels if level.written is not MISSING]
    for number, level in enumerate(levels):
        below = [level_below.inside[1] for level_below in levels[:number]]
        level_path, tree = level.inside
        if (
            level.layer.level == "base"
            or not isinstance(tree, dict)
            or not all(isinstance(level_below, dict) for level_below in below)
        ):
            continue
        for place, _ in iterate_texts(tree):
            field = tuple(part for part in place if isinstance(part, str))
            if any(_sets_field(level_below, field) for level_below in below) or any(
                is_overlap(field, other) for other in sent_fields
            ):
                continue
            message = f"{name.text} returns {format_path(field)}, but no write sends it"
            hint = "if it can be written, map it in request_body_mapping too"
            yield _make_finding("MAP134", level, (*level_path, *place), message, hint)


def _sets_field(layer: Any, field: Path_) -> bool:
    """Return whether a level's mapping sets a field: with an expression for it, for a parent, or for a part of it."""
    node = layer
    for key in field:
        if not isinstance(node, dict):
            break
        if node.get(str(key)) is None:
            return False
        node = node[str(key)]
    return True


def check_model_fields(target: LintTarget) -> Iterator[Diagnostic]:
    """MAP303: a mapping sets a field that the unified model does not have."""
    effective = target.effective
    for name, operation in effective.unified_operations():
        record = operation.record or singular(name.resource)
        if name.method == "delete":
            continue
        fields = effective.schemas.find_closed_fields(name.model, record)
        if fields is None:
            continue
        own = find_own_fields(effective, name)
        for path in _find_mapped_fields((*name.path, "response_mapping"), operation.response_mapping):
            key = str(path[-1])
            if key not in fields:
                origins = effective.origins(path)
                span = origins[0].key_span if origins else effective.span(path)
                text = f'the unified record {name.model}.{record} has no field "{key}"'
                advice = "use a field of the model, or put it under custom_fields"
                if key in own and "custom_fields" in fields:
                    advice = f"to keep to the model, set {_find_custom_field(path)} instead"
                hint = did_you_mean(key, fields) if key not in own else ""
                severity = Severity.INFO if key in own else None
                fix = rename_to_match(origins[0].document, origins[0].place, fields, key) if origins and hint else None
                yield diagnostic(
                    "MAP303", text, span, path=format_place(path), hint=hint or advice, severity=severity, fix=fix
                )


def _find_custom_field(field: Path_) -> str:
    """Return the place of the custom field with the name of a field."""
    return format_place((*to_written(field)[:-1], "custom_fields", field[-1]))


def _find_mapped_fields(path: Path_, mapped: Any) -> dict[Path_, None]:
    """Return the paths of the fields that a mapping's levels set by name, without those that a level removes."""
    fields: dict[Path_, None] = {}
    for layer in mapping_layers(mapped):
        for key, value in layer.items() if isinstance(layer, dict) else ():
            if value is not None:
                fields[(*path, key)] = None
    return fields
