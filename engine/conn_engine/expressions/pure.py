"""The second evaluator, jsonata-python, for platforms without jlens and for the cross-check.

The package does not support threads, and expressions of one thread share state. Each thread therefore has its own
compiled copy, and each evaluation has its own frame, limits and clock. Importing the package raises the recursion limit
of the process; here, the limit is raised only during compilation and evaluation. The time limit does not interrupt a
regular expression that is already running; jlens can do that.
"""

import re
import sys
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from conn_engine.conditions import EvaluationLimits
from conn_engine.errors import ExpressionError
from conn_engine.expressions.faults import fault
from conn_engine.expressions.functions import FUNCTIONS
from conn_engine.expressions.known import known_functions
from conn_engine.expressions.native import copy_input, functions_for, plain
from conn_engine.expressions.tokens import LexError, has_join, lex

__all__ = ["Pure", "deep_stack", "parse_expression"]

_RECURSION = 20_000
_KEPT_PER_THREAD = 1024
_CODE = re.compile(r"[A-Z][0-9]{4}|[a-z_]+")
_CODES = {"number": "D3030", "toMillis": "D3110", "sort": "D3070", "replace": "D3010"}
"""JSONata's error codes for functions of the package that raise Python errors."""
_threads = threading.local()


class _DeepStack:
    """Raises the recursion limit of the process while at least one thread needs it, and then restores the process's
    limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active = 0
        self._usual = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._active == 0:
                self._usual = sys.getrecursionlimit()
                sys.setrecursionlimit(max(_RECURSION, self._usual))
            self._active += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._active -= 1
            if self._active == 0:
                sys.setrecursionlimit(self._usual)


deep_stack: Final = _DeepStack()


class Pure:
    """The evaluator jsonata-python."""

    name = "jsonata-python"

    def compile(self, text: str) -> "PureExpression":
        """Parse an expression. Raises ExpressionError."""
        parse_expression(text)
        return PureExpression(text)


class PureExpression:
    """One expression. Each thread parses its own copy the first time it needs one."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def evaluate(
        self,
        data: Any,
        bindings: Mapping[str, Any] | None,
        limits: EvaluationLimits,
        now: float,
        seed: int | None,
    ) -> Any:
        """Return the value, or UNDEFINED. Raises ExpressionError."""
        instance = parse_expression(self._text)
        trail: list[Any] = []
        with deep_stack, _translate_errors(self._text, trail):
            frame = instance.create_frame(instance.environment)
            for name, value in (bindings or {}).items():
                frame.bind(name, copy_input(value))
            for name, function in functions_for(instance, instance.own, limits, now, seed).items():
                frame.bind(name, function)
            _bound_frame(frame, limits, trail, joins=instance.joins)
            return plain(_run(instance, frame, copy_input(data), now), limits)


def parse_expression(text: str) -> Any:
    """Return this thread's copy of a parsed expression. Raises ExpressionError."""
    parsed: OrderedDict[str, Any] = _threads.__dict__.setdefault("kept", OrderedDict())
    if text in parsed:
        parsed.move_to_end(text)
        return parsed[text]
    with deep_stack, _translate_errors(text, []):
        from jsonata import Jsonata

        instance = Jsonata(text + "\n")  # its lexer reads one character past a comment at the end of the text
    if instance.errors:
        raise _fault(instance.errors[0], text, [])
    instance.own = _own_names(text)
    instance.joins = _has_join(text)
    parsed[text] = instance
    if len(parsed) > _KEPT_PER_THREAD:
        parsed.popitem(last=False)
    return instance


def _own_names(text: str) -> frozenset[str]:
    """Return the names of Conn's functions that the text may call."""
    try:
        return frozenset(token.text[1:] for token in lex(text) if token.kind == "variable") & FUNCTIONS.keys()
    except LexError:
        return frozenset(FUNCTIONS)


def _has_join(text: str) -> bool:
    try:
        return "@" in text and has_join(lex(text))
    except LexError:
        return True


