"""`$ref` followed inside one document. What lies outside of it is refused, a circle ends: both give `{}`."""

from typing import Any
from urllib.parse import unquote

from conn_engine.analysis.drift.contract import Shape
from conn_engine.documents.pointers import get_pointer
from conn_import.contract import Losses

__all__ = ["References"]

_MOST_HOPS = 30


class References:
    """The references of a document. Refused ones are noted in `losses`, `shapes` are those made of its nodes, `names`
    the references that lead to a node, by its identity."""

    def __init__(self, root: Any, losses: Losses) -> None:
        self._root = root
        self._losses = losses
        self._found: dict[str, dict[str, Any]] = {}
        self.shapes: dict[int, Shape] = {}
        self.names: dict[int, str] = {}

    def __call__(self, node: Any) -> dict[str, Any]:
        """The object behind a node; `{}` when there is none. What stands beside a reference is ignored."""
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
                self._losses.add("references that lead in a circle", ref[:200])
                return {}
            seen.add(ref)
            if not ref.startswith("#"):
                self._losses.add("references to other documents, which are not followed", ref[:200])
                return {}
            node = self._look_up(ref[1:])
            if node is None:
                self._losses.add("references that lead nowhere", ref[:200])
                return {}
            following = node.get("$ref") if isinstance(node, dict) else None
            if not isinstance(following, str):
                return node if isinstance(node, dict) else {}
            ref = following
        self._losses.add("references over too many steps", ref[:200])
        return {}

    def _look_up(self, fragment: str) -> Any:
        """What a URI's fragment points at; None for nothing, and for the name of an anchor."""
        pointer = unquote(fragment)
        if not pointer:
            return self._root
        return get_pointer(self._root, pointer) if pointer.startswith("/") else None
