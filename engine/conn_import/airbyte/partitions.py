"""Partition routers of a manifest as `parents`: lists, parent streams, products of both, groups."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from conn_import.airbyte.custom import read_code
from conn_import.airbyte.jinja import ListOf, Lit, Untranslatable, to_expression, to_step, translate
from conn_import.airbyte.names import ManifestPartition, TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.pagination import find_option_name, find_option_place
from conn_import.airbyte.spec import has_slash
from conn_import.airbyte.templates import translate_literal
from conn_import.coercion import as_list
from conn_import.words import to_identifier

__all__ = ["Parent", "build_partitions"]

Source = dict[str, Any]
Parent = Callable[[Any], "tuple[str, ManifestPartition | None] | None"]
"""Returns, for a parent stream's component, its operation and what it repeats over. None if it is unsupported."""

_PLACES = ("param", "header", "body", "form")
_TAKEN = frozenset({
    "query", "raw_query", "body", "headers", "context", "params", "record", "response", "records", "page", "window",
    "state", "parent", "partition", "chunk", "status", "request", "before", "after", "text", "fault", "attempt", "job",
    "link", "keys", "env",
})  # fmt: skip


def build_partitions(
    router: Any, scope: TemplateScope, parent: Parent, notes: Notes, *, above: ManifestPartition | None = None
) -> tuple[list[Source], ManifestPartition | None]:
    """Return the `parents` of an operation and the names in its slices, or nothing without a router. `above` has the
    names in the slices of a dynamic stream's component."""
    routers = router if isinstance(router, list) else [router] if router else []
    partition = ManifestPartition(above=above, open=above is not None)
    sources: list[Source] = []
    for item in routers:
        sources += _build_sources(item, scope, parent, partition, notes)
    if not sources and not partition.names and above is None:
        return [], None
    return sources, partition


def _build_sources(
    router: Any, scope: TemplateScope, parent: Parent, partition: ManifestPartition, notes: Notes
) -> list[Source]:
    if not isinstance(router, Mapping):
        return []
    router = read_code(router, "partitions", notes)
    if router is None:
        return []
    match router.get("type"):
        case "ListPartitionRouter":
            return _build_list_source(router, scope, partition, notes)
        case "SubstreamPartitionRouter":
            return _build_substreams(router, scope, parent, partition, notes)
        case "CartesianProductStreamSlicer":
            sources: list[Source] = []
            for item in as_list(router.get("stream_slicers")):
                sources += _build_sources(item, scope, parent, partition, notes)
            return sources
        case "GroupingPartitionRouter":
            inner = _build_sources(router.get("underlying_partition_router"), scope, parent, partition, notes)
            size = router.get("group_size")
            if len(inner) == 1 and isinstance(size, int):
                inner[0]["batch"] = size
                partition.batched = True
            return inner
        case "UnionPartitionRouter":
            return _build_union(router, scope, parent, partition, notes)
        case other:
            notes.add(f"the partition router {other}")
            return []


def _build_union(
    router: Mapping[str, Any], scope: TemplateScope, parent: Parent, partition: ManifestPartition, notes: Notes
) -> list[Source]:
    """Several routers one after the other, whose values have one name."""
    field = _translate_name(router.get("partition_field"), scope, notes) or "value"
    sources: list[Source] = []
    for item in as_list(router.get("partition_routers")):
        inner = ManifestPartition()
        sources += _build_sources(item, scope, parent, inner, notes)
        partition.above = partition.above or inner.above
    if not sources:
        return []
    name = _choose_name(field, partition)
    partition.names[field] = name
    places = {key: value for source in sources for key, value in source.items() if key in _PLACES}
    kept = ("from", "key", "values", "incremental")
    rows = [{key: source[key] for key in kept if key in source} for source in sources]
    return [{"as": name, **places, "union": rows}]


def _choose_name(name: str, partition: ManifestPartition) -> str:
    """Choose a name for a value that no other value has and that is not reserved."""
    candidate = to_identifier(name, "part")
    taken = set(partition.names.values()) | (partition.above.list_names() if partition.above else set())
    if candidate in _TAKEN:
        candidate = f"the_{candidate}"
    while candidate in taken:
        candidate = f"own_{candidate}"
    return candidate


