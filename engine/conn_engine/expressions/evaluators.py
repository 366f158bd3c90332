"""The joint between the language and what evaluates it: the `Evaluator` protocol, and those there are.

jlens is the default wherever it is installed; jsonata-python is the second, and the cross-check. Both are
loaded when first used.
"""

import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol

from conn_engine.conditions import EvaluationLimits
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import UsageError

__all__ = ["Compiled", "Evaluator", "evaluators", "find_evaluator"]


class Compiled(Protocol):
    """A compiled expression, which any thread can evaluate any number of times."""

    def evaluate(
        self,
        data: Any,
        bindings: Mapping[str, Any] | None,
        limits: EvaluationLimits,
        now: float,
        seed: int | None,
    ) -> Any:
        """Evaluate on JSON-like `data`; UNDEFINED if there is no value. `data` is not modified, and the result shares
        nothing with it."""
        ...


class Evaluator(Protocol):
    """One implementation of JSONata."""

    name: str

    def compile(self, text: str) -> Compiled:
        """Parse an expression. Raises ExpressionError with the place of the error."""
        ...


_MODULES = {"jlens": "jlens", "jsonata-python": "jsonata"}


@cache
def evaluators() -> tuple[str, ...]:
    """Return the names of the installed evaluators, the preferred one first."""
    return tuple(name for name, module in _MODULES.items() if find_spec(module) is not None)


def find_evaluator(name: str = "") -> Evaluator:
    """Return an evaluator by name, or the preferred one. Raises UsageError for an unknown name."""
    return _evaluator(name or evaluators()[0])


@cache
def _evaluator(name: str) -> Evaluator:
    if name not in _MODULES:
        raise UsageError(
            f'unknown evaluator "{name}"', hint=did_you_mean(name, _MODULES) or f"use {' or '.join(_MODULES)}"
        )
    if name not in evaluators():
        raise UsageError(
            f"the evaluator {name} is not installed", hint=f"use an installed one: {', '.join(evaluators())}"
        )
    if name == "jlens":
        from conn_engine.expressions.lens import Lens

        return Lens()
    recursion = sys.getrecursionlimit()
    try:
        from conn_engine.expressions.pure import Pure  # its package raises the limit for the whole process

        return Pure()
    finally:
        sys.setrecursionlimit(recursion)
