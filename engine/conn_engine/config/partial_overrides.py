"""Find overrides that change a field in some operations of a resource and leave the old value in the others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from conn_engine.config.merge import MISSING, RESOURCE_MAPPINGS, Path_, is_equal_json, leaves, lookup
from conn_engine.config.origins import Layer, Level
from conn_engine.config.resource_mappings import MappingReach
from conn_engine.diagnostics import Span, join_words
from conn_engine.documents import format_path, is_overlap

__all__ = ["PartialOverride", "find_partial_overrides"]

_NAMED: Final = 3
"""The number of fields that are listed by name."""


@dataclass(frozen=True, slots=True)
class PartialOverride:
    """Fields that a level sets in the mapping `key` of `operations` only. The `others` of the resource, and the
    `events` that they map, keep the value below. `path` and `span` are where the first field is set."""

    level: Level
    resource: Path_
    key: str
    fields: tuple[Path_, ...]
    operations: tuple[str, ...]
    others: tuple[str, ...]
    events: tuple[str, ...]
    path: Path_
    span: Span

    @property
    def text(self) -> str:
        """A sentence that describes which fields change where, and what keeps the old value."""
        _, model, resource = self.resource
        fields = [format_path(field) for field in self.fields if field] or [f"the {self.key}"]
        named = join_words(fields, _NAMED)
        events = f" and the event{'s' * (len(self.events) > 1)} {join_words(self.events)}" if self.events else ""
        verb, keeps = (
            ("change" if len(fields) > 1 else "changes"),
            ("keep" if len(self.others) > 1 or events else "keeps"),
        )
        where = f"{model}.{resource}: {named} {verb} in {join_words(self.operations)} only"
        others = ", ".join(self.others) if events else join_words(self.others)
        return f"{where}; {others}{events} {keeps} the old value"


def find_partial_overrides(layers: Sequence[Layer], data: Mapping[str, Any]) -> Iterator[PartialOverride]:
    """Yield the partial overrides of the highest level. `data` is the merged data of all levels."""
    number = len(layers) - 1
    models = layers[number].data.get("unified") if number else None
    reach = MappingReach(layers)
    for model, resources in models.items() if isinstance(models, dict) else ():
        for resource in resources if isinstance(resources, dict) else ():
            for key in RESOURCE_MAPPINGS:
                yield from _find_in(reach, number, ("unified", model, resource), key, data)


def _find_in(
    reach: MappingReach, number: int, resource: Path_, key: str, data: Mapping[str, Any]
) -> Iterator[PartialOverride]:
    meant = reach.find_meant(number, resource, key)
    fields = {name: _find_fields(reach, number, resource, name, key) for name in meant}
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Path_]] = {}
    for field in dict.fromkeys(field for own in fields.values() for field in own):
        setting = tuple(name for name in meant if field in fields[name])
        value = lookup(data, (*resource, setting[0], key, *field))
        others = tuple(
            name
            for name in meant
            if lookup(data, (*resource, name, "enabled")) is not False
            and not any(is_overlap(own, field) for own in fields[name])
            and not _is_same(lookup(data, (*resource, name, key, *field)), value)
        )
        if others:
            found.setdefault((setting, others), []).append(field)
    layer = reach.layers[number]
    for (setting, others), paths in found.items():
        place = fields[setting[0]][paths[0]]
        events = tuple(_find_events(data, resource, others)) if key == "response_mapping" else ()
        span = layer.span(place)
        yield PartialOverride(layer.level, resource, key, tuple(paths), setting, others, events, place, span)


def _find_fields(reach: MappingReach, number: int, resource: Path_, name: str, key: str) -> dict[Path_, Path_]:
    """Return the fields that a level sets in an operation's mapping or in its resource's, each with its path."""
    places: list[Path_] = [(*resource, name, key)]
    if name in reach.find_reached(number, resource, key):
        places.append((*resource, key))
    found: dict[Path_, Path_] = {}
    for place in places:
        value = lookup(reach.layers[number].data, place)
        for path, _ in leaves(value, place) if value is not MISSING else ():
            field = path[len(place) :]
            found.setdefault(() if field[:1] == ("replace",) else field, path)
    return found


def _is_same(one: Any, other: Any) -> bool:
    return one is not MISSING and other is not MISSING and is_equal_json(one, other)


def _find_events(data: Mapping[str, Any], resource: Path_, operations: Sequence[str]) -> Iterator[str]:
    events = lookup(data, (*resource, "events"))
    usual = "get" if isinstance(lookup(data, (*resource, "get")), dict) else "list"
    for name, event in events.items() if isinstance(events, dict) else ():
        if isinstance(event, dict) and (event.get("method") or usual) in operations:
            yield str(name)
