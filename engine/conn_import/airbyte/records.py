"""A record selector and transformations of a manifest as `response_path`, `record_filter` and `record_mapping`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from conn_engine.documents.pointers import to_pointer
from conn_import.airbyte.custom import note_code, read_code
from conn_import.airbyte.jinja import (
    Cond,
    Default,
    FunctionNode,
    Kind,
    Lit,
    Names,
    Node,
    Op,
    PathNode,
    Untranslatable,
    quote,
    to_condition,
    to_expression,
    to_step,
    to_text,
    translate,
)
from conn_import.airbyte.names import TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.templates import translate_literal
from conn_import.coercion import as_list

__all__ = ["build_filter", "build_mapping", "build_record_path", "find_kind", "find_types"]

_SUMS = frozenset("+-*/%")
_VALUE_TYPES = {"string", "integer", "number", "boolean"}
_KINDS = {"string": "text", "number": "number", "integer": "integer", "boolean": "boolean"}
_PLAIN = re.compile(r"[^.\[\]`\s]+")
_MAX_DEPTH = 12
_LONGEST_PLACE = 400
_SCALARS: Mapping[str, Kind] = {"integer": "int", "boolean": "bool", "array": "list", "object": "object"}


def build_record_path(extractor: Any, scope: TemplateScope, notes: Notes) -> str | None:
    """Return `response_path`. It is in brackets, because in the kit a missing path means no records."""
    if not isinstance(extractor, Mapping):
        return None
    extractor = read_code(extractor, "extracting records", notes)
    if extractor is None:
        return None
    if extractor.get("type") == "CombinedExtractor":
        return _combine_extractors(extractor, scope, notes)
    if extractor.get("type") not in ("DpathExtractor", "ResponseToFileExtractor", None):
        notes.add(f"the extractor {extractor.get('type')}")
        return None
    if extractor.get("record_expander"):
        notes.add("records that are expanded from a field of a record")
    fields = extractor.get("field_path")
    if not isinstance(fields, list) or not fields:
        return None
    try:
        names = [translate(str(one), {**scope.for_config()}) for one in fields]
    except Untranslatable as reason:
        notes.add(f"the path to the records: {reason}")
        return None
    text, several = "", False
    for name in names:
        if name == Lit("*"):
            text = f"{text}.{_list_items('$')}" if several else _list_items(text) if text else f"[{_list_items('$')}]"
            several = True
        elif isinstance(name, Lit):
            text = _add_step(text, str(name.value))
        else:
            text = f"$lookup({text or '$'}, {_refer_to_context(name)})"
    return text if text == f"[{_list_items('$')}]" else f"[{text}]"


def _list_items(base: str) -> str:
    """Return the items of a list or the values of an object. At the root it is in brackets, because a path would
    otherwise be applied to each item."""
    return f"($type({base}) = 'array' ? {base} : $values({base}))"


def _combine_extractors(extractor: Mapping[str, Any], scope: TemplateScope, notes: Notes) -> str | None:
    """Combine several extractors: the records of all, or of the first that finds some."""
    paths = [build_record_path(item, scope, notes) or "[$]" for item in as_list(extractor.get("extractors"))]
    if not paths:
        return None
    text = paths[-1]
    for path in reversed(paths[:-1]):
        if extractor.get("mode") == "first_match":
            text = f"$count({path}) > 0 ? {path} : ({text})"
        else:
            text = f"$append({path}, {text})"
    return text


def _add_step(text: str, name: str) -> str:
    if "`" in name:
        return f"$lookup({text or '$'}, {quote(name)})"
    return f"{text}.{to_step(name)}" if text else to_step(name)


def _refer_to_context(node: Node) -> str:
    return to_expression(to_text(node)).replace("context.", "$context.")


def find_kind(schema: Any, steps: Sequence[Any]) -> Kind:
    """Return the kind of the value at a path, from the record's schema."""
    for step in steps:
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        schema = properties.get(step) if isinstance(properties, Mapping) and isinstance(step, str) else None
    types = schema.get("type") if isinstance(schema, Mapping) else None
    kinds = [kind for kind in (types if isinstance(types, list) else [types]) if kind != "null"]
    return _SCALARS.get(kinds[0], "any") if len(kinds) == 1 and isinstance(kinds[0], str) else "any"


