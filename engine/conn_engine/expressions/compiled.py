"""`Expression`: a JSONata text, compiled once for each evaluator, with the paths it reads and the functions it
calls."""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any
from weakref import WeakValueDictionary

from conn_engine.conditions import Conditions, EvaluationLimits, Scope, conditions_of
from conn_engine.errors import ExpressionError
from conn_engine.expressions.evaluators import Compiled, Evaluator, find_evaluator
from conn_engine.expressions.faults import refuse_surrogates, refuse_too_long
from conn_engine.expressions.known import known_functions, momentary_functions
from conn_engine.expressions.reading import read_paths
from conn_engine.expressions.tokens import Analysis, LexError, Token, analyse, lex
from conn_engine.expressions.values import Path_

__all__ = ["Expression", "evaluate", "expression", "find_tokens", "is_true", "truth"]


class Expression:
    """A JSONata expression. Create it with `expression`; threads can share it. The conditions select the evaluator.
    `parts` are the authors' strings that it consists of."""

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
        offset = next((offset for name, offset in self.analysis.calls if name == "eval"), self.text.find("$eval"))
        raise ExpressionError(
            "$eval is disabled: an expression cannot come from data",
            code="disabled",
            text=self.text,
            offset=offset,
            token="$eval",  # noqa: S106
            hint="write the expression directly, or choose between several with ? :",
        )

    @cached_property
    def analysis(self) -> Analysis:
        """The functions and variables that the text names."""
        try:
            return analyse(lex(self.text))
        except LexError as error:
            raise ExpressionError(str(error), code=error.code, text=self.text, offset=error.offset) from None

    def evaluate(
        self,
        data: Any,
        conditions: Conditions | None = None,
        *,
        limits: EvaluationLimits | None = None,
        bindings: Mapping[str, Any] | None = None,
    ) -> Any:
        """Evaluate the expression on JSON-like `data`; UNDEFINED if it has no value. `data` is not modified.

        A scope has its own conditions; other data need `conditions`. Their limits apply if none are given. Raises
        ExpressionError, also if a limit is exceeded, and TypeError for data without conditions.
        """
        usual_conditions = conditions or conditions_of(data)
        evaluator, isolation = find_evaluator(usual_conditions.evaluator), usual_conditions.isolation
        if isolation is not None and not isolation.trusts(self.parts):
            compiled = isolation.compile(self.text, evaluator.name)
        else:
            compiled = self.compile_with(evaluator)
        return compiled.evaluate(
            data,
            bindings,
            limits or usual_conditions.limits,
            usual_conditions.clock.now(),
            usual_conditions.chance.evaluation_seed(),
        )

    def compile_with(self, evaluator: Evaluator) -> Compiled:
        """Compile the expression for an evaluator in this process, whatever isolation the conditions name."""
        compiled = self._compiled.get(evaluator.name)
        if compiled is None:
            compiled = evaluator.compile(self.text)
            self._refuse_eval()
            self._compiled[evaluator.name] = compiled
        return compiled

    def functions(self) -> frozenset[str]:
        """Return the names (without `$`) of the functions that it calls or passes on, known or not, except its own."""
        called = {name for name, _ in self.analysis.calls}
        return frozenset(called | (self.analysis.variables & known_functions()))

    def is_repeatable(self) -> bool:
        """Return whether it has the same value on the same input each time: it uses neither the time nor random
        values."""
        return not self.functions() & momentary_functions()

    def calls(self) -> tuple[tuple[str, int], ...]:
        """Return each call of a function that it does not define: the name without `$`, and the offset of the `$`."""
        return self.analysis.calls

    def variables(self) -> frozenset[str]:
        """Return the names (without `$`) of the variables that it expects: neither its own nor functions."""
        return self.analysis.variables - self.functions()

    @cached_property
    def _reads(self) -> tuple[frozenset[Path_], bool]:
        return read_paths(self.text)

    def reads(self) -> frozenset[Path_]:
        """Return the paths of the input that it reads, without indexes and filters: `{("response", "properties",
        "email")}`.

        A path ends at the value that is read as a whole. If the complete input is read (`roots()` is None), no path
        represents it.
        """
        return self._reads[0]

    def roots(self) -> frozenset[str] | None:
        """Return the top-level names of the input that it reads; None if it may read any (`$`, `*`, `**`)."""
        paths, whole = self._reads
        return None if whole else frozenset(str(path[0]) for path in paths)

    def select_read(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of a scope that the expression reads."""
        roots = self.roots()
        return {name: value for name, value in scope.items() if roots is None or name in roots}


_in_use: WeakValueDictionary[tuple[str, frozenset[str]], Expression] = WeakValueDictionary()


@lru_cache(maxsize=4096)
def expression(text: str, parts: frozenset[str] = frozenset()) -> Expression:
    """Compile an expression, once for each text. Raises ExpressionError with code, offset and token.

    The last 4,096 expressions are kept, and each for as long as it is in use. `parts` are the authors' strings that it
    consists of; by default, it is one itself.
    """
    found = _in_use.get((text, parts))
    if found is None:
        found = _in_use[text, parts] = Expression(text, parts)
    return found


def find_tokens(text: str) -> Sequence[Token]:
    """Return the tokens of an expression; empty if it does not compile."""
    try:
        return expression(text).analysis.tokens
    except ExpressionError:
        return ()


def evaluate(
    text: str, data: Any, conditions: Conditions | None = None, *, limits: EvaluationLimits | None = None
) -> Any:
    """Evaluate an expression on a scope, or on other JSON-like data under conditions; UNDEFINED if it has no value.
    Raises ExpressionError."""
    return expression(text).evaluate(data, conditions, limits=limits)


def truth(text: str, scope: Scope, *, limits: EvaluationLimits | None = None) -> bool:
    """Return whether an expression is true by JSONata's `$boolean`: undefined, null, 0, "" and empty values are
    false."""
    return is_true(expression(text).evaluate(scope, limits=limits))


def is_true(value: Any) -> bool:
    """Return whether a value is true in JSONata: undefined, null, 0, "", empty values and lists without a true item
    are false."""
    if isinstance(value, list):
        return any(is_true(item) for item in value)
    return bool(value)
