"""Resolve `$ref` inside one document. External and circular references give `{}`."""

from typing import Any
from urllib.parse import unquote

from conn_engine.analysis.drift.contract import Shape
from conn_engine.documents.pointers import get_pointer
from conn_import.contract import Losses

__all__ = ["References"]

_MOST_HOPS = 30


class References:
    """The references of a document. Refused ones are noted in `losses`. `shapes` caches shapes by node, and `names`
    maps the identity of a node to a reference that leads to it."""

    def __init__(self, root: Any, losses: Losses) -> None:
        self._root = root
        self._losses = losses
        self._found: dict[str, dict[str, Any]] = {}
        self.shapes: dict[int, Shape] = {}
        self.names: dict[int, str] = {}

    def __call__(self, node: Any) -> dict[str, Any]:
        """Return the object behind a node, or `{}`. Keys next to a reference are ignored."""
        if not isinstance(node, dict):
            return {}
        ref = node.get("$ref")
        if not isinstance(ref, str):
            return node
        if ref not in self._found:
            self._found[ref] = self._follow(ref)
            if self._found[ref]:
                self.names.setdefault(id(self._found[ref]), ref)
        return self._found[ref]

    def _follow(self, ref: str) -> dict[str, Any]:
        seen: set[str] = set()
        node: Any = None
        while len(seen) < _MOST_HOPS:
            if ref in seen:
                self._losses.add("circular references", ref[:200])
                return {}
            seen.add(ref)
            if not ref.startswith("#"):
                self._losses.add("references to other documents: they are not followed", ref[:200])
                return {}
            node = self._look_up(ref[1:])
            if node is None:
                self._losses.add("references to nothing", ref[:200])
                return {}
            following = node.get("$ref") if isinstance(node, dict) else None
            if not isinstance(following, str):
                return node if isinstance(node, dict) else {}
            ref = following
        self._losses.add("references with too many steps", ref[:200])
        return {}

    def _look_up(self, fragment: str) -> Any:
        """Return what a URI fragment points at. None for nothing and for anchors."""
        pointer = unquote(fragment)
        if not pointer:
            return self._root
        return get_pointer(self._root, pointer) if pointer.startswith("/") else None
