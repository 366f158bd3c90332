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
    for path, text in iterate_texts(data):
        if text.lstrip()[:2] == "{{" and (inner := remove_braces(text)) != text and is_expression(kind, path):
            data = _replace(data, path, inner)
    return data


def _replace(data: Any, path: Path_, value: str) -> Any:
    if not path:
        return value
    copied: Any = dict(data) if isinstance(data, dict) else list(data)
    copied[path[0]] = _replace(data[path[0]], path[1:], value)
    return copied


def find_expression_start(document: Document, place: Path_, text: str) -> int:
    """Return the offset in a document's string at which an expression starts: 0 if no braces surround it."""
    written = lookup(document.data, place)
    return max(written.find(text), 0) if isinstance(written, str) else 0
