"""The joint between the language and what evaluates it: the `Evaluator` protocol, and which one is in use.

jlens is the default wherever it is installed; jsonata-python is the second, and the cross-check. Both are
loaded when first used.
"""

import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol

from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import UsageError
from conn_engine.expressions.values import Limits

__all__ = [
    "Compiled",
    "Evaluator",
    "current",
    "current_isolation",
    "evaluators",
    "set_default",
    "use",
    "use_isolation",
]


class Compiled(Protocol):
    """An expression ready to be evaluated, from any thread, any number of times."""

    def evaluate(
        self,
        data: Any,
        bindings: Mapping[str, Any] | None,
        limits: Limits,
        now: float,
        seed: int | None,
    ) -> Any:
        """The value on JSON-like `data`, or UNDEFINED. `data` is not modified and the result shares nothing
        with it.

        `bindings` are variables by name without `$`; `now` (Unix seconds) is what `$now` and `$millis`
        show, `seed` fixes `$random`. Raises ExpressionError.
        """
        ...


class Evaluator(Protocol):
    """One implementation of JSONata."""

    name: str

    def compile(self, text: str) -> Compiled:
        """Parse an expression. Raises ExpressionError with the place of the fault."""
        ...


class Isolated(Protocol):
    """Where expressions run that are not trusted (see `isolation`)."""

    def trusts(self, texts: Collection[str]) -> bool:
        """Whether an expression that is made of these may run here."""
        ...

    def compile(self, text: str, evaluator: str) -> Compiled:
        """An expression as the evaluator of this name has it, evaluated there."""
        ...

    def audit(self, text: str, data: Any, bindings: Mapping[str, Any] | None) -> list[str]:
        """How the expression came to its value."""
        ...


_MODULES = {"jlens": "jlens", "jsonata-python": "jsonata"}
_default: str | None = None
_chosen: ContextVar[str | None] = ContextVar("evaluator", default=None)
_isolation: ContextVar[Isolated | None] = ContextVar("isolation", default=None)


@cache
def evaluators() -> tuple[str, ...]:
    """Names of the evaluators that are installed, the preferred one first."""
    return tuple(name for name, module in _MODULES.items() if find_spec(module) is not None)


def _checked(name: str) -> str:
    if name not in _MODULES:
        raise UsageError(f'there is no evaluator "{name}"', hint=did_you_mean(name, _MODULES) or ", ".join(_MODULES))
    if name not in evaluators():
        raise UsageError(f"the evaluator {name} is not installed here", hint=f"installed: {', '.join(evaluators())}")
    return name


def set_default(name: str | None) -> None:
    """Choose the evaluator of this process; None is the preferred one. Raises UsageError for one there is
    not."""
    global _default  # noqa: PLW0603
    _default = None if name is None else _checked(name)


@contextmanager
def use(name: str) -> Iterator[None]:
    """Choose the evaluator for a block of code (this thread or task only). Raises UsageError for one there is
    not."""
    token = _chosen.set(_checked(name))
    try:
        yield
    finally:
        _chosen.reset(token)


@contextmanager
def use_isolation(isolated: Isolated) -> Iterator[None]:
    """Choose where expressions that are not trusted run, for a block of code (this thread or task only)."""
    token = _isolation.set(isolated)
    try:
        yield
    finally:
        _isolation.reset(token)


def current_isolation() -> Isolated | None:
    """Where expressions that are not trusted run; None when all run here."""
    return _isolation.get()


def current() -> Evaluator:
    """The evaluator in use."""
    return _evaluator(_chosen.get() or _default or evaluators()[0])


@cache
def _evaluator(name: str) -> Evaluator:
    if name == "jlens":
        from conn_engine.expressions.lens import Lens

        return Lens()
    recursion = sys.getrecursionlimit()
    try:
        from conn_engine.expressions.pure import Pure  # its package raises the limit for the whole process

        return Pure()
    finally:
        sys.setrecursionlimit(recursion)
