"""What a row of the function registry holds, how a function refuses, and the bounds they share. No function is
defined here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

__all__ = ["NULL", "Function", "FunctionFault", "ObjectMethods", "answer", "check_length", "import_later"]

_LONGEST = 5_000_000


class _Null:
    __slots__ = ()

    def __repr__(self) -> str:
        return "NULL"


NULL: Final = _Null()
"""What an implementation returns for JSON's null (None means undefined)."""


class FunctionFault(Exception):
    """A function refuses its arguments. `code` is the error code that the author sees, `called` the name of the
    function in the author's text where that is another one."""

    def __init__(self, message: str, code: str = "D3137", *, called: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.called = called


@dataclass(frozen=True, slots=True, eq=False)
class ObjectMethods:
    """The functions that an evaluator adds to an object that one of ours returns: its `kind` in one word, the methods
    that return a `value`, and those that return such an object `again`. `call` gets the name of a method, the object's
    fields and the arguments."""

    kind: str
    values: tuple[str, ...]
    call: Callable[..., Any]
    again: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """One function: `$name`, its JSONata `signature` (checked before the call), one line of documentation and
    an example.

    `example` is an expression without input, `expected` its value (None: null); it is run as a test in every
    evaluator. `moment` says that the implementation has the evaluation's time and randomness
    (`Moment`) as its first parameter, `methods` which ones the evaluator adds to the object that it returns.
    """

    name: str
    implementation: Callable[..., Any]
    signature: str
    doc: str
    example: str
    expected: Any
    moment: bool = False
    methods: ObjectMethods | None = None


def answer(name: str, implementation: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Return the result of an implementation. Raises FunctionFault for every failure: the arguments cause it."""
    try:
        return implementation(*arguments)
    except FunctionFault:
        raise
    except RecursionError:
        raise FunctionFault(f"an argument of ${name} is nested too deeply", "D1011") from None
    except MemoryError:
        raise FunctionFault(f"${name} would exceed the available memory", "U1001") from None
    except Exception as error:  # data is anything; an evaluation ends with a value or an error that says why
        reason = f"{type(error).__name__}: {error}"[:160]
        raise FunctionFault(f"${name} cannot use its arguments ({reason})") from error


def import_later(module: str, name: str) -> Callable[..., Any]:
    """Return a function that imports `name` from a module of this package at its first call."""
    loaded: list[Callable[..., Any]] = []

    def call(*arguments: Any) -> Any:
        if not loaded:
            loaded.append(getattr(import_module(f"conn_engine.expressions.functions.{module}"), name))
        return loaded[0](*arguments)

    return call


def check_length(text: str, label: str, longest: int = _LONGEST) -> str:
    """Return the text if it is not too long for a function. Raises FunctionFault (`U1001`)."""
    if len(text) > longest:
        raise FunctionFault(f"{label} is longer than {longest} characters", "U1001")
    return text
