"""Values and functions in the form jsonata-python wants them, and back. Imported only when that evaluator is
used."""

import datetime
import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from random import Random
from types import SimpleNamespace
from typing import Any, NoReturn, Self

import jsonata.datetimeutils
import jsonata.jsonata
from jsonata import Functions, Jsonata, Signature, Utils
from jsonata.jexception import JException

from conn_engine.expressions.bounded import bounded_functions
from conn_engine.expressions.functions import FUNCTIONS, NULL, FunctionFault, answer
from conn_engine.expressions.functions.moment import EvaluationContext
from conn_engine.expressions.functions.rows import ObjectMethods
from conn_engine.expressions.values import DEFAULT_LIMITS, UNDEFINED, EvaluationLimits

__all__ = ["copy_input", "functions_for", "plain"]

_DATA = frozenset({str, int, float, bool, dict, list})
_EXACT = 2**53

vars(jsonata.jsonata)["print"] = lambda *_values: None  # it would write "Proc not found" into our standard output


class _Datetime(datetime.datetime):
    """What the package takes from the machine where a picture of `$toMillis` names no date."""

    @classmethod
    def utcnow(cls) -> Self:
        """The time of the evaluation under way, as the package itself keeps it for `$now`."""
        return cls.fromtimestamp(Jsonata.CURRENT.jsonata.timestamp / 1000, datetime.UTC).replace(tzinfo=None)


vars(jsonata.datetimeutils)["datetime"] = SimpleNamespace(**{**vars(datetime), "datetime": _Datetime})


