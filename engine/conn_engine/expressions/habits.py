"""Suggests the JSONata form for habits of other languages, as the fix of an expression that fails."""

import re

__all__ = ["habit"]

_SYNTAX = (
    ("&&", "write `and`"),
    (r"\|\|", "write `or`"),
    ("[!=]==?", "compare with one `=`, or with `!=`"),
    ("=>", "write a function as function($x) { … }"),
    (r"\?\.", "write `.`: a missing value is skipped"),
    (r"(\{\{|\$\{)[^}]*\}", "remove the braces: they are only needed in templates"),
    (r"\bnot\b\s*\S|!", "write $not(…)"),
    (r"\bis\b", "compare with `=`"),
    (r"\bif\b.*", "write condition ? this : that"),
    (r"\[[^\]:]*:", "to select a part of a list, write x[[0..2]]"),
    (r"\|", "call a function, $uppercase(x), or chain it, x ~> $uppercase"),
    (";", "put several expressions in parentheses: (…; …)"),
    ("['\"]:", "put an object in braces: {…}"),
)
_ARITHMETIC = frozenset({"T2001", "T2002"})
_COMPARISON = frozenset({"T2009", "T2010"})
_OPEN_QUOTE = "S0101"
_NO_FUNCTION = frozenset({"T1005", "T1006", "T2006"})


def habit(code: str, text: str, offset: int) -> str:
    """Return what to write instead, if the error of this code at `offset` is a known habit; else an empty string."""
    if code in _COMPARISON:
        return "convert both to the same type: $string(…) or $number(…)"
    if code in _ARITHMETIC:
        sign = text[offset : offset + 1]
        if sign == "+":
            return "join text with `&`, or convert text to a number: $number(…)"
        return "convert it to a number: $number(…)" + ("; write a name that contains - as `a-b`" if sign == "-" else "")
    if code == _OPEN_QUOTE:
        return "close the quote; to use the same quote in the text, write \\ before it"
    if code in _NO_FUNCTION:
        return "start a function with $; to list them: conn explain functions"
    if not code.startswith("S") or not 0 <= offset <= len(text):
        return ""
    for pattern, fix in _SYNTAX:
        if any(match.start() <= offset <= match.end() for match in re.finditer(pattern, text)):
            return fix
    return ""
