"""Find settings of an override that operations do not use, because a more specific place sets them too."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from conn_engine.config.dotted_places import format_place
from conn_engine.config.inheritance import find_inherited, said_at
from conn_engine.config.merge import INHERITED, INHERITED_BY_LISTINGS, Path_, is_equal_json, leaves, lookup, merge
from conn_engine.config.operations import OperationName, VendorOperation
from conn_engine.config.origins import Layer
from conn_engine.diagnostics import Diagnostic, Severity, diagnostic, join_words

__all__ = ["find_hidden_settings", "find_unused_defaults"]

_KEYS: Final = tuple(key for key in INHERITED if key != "errors")  # the rules of all places are joined
_OF_LISTINGS: Final = ("pagination", *INHERITED_BY_LISTINGS)
_NAMED: Final = 3


def find_hidden_settings(
    layers: Sequence[Layer], operations: Sequence[VendorOperation], idle: Collection[Path_]
) -> Iterator[Diagnostic]:
    """CFG160: the highest level sets something for the connector or a resource that all operations, or for information
    some of them, set themselves. Settings in `idle` are left out: they change nothing anyway."""
    for key in _KEYS if len(layers) > 1 else ():
        places = list(_find_places(layers[-1].data, key))
        parts = [_select(layer.data, key) for layer in layers] if places else []
        for place in places:
            users = [one for one in operations if one.place[: len(place) - 1] == place[:-1] and _uses(one, key)]
            comparison = _Comparison(key, parts, [one.operation_name for one in users])
            hidden: dict[tuple[OperationName, ...], list[Path_]] = {}
            for path, _ in leaves(lookup(layers[-1].data, place), place):
                if path not in idle and (unaffected := comparison.find_unaffected(path)):
                    hidden.setdefault(unaffected, []).append(path)
            if place[1:] and key in INHERITED_BY_LISTINGS:
                hidden.pop(tuple(comparison.operations), None)  # reported for every level as CFG151
            for unaffected, paths in hidden.items():
                yield _build_finding(layers[-1], place, paths, unaffected, comparison)


def find_unused_defaults(layers: Sequence[Layer]) -> Iterator[Diagnostic]:
    """CFG160: the highest level sets the default of a field, but an account gets only those of the connector."""
    fields = layers[-1].data.get("fields") if len(layers) > 1 else None
    for index, field in enumerate(fields if isinstance(fields, list) else ()):
        path: Path_ = ("fields", index, "default")
        if isinstance(field, dict) and field.get("default") is not None and field not in _list_fields(layers[0].data):
            name = field.get("name")
            yield diagnostic(
                "CFG160",
                f"the default of {name} has no effect: only the connector sets defaults of fields",
                layers[-1].span(path),
                path=format_place(path),
                hint=f"set the value in the account: context: {{{name}: …}}",
            )


def _list_fields(data: Mapping[str, Any]) -> list[Any]:
    fields = data.get("fields")
    return fields if isinstance(fields, list) else []


def _find_places(data: Mapping[str, Any], key: str) -> Iterator[Path_]:
    if key in data:
        yield (key,)
    resources = data.get("resources")
    for resource, settings in resources.items() if isinstance(resources, dict) else ():
        if isinstance(settings, dict) and key in settings:
            yield ("resources", resource, key)


def _uses(operation: VendorOperation, key: str) -> bool:
    return key not in _OF_LISTINGS or operation.is_listing or operation.get_path(key) == (*operation.place, key)


def _select(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the part of a level with one inherited key: that of the connector, its resources and operations."""
    resources = data.get("resources")
    selected: dict[str, Any] = {key: data[key]} if key in data else {}
    for resource, settings in resources.items() if isinstance(resources, dict) else ():
        own = {key: settings[key]} if isinstance(settings, dict) and key in settings else {}
        for name, operation in settings.items() if isinstance(settings, dict) else ():
            if isinstance(operation, dict) and name not in INHERITED and key in operation:
                own[name] = {key: operation[key]}
        if own:
            selected.setdefault("resources", {})[resource] = own
    return selected


@dataclass(frozen=True)
class _Comparison:
    """Compares what operations inherit with and without a setting. `parts` are the levels reduced to the key."""

    key: str
    parts: Sequence[dict[str, Any]]
    operations: Sequence[OperationName]

    @cached_property
    def merged(self) -> dict[str, Any]:
        """The key as all levels together set it."""
        merged: dict[str, Any] = merge(self.parts)
        return merged

    def find_unaffected(self, path: Path_) -> tuple[OperationName, ...]:
        """Return the operations that inherit the same without the setting at the path of the highest level."""
        without = merge([*self.parts[:-1], _remove(self.parts[-1], path)])
        return tuple(
            one
            for one in self.operations
            if _is_same(self._find_value(self.merged, one), self._find_value(without, one))
        )

    def find_setter(self, operation: OperationName) -> Path_:
        """Return the most specific path that sets the key for an operation."""
        return said_at(self.merged, operation.resource, operation.method, self.key)

    def _find_value(self, data: Mapping[str, Any], operation: OperationName) -> Any:
        return find_inherited(data, operation.resource, operation.method, self.key)


def _is_same(one: Any, other: Any) -> bool:
    return one is other or is_equal_json(one, other)


def _remove(data: Any, path: Path_) -> Any:
    if len(path) == 1:
        return {key: value for key, value in data.items() if key != path[0]}
    return {**data, path[0]: _remove(data[path[0]], path[1:])}


def _build_finding(
    layer: Layer, place: Path_, paths: Sequence[Path_], unaffected: Sequence[OperationName], comparison: _Comparison
) -> Diagnostic:
    every = len(paths) == len(list(leaves(lookup(layer.data, place), place)))
    named = [place] if len(paths) > _NAMED or (every and any(path[-1] == "format" for path in paths)) else paths
    verb = "has" if len(named) == 1 else "have"
    is_partial = len(unaffected) < len(comparison.operations)
    operations = join_words([one.text for one in unaffected], _NAMED)
    sets = ("which sets its own" if is_partial else "sets its own") if len(unaffected) == 1 else "set their own"
    where = f" in {operations}, {'which ' * (len(unaffected) > 1)}" if is_partial else f": {operations} "
    setters = list(dict.fromkeys(comparison.find_setter(one) for one in unaffected))
    edits = [_format_edit(layer, setter, place, path) for setter in setters for path in named]
    return diagnostic(
        "CFG160",
        f"{join_words(list(map(format_place, named)), _NAMED)} {verb} no effect{where}{sets} {comparison.key}",
        layer.span(named[0]),
        path=format_place(named[0]),
        severity=Severity.INFO if is_partial else None,
        hint=f"set {join_words(edits, _NAMED)} instead"
        if not is_partial
        else f"to change it there too, set {join_words(edits, _NAMED)}",
    )


def _format_edit(layer: Layer, setter: Path_, place: Path_, path: Path_) -> str:
    """Return the setting at the path as it is set where `setter` sets the key. A text is left out: it may be secret."""
    value = lookup(layer.data, path)
    target = format_place((*setter, *path[len(place) :]))
    return f"{target}: {value}" if isinstance(value, int | float) and not isinstance(value, bool) else target