def copy_input(value: Any) -> Any:
    """A copy of the input with the package's own null: its None is undefined."""
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {key: copy_input(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copy_input(item) for item in value]
    return value


def plain(value: Any, limits: EvaluationLimits) -> Any:
    """A copy of the result as JSON-like data. A function is undefined, null inside a list (as in JSON).

    A result may hold one object many times over: the copy is bounded by `limits.result_bytes`. Raises JException.
    """
    if value is None or _is_function(value):
        return UNDEFINED
    return _Copy(limits.result_bytes).copy(value)


class _Copy:
    """Copies results, while they are not too long: about as long as they are in JSON."""

    def __init__(self, longest: int) -> None:
        self._left = longest

    def copy(self, value: Any) -> Any:
        """The copy of one value."""
        self._left -= len(value) + 2 if isinstance(value, str) else 2
        if self._left < 0:
            raise JException("U1001", -1)
        if value is None or value is Utils.NULL_VALUE:
            return None
        if isinstance(value, list):
            items = (value[index] for index in range(len(value)))  # a range of the package does not iterate rightly
            return [None if _is_function(item) else self.copy(item) for item in items]
        if isinstance(value, dict):
            self._left -= sum(len(key) + 4 for key in value)
            return {_join_surrogates(key): self.copy(item) for key, item in value.items() if not _is_function(item)}
        if isinstance(value, str):
            return _join_surrogates(value)
        if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
            return int(value)  # as jlens, and as JSON: there is one kind of number
        return value


def _join_surrogates(text: str) -> str:
    """The text without surrogates: the package leaves the two halves of an escaped character apart."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _is_function(value: Any) -> bool:
    if type(value) in _DATA:
        return False
    return bool(Utils.is_function(value) or Functions.is_lambda(value) or Functions.is_regex(value))


class _Signature(Signature):  # type: ignore[misc]
    """A signature that tells null from undefined, and does not show the data in its refusals."""

    def get_symbol(self, value: Any) -> str:
        """The letter of a value's type."""
        return "l" if value is Utils.NULL_VALUE else str(super().get_symbol(value))

    def validate(self, args: Any, context: Any) -> Any:
        """The arguments as the signature has them. Raises JException."""
        try:
            return super().validate(args, context)
        except JException as error:
            if error.error != "T0411":
                raise
            raise JException("T0411", -1, error.expected, self.function_name) from None

    def throw_validation_error(self, _arguments: Any, letters: str, name: str) -> NoReturn:
        """Refuse with the first argument that does not fit: the package's own names one before it."""
        pattern, fitting = "", 0
        for parameter in self._params:
            pattern += parameter.regex
            match = re.match(pattern, letters)
            if match is None:
                break
            fitting = match.end()
        raise JException("T0410", -1, fitting + 1, name)


class _Own(Jsonata.JFunction):  # type: ignore[misc]
    """One of our functions, or a bounded form of one of the package's."""

    def __init__(self, name: str, implementation: Callable[..., Any], signature: str) -> None:
        super().__init__(None, None)
        self.function_name = name
        self.signature = _Signature(signature, name)
        self._implementation = implementation
        self._count = len([mark for mark in signature.split(":", maxsplit=1)[0] if mark.isalpha() or mark == "("])

    def call(self, _input: Any, args: Any) -> Any:
        """Call the implementation with JSON-like arguments."""
        values = [None if item is None else _Copy(DEFAULT_LIMITS.result_bytes).copy(item) for item in args]
        try:
            result = answer(self.function_name, self._implementation, values)
        except FunctionFault as error:
            refusal = JException("D3137", -1, str(error))
            refusal.error = error.code
            raise refusal from error
        return Utils.NULL_VALUE if result is NULL else prepared_result(result)

    def get_number_of_args(self) -> int:
        """How many arguments it takes, for partial application."""
        return self._count


def prepared_result(value: Any) -> Any:
    """A function's result as input: None alone stays undefined."""
    return None if value is None else copy_input(value)


class _OwnObject(_Own):
    """A function whose result is an object of fields, to which methods are added."""

    def __init__(self, name: str, implementation: Callable[..., Any], signature: str, methods: ObjectMethods) -> None:
        super().__init__(name, implementation, signature)
        self._methods = methods

    def call(self, _input: Any, args: Any) -> Any:
        """The fields and the methods; undefined when there is no object."""
        fields = super().call(_input, args)
        if fields is None:
            return None
        methods = self._methods
        values = {name: _Own(name, partial(methods.call, name, fields), "<x?x?:x>") for name in methods.values}
        again = {
            name: _OwnObject(name, partial(methods.call, name, fields), "<x?x?:o>", methods) for name in methods.again
        }
        return {**fields, **values, **again}


def _build_function(name: str, moment: EvaluationContext) -> _Own:
    row = FUNCTIONS[name]
    return _Own(name, partial(row.implementation, moment), row.signature) if row.moment else _timeless(name)


@cache
def _timeless(name: str) -> _Own:
    row = FUNCTIONS[name]
    if row.methods is not None:
        return _OwnObject(name, row.implementation, row.signature, row.methods)
    return _Own(name, row.implementation, row.signature)


def functions_for(
    instance: Any, names: Iterable[str], limits: EvaluationLimits, now: float, seed: int | None
) -> dict[str, Any]:
    """Those of our functions that are named, the package's own where they must be bounded or repeatable, and
    `$eval` refusing."""
    moment = EvaluationContext(now, seed)
    given = {
        **{name: _build_function(name, moment) for name in names},
        "eval": _REFUSED,
        **bounded_functions(instance, limits),
    }
    if seed is not None:
        chance = Random(seed)  # noqa: S311
        given["random"] = _Own("random", chance.random, "<:n>")
        given["shuffle"] = _Own("shuffle", lambda items: _shuffle(items, chance), "<a:a>")
    return given


def _refuse(*_arguments: Any) -> Any:
    raise FunctionFault("$eval is disabled: an expression cannot come from data", "disabled")


_REFUSED = _Own("eval", _refuse, "<sx?:x>")


def _shuffle(items: Any, chance: Random) -> Any:
    if items is None:
        return None
    mixed = list(items)
    chance.shuffle(mixed)
    return mixed