def build_filter(
    record_filter: Any, scope: TemplateScope, schema: Any, notes: Notes, root: str = "record"
) -> str | None:
    """`record_filter`."""
    if not isinstance(record_filter, Mapping) or note_code(record_filter, "filtering records", notes):
        return None
    text = record_filter.get("condition")
    if not isinstance(text, str) or not text:
        return None
    try:
        node = translate(text, _build_record_names(scope, schema, root))
    except Untranslatable as reason:
        notes.add(f"record_filter: {reason}")
        return None
    if isinstance(node, Lit):
        return None if node.value not in (False, "False", "false", "", None) else "false"
    return to_condition(node)


def _build_record_names(scope: TemplateScope, schema: Any, root: str) -> Names:
    def record(steps: tuple[Any, ...]) -> Node:
        return PathNode(root, steps, find_kind(schema, steps) if steps else "object", not steps)

    return {**scope.for_record(root), "record": record}


class _RecordMapping:
    """Transformations of a record. Each one uses the result of the one before."""

    def __init__(self, scope: TemplateScope, schema: Any, notes: Notes) -> None:
        self._scope = scope
        self._schema = schema
        self._notes = notes
        self._steps: list[str] = []
        self._added: set[str] = set()

    @property
    def record_name(self) -> str:
        """The current name of the record."""
        return "$r" if self._steps else "record"

    def to_expression(self) -> str | None:
        """Return the complete mapping."""
        if not self._steps:
            return None
        if len(self._steps) == 1:
            return self._steps[0]
        return f"({'; '.join(f'$r := {one}' for one in self._steps)}; $r)"

    def add_step(self, text: str) -> None:
        """Add a transformation of `root`."""
        self._steps.append(text)
        self._added = set()

    def add_fields(self, transformation: Mapping[str, Any]) -> None:
        """AddFields: values at places, each seeing those before it."""
        pairs: list[str] = []
        root = self.record_name
        for item in as_list(transformation.get("fields")):
            if not isinstance(item, Mapping) or not isinstance(item.get("path"), list) or not item["path"]:
                self._notes.add("a field to add without a path")
                continue
            place = [str(part) for part in item["path"]]
            if any("*" in part for part in place):
                self._notes.add(f"a field to add at {'.'.join(place)}")
                continue
            try:
                value = self._build_value(item, transformation.get("condition"), place, root)
            except Untranslatable as reason:
                self._notes.add(f"the field {'.'.join(place)}: {reason}")
                continue
            if any(f"{root}.{to_step(name)}" in value for name in self._added):
                self._flush(pairs, root)
                root = self.record_name
                value = self._build_value(item, transformation.get("condition"), place, root)
                pairs = []
            pairs.append(_build_pair(root, place, value))
            self._added.add(place[0])
        self._flush(pairs, root)

    def _flush(self, pairs: list[str], root: str) -> None:
        if pairs:
            self.add_step(f"$merge([{root}, {{{', '.join(pairs)}}}])")

    def _build_value(self, component: Mapping[str, Any], when: Any, place: list[str], root: str) -> str:
        names = _build_record_names(self._scope, self._schema if root == "record" else None, root)
        text = component.get("value")
        kind = component.get("value_type")
        if not isinstance(text, str):
            node: Node = (
                Lit(text)
                if text is None or isinstance(text, int | float | bool)
                else translate_literal(str(text), names)
            )
        elif kind == "string":
            node = _to_text(translate(text, names))
        else:
            node = translate_literal(text, names)
        if kind in _VALUE_TYPES - {"string"} and isinstance(node, FunctionNode) and node.name == "literal":
            node = FunctionNode("literal", node.arguments, "any")
        value = to_expression(_fill_missing(node))
        if isinstance(when, str) and when:
            test = translate(
                when, {**names, "value": lambda steps: PathNode("$nothing"), "path": lambda steps: Lit("")}
            )
            value = f"{to_condition(test)} ? ({value}) : {root}.{to_step(place[0])}"
        return value

    def remove_fields(self, transformation: Mapping[str, Any]) -> None:
        """RemoveFields: keys by place, with the patterns that our paths have too."""
        if transformation.get("condition"):
            self._notes.add("fields that are removed on a condition")
            return
        collected: list[str] = []
        for place in as_list(transformation.get("field_pointers")):
            names = [str(part) for part in as_list(place)]
            if any(mark in name for name in names for mark in "?["):
                self._notes.add(f"fields to remove at {'.'.join(names)}")
            elif len(names) == 1 and "*" not in names[0] and not names[0].startswith("/"):
                collected.append(quote(names[0]))
            elif names:
                collected.append(quote(to_pointer(*names)))
        if collected:
            self.add_step(f"$omit({self.record_name}, [{', '.join(collected)}])")

    def change_keys(self, change: str, *, deep: bool) -> None:
        """Change every key by an expression over `$k`; with `deep`, also in nested objects."""
        value = "$type($v) = 'object' ? $f($v) : $v" if deep else "$v"
        made = f"$merge([{{}}, $each($o, function($v, $k) {{{{{change}: {value}}}}})])"
        call = f"($f := function($o) {{{made}}}; $f({self.record_name}))"
        self.add_step(call)

    def flatten_path(self, transformation: Mapping[str, Any]) -> None:
        """DpathFlattenFields: the fields of an object inside of the record move up."""
        place = [str(item) for item in as_list(transformation.get("field_path"))]
        change = transformation.get("key_transformation")
        if not place or "*" in place or any("{" in item for item in place):
            self._notes.add("fields that are flattened from a computed path")
            return
        root = self.record_name
        inner = f"{root}.{'.'.join(to_step(item) for item in place)}"
        moved = inner
        if isinstance(change, Mapping) and (change.get("prefix") or change.get("suffix")):
            before, after = quote(str(change.get("prefix") or "")), quote(str(change.get("suffix") or ""))
            moved = f"$merge([{{}}, $each({inner}, function($v, $k) {{{{{before} & $k & {after}: $v}}}})])"
        if transformation.get("replace_record"):
            self.add_step(f"$type({inner}) = 'object' ? {moved} : {root}")
            return
        rest = root
        if transformation.get("delete_origin_value"):
            where = ".".join(to_step(item) for item in place[:-1])
            rest = (
                f"$omit({root}, [{quote(place[0])}])"
                if not where
                else f"({root} ~> |{where}|{{}}, [{quote(place[-1])}]|)"
            )
        clash = f"$count($keys({moved})[$ in $keys({root})]) > 0"
        self.add_step(f"$type({inner}) != 'object' or {clash} ? {root} : $merge([{rest}, {moved}])")


