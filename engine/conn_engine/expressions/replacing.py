"""Limit the result of `$replace` in jlens, which builds the complete text before it checks the length.

The built-in function is used as it is if its result cannot grow much: its pattern is written as a regular expression
(then the time limit stops it), or its replacement as a short string. Any other use of `$replace` gets a prelude
(`preludes`) that calls `fits` first.
"""

from typing import Any

from conn_engine.conditions import DEFAULT_LIMITS
from conn_engine.expressions.functions import FunctionFault
from conn_engine.expressions.tokens import Token, read_arguments

__all__ = ["fits", "needs_bound"]

_SHORT = 64


def needs_bound(tokens: tuple[Token, ...]) -> bool:
    """Return whether some use of `$replace` may make a string very much longer than its input."""
    return any(
        token.kind == "variable" and token.text == "$replace" and not _harmless(tokens, index + 1)
        for index, token in enumerate(tokens)
    )


def _harmless(tokens: tuple[Token, ...], index: int) -> bool:
    arguments = read_arguments(tokens, index)
    if len(arguments) > 1 and [token.kind for token in arguments[-1]] == ["number"]:
        arguments.pop()  # the most replacements
    if any([token.kind for token in argument] == ["regex"] for argument in arguments):
        return True
    replacement = arguments[-1] if arguments else []
    return len(replacement) == 1 and replacement[0].kind == "string" and len(replacement[0].text) <= _SHORT


def fits(text: Any, pattern: Any, replacement: Any) -> bool:
    """Return True if the result is not too long, or its length is unknown. Raises FunctionFault otherwise."""
    if isinstance(text, str) and isinstance(pattern, str) and isinstance(replacement, str) and pattern:
        length = len(text) + text.count(pattern) * len(replacement)
        if length > DEFAULT_LIMITS.string_bytes:
            raise FunctionFault("a string would exceed the size limit", "U1001")
    return True
