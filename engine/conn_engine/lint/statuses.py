"""Find the HTTP statuses for which a condition can be true, without a response."""

from functools import lru_cache

from conn_engine.conditions import USUAL
from conn_engine.errors import ExpressionError
from conn_engine.expressions import evaluate, expression
from conn_engine.expressions.tokens import LexError, Token, lex

__all__ = ["STATUSES", "evaluate_constant", "find_certain_statuses", "find_possible_statuses"]

STATUSES = frozenset((*range(100, 600), 999))
"""The statuses of HTTP, and 999, which a large vendor uses."""

_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_LOOSER = frozenset({"or", "?", ":", ":=", "?:", "??", "~>", ";", "^", ","})
_CHANGING = frozenset({"now", "millis", "random", "uuid"})


def find_possible_statuses(when: str) -> frozenset[int]:
    """Return the statuses for which a condition can be true. For all others, it is false."""
    statuses = STATUSES
    for part in _split_conjunction(when):
        statuses &= _find_matching_statuses(part)
    return statuses


def find_certain_statuses(when: str) -> frozenset[int]:
    """Return the statuses for which a condition is true, whatever else the response contains."""
    return _find_matching_statuses(when) if _reads_only_status(when) else frozenset()


def evaluate_constant(text: str) -> tuple[bool, object]:
    """Return whether an expression has the same value for every response, and that value (or UNDEFINED)."""
    try:
        parsed = expression(text)
        roots = parsed.roots()
        if roots is None or roots or parsed.variables() or parsed.functions() & _CHANGING:
            return False, None
        return True, evaluate(text, {}, USUAL)
    except ExpressionError:
        return False, None


@lru_cache(maxsize=1024)
def _find_matching_statuses(part: str) -> frozenset[int]:
    """Return the statuses for which a part of a condition can be true: all of them if it reads more than the status."""
    if not _reads_only_status(part):
        return STATUSES
    matching = set()
    for status in STATUSES:
        try:
            value = evaluate(f"$boolean({part})", {"status": status}, USUAL)
        except ExpressionError:
            return STATUSES  # it fails for this status, which is reported when it runs
        if value is True:
            matching.add(status)
    return frozenset(matching)


@lru_cache(maxsize=1024)
def _reads_only_status(text: str) -> bool:
    try:
        parsed = expression(text)
    except ExpressionError:
        return False
    roots = parsed.roots()
    return roots is not None and roots <= {"status"} and not parsed.variables() and not parsed.functions() & _CHANGING


def _split_conjunction(text: str) -> list[str]:
    """Split a condition at `and`. Return it in one piece if it has an operator that binds more loosely."""
    try:
        tokens = lex(text)
    except LexError:
        return [text]
    depth = 0
    cuts: list[Token] = []
    for token in tokens:
        if token.kind == "operator" and token.text in _OPEN:
            depth += 1
        elif token.kind == "operator" and token.text in _CLOSE:
            depth -= 1
        elif depth == 0 and token.text in _LOOSER and token.kind in ("operator", "name"):
            return [text]
        elif depth == 0 and token.kind in ("operator", "name") and token.text == "and":
            cuts.append(token)
    starts = [0, *(cut.end for cut in cuts)]
    ends = [*(cut.start for cut in cuts), len(text)]
    parts = [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    return parts if all(parts) else [text]
