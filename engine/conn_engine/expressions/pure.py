"""The evaluator jsonata-python: the second one, for platforms without jlens and for the cross-check.

The package is not made for threads and shares state between expressions of one thread, so each thread has its
own compiled copy, and each evaluation its own frame, bounds and clock. Importing it raises the process's
recursion limit; here the limit is raised only while something is compiled or evaluated. A regular expression,
once running, is not interrupted by the time bound: that is what jlens is for.
"""

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import SystemRandom
from typing import Any

from conn_engine.errors import ExpressionError
from conn_engine.expressions.faults import fault
from conn_engine.expressions.known import known_functions
from conn_engine.expressions.native import functions_for, plain, prepared
from conn_engine.expressions.values import Limits
from conn_engine.functions import FunctionFault

__all__ = ["Pure", "deep_stack", "parsed"]

_RECURSION = 20_000
_KEPT_PER_THREAD = 1024
_lock = threading.Lock()
_active = 0
_usual = 0
_threads = threading.local()


@contextmanager
def deep_stack() -> Iterator[None]:
    """Raise the recursion limit while anyone needs it; the last to leave puts the process's own back."""
    global _active, _usual  # noqa: PLW0603
    with _lock:
        if _active == 0:
            _usual = sys.getrecursionlimit()
            sys.setrecursionlimit(max(_RECURSION, _usual))
        _active += 1
    try:
        yield
    finally:
        with _lock:
            _active -= 1
            if _active == 0:
                sys.setrecursionlimit(_usual)


class Pure:
    """jsonata-python as an Evaluator."""

    name = "jsonata-python"

    def compile(self, text: str) -> "PureExpression":
        """Parse an expression. Raises ExpressionError."""
        parsed(text)
        return PureExpression(text)


class PureExpression:
    """One expression; each thread parses its own copy when it first needs it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def evaluate(
        self,
        data: Any,
        bindings: Mapping[str, Any] | None,
        limits: Limits,
        now: float | None,
        seed: int | None,
    ) -> Any:
        """The value, or UNDEFINED."""
        with deep_stack(), _translated(self._text):
            instance = parsed(self._text)
            frame = instance.create_frame(instance.environment)
            for name, value in (bindings or {}).items():
                frame.bind(name, prepared(value))
            for name, function in functions_for(
                instance, limits, seed if seed is not None else _random_seed()
            ).items():
                frame.bind(name, function)
            return plain(_run(instance, frame, prepared(data), limits, now))


def _random_seed() -> int:
    return SystemRandom().getrandbits(64)


def parsed(text: str) -> Any:
    """This thread's copy of a parsed expression. Raises ExpressionError."""
    kept: OrderedDict[str, Any] = _threads.__dict__.setdefault("kept", OrderedDict())
    if text in kept:
        kept.move_to_end(text)
        return kept[text]
    with deep_stack(), _translated(text):
        from jsonata import Jsonata

        instance = Jsonata(text)
    if instance.errors:
        raise _fault(instance.errors[0], text)
    kept[text] = instance
    if len(kept) > _KEPT_PER_THREAD:
        kept.popitem(last=False)
    return instance


def _run(instance: Any, frame: Any, data: Any, limits: Limits, now: float | None) -> Any:
    """What the package's own `evaluate` does, with our bounds and clock, and without its touching the
    result."""
    from jsonata import Utils

    frame.bind("$", data)
    _bound(frame, limits)
    if isinstance(data, list):
        wrapped = Utils.create_sequence(data)
        wrapped.outer_wrapper = True
        data = wrapped
    state = type(instance).CURRENT
    before = getattr(state, "jsonata", None)
    instance.timestamp = round((time.time() if now is None else now) * 1000)
    state.jsonata = instance
    try:
        return instance.eval(instance.ast, data, frame)
    finally:
        state.jsonata = before if before is not None else instance


def _bound(frame: Any, limits: Limits) -> None:
    from jsonata.jexception import JException

    deadline = time.monotonic() + limits.seconds
    depth = 0

    def enter(expr: Any, _input: Any, _env: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > limits.depth:
            raise JException("D1011", getattr(expr, "position", -1))
        if time.monotonic() > deadline:
            raise JException("D1012", getattr(expr, "position", -1), round(limits.seconds * 1000))

    def leave(expr: Any, _input: Any, _env: Any, result: Any) -> None:
        nonlocal depth
        depth -= 1
        if isinstance(result, str):
            if len(result) > limits.string_bytes:
                raise JException("U1001", getattr(expr, "position", -1))
        elif isinstance(result, list) and len(result) > limits.array_items:
            raise JException("U1001", getattr(expr, "position", -1))

    frame.set_evaluate_entry_callback(enter)
    frame.set_evaluate_exit_callback(leave)


@contextmanager
def _translated(text: str) -> Iterator[None]:
    """Everything the package raises, as ExpressionError. It lets plain Python errors escape for odd input."""
    try:
        yield
    except (ExpressionError, KeyboardInterrupt):
        raise
    except RecursionError:
        raise _error("D1011", "the expression is nested too deeply", text, None) from None
    except MemoryError:
        raise _error("U1001", "a value would exceed the memory there is", text, None) from None
    except FunctionFault as error:
        raise _error(error.code, str(error), text, getattr(error, "position", None)) from None
    except Exception as error:
        raise _fault(error, text) from None


def _fault(error: Exception, text: str) -> ExpressionError:
    from jsonata.jexception import JException

    if isinstance(error, JException):
        message = "a value would exceed its size limit" if error.error == "U1001" else str(error)
        return _error(error.error, message, text, error.location)
    if isinstance(error, IndexError):
        return _error("S0207", "Unexpected end of expression", text, len(text))
    return _error("internal", f"jsonata-python failed: {type(error).__name__}: {error}", text, None)


def _error(code: str, message: str, text: str, after: int | None) -> ExpressionError:
    return fault(code, message, text, after=after, start=None, known=known_functions())
