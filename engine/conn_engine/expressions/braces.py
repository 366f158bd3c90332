"""Braces around a complete expression, `{{status = 404}}`: they are allowed where a setting is an expression, and mean
nothing."""

from typing import Final

from conn_engine.expressions.tokens import LexError, lex_template

__all__ = ["remove_braces"]

_MOST_PAIRS: Final = 4
"""Pairs of braces that mean nothing. Each is a reading of the text, which may be long and consist of braces."""


def remove_braces(text: str) -> str:
    """Return an expression without the braces around it, or the text itself if no braces surround all of it."""
    inner = text.strip()
    for _ in range(_MOST_PAIRS):
        if not (inner.startswith("{{") and inner.endswith("}}")):
            break
        try:
            _, end = lex_template(inner, 2)
        except LexError:
            break
        content = inner[2:end].strip()
        if end != len(inner) - 2 or not content:
            break
        text = inner = content
    return text
