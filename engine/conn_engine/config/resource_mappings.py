"""The mappings that a unified resource sets for its operations, written into each of them.

`contacts: {response_mapping: …}` is for every operation of `contacts` except `delete`; `request_body_mapping` is for
`create`, `update` and every operation that has one of its own. Each level becomes two: what its resources set, and
above it the rest of what it sets. `response_mapping: null` in an operation opts out: the mapping of the resource does
not reach it, at that level or above, until a level gives the operation its own mapping. A response mapping is for
records, so an operation that maps `each: page` is not reached either.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

from conn_engine.config.merge import MISSING, RESOURCE_MAPPINGS, Path_, lookup, merge_over
from conn_engine.config.models import UnifiedResource
from conn_engine.config.origins import DocumentFragment, Layer, Level

__all__ = ["MappingReach", "expand", "find_resource_mappings", "merge_base", "to_written"]

_REQUEST: Final = "request_body_mapping"
_WRITES: Final = ("create", "update")
_MAPPING_LENGTH: Final = 5  # unified.<model>.<resource>.<operation>.<mapping>
Mappings: TypeAlias = Iterator[tuple[Path_, str, Any]]
"""The path of a resource, the key of a mapping that it sets, and the mapping."""


class MappingReach:
    """Determines which operations the mappings of resources apply to, level by level. `layers` are the levels as
    written."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers

    def operations(self, resource: Path_) -> list[str]:
        """Return the operations of a resource that are not removed by the highest level that mentions them."""
        names: dict[str, None] = {}
        for layer in self.layers:
            entries = lookup(layer.data, resource)
            names.update(dict.fromkeys(entries if isinstance(entries, dict) else ()))
        return [
            name for name in names if name not in UnifiedResource.__struct_fields__ and self._is_there(resource, name)
        ]

    def find_reached(self, number: int, resource: Path_, key: str) -> list[str]:
        """Return the operations that receive the mapping of a resource at level `number`."""
        meant = [name for name in self.operations(resource) if self._reaches(number, (*resource, name, key))]
        return meant if key == _REQUEST else [name for name in meant if not self.maps_pages((*resource, name))]

    def _reaches(self, number: int, path: Path_) -> bool:
        mapping = self._find_value(number, path)  # a null removes what the level's resource sets, like everything below
        nearest = self._find_nearest(number, path) if mapping is MISSING or mapping is None else mapping
        return self._is_meant(nearest, str(path[-2]), str(path[-1]))

    @staticmethod
    def _is_meant(nearest: Any, operation: str, key: str) -> bool:
        """Return whether a resource's mapping applies to an operation for which the nearest level sets `nearest`."""
        if nearest is None or (key != _REQUEST and operation == "delete"):
            return False
        return key != _REQUEST or operation in _WRITES or nearest is not MISSING

    def find_meant(self, number: int, resource: Path_, key: str) -> list[str]:
        """Return the operations that a mapping of the resource at level `number` applies to, whatever they set at this
        level."""
        mapped = [
            name for name in self.operations(resource) if self._find_value(number, (*resource, name, key)) is not None
        ]
        return [
            name for name in mapped if self._is_meant(self._find_nearest(number, (*resource, name, key)), name, key)
        ]

    def ends_opt_out(self, level: Level, path: Path_) -> bool:
        """Return whether a path is in a mapping of an operation that, at this level, lets the mapping of the resource
        reach the operation again: a level below has opted out."""
        mapping = path[:_MAPPING_LENGTH]
        if len(mapping) < _MAPPING_LENGTH or mapping[-1] not in RESOURCE_MAPPINGS:
            return False
        number = next(at for at, layer in enumerate(self.layers) if layer.level == level)
        return self._find_value(number, mapping) is not None and self._find_nearest(number, mapping) is None

    def maps_pages(self, operation: Path_) -> bool:
        """Return whether an operation's response mapping is evaluated for a page of records."""
        return bool(self._find_nearest(len(self.layers), (*operation, "each")) == "page")

    def _is_there(self, resource: Path_, name: str) -> bool:
        return isinstance(self._find_nearest(len(self.layers), (*resource, name)), dict)

    def _find_nearest(self, number: int, path: Path_) -> Any:
        """Return what the levels below `number` set at a path: the value of the highest that sets one. None means
        removed."""
        values_below = (self._find_value(lower, path) for lower in range(number - 1, -1, -1))
        return next((value for value in values_below if value is not MISSING), MISSING)

    def _find_value(self, number: int, path: Path_) -> Any:
        node: Any = self.layers[number].data
        for key in path:
            if node is None:
                return None
            node = lookup(node, (key,))
        return node