def _to_text(node: Node) -> Node:
    """Convert a value to text, also a number."""
    match node:
        case Default(value, other, truth):
            return Default(_to_text(value), _to_text(other), truth)
        case _ if node.kind in ("any", "int") and not isinstance(node, Lit | Cond):
            return FunctionNode("string", (node,), "text")
        case _:
            return to_text(node)


def _fill_missing(node: Node) -> Node:
    """Replace a missing value by an empty string, as the kit does."""
    match node:
        case (
            PathNode(steps=(_,), sure=False)
            | FunctionNode(name="literal", arguments=(PathNode(steps=(_,), sure=False),))
        ):
            return Default(node, Lit(""))
        case Op(sign) | FunctionNode("literal", (Op(sign),)) if sign in _SUMS:
            return Default(node, Lit(""))
        case _:
            return node


def _build_pair(root: str, place: list[str], value: str) -> str:
    """`'a': value`, or for a place below `'a': $merge([record.a, {'b': value}])`."""
    if len(place) == 1:
        return f"{quote(place[0])}: {value}"
    above = f"{root}.{to_step(place[0])}"
    held = f"$type({above}) = 'object' ? {above}"
    return f"{quote(place[0])}: $merge([{held}, {{{_build_pair(above, place[1:], value)}}}])"


