"""Match regular expressions from documents (a header's format, an account's value) within a time limit.

A pattern may take forever on some strings, and its author often does not control the text. Python's `re` cannot be
interrupted, so an evaluator that can be matches them.
"""

import re
from functools import lru_cache

from conn_engine.conditions import EvaluationLimits
from conn_engine.errors import ExpressionError
from conn_engine.expressions.evaluators import evaluators
from conn_engine.expressions.faults import is_panic
from conn_engine.expressions.values import UNDEFINED

__all__ = ["groups_of", "pattern_fault"]

_LIMITS = EvaluationLimits(seconds=0.25)
_MAX_TEXT = 4_096


def groups_of(pattern: str, text: str, *, whole: bool = False) -> tuple[str | None, ...] | None:
    """Return the match (index 0) and its groups; None without a match. Only the first 4,096 characters are used.

    With `whole`, the complete text must match. Raises ExpressionError for a pattern that is not a regular expression,
    and for one that takes too long.
    """
    text = text[:_MAX_TEXT]
    if "jlens" not in evaluators():  # without it, nothing limits the time of a pattern
        plain = re.fullmatch(pattern, text) if whole else re.search(pattern, text)
        return None if plain is None else (plain[0], *plain.groups())
    import jlens

    try:
        match = _compile_pattern(f"^(?:{pattern})$" if whole else pattern).evaluate(
            {"text": text}, None, **_LIMITS.options
        )
    except BaseException as error:
        if not (isinstance(error, jlens.JlensError | ValueError) or is_panic(error)):
            raise
        raise ExpressionError(
            "the pattern cannot be matched: it is not a valid regular expression, or takes too long",
            code="pattern",
            text=pattern,
            hint="correct the pattern; avoid nested repetitions such as (a+)+",
        ) from error
    match = match[0] if isinstance(match, list) and match else match
    if match is None or match is UNDEFINED or match == []:
        return None
    return (match["match"], *match["groups"])


def pattern_fault(pattern: str) -> str:
    """Return what is wrong with a pattern; "" for a valid one."""
    try:
        re.compile(pattern)  # its error has the position
        groups_of(pattern, "")
    except (re.error, RecursionError, OverflowError) as error:
        return str(error)
    except ExpressionError as error:
        return error.message
    return ""


@lru_cache(maxsize=128)
def _compile_pattern(pattern: str) -> "jlens.Expression":  # type: ignore[name-defined]  # noqa: F821
    import jlens

    source = re.sub(r"\\.|/", lambda found: "\\/" if found[0] == "/" else found[0], pattern, flags=re.DOTALL)
    flag = "i" if "(?i)" in source else ""
    source = source.replace("(?P<", "(?<").replace("(?i)", "")
    return jlens.Expression(f"$match(text, /{source}/{flag}, 1)")
