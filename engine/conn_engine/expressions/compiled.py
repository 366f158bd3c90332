"""`Expression`: one JSONata text, compiled once per evaluator and kept, with what it reads and calls."""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from conn_engine.conditions import Conditions, conditions_of
from conn_engine.errors import ExpressionError
from conn_engine.expressions.evaluators import Compiled, Evaluator, find_evaluator
from conn_engine.expressions.faults import refuse_surrogates, refuse_too_long
from conn_engine.expressions.known import known_functions
from conn_engine.expressions.reading import read_paths
from conn_engine.expressions.tokens import Analysis, LexError, Token, analyse, lex
from conn_engine.expressions.values import DEFAULT_LIMITS, EvaluationLimits, Path_

__all__ = ["Expression", "evaluate", "expression", "find_tokens", "is_true", "truth"]


class Expression:
    """A JSONata expression. Made by `expression`, shared between threads, evaluated by whichever evaluator the
    conditions name. `parts` are the authors' texts that it is made of."""

    def __init__(self, text: str, parts: frozenset[str] = frozenset()) -> None:
        if not parts:
            refuse_too_long(text)
        refuse_surrogates(text)
        self.text = text
        self.parts = parts or frozenset((text,))
        self._compiled: dict[str, Compiled] = {}
        self.compile_with(find_evaluator())

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def _refuse_eval(self) -> None:
        if "$eval" not in self.text or "eval" not in self.analysis.variables:
            return
        at = next((at for name, at in self.analysis.calls if name == "eval"), self.text.find("$eval"))
        raise ExpressionError(
            "$eval is disabled: an expression cannot come from data",
            code="disabled",
            text=self.text,
            offset=at,
            token="$eval",  # noqa: S106
            hint="write the expression directly, or choose between several with ? :",
        )

    @cached_property
    def analysis(self) -> Analysis:
        """The functions and variables the text names."""
        try:
            return analyse(lex(self.text))
        except LexError as error:
            raise ExpressionError(str(error), code=error.code, text=self.text, offset=error.offset) from None

    def evaluate(
        self,
        data: Any,
        conditions: Conditions | None = None,
        *,
        limits: EvaluationLimits = DEFAULT_LIMITS,
        bindings: Mapping[str, Any] | None = None,
    ) -> Any:
        """The value on JSON-like `data`, or UNDEFINED. `data` is left alone.

        A scope brings its conditions along; for other data they are those given, else the usual ones. Raises
        ExpressionError, also when a bound of `limits` is passed.
        """
        given = conditions or conditions_of(data)
        evaluator, isolation = find_evaluator(given.evaluator), given.isolation
        if isolation is not None and not isolation.trusts(self.parts):
            compiled = isolation.compile(self.text, evaluator.name)
        else:
            compiled = self.compile_with(evaluator)
        return compiled.evaluate(data, bindings, limits, given.clock.now(), given.chance.evaluation_seed())

    def compile_with(self, evaluator: Evaluator) -> Compiled:
        """The expression as an evaluator has it: evaluated here, whatever isolation the conditions name."""
        compiled = self._compiled.get(evaluator.name)
        if compiled is None:
            compiled = evaluator.compile(self.text)
            self._refuse_eval()
            self._compiled[evaluator.name] = compiled
        return compiled

    def functions(self) -> frozenset[str]:
        """Names (without `$`) of the functions it calls or passes on, known or not; not those it defines
        itself."""
        called = {name for name, _ in self.analysis.calls}
        return frozenset(called | (self.analysis.variables & known_functions()))

    def calls(self) -> tuple[tuple[str, int], ...]:
        """Each call of a function it does not define itself: name without `$`, and the offset of the `$`."""
        return self.analysis.calls

    def variables(self) -> frozenset[str]:
        """Names (without `$`) that it expects to be given: neither bound by itself nor functions."""
        return self.analysis.variables - self.functions()

    @cached_property
    def _reads(self) -> tuple[frozenset[Path_], bool]:
        return read_paths(self.text)

    def reads(self) -> frozenset[Path_]:
        """The paths of the input it reads: `{("response", "properties", "email")}`. Indexes and filters are
        left out.

        A path that is read whole ends where the reading becomes unspecific. When the whole input is read
        (`roots()` is None) there is no path to name for that.
        """
        return self._reads[0]

    def roots(self) -> frozenset[str] | None:
        """The top-level names of the input it reads; None when it may read any (`$`, `*`, `**`)."""
        paths, whole = self._reads
        return None if whole else frozenset(str(path[0]) for path in paths)


@lru_cache(maxsize=4096)
def expression(text: str, parts: frozenset[str] = frozenset()) -> Expression:
    """Compile an expression, once per text. Raises ExpressionError with code, offset and token.

    `parts` are the authors' texts that it was put together of; by default it is one itself.
    """
    return Expression(text, parts)


def find_tokens(text: str) -> Sequence[Token]:
    """The tokens of an expression; none when it does not compile."""
    try:
        return expression(text).analysis.tokens
    except ExpressionError:
        return ()


def evaluate(
    text: str, data: Any, conditions: Conditions | None = None, *, limits: EvaluationLimits = DEFAULT_LIMITS
) -> Any:
    """The value of an expression over a scope (or any JSON-like data), or UNDEFINED. Raises
    ExpressionError."""
    return expression(text).evaluate(data, conditions, limits=limits)


def truth(text: str, scope: Mapping[str, Any], *, limits: EvaluationLimits = DEFAULT_LIMITS) -> bool:
    """Whether an expression holds, by JSONata's `$boolean`: undefined, null, 0, "" and what is empty are
    false.

    A list is true when one of its items is.
    """
    return is_true(expression(text).evaluate(scope, limits=limits))


def is_true(value: Any) -> bool:
    """JSONata's idea of truth: undefined, null, 0, "" and what is empty or holds nothing true are false."""
    if isinstance(value, list):
        return any(is_true(item) for item in value)
    return bool(value)