def find_resource_mappings(data: Mapping[str, Any]) -> Mappings:
    """Yield the mappings that resources set in the data of one level, as written."""
    models = data.get("unified")
    for model, resources in models.items() if isinstance(models, dict) else ():
        for resource, settings in resources.items() if isinstance(resources, dict) else ():
            for key in RESOURCE_MAPPINGS if isinstance(settings, dict) else ():
                if key in settings:
                    yield ("unified", model, resource), key, settings[key]


def expand(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the levels, with the mappings that resources set for operations as separate layers, each below its
    level."""
    reach = MappingReach(layers)
    expanded: list[Layer] = []
    for number, layer in enumerate(layers):
        written = list(find_resource_mappings(layer.data))
        if written:
            expanded.append(_expand_layer(layer, written, reach, number))
            data: Any = layer.data
            for resource, key, _ in written:
                data = _remove(data, (*resource, key))
            layer = Layer(layer.level, data, layer.sources)  # noqa: PLW2901
        expanded.append(layer)
    return tuple(expanded)


def _expand_layer(layer: Layer, written: list[tuple[Path_, str, Any]], reach: MappingReach, number: int) -> Layer:
    data: dict[str, Any] = {}
    sources: list[DocumentFragment] = []
    for resource, key, mapping in written:
        place = (*resource, key)
        source = layer.source(place)
        for name in reach.find_reached(number, resource, key):
            data = _set(data, (*resource, name, key), mapping)
            sources.append(replace(source, to=(*resource, name, key), start=place[len(source.to) :]))
    return Layer(layer.level, data, tuple(sources), of_resources=True)


def merge_base(layers: Sequence[Layer]) -> tuple[dict[str, Any], int]:
    """Return the data of the base level, and the number of expanded layers it consists of. Its nulls are kept, because
    nothing is below it."""
    if not layers:
        return {}, 0
    if not layers[0].of_resources:
        return layers[0].data, 1
    data = layers[1].data
    for source in layers[0].sources:
        path, mapping = source.to, lookup(layers[0].data, source.to)
        operation_mapping = lookup(data, path)
        if operation_mapping is None or mapping is None:
            continue
        merged = mapping if operation_mapping is MISSING else merge_over(mapping, operation_mapping, path)
        replaced = isinstance(merged, dict) and merged.keys() == {"replace"}
        data = _set(data, path, merged["replace"] if replaced else merged)
    return data, 2


def to_written(path: Path_) -> Path_:
    """Return the path at which a resource sets what is at a path of one of its operations."""
    return (*path[:3], *path[4:]) if len(path) >= _MAPPING_LENGTH else path


def _set(data: Mapping[str, Any], path: Path_, value: Any) -> dict[str, Any]:
    key, *rest = path
    below = data.get(str(key))
    return {**data, str(key): _set(below if isinstance(below, dict) else {}, tuple(rest), value) if rest else value}


def _remove(data: Mapping[str, Any], path: Path_) -> dict[str, Any]:
    key, *rest = path
    if rest:
        return {**data, str(key): _remove(data[str(key)], tuple(rest))}
    return {name: value for name, value in data.items() if name != key}
