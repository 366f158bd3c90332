"""The expression language under conditions that a test chooses for a block of code.

In the engine conditions are values that are passed on. Tests of the language look at the same text under several
evaluators, times and isolations: they choose these with `use`, `fixed_now` and `isolated`, and call the language by
these forms of its functions. The choice holds for this thread or task.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from conn_engine import expressions
from conn_engine.conditions import USUAL, Chance, Conditions, Scope
from conn_engine.errors import ExpressionError
from conn_engine.expressions import find_evaluator
from conn_engine.wire import FrozenClock

_chosen: ContextVar[Conditions] = ContextVar("conditions", default=USUAL)


def chosen() -> Conditions:
    return _chosen.get()


@contextmanager
def under(**changes: Any) -> Iterator[None]:
    token = _chosen.set(replace(chosen(), **changes))
    try:
        yield
    finally:
        _chosen.reset(token)


@contextmanager
def use(evaluator: str) -> Iterator[None]:
    with under(evaluator=find_evaluator(evaluator).name):
        yield


@contextmanager
def fixed_now(seconds: float) -> Iterator[None]:
    with under(clock=FrozenClock(seconds), chance=Chance(0)):
        yield


@contextmanager
def isolated(isolation: Any, trusted: Collection[str]) -> Iterator[None]:
    with under(isolation=isolation.isolate_except(trusted)):
        yield


class Bound:
    """An expression, a mapping or a template, under the conditions chosen when it is evaluated."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)

    def evaluate(self, data: Any, *, now: float | None = None, seed: int | None = None, **more: Any) -> Any:
        conditions = chosen()
        if now is not None:
            conditions = replace(conditions, clock=FrozenClock(now))
        if seed is not None:
            conditions = replace(conditions, chance=Chance.from_draw(seed))
        return self._made.evaluate(data, conditions, **more)

    def apply(self, scopes: Sequence[Any], **more: Any) -> Any:
        return self._made.apply(scopes, chosen(), **more)

    def apply_one(self, scope: Any, **more: Any) -> Any:
        return self._made.apply_one(scoped(scope), **more)

    def render(self, scope: Any) -> Any:
        return self._made.render(scoped(scope))


def scoped(names: Any) -> Any:
    return Scope(names, chosen()) if isinstance(names, dict) else names


def expression(text: str, parts: frozenset[str] = frozenset()) -> Any:
    evaluator = find_evaluator(chosen().evaluator)
    try:
        made = expressions.expression(text, parts)
    except ExpressionError as error:
        if error.code not in ("disabled", "size", "surrogate"):
            evaluator.compile(text)  # its own words, where it refuses the text too
        raise
    made.compile_with(evaluator)
    return Bound(made)


def evaluate(text: str, data: Any, *, now: float | None = None, **more: Any) -> Any:
    return expression(text).evaluate(data, now=now, **more)


def mapping(layers: Sequence[Any]) -> Any:
    return Bound(expressions.compile_mapping(layers))


def template(text: str) -> Any:
    return Bound(expressions.template(text))


template.cache_clear = expressions.template.cache_clear  # type: ignore[attr-defined]
expression.cache_clear = expressions.expression.cache_clear  # type: ignore[attr-defined]


def truth(text: str, scope: Any, **more: Any) -> bool:
    return expressions.truth(text, scoped(scope), **more)


def render(data: Any, scope: Any) -> Any:
    return expressions.render(data, scoped(scope))


def render_path(text: str, scope: Any) -> str:
    return expressions.render_path(text, scoped(scope))


def audit(text: str, data: Any, bindings: Any = None) -> list[str]:
    return expressions.audit(text, data, bindings, chosen())


def usual(names: Any = (), **more: Any) -> Scope:
    """Names as a scope of the usual conditions: the machine's clock and chance, no isolation."""
    return Scope(names, USUAL) | more
