"""Habits of other languages, and how JSONata says it: the mend of an expression that stumbles over one."""

import re

__all__ = ["habit"]

_SYNTAX = (
    ("&&", "write `and`"),
    (r"\|\|", "write `or`"),
    ("[!=]==?", "compare with one `=`, or with `!=`"),
    ("=>", "a function is written function($x) { … }"),
    (r"\?\.", "a `.` is enough: what is missing gives nothing"),
    (r"(\{\{|\$\{)[^}]*\}", "braces belong to templates: here the expression stands bare"),
    (r"\bnot\b\s*\S|!", "write $not(…)"),
    (r"\bis\b", "compare with `=`"),
    (r"\bif\b.*", "a choice is written condition ? this : that"),
    (r"\[[^\]:]*:", "a part of a list is written x[[0..2]]"),
    (r"\|", "call a function, $uppercase(x), or chain it, x ~> $uppercase"),
    (";", "several expressions in a row stand in brackets: (…; …)"),
    ("['\"]:", "an object stands in braces: {…}"),
)
_ARITHMETIC = frozenset({"T2001", "T2002"})
_COMPARISON = frozenset({"T2009", "T2010"})
_OPEN_QUOTE = "S0101"
_NO_FUNCTION = frozenset({"T1005", "T1006", "T2006"})


def habit(code: str, text: str, offset: int) -> str:
    """What to write instead, when the error of this code at `offset` is a known one; else nothing."""
    if code in _COMPARISON:
        return "make them alike: $string(…) or $number(…)"
    if code in _ARITHMETIC:
        sign = text[offset : offset + 1]
        if sign == "+":
            return "`&` joins texts; $number(…) makes a number of one"
        return "make a number of it: $number(…)" + ("; a name with a - in it is written `a-b`" if sign == "-" else "")
    if code == _OPEN_QUOTE:
        return "close the quote; within it the same quote is written with a \\ before it"
    if code in _NO_FUNCTION:
        return "`conn explain functions` lists the functions; each begins with a $"
    if not code.startswith("S") or not 0 <= offset <= len(text):
        return ""
    for pattern, fix in _SYNTAX:
        if any(found.start() <= offset <= found.end() for found in re.finditer(pattern, text)):
            return fix
    return ""
