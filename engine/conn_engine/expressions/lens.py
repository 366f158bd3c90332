"""The evaluator jlens (Rust), and the fields that an expression reads according to it."""

from collections.abc import Callable, Mapping
from typing import Any

import jlens

from conn_engine.errors import ExpressionError
from conn_engine.expressions.faults import fault
from conn_engine.expressions.known import known_functions
from conn_engine.expressions.tokens import LexError, lex
from conn_engine.expressions.values import UNDEFINED, Limits
from conn_engine.functions import FUNCTIONS, NULL, FunctionFault

__all__ = ["Lens", "read_tree"]

_NULL = float("nan")  # a host function's None is undefined to jlens; a number JSON cannot say is its null


class Lens:
    """jlens as an Evaluator. Its compiled expressions may be shared between threads."""

    name = "jlens"

    def compile(self, text: str) -> "LensExpression":
        """Parse an expression. Raises ExpressionError."""
        return LensExpression(text)


class LensExpression:
    """One expression of jlens. An answer of None is looked at twice: jlens says None for null and for
    undefined."""

    __slots__ = ("_expression", "_probe", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._probe: Any = None
        self._expression = _compile(text)

    def evaluate(
        self,
        data: Any,
        bindings: Mapping[str, Any] | None,
        limits: Limits,
        now: float | None,
        seed: int | None,
    ) -> Any:
        """The value, or UNDEFINED. Integers beyond 64 bits, and computed ones beyond 2^53, are doubles (as in
        JSON)."""
        options = limits.options
        if now is not None or seed is not None:
            options = dict(options)
            if now is not None:
                options["now"] = round(now * 1000)
            if seed is not None:
                options["seed"] = seed
        names = None if bindings is None else dict(bindings)
        try:
            value = self._expression.evaluate(data, names, **options)
            if value is None:
                if self._probe is None:
                    self._probe = _compile(f'{{"v":{self._text}\n}}')
                value = self._probe.evaluate(data, names, **options).get("v", UNDEFINED)
        except jlens.JlensError as error:
            raise _fault(error, self._text) from None
        except FunctionFault as error:
            at = getattr(error, "position", None)
            raise _error(error.code, str(error), self._text, at, None) from None
        return value


def _compile(text: str) -> Any:
    try:
        expression = jlens.Expression(text)
    except jlens.JlensError as error:
        raise _fault(error, text) from None
    if "$" in text:
        for name in _variables(text):
            if name in FUNCTIONS:
                row = FUNCTIONS[name]
                expression.register_function(name, _host(row.implementation), row.signature)
    return expression


def _variables(text: str) -> set[str]:
    try:
        return {token.text[1:] for token in lex(text) if token.kind == "variable"}
    except LexError:
        return set(FUNCTIONS)


def _host(implementation: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        value = implementation(*arguments)
        return _NULL if value is NULL else value

    return call


def _fault(error: Any, text: str) -> ExpressionError:
    return _error(error.code, str(error), text, error.position, error.start)


def _error(code: str, message: str, text: str, after: int | None, start: int | None) -> ExpressionError:
    return fault(code, message, text, after=after, start=start, known=known_functions())


def read_tree(text: str) -> Any:
    """What the expression reads of its input, as jlens puts it: True (whole), an object of fields, or None
    (nothing)."""
    return _compile(text).reads().get("input")