def _build_list_source(
    router: Mapping[str, Any], scope: TemplateScope, partition: ManifestPartition, notes: Notes
) -> list[Source]:
    name = _translate_name(router.get("cursor_field"), scope, notes) or "value"
    values = router.get("values")
    source: Source = {"as": _choose_name(name, partition)}
    try:
        if isinstance(values, list):
            made = [translate_literal(one, scope.for_config()) if isinstance(one, str) else Lit(one) for one in values]
            if all(isinstance(one, Lit) for one in made):
                source["values"] = [one.value for one in made if isinstance(one, Lit)]
                partition.slashes[source["as"]] = has_slash(source["values"])
            else:
                source["values"] = to_expression(ListOf(tuple(made)))
        else:
            node = translate_literal(str(values), scope.for_config())
            source["values"] = to_expression(node) if not isinstance(node, Lit) else [node.value]
    except Untranslatable as reason:
        notes.add(f"the list of partitions: {reason}")
        source["values"] = []
    partition.names[name] = source["as"]
    partition.kinds[name] = "any"
    _set_place(router.get("request_option"), source, scope, notes)
    return [source]


def _translate_name(value: Any, scope: TemplateScope, notes: Notes) -> str:
    try:
        node = translate(str(value or ""), scope.for_config())
    except Untranslatable:
        node = Lit("")
    if not isinstance(node, Lit):
        notes.add("a partition name that the account sets")
        return ""
    return str(node.value)


def _set_place(option: Any, source: Source, scope: TemplateScope, notes: Notes) -> None:
    if not isinstance(option, Mapping):
        return
    try:
        source[find_option_place(option)] = find_option_name(option, scope)
    except Untranslatable as reason:
        notes.add(f"the place of a partition's value: {reason}")


def _build_substreams(
    router: Mapping[str, Any], scope: TemplateScope, parent: Parent, partition: ManifestPartition, notes: Notes
) -> list[Source]:
    """Build a router over parent streams. Several parents with one name follow one another, as in the original."""
    sources: list[Source] = []
    for config in as_list(router.get("parent_stream_configs")):
        if not isinstance(config, Mapping):
            continue
        source = _build_substream(config, scope, parent, partition, notes)
        if source is not None:
            sources.append(source)
    if len(sources) < 2:
        return sources
    if len({source["as"].removeprefix("own_") for source in sources}) > 1:
        notes.add("several parent streams with different names in one router")
        return sources[:1]
    common: Source = {key: sources[0][key] for key in ("as", "param", "header", "body", "form") if key in sources[0]}
    rest = [{key: source[key] for key in ("from", "key", "incremental") if key in source} for source in sources]
    return [{**common, "union": rest}]


def _build_substream(
    config: Mapping[str, Any], scope: TemplateScope, parent: Parent, partition: ManifestPartition, notes: Notes
) -> Source | None:
    stream = config.get("stream")
    known = parent(stream)
    field = _translate_name(config.get("partition_field"), scope, notes) or "parent_id"
    if known is None:
        name = str(stream.get("name", "?")) if isinstance(stream, Mapping) else "?"
        notes.add(f"the parent stream {name[:80]}")
        partition.names.setdefault(field, _choose_name(field, partition))
        return None
    operation, above = known
    if above is not None:
        partition.above = above if partition.above is None else partition.above
    name = partition.names.get(field) or _choose_name(field, partition)
    source: Source = {"as": name, "from": operation}
    key = _translate_name(config.get("parent_key"), scope, notes) or "id"
    if key != "id":  # only a slash: the complete record
        source["key"] = ".".join(_to_key_step(one) for one in re.split(r"[/]", key) if one) or "$"
    partition.names[field] = name
    for place in as_list(config.get("extra_fields")):
        if isinstance(place, list):
            steps = tuple(_translate_name(one, scope, notes) for one in place)
            partition.extra[".".join(steps)] = (name, steps)
    _set_place(config.get("request_option"), source, scope, notes)
    if config.get("incremental_dependency") is True:
        source["incremental"] = True
    if config.get("lazy_read_pointer"):
        notes.add("the first page of children inside the parent's record (lazy_read_pointer)")
    return source


def _to_key_step(name: str) -> str:
    return f"[{name}]" if name.isdigit() else to_step(name)
