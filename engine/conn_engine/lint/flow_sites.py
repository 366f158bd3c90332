"""Expressions and templates of what makes one operation many requests, and the names that such an operation brings."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config import Path_, lookup
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, template
from conn_engine.lint.run_sites import run_names
from conn_engine.lint.site import CALL, RECORD, Names, Site, mapped, templates

__all__ = ["flow_sites", "own_names"]

DELIVERED = RECORD | {"status"}
COMPLETED = RECORD | {"records", "keys"}


def flow_sites(data: Mapping[str, Any], path: Path_) -> Iterator[Site]:
    """The sites below `parents`, `recurse`, `record_mapping`, `enrich` and `chunk` of an operation."""
    for source, here in _sources(data.get("parents"), (*path, "parents")):
        yield from _source(source, here)
    yield from mapped(data.get("record_mapping"), (*path, "record_mapping"), DELIVERED)
    recurse = data.get("recurse")
    if isinstance(recurse, Mapping):
        yield from _expressions(recurse, (*path, "recurse"), {"key": None, "when": RECORD})
    enrich = data.get("enrich")
    for index, one in enumerate(enrich if isinstance(enrich, list) else ()):
        if isinstance(one, Mapping):
            here = (*path, "enrich", index)
            yield from templates(one.get("request"), (*here, "request"), COMPLETED)
            names: dict[str, Names] = {"where": RECORD, "transform": RECORD}
            yield from _expressions(one, here, names | {"key": None, "match": None, "response_path": None})
    chunk = data.get("chunk")
    if isinstance(chunk, Mapping):
        yield from _expressions(chunk, (*path, "chunk"), {"key": None})
        values = chunk.get("values")
        here = (*path, "chunk")
        yield from _source(values, (*here, "values")) if isinstance(values, Mapping) else _values(values, here)


def _sources(parents: Any, path: Path_) -> Iterator[tuple[Mapping[str, Any], Path_]]:
    """Every source of values, those inside unions too."""
    for index, one in enumerate(parents) if isinstance(parents, list) else ((None, parents),):
        here = path if index is None else (*path, index)
        if isinstance(one, Mapping):
            yield one, here
            union = one.get("union")
            for at, inner in enumerate(union if isinstance(union, list) else ()):
                if isinstance(inner, Mapping):
                    yield inner, (*here, "union", at)


def _source(source: Mapping[str, Any], path: Path_) -> Iterator[Site]:
    yield from _values(source.get("values"), path)
    yield from _expressions(source, path, {"key": None, "where": RECORD})
    for key in ("query", "params"):
        yield from templates(source.get(key), (*path, key), CALL)


def _values(values: Any, path: Path_) -> Iterator[Site]:
    if isinstance(values, str):
        yield Site((*path, "values"), values, "expression", CALL)
    else:
        yield from templates(values, (*path, "values"), CALL)


def _expressions(data: Mapping[str, Any], path: Path_, names: Mapping[str, Names]) -> Iterator[Site]:
    for key, scope in names.items():
        if isinstance(data.get(key), str):
            yield Site((*path, key), data[key], "expression", scope)


# --- names ---


def own_names(data: Mapping[str, Any], operation: Mapping[str, Any]) -> Names:
    """What an operation brings into its own scope: the names of its path, of its partitions and those above them, of
    its recursion, its chunks and its windows. None when a parent stands in another document: they cannot be told."""
    found = set(_path_names(operation.get("path"))) | run_names(operation)
    if isinstance(operation.get("chunk"), Mapping):
        found.add("chunk")
    recurse = operation.get("recurse")
    if isinstance(recurse, Mapping) and isinstance(recurse.get("as"), str):
        found.add(recurse["as"])
    seen: set[str] = set()
    waiting = [operation]
    while waiting:
        for source, _ in _sources(waiting.pop().get("parents"), ()):
            if isinstance(source.get("as"), str):
                found.add(source["as"])
            name = source.get("from")
            if not isinstance(name, str) or name in seen:
                continue
            seen.add(name)
            above = lookup(data, ("resources", *name.split(".")))
            if not isinstance(above, Mapping):
                return None
            waiting.append(above)
    return frozenset(found)


def _path_names(path: Any) -> frozenset[str]:
    if not isinstance(path, str) or "{{" not in path:
        return frozenset()
    try:
        roots = [expression(text).roots() or () for text, _ in template(path).expressions]
    except ExpressionError:
        return frozenset()
    return frozenset(str(root) for some in roots for root in some)
