"""Convert values and functions to the form that jsonata-python requires, and back. Imported only when that evaluator is
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

from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.expressions.bounded import bounded_functions
from conn_engine.expressions.functions import FUNCTIONS, NULL, FunctionFault, answer
from conn_engine.expressions.functions.moment import EvaluationContext
from conn_engine.expressions.functions.rows import ObjectMethods
from conn_engine.expressions.values import UNDEFINED

__all__ = ["copy_input", "functions_for", "plain"]

_DATA = frozenset({str, int, float, bool, dict, list})
_EXACT = 2**53

vars(jsonata.jsonata)["print"] = lambda *_values: None  # it would print "Proc not found" to standard output


class _Datetime(datetime.datetime):
    """The current date, which the package uses when a picture of `$toMillis` has no date."""

    @classmethod
    def utcnow(cls) -> Self:
        """Return the time of the current evaluation, which the package stores for `$now`."""
        return cls.fromtimestamp(Jsonata.CURRENT.jsonata.timestamp / 1000, datetime.UTC).replace(tzinfo=None)


vars(jsonata.datetimeutils)["datetime"] = SimpleNamespace(**{**vars(datetime), "datetime": _Datetime})


def copy_input(value: Any) -> Any:
    """Return a copy of the input with the package's value for null. To the package, None is undefined."""
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {key: copy_input(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copy_input(item) for item in value]
    return value


def plain(value: Any, limits: EvaluationLimits) -> Any:
    """Return a copy of the result as JSON-like data. A function becomes undefined, or null in a list (as in JSON).

    A result may contain the same object many times, so `limits.result_bytes` limits the copy. Raises JException.
    """
    if value is None or _is_function(value):
        return UNDEFINED
    return _Copy(limits.result_bytes).copy(value)


class _Copy:
    """Copies results up to a maximum size: about their length in JSON."""

    def __init__(self, longest: int) -> None:
        self._left = longest

    def copy(self, value: Any) -> Any:
        """Return the copy of a value. Raises JException when the copies exceed the maximum size."""
        self._left -= len(value) + 2 if isinstance(value, str) else 2
        if self._left < 0:
            raise JException("U1001", -1)
        if value is None or value is Utils.NULL_VALUE:
            return None
        if isinstance(value, list):
            items = (value[index] for index in range(len(value)))  # the package's ranges do not support iteration
            return [None if _is_function(item) else self.copy(item) for item in items]
        if isinstance(value, dict):
            self._left -= sum(len(key) + 4 for key in value)
            return {_join_surrogates(key): self.copy(item) for key, item in value.items() if not _is_function(item)}
        if isinstance(value, str):
            return _join_surrogates(value)
        if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
            return int(value)  # as in jlens and JSON, which have one type of number
        return value


def _join_surrogates(text: str) -> str:
    """Return the text with its surrogate pairs joined. The package does not join escaped ones."""
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
    """A signature that distinguishes null from undefined, and whose errors do not show the data."""

    def get_symbol(self, value: Any) -> str:
        """Return the letter for a value's type."""
        return "l" if value is Utils.NULL_VALUE else str(super().get_symbol(value))

    def validate(self, args: Any, context: Any) -> Any:
        """Return the arguments in the form that the signature declares. Raises JException when they do not match."""
        try:
            return super().validate(args, context)
        except JException as error:
            if error.error != "T0411":
                raise
            raise JException("T0411", -1, error.expected, self.function_name) from None

    def throw_validation_error(self, _arguments: Any, letters: str, name: str) -> NoReturn:
        """Raise an error that names the first argument that does not match. The package names the one before it."""
        pattern, fitting = "", 0
        for parameter in self._params:
            pattern += parameter.regex
            match = re.match(pattern, letters)
            if match is None:
                break
            fitting = match.end()
        raise JException("T0410", -1, fitting + 1, name)


class _Own(Jsonata.JFunction):  # type: ignore[misc]
    """One of Conn's functions, or a bounded version of a function of the package."""

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
        """Return the number of arguments, for partial application."""
        return self._count


def prepared_result(value: Any) -> Any:
    """Convert a function's result to input. None stays undefined, unless it is inside another value."""
    return None if value is None else copy_input(value)


class _OwnObject(_Own):
    """A function that returns an object with fields and methods."""

    def __init__(self, name: str, implementation: Callable[..., Any], signature: str, methods: ObjectMethods) -> None:
        super().__init__(name, implementation, signature)
        self._methods = methods

    def call(self, _input: Any, args: Any) -> Any:
        """Return the fields and the methods; undefined when the implementation returns nothing."""
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
    """Return the named functions of Conn, bounded and repeatable versions of the package's functions, and an `$eval`
    that always fails."""
    moment = EvaluationContext(now, seed)
    natives = {
        **{name: _build_function(name, moment) for name in names},
        "eval": _REFUSED,
        **bounded_functions(instance, limits),
    }
    if seed is not None:
        chance = Random(seed)  # noqa: S311
        natives["random"] = _Own("random", chance.random, "<:n>")
        natives["shuffle"] = _Own("shuffle", lambda items: _shuffle(items, chance), "<a:a>")
    return natives


def _refuse(*_arguments: Any) -> Any:
    raise FunctionFault("$eval is disabled: an expression cannot come from data", "disabled")


_REFUSED = _Own("eval", _refuse, "<sx?:x>")


def _shuffle(items: Any, chance: Random) -> Any:
    if items is None:
        return None
    mixed = list(items)
    chance.shuffle(mixed)
    return mixed
