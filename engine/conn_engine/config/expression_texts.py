"""The expressions that a document contains."""

from contextlib import suppress
from typing import Any

from conn_engine.documents import iterate_texts
from conn_engine.errors import ExpressionError
from conn_engine.expressions import template

__all__ = ["collect_expressions"]


def collect_expressions(data: Any) -> frozenset[str]:
    """Return every expression in a document, and its other strings, which are not expressions anywhere."""
    found: set[str] = set()
    for _, text in iterate_texts(data):
        found.add(text)
        if "{{" in text:
            with suppress(ExpressionError):  # reported where it is used
                found.update(source for source, _ in template(text).expressions)
    return frozenset(found)
