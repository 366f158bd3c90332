"""Find the paths of its input that an expression reads: with jlens if it is installed, otherwise from the syntax
tree."""

from collections.abc import Mapping
from typing import Any

from conn_engine.conditions import Conditions
from conn_engine.expressions.evaluators import evaluators
from conn_engine.expressions.values import Path_

__all__ = ["audit", "read_paths"]


def read_paths(text: str) -> tuple[frozenset[Path_], bool]:
    """Return the paths, and whether the whole input may be read too. The text must compile."""
    if "jlens" in evaluators():
        from conn_engine.expressions.lens import read_tree

        tree = read_tree(text)
        paths: set[Path_] = set()
        if isinstance(tree, dict):
            _collect(tree, (), paths)
        return frozenset(paths), tree is True
    from conn_engine.expressions.syntax import syntax_paths

    return syntax_paths(text)


def audit(text: str, data: Any, bindings: Mapping[str, Any] | None, conditions: Conditions) -> list[str]:
    """Return how an expression computed its value, step by step; empty if the evaluator cannot report it (jlens
    can)."""
    if "jlens" not in evaluators():
        return []
    isolation = conditions.isolation
    if isolation is not None and not isolation.trusts((text,)):
        return isolation.audit(text, data, bindings)
    from conn_engine.expressions.lens import audit_lines

    return audit_lines(text, data, bindings, conditions.clock.now())


def _collect(tree: dict[str, Any], above: Path_, paths: set[Path_]) -> None:
    for name, below in tree.items():
        path = (*above, name)
        if isinstance(below, dict) and below:
            _collect(below, path, paths)
        else:
            paths.add(path)
