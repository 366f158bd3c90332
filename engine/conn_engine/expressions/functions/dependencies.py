"""Items that depend on others, for `graph`: which ones, and an order in which each comes after those that it needs.

An item names what it depends on by one id or a list of them; an id that no item has is left out.
"""

import json
from collections.abc import Iterable
from typing import Any

from conn_engine.expressions.functions.rows import FunctionFault

__all__ = ["build_graph", "call"]

_MOST = 100_000


def build_graph(items: Any, parent_key: str | None, key: str | None) -> dict[str, Any] | None:
    """Return the graph as data: the items by id, and the ids that each depends on."""
    if items is None or parent_key is None or key is None:
        return None
    rows = [item for item in items if isinstance(item, dict) and _is_id(item.get(key))]
    if len(rows) > _MOST:
        raise FunctionFault(f"$dependencyGraph takes at most {_MOST} items", "U1001")
    nodes = {_text(row[key]): row for row in rows}
    needs = {name: _parents(row.get(parent_key), nodes) for name, row in nodes.items()}
    return {"nodes": nodes, "ids": {name: row[key] for name, row in nodes.items()}, "needs": needs}


def call(method: str, graph: dict[str, Any], first: Any = None, _second: Any = None) -> Any:
    """Return the result of a method of the graph."""
    nodes, needs = graph["nodes"], graph["needs"]
    if method == "overallOrder":
        order = _order(nodes, needs, _roots(nodes, needs))
        return _ids(graph, (name for name in order if not (first and needs[name])))
    name = _text(first)
    if method == "hasNode":
        return name in nodes
    if name not in nodes:
        raise FunctionFault(f"Node does not exist: {name[:100]}")
    if method == "getNodeData":
        return nodes[name]
    edges = needs if method == "dependenciesOf" else _reverse(needs)
    return _ids(graph, (other for other in _order(nodes, edges, [name]) if other != name))


def _parents(value: Any, nodes: dict[str, Any]) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    names = dict.fromkeys(_text(item) for item in listed if _is_id(item))
    return [name for name in names if name in nodes]


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _ids(graph: dict[str, Any], names: Iterable[str]) -> list[Any]:
    return [graph["ids"][name] for name in names]


def _reverse(edges: dict[str, list[str]]) -> dict[str, list[str]]:
    dependents: dict[str, list[str]] = {name: [] for name in edges}
    for name, others in edges.items():
        for other in others:
            dependents[other].append(name)
    return dependents


def _roots(nodes: dict[str, Any], edges: dict[str, list[str]]) -> list[str]:
    """Return the nodes that nothing depends on first, then the others, which can be parts of cycles."""
    needed = {other for others in edges.values() for other in others}
    return sorted(nodes, key=needed.__contains__)


def _order(nodes: dict[str, Any], edges: dict[str, list[str]], starts: list[str]) -> list[str]:
    """Return the nodes that can be reached from `starts`, each after those it depends on. Raises FunctionFault for a
    cycle."""
    done: dict[str, None] = {}
    for start in starts:
        path: dict[str, int] = {} if start in done else {start: 0}  # to the number of the edge that comes next
        while path:
            name, position = next(reversed(path.items()))
            if position == len(edges[name]):
                path.popitem()
                done[name] = None
                continue
            path[name] = position + 1
            other = edges[name][position]
            if other in path:
                names = list(path)
                circle = [*names[names.index(other) :], other]
                raise FunctionFault(f"Dependency Cycle Found: {' -> '.join(circle)[:200]}")
            if other not in done:
                path[other] = 0
    return list(done)