_SNAKE = (
    "$lowercase($replace($replace($replace($k, /([a-z])([A-Z])/, '$1_$2'), /([A-Za-z])([0-9])/, '$1_$2'),"
    " /[^A-Za-z0-9]+/, '_'))"
)


def build_mapping(
    transformations: Any, scope: TemplateScope, schema: Any, notes: Notes, *, only: str = ""
) -> str | None:
    """`record_mapping`. `only` is a condition over the result."""
    mapping = _RecordMapping(scope, schema, notes)
    for item in transformations if isinstance(transformations, list) else ():
        if not isinstance(item, Mapping) or note_code(item, "transforming records", notes):
            continue
        match item.get("type"):
            case "AddFields":
                mapping.add_fields(item)
            case "RemoveFields":
                mapping.remove_fields(item)
            case "KeysToLower":
                mapping.change_keys("$lowercase($k)", deep=False)
            case "KeysToSnakeCase":
                mapping.change_keys(_SNAKE, deep=True)
            case "KeysReplace":
                _replace_keys(mapping, item, scope, notes)
            case "FlattenFields":
                mapping.add_step(_build_flattening(mapping.record_name, lists=item.get("flatten_lists") is not False))
            case "DpathFlattenFields":
                mapping.flatten_path(item)
            case other:
                notes.add(f"the transformation {other}")
    if only:
        mapping.add_step(f"{only} ? {mapping.record_name} : null")
    return mapping.to_expression()


def _replace_keys(mapping: _RecordMapping, component: Mapping[str, Any], scope: TemplateScope, notes: Notes) -> None:
    try:
        old, new = (
            to_expression(to_text(translate(str(component.get(key, "")), scope.for_config()))) for key in ("old", "new")
        )
    except Untranslatable as reason:
        notes.add(f"replaced keys: {reason}")
        return
    mapping.change_keys(f"$replace($k, {old}, {new})", deep=True)


def _build_flattening(root: str, *, lists: bool) -> str:
    """Nested objects (and lists) as fields of the record itself; a name that is taken gets its path before it."""
    inside = "$type($v) = 'object'" + (" or $type($v) = 'array'" if lists else "")
    listed = (
        "$type($o) = 'array' ? $reduce($map($o, function($v, $i) {{'k': $p & '.' & $string($i), 'v': $v}}), "
        "function($a, $x) {$type($x.v) in ['object', 'array'] ? $merge([$a, $f($x.v, $x.k)]) "
        ": $merge([$a, {$x.k: $x.v}])}, {}) : "
        if lists
        else ""
    )
    return (
        f"($f := function($o, $p) {{{listed}$merge([{{}}, $each($o, function($v, $k) "
        f"{{{inside} ? $f($v, $k) : {{$k: $v}}}})])}}; $f({root}, '_'))"
    )


def find_types(schema: Any) -> dict[str, str]:
    """Return `record_types` from a record's schema: the kind at each path, without null."""
    types: dict[str, str] = {}
    _find_types_below(schema, "", 0, types)
    return types


def _find_types_below(schema: Any, above: str, depth: int, types: dict[str, str]) -> None:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    for name, one in properties.items() if isinstance(properties, Mapping) and depth < _MAX_DEPTH else ():
        if not isinstance(one, Mapping) or not isinstance(name, str) or "`" in name or not name:
            continue
        place = f"{above}.{_quote_name(name)}" if above else _quote_name(name)
        _find_type_at(one, place, depth, types)


def _find_type_at(schema: Mapping[str, Any], place: str, depth: int, collected: dict[str, str]) -> None:
    types = schema.get("type")
    kinds = [kind for kind in (types if isinstance(types, list) else [types]) if kind != "null"]
    kind = str(kinds[0]) if len(kinds) == 1 else ""
    if kind in _KINDS and len(place) <= _LONGEST_PLACE:
        collected[place] = _KINDS[kind]
    items = schema.get("items")
    if kind == "array" and isinstance(items, Mapping):
        _find_type_at(items, f"{place}[]", depth + 1, collected)
        if f"{place}[]" in collected:  # if the items are scalars, a single value becomes a list of one
            collected[place] = "list"
    _find_types_below(schema, place, depth + 1, collected)


def _quote_name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f"`{name}`"
