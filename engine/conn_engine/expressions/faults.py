"""Converts an evaluator's errors to `ExpressionError`, with one set of codes and the offset of the token that fails."""

import re

from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import ExpressionError
from conn_engine.expressions.habits import habit
from conn_engine.expressions.tokens import LexError, Token, analyse, lex

__all__ = ["fault", "is_panic", "panic", "refuse_surrogates", "refuse_too_long"]

_OWN = {
    "D1011": "depth",
    "D1012": "timeout",
    "U1001": "size",
    "U1004": "input",
    "U1006": "steps",
    "D2014": "size",
    "D2016": "size",
}
_NOT_A_FUNCTION = frozenset({"T1005", "T1006", "T2006"})
_WRONG_ARGUMENT = "T0410"
_EXPECTED = re.compile(r'Expected "?(\S+?)"? before')
_AT_END = frozenset({"S0203", "S0207"})
_MAX_MESSAGE = 300
_MAX_TEXT = 100_000
"""The longest expression, in characters: parsing takes time before the limits of an evaluation apply."""


def refuse_surrogates(text: str) -> None:
    """Raise ExpressionError if the text has a lone surrogate, which no evaluator can read."""
    if text.isascii():
        return
    offset = next((index for index, letter in enumerate(text) if "\ud800" <= letter <= "\udfff"), -1)
    if offset >= 0:
        raise ExpressionError(
            f"the expression has a lone surrogate, \\u{ord(text[offset]):04x}, which is not valid text",
            code="surrogate",
            text=text.encode("utf-8", "replace").decode(),
            offset=offset,
            hint="write the complete character, or both surrogates as escapes",
        )


def refuse_too_long(text: str) -> None:
    """Raise ExpressionError for a string that is too long."""
    if len(text) > _MAX_TEXT:
        raise ExpressionError(
            f"the expression is longer than {_MAX_TEXT:,} characters",
            code="size",
            text=f"{text[:_MAX_MESSAGE]}…",
            offset=0,
            hint="split it into several fields; put tables of values in the context, and read them with `$lookup`",
        )


def is_panic(error: BaseException) -> bool:
    """Return whether the evaluator has crashed: a panic of Rust is not an `Exception`."""
    return type(error).__name__ == "PanicException"


def panic(text: str) -> ExpressionError:
    """Return the error for a string that crashes the evaluator."""
    return ExpressionError(
        "the evaluator crashes on this expression because of its own bug",
        code="evaluator",
        text=text,
        hint="write the expression differently, or set `evaluator: jsonata-python` in conn.yaml",
    )


def fault(
    code: str, message: str, text: str, *, after: int | None, start: int | None, functions: frozenset[str]
) -> ExpressionError:
    """Return the error for `text`.

    `after` is the position of the evaluator (JSONata's `position`: the end of the failing token), `start` the start of
    that token if the evaluator reports it, and `known` the existing functions, for a suggestion.
    """
    if code in _AT_END:
        missing = _EXPECTED.match(message)
        hint = f"add the missing {missing[1]}" if missing else "complete the expression"
        return ExpressionError(_line(message), code=code, text=text, offset=len(text), hint=hint)
    tokens, broken = _tokens(text)
    culprit = _culprit(tokens, code, after, start)
    if broken is not None and broken.code == code:
        start, culprit = broken.offset, None
    hint = ""
    if code in _NOT_A_FUNCTION:
        unknown = [(name, start_of_call) for name, start_of_call in analyse(tokens).calls if name not in functions]
        hit = next(
            (pair for pair in unknown if culprit and pair[1] == culprit.start),
            unknown[0] if unknown else None,
        )
        if hit is not None:
            name, start_of_call = hit
            return ExpressionError(
                _line(f"unknown function ${name}"),
                code="unknown_function",
                text=text,
                offset=start_of_call,
                token=f"${name}",
                hint=did_you_mean(f"${name[:_MAX_MESSAGE]}", [f"${word}" for word in functions]),
            )
        if culprit and culprit.kind == "name" and culprit.text in functions:
            hint = f"call a function with a $: ${culprit.text}(…)"
    if code == _WRONG_ARGUMENT and culprit and culprit.text.startswith("$"):
        hint = f"if the value can be null, write {culprit.text}(x[$]), which skips an empty value"
    offset = culprit.start if culprit else _clamp(start if start is not None else after, len(text))
    return ExpressionError(
        _line(message),
        code="depth" if code == "U1001" and "nested" in message else _OWN.get(code, code),
        text=text,
        offset=offset,
        token=culprit.text if culprit else "",
        hint=hint or habit(code, text, offset),
    )


def _tokens(text: str) -> tuple[list[Token], LexError | None]:
    try:
        return lex(text), None
    except LexError as error:
        return [], error


def _culprit(tokens: list[Token], code: str, after: int | None, start: int | None) -> Token | None:
    """Return the token that ends at or contains `after`; for the parenthesis of a call, the function's name."""
    if code.startswith("S") and start is not None:
        return next((token for token in tokens if token.start == start), None)
    if after is None or after < 0:
        return None
    for index, token in enumerate(tokens):
        if token.start < after <= token.end:
            before = tokens[index - 1] if index else None
            called = token.text == "(" and before is not None and before.kind in ("variable", "name", "quoted")
            return before if called else token
    return None


def _clamp(offset: int | None, length: int) -> int:
    return -1 if offset is None or offset < 0 else min(offset, length)


def _line(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= _MAX_MESSAGE else f"{line[: _MAX_MESSAGE - 1]}…"
