"""Read `{{…}}` around a complete expression as the expression itself, before the levels are merged.

Whatever reads a configuration finds the expressions without braces. `find_expression_start` leads back to the text in
the document.
"""

from typing import Any

from conn_engine.config.merge import Path_, lookup
from conn_engine.config.reads import is_expression
from conn_engine.documents import Document, iterate_texts
from conn_engine.expressions import remove_braces

__all__ = ["find_expression_start", "remove_expression_braces"]


def remove_expression_braces(data: Any, kind: Any) -> Any:
    """Return the data of a type without braces around its expressions. The input is not changed, and is returned as it
    is if it has none."""
    copies: dict[Path_, Any] = {}  # each object and list is copied once, however many expressions it has
    for path, text in iterate_texts(data):
        if text.lstrip()[:2] == "{{" and (inner := remove_braces(text)) != text and is_expression(kind, path):
            if not path:
                return inner
            _copy(data, path[:-1], copies)[path[-1]] = inner
    return copies.get((), data)


def _copy(data: Any, path: Path_, copies: dict[Path_, Any]) -> Any:
    """Return the copy of the object or list at a path, in a copy of everything above it."""
    if path not in copies:
        parent = _copy(data, path[:-1], copies) if path else None
        present = data if parent is None else parent[path[-1]]
        copies[path] = dict(present) if isinstance(present, dict) else list(present)
        if parent is not None:
            parent[path[-1]] = copies[path]
    return copies[path]


def find_expression_start(document: Document, place: Path_, text: str) -> int:
    """Return the offset in a document's string at which an expression starts: 0 if no braces surround it."""
    written = lookup(document.data, place)
    return max(written.find(text), 0) if isinstance(written, str) else 0
