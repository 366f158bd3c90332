"""The evaluator jlens (Rust), and its report of the fields that an expression reads."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jlens

from conn_engine.conditions import EvaluationLimits
from conn_engine.errors import ExpressionError
from conn_engine.expressions.faults import fault, is_panic, panic
from conn_engine.expressions.functions import FUNCTIONS, NULL, FunctionFault, answer
from conn_engine.expressions.functions.moment import EvaluationContext
from conn_engine.expressions.known import known_functions
from conn_engine.expressions.preludes import bind_moment, find_momentary, find_preludes
from conn_engine.expressions.tokens import LexError, Token, has_join, lex
from conn_engine.expressions.values import UNDEFINED, Undefined

__all__ = ["Lens", "audit_lines", "read_tree"]

_NULL = float("nan")
"""The null of a host function's result: jlens reads None as undefined, and a number that JSON does not have as null."""


class Lens:
    """The evaluator jlens. Threads may share its compiled expressions."""

    name = "jlens"

    def compile(self, text: str) -> "LensExpression":
        """Parse an expression. Raises ExpressionError."""
        return LensExpression(text)


class LensExpression:
    """One expression of jlens. A result of None is evaluated a second time, because jlens returns None for null and
    undefined."""

    __slots__ = ("_calls", "_expression", "_hosts", "_joins", "_momentary", "_probe", "_shift", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._probe: Any = None
        self._expression = _compile(text, text)
        self._calls = "$" in text  # without one, it cannot use the time or random values
        self._joins = "@" in text and has_join(_tokens(text))
        names = _names(text)
        self._momentary = find_momentary(names)
        preludes = find_preludes(names, _tokens(text)) if names else []
        before = "".join(prelude.text for prelude in preludes)
        self._shift = len(before)
        self._hosts = {name: host for prelude in preludes for name, host in prelude.hosts.items()}
        if preludes:
            self._expression = _compile(f"{before}{text}\n{')' * len(preludes)}", text, self._hosts)

    def evaluate(
        self, data: Any, bindings: Mapping[str, Any] | None, limits: EvaluationLimits, now: float, seed: int | None
    ) -> Any:
        """Return the value, or UNDEFINED. Integers beyond 64 bits, and computed ones beyond 2^53, are doubles (as in
        JSON). Raises ExpressionError."""
        return self._value(data, self._names(bindings, now, seed), self._options(limits, now, seed))

    def evaluate_json(
        self, data: str, bindings: Mapping[str, Any] | None, limits: EvaluationLimits, now: float, seed: int | None
    ) -> str | Undefined:
        """Evaluate over data in JSON. Return the value in JSON, or UNDEFINED. Numbers beyond 2^53 may have different
        digits in the result."""
        options = self._options(limits, now, seed)
        names = self._names(bindings, now, seed)
        value = _run(self._text, self._shift, self._expression.evaluate_json, data, names, **options)
        return UNDEFINED if value is None else str(value)

    def _names(self, bindings: Mapping[str, Any] | None, now: float, seed: int | None) -> dict[str, Any] | None:
        """Return the variables of the evaluation: those of the caller, and functions that use its time and seed."""
        names = None if bindings is None else dict(bindings)
        return (
            {**(names or {}), **bind_moment(self._momentary, EvaluationContext(now, seed))}
            if self._momentary
            else names
        )

    def _options(self, limits: EvaluationLimits, now: float, seed: int | None) -> dict[str, Any]:
        options = limits.join_options if self._joins else limits.options
        return {**options, "now": round(now * 1000), "seed": seed} if self._calls else options

    def _value(self, data: Any, names: dict[str, Any] | None, options: dict[str, Any]) -> Any:
        try:
            value = self._expression.evaluate(data, names, **options)
            if value is None:
                if self._probe is None:
                    self._probe = _compile(f'{{"v":{self._expression.source}\n}}', self._text, self._hosts)
                value = self._probe.evaluate(data, names, **options).get("v", UNDEFINED)
        except BaseException as error:
            raise _translate(error, self._text, self._shift) from None
        return value


def _compile(source: str, text: str, hosts: Mapping[str, Callable[..., Any]] = MappingProxyType({})) -> Any:
    """Compile `source`, which contains the author's `text`, and register `hosts` and the Conn functions that it names.

    Registering all functions would slow down each evaluation.
    """
    expression = _run(text, 0, jlens.Expression, source)
    if "$" in source:
        names = _names(text)
        if "eval" in names:  # a string may still bind the name to a function of its own
            expression.register_function("eval", _refuse_eval)
        for name in names & FUNCTIONS.keys():
            row = FUNCTIONS[name]
            expression.register_function(name, _host(name, row.implementation), row.signature)
    for name, implementation in hosts.items():
        expression.register_function(name, _host(name, implementation))
    return expression


def _names(text: str) -> set[str]:
    """Return the names of the text's variables, without `$`."""
    return {token.text[1:] for token in _tokens(text) if token.kind == "variable"} if "$" in text else set()


def _refuse_eval(*_arguments: Any) -> Any:
    raise FunctionFault("$eval is disabled: an expression cannot come from data", "disabled")


def _tokens(text: str) -> tuple[Token, ...]:
    try:
        return tuple(lex(text))
    except LexError as error:  # jlens accepts a string that this lexer does not
        raise ExpressionError(str(error), code=error.code, text=text, offset=error.offset) from None


def _shift_offset(offset: int | None, shift: int) -> int | None:
    """Return a position relative to the end of the prelude; None for a position in the prelude."""
    return None if offset is None or offset < shift else offset - shift


def _host(name: str, implementation: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        value = answer(name, implementation, arguments)
        return _NULL if value is NULL else value

    return call


def _run(text: str, shift: int, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call jlens and return its result. Errors of jlens are raised as ExpressionError."""
    try:
        return call(*arguments, **options)
    except BaseException as error:
        raise _translate(error, text, shift) from None


def _translate(error: BaseException, text: str, shift: int) -> BaseException:
    """Return the ExpressionError for an error of jlens; other errors are returned unchanged.

    `shift` is the length of the prelude before the author's `text`.
    """
    if isinstance(error, jlens.JlensError):
        after, start = _shift_offset(error.position, shift), _shift_offset(error.start, shift)
        return _error(error.code, str(error), text, after, start)
    if isinstance(error, FunctionFault):
        start = text.find(f"${error.called}") if error.called else None
        return _error(error.code, str(error), text, _shift_offset(getattr(error, "position", None), shift), start)
    if isinstance(error, ValueError):  # data, a string or an option that jlens does not accept
        return _error("U1004", str(error), text, None, None)
    return panic(text) if is_panic(error) else error


def _error(code: str, message: str, text: str, after: int | None, start: int | None) -> ExpressionError:
    return fault(code, message, text, after=after, start=start, functions=known_functions())


def read_tree(text: str) -> Any:
    """Return what the expression reads of its input, as jlens reports it: True (everything), an object of fields, or
    None (nothing)."""
    return _run(text, 0, _compile(text, text).reads).get("input")


def audit_lines(text: str, data: Any, bindings: Mapping[str, Any] | None, now: float) -> list[str]:
    """Return how jlens computed a value: one line per decision (branch taken, items filtered), indented by depth.

    Dates are computed by jlens, without the preludes. Empty when the expression fails.
    """
    names = {**(bindings or {}), **bind_moment(find_momentary(_names(text)), EvaluationContext(now, None), "")}
    audited = _compile(text, text).evaluate_with_audit
    try:
        report = _run(text, 0, audited, data, names, timeout=1.0, now=round(now * 1000))
    except ExpressionError:
        return []
    if report.get("error"):
        return []
    lines = []
    for line in report["explanation"]["lines"]:
        mark = {True: "yes: ", False: "no: "}.get(line["passed"], "")
        lines.append(f"{'  ' * line['depth']}{mark}{line['text']}")
    return lines