def _run(instance: Any, frame: Any, data: Any, now: float) -> Any:
    """Do what the package's `evaluate` does, at the time `now`, but leave the result unchanged."""
    from jsonata import Utils

    frame.bind("$", data)
    if isinstance(data, list):
        wrapped = Utils.create_sequence(data)
        wrapped.outer_wrapper = True
        data = wrapped
    state = type(instance).CURRENT
    before = getattr(state, "jsonata", None)
    instance.timestamp = round(now * 1000)
    state.jsonata = instance
    try:
        return instance.eval(instance.ast, data, frame)
    finally:
        state.jsonata = before if before is not None else instance


def _bound_frame(frame: Any, limits: EvaluationLimits, trail: list[Any], *, joins: bool) -> None:
    """Apply the limits to a frame. `trail` has the nodes that are being evaluated: after an error, the last one failed.

    With `joins`, the items that each step of a path adds to a join are counted while it runs. No other limit applies to
    them before the join is complete.
    """
    from jsonata.jexception import JException

    deadline = time.monotonic() + limits.seconds

    def enter(node: Any, _input: Any, _frame: Any) -> None:
        trail.append(node)
        if len(trail) > limits.depth:
            raise JException("D1011", -1)
        if time.monotonic() > deadline:
            raise JException("D1012", -1, round(limits.seconds * 1000))

    joined: Counter[int] = Counter()

    def count(node: Any, result: Any) -> None:
        for step in node.steps or () if node.type == "path" else ():
            joined.pop(id(step), None)
        if node.focus is not None and isinstance(result, list):
            joined[id(node)] += len(result)
            if joined[id(node)] > limits.join_items:
                raise JException("U1001", -1)

    def leave(node: Any, _input: Any, _frame: Any, result: Any) -> None:
        if joins:
            count(node, result)
        if isinstance(result, str):
            if len(result) > limits.string_bytes:
                raise JException("U1001", -1)
        elif isinstance(result, list) and len(result) > limits.array_items:
            raise JException("U1001", -1)
        trail.pop()

    frame.set_evaluate_entry_callback(enter)
    frame.set_evaluate_exit_callback(leave)


@contextmanager
def _translate_errors(text: str, trail: list[Any]) -> Iterator[None]:
    """Convert all errors of the package to ExpressionError. For unusual input, it raises plain Python errors."""
    try:
        yield
    except (ExpressionError, KeyboardInterrupt):
        raise
    except RecursionError:
        raise _error("D1011", "the expression is nested too deeply", text, _place(trail)) from None
    except MemoryError:
        raise _error("U1001", "a value would exceed the available memory", text, _place(trail)) from None
    except Exception as error:
        raise _fault(error, text, trail) from None


def _place(trail: list[Any]) -> int | None:
    """Return the position of the innermost node. The package's `location` is that of the outermost call, or None."""
    return next((node.position for node in reversed(trail) if isinstance(node.position, int)), None)


def _fault(error: Exception, text: str, trail: list[Any]) -> ExpressionError:
    from jsonata.jexception import JException

    if isinstance(error, JException):
        code, message = error.error, str(error)
        if code == "U1001":
            message = "a value would exceed the size limit"
        elif code == "S0301" and error.current is not None:  # its parser confuses two codes
            code, message = "S0103", f"Unsupported escape sequence: \\{error.current}"
        elif code.startswith("T041"):
            message = message.replace("Object", "function")
        if _CODE.fullmatch(code):
            return _error(code, message, text, _place(trail) or error.location)
        message = code
    elif isinstance(error, ZeroDivisionError):
        return _error("D1001", "Number out of range", text, _place(trail))
    else:
        message = f"{type(error).__name__}: {error}"
    if not trail:
        return _unreadable(text, message)
    called = getattr(getattr(trail[-1], "procedure", None), "value", None)
    code = _CODES.get(str(called), "internal")
    return _error(code, f"${called} cannot use its arguments: {message}" if called else message, text, _place(trail))


def _unreadable(text: str, message: str) -> ExpressionError:
    """Build the error for a string that makes the package's parser fail: most often, the text is incomplete."""
    try:
        lex(text)
    except LexError as error:
        return ExpressionError(str(error), code=error.code, text=text, offset=error.offset)
    return _error("S0207", f"Unexpected end of expression ({message})", text, len(text))


def _error(code: str, message: str, text: str, after: int | None) -> ExpressionError:
    return fault(code, message, text, after=after, start=None, functions=known_functions())
