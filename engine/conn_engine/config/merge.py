"""Merge three levels of raw data, and find which level sets a value. No files, no models.

A configuration is JSON-like data. Objects merge deeply, arrays and scalars are replaced, null removes, and mappings are
combined. Defaults are filled in later, so that an explicit value that equals a default is kept. The functions take the
layers from the bottom (base) to the top (account) and identify a layer by its index.

Four places have special rules:
- A mapping of a unified operation: two objects merge field by field. Anything else is kept side by side as `Layers`,
and the engine merges their results. `{replace: …}` drops what is below.
- `record_filter` of an operation: `$base` is the filter of the levels below, or true if they have none.
- `errors`: the rules of an upper level come before those of the levels below, just as an operation's come before its
resource's. The first match decides, so nothing below needs to be removed.
- What a resource or an operation inherits (`pagination`, `headers` …): a null is kept, because it also removes the
connector's value.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from conn_engine.expressions import find_tokens

__all__ = [
    "AUTHORIZING",
    "INHERITED",
    "INHERITED_BY_LISTINGS",
    "MAPPINGS",
    "MISSING",
    "QUOTA_KEYS",
    "RESOURCE_MAPPINGS",
    "LayerValue",
    "Layers",
    "Path_",
    "compose_mappings",
    "dead",
    "inherit",
    "is_equal_json",
    "is_filter",
    "is_replacement",
    "leaves",
    "lets_through",
    "lookup",
    "mapping_end",
    "mapping_layers",
    "merge",
    "merge_over",
    "statements",
]

Path_ = tuple[str | int, ...]
"""A path in a configuration: keys and list indices."""

INHERITED: Final = (
    "base_url",
    "headers",
    "query",
    "query_format",
    "authorization",
    "signature",
    "pagination",
    "response_path",
    "incremental",
    "errors",
    "rate_limit",
    "timeout_seconds",
    "part_failure",
)
"""Keys of the connector that a resource and an operation can override."""

INHERITED_BY_LISTINGS: Final = ("response_path", "incremental")
"""Those that only a listing inherits."""

AUTHORIZING: Final = ("authorization", "signature")
"""Keys that decide how requests are authorized. If none of them is set, that follows from the credentials."""

MAPPINGS: Final = frozenset(
    {
        "query_mapping",
        "path_mapping",
        "request_body_mapping",
        "request_header_mapping",
        "response_mapping",
        "response_header_mapping",
        "error_mapping",
    }
)
"""Keys of a unified operation whose values are combined."""

QUOTA_KEYS: Final = frozenset(
    {"name", "limit", "remaining", "used", "reset", "reset_unit", "window_seconds", "restore_per_second"}
)
"""Keys of `rate_limit` itself that earlier documents have for its only window. `windows` of an upper level replaces
them."""

RESOURCE_MAPPINGS: Final = ("response_mapping", "request_body_mapping")
"""The mappings that a unified resource can also set for its operations."""

_ALL_RECORDS: Final = "true"
_FILTER_LENGTH: Final = 4  # resources.<resource>.<operation>.record_filter
_BASE_REFERENCE: Final = re.compile(r"\$base\b")


class _Missing:
    """The type of `MISSING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()
"""Nothing is set; unlike None, which is a value."""


class Layers(tuple[Any, ...]):
    """The mappings of several levels, bottom first, that could not be merged as data. Each is as written in its
    level."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Layers({', '.join(map(repr, self))})"


@dataclass(frozen=True, slots=True)
class LayerValue:
    """What one layer sets at a path.

    `path` is where it sets the value: the requested path; an ancestor with a complete value (a null, a mapping written
    as one expression); a path inside `replace`; or `replace` itself or another `format`, which drops the path.
    `overridden` is true when a layer above overrides it.
    """

    layer: int
    path: Path_
    value: Any
    overridden: bool


def merge(layers: Sequence[Any]) -> Any:
    """Return the effective data of the layers, bottom first. Inputs are not changed; an empty sequence gives {}."""
    if not layers:
        return {}
    result = layers[0]
    for above in layers[1:]:
        result = merge_over(result, above)
    return result


def merge_over(below: Any, above: Any, path: Path_ = ()) -> Any:
    """Return `above` merged over `below`, both at `path`. The caller handles a null `above`."""
    if _is_mapping(path):
        return compose_mappings(below, above)
    if isinstance(above, list) and isinstance(below, list) and _are_error_rules(path):
        return [*above, *below]
    if isinstance(above, str) and is_filter(path):
        return _insert_base(above, below if isinstance(below, str) else _ALL_RECORDS)
    if not (isinstance(above, dict) and isinstance(below, dict)) or _another_format(below, above):
        return _drop_nulls(above, path)
    if above.get("windows") is not None and _is_inherited_key(path, "rate_limit"):
        below = {key: value for key, value in below.items() if key not in QUOTA_KEYS}
    return _merge_objects(below, above, path)


def _merge_objects(below: Mapping[str, Any], above: Mapping[str, Any], path: Path_) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        here = (*path, key)
        if value is None:
            if _keeps_null(here):
                result[key] = None
            else:
                result.pop(key, None)
        elif result.get(key) is not None:
            result[key] = merge_over(result[key], value, here)
        else:
            result[key] = _drop_nulls(value, here)
    return result


def _drop_nulls(value: Any, path: Path_) -> Any:
    """Return a value of an override that has nothing below, without the nulls that have nothing to remove."""
    if not isinstance(value, dict):
        return _insert_base(value, _ALL_RECORDS) if isinstance(value, str) and is_filter(path) else value
    entries = {
        key: _drop_nulls(item, (*path, key))
        for key, item in value.items()
        if item is not None or _keeps_null((*path, key))
    }
    return value if entries == value else entries


def _another_format(below: Mapping[str, Any], above: Mapping[str, Any]) -> bool:
    """Return whether the strategy differs: then the old settings do not apply to it, and it replaces them
    completely."""
    return (
        isinstance(below.get("format"), str)
        and isinstance(above.get("format"), str)
        and below["format"] != above["format"]
        and {*below, *above} <= {"format", "config"}
    )


def mapping_end(path: Path_) -> int:
    """Return the length of the path of the mapping that a path is in (an operation's, or its resource's as written),
    else 0."""
    if path[:1] != ("unified",):
        return 0
    if path[3:4] and path[3] in RESOURCE_MAPPINGS:
        return 4
    return 5 if path[4:5] and path[4] in MAPPINGS else 0


def _is_mapping(path: Path_) -> bool:
    return len(path) > 3 and mapping_end(path) == len(path)


def _are_error_rules(path: Path_) -> bool:
    return _is_inherited_key(path, "errors")


def _is_inherited_key(path: Path_, key: str) -> bool:
    """Return whether the path is that of a key of the connector, of a resource or of an operation."""
    return path[-1:] == (key,) and (len(path) == 1 or (path[0] == "resources" and len(path) in (3, 4)))


def is_filter(path: Path_) -> bool:
    """Return whether the path is that of an operation's `record_filter`."""
    return len(path) == _FILTER_LENGTH and path[0] == "resources" and path[3] == "record_filter"


def _insert_base(text: str, below: str) -> str:
    """Return a filter with the filter of the levels below in place of `$base`."""
    for token in reversed(find_tokens(text) if _refers_to_base(text) else ()):
        if token.text == "$base":
            text = f"{text[: token.start]}({below}){text[token.end :]}"
    return text


def _keeps_null(path: Path_) -> bool:
    """Return whether the path is at or below something that a resource or an operation inherits, or at something of the
    connector without which the authorization follows from the credentials."""
    if len(path) < 3 or path[0] != "resources":
        return len(path) == 1 and path[0] in AUTHORIZING
    return path[2] in INHERITED or (len(path) > 3 and path[3] in INHERITED)


def is_replacement(mapping: Any) -> bool:
    """Return whether a mapping is `{replace: …}`, which drops the levels below."""
    return isinstance(mapping, dict) and len(mapping) == 1 and "replace" in mapping


def compose_mappings(below: Any, above: Any) -> Any:
    """Return a mapping over the one of the levels below: merged field by field if both are objects, else both as
    `Layers`; `{replace: …}` alone."""
    if is_replacement(above):
        return above
    plain = isinstance(above, dict) and not _refers_to_base(above)
    if plain and isinstance(below, dict) and not is_replacement(below) and _same_shape(below, above):
        return _merge_objects(below, above, ())
    lower = below if isinstance(below, Layers) else (below,)
    return Layers((*lower, above))


def _same_shape(below: Mapping[str, Any], above: Mapping[str, Any]) -> bool:
    """Return whether no object meets an expression at the same field. If one does, their results must be merged, not
    their strings."""
    for key in below.keys() & above.keys():
        one, other = below[key], above[key]
        if isinstance(one, dict) and isinstance(other, dict):
            if not _same_shape(one, other):
                return False
        elif isinstance(other, dict) and one is not None:
            return False
    return True


def _refers_to_base(mapping: Any) -> bool:
    if isinstance(mapping, str):
        return _BASE_REFERENCE.search(mapping) is not None
    if isinstance(mapping, dict):
        return any(_refers_to_base(item) for item in mapping.values())
    return isinstance(mapping, list) and any(_refers_to_base(item) for item in mapping)


def mapping_layers(mapping: Any) -> list[Any]:
    """Return the layers of a mapping, bottom first, ready to compile: `{replace: x}` becomes x. None gives []."""
    if mapping is None or mapping is MISSING:
        return []
    layers = list(mapping) if isinstance(mapping, Layers) else [mapping]
    return [layer["replace"] if is_replacement(layer) else layer for layer in layers]


def inherit(*values: Any, path: Path_ = ()) -> Any:
    """Return the value for an operation, from the values of the connector, the resource and the operation (MISSING: not
    set).

    Objects merge deeply, arrays and scalars are replaced, null removes what is inherited. MISSING when nothing is left.
    """
    result: Any = MISSING
    for value in values:
        if value is MISSING:
            continue
        if value is None:
            result = MISSING
        elif result is MISSING:
            result = _drop_nulls(value, path)
        else:
            result = merge_over(result, value, path)
    return result


def lookup(data: Any, path: Path_) -> Any:
    """Return the value at the path, or MISSING. Does not look into `Layers`."""
    node = data
    for key in path:
        if isinstance(node, dict):
            node = node.get(key, MISSING)
        elif isinstance(node, list) and isinstance(key, int) and 0 <= key < len(node):
            node = node[key]
        else:
            return MISSING
    return node


def leaves(data: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Yield every leaf: scalars, complete arrays and complete `Layers`. Empty objects have no leaf."""
    if not isinstance(data, dict):
        yield path, data
        return
    open_ = [(path, iter(data.items()))]  # one generator at any depth: this runs over complete configurations
    while open_:
        at, entries = open_[-1]
        for key, value in entries:
            if isinstance(value, dict):
                open_.append(((*at, key), iter(value.items())))
                break
            yield (*at, key), value
        else:
            open_.pop()


def statements(layers: Sequence[Any], path: Path_) -> list[LayerValue]:
    """Return what each layer sets at the path, top first. The first is in effect, unless it is a null that removes."""
    rules = next((end for end in range(1, min(len(path), 5)) if _are_error_rules(path[:end])), 0)
    if rules and isinstance(path[rules], int):
        return _find_rule_statements(layers, path[:rules], int(path[rules]), path[rules + 1 :])
    found: list[LayerValue] = []
    overridden = False
    mapping = path[: mapping_end(path)] if len(path) > mapping_end(path) else ()
    changes = {} if mapping else _find_format_changes(layers, path)
    for index in range(len(layers) - 1, -1, -1):
        at, value = _find_value(layers[index], path)
        replaced = bool(mapping) and is_replacement(lookup(layers[index], mapping))
        if value is MISSING and (replaced or index in changes):  # it does not set the path, and drops what is below
            at = (*mapping, "replace") if replaced else changes[index]
            value = lookup(layers[index], at)
        if value is MISSING:
            continue
        found.append(LayerValue(index, at, value, overridden))
        overridden = overridden or replaced or index in changes or not lets_through(value, at)
    while found and found[-1].layer in changes and found[-1].path == changes[found[-1].layer] != path:
        found.pop()  # no level below sets the path
    return found


def _find_format_changes(layers: Sequence[Any], path: Path_) -> dict[int, Path_]:
    """Return the layers that give a strategy on the path another format, which drops its settings below, each with the
    path of that format."""
    changes: dict[int, Path_] = {}
    formats: dict[int, str] = {}  # by the length of the strategy's path
    for index, layer in enumerate(layers):
        node = layer
        for length, key in enumerate(path):
            if not isinstance(node, dict):
                break
            format_ = node.get("format")
            if isinstance(format_, str) and node.keys() <= {"format", "config"}:
                if formats.get(length, format_) != format_:
                    changes.setdefault(index, (*path[:length], "format"))
                formats[length] = format_
            node = node.get(key)
    return changes


def _find_rule_statements(layers: Sequence[Any], at: Path_, index: int, rest: Path_) -> list[LayerValue]:
    """Return the one layer that has the error rule at this index of the merged list."""
    for number in range(len(layers) - 1, -1, -1):
        rules = lookup(layers[number], at)
        if rules is None:
            break  # discards those below
        if not isinstance(rules, list):
            continue
        if index < len(rules):
            path = (*at, index, *rest)
            value = lookup(layers[number], path)
            return [] if value is MISSING else [LayerValue(number, path, value, overridden=False)]
        index -= len(rules)
    return []


def _find_value(layer: Any, path: Path_) -> tuple[Path_, Any]:
    node = layer
    at: Path_ = ()
    for key in path:
        if _is_mapping(at) and is_replacement(node) and key != "replace":
            node, at = node["replace"], (*at, "replace")
        inside = lookup(node, (key,))
        if inside is MISSING:
            whole = node is None or mapping_end(at) > 0
            return (at, node) if whole and not isinstance(node, dict | list) else (at, MISSING)
        node, at = inside, (*at, key)
    return at, node


def lets_through(value: Any, path: Path_) -> bool:
    """Return whether the values of lower layers at this path still have an effect."""
    if _is_mapping(path):
        return value is not None and not is_replacement(value)
    if _are_error_rules(path):
        return isinstance(value, list)
    if is_filter(path):
        return _refers_to_base(value)
    if end := mapping_end(path):
        return isinstance(value, dict) or (path[end] != "replace" and _refers_to_base(value))
    return isinstance(value, dict)


def is_equal_json(one: Any, other: Any) -> bool:
    """Return whether two values are equal as JSON: true is not 1, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_equal_json(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(is_equal_json(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def dead(layers: Sequence[Any]) -> list[tuple[int, Path_]]:
    """Return the leaves of the upper layers that change nothing: equal to what is below, or removing what does not
    exist."""
    found: list[tuple[int, Path_]] = []
    below = layers[0] if layers else {}
    for index, above in enumerate(layers[1:], start=1):
        idle = {path for path, value in leaves(above) if _changes_nothing(below, path, value)}
        idle -= {path for path in idle if _replaces_others(below, above, path)}
        found.extend((index, path) for path in idle if not _names_a_change(above, path, idle))
        below = merge_over(below, above)
    return sorted(found, key=lambda item: (item[0], [str(key) for key in item[1]]))


def _changes_nothing(below: Any, path: Path_, value: Any) -> bool:
    if end := mapping_end(path):
        return _maps_nothing_new(lookup(below, path[:end]), path[end:], value)
    before = lookup(below, path)
    if value is None:
        return before is MISSING and not (_keeps_null(path) and _is_inherited(below, path))
    if _are_error_rules(path) and isinstance(before, list) and isinstance(value, list):
        return is_equal_json(before[: len(value)], value)
    return is_equal_json(before, value)


def _replaces_others(below: Any, above: Any, path: Path_) -> bool:
    """Return whether the path is in a `replace` that changes a mapping: its other fields are dropped."""
    end = mapping_end(path)
    return path[end : end + 1] == ("replace",) and not is_equal_json(
        lookup(below, path[:end]), lookup(above, path[:end])
    )


def _maps_nothing_new(mapping: Any, field: Path_, value: Any) -> bool:
    if _refers_to_base(value):
        return False
    for layer in reversed(mapping if isinstance(mapping, Layers) else (mapping,)):
        written = layer["replace"] if field and is_replacement(layer) else layer
        for length in range(len(field) + 1):
            if isinstance(lookup(written, field[:length]), str | list) and length < len(field):
                return False  # an expression, or a list of them, may set the field: unknown
        before = lookup(written, field)
        if before is not MISSING:
            return is_equal_json(before, value)
        if written is not layer:
            break
    return value is None


def _is_inherited(data: Any, path: Path_) -> bool:
    if path[-1] in AUTHORIZING and lookup(data, ("credentials",)) not in (MISSING, None):
        return True  # the authorization follows from the credentials
    if len(path) == 1:
        return False
    start = 2 if path[2] in INHERITED else 3
    places = [path[start:]] if start == 2 else [path[start:], ("resources", path[1], *path[start:])]
    return any(lookup(data, place) not in (MISSING, None) for place in places)


def _names_a_change(layer: Any, path: Path_, idle: set[Path_]) -> bool:
    """Return whether a repeated `format` only names the strategy whose settings change, which is not redundant."""
    if path[-1:] != ("format",):
        return False
    config = (*path[:-1], "config")
    return any(leaf not in idle for leaf, _ in leaves(lookup(layer, config), config) if leaf != config)
