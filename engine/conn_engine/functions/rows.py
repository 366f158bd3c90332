"""What a row of the function registry holds, and how a function refuses. No function is defined here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["NULL", "Function", "FunctionFault"]


class _Null:
    __slots__ = ()

    def __repr__(self) -> str:
        return "NULL"


NULL: Final = _Null()
"""What an implementation returns for JSON's null (None is undefined)."""


class FunctionFault(Exception):
    """A function refuses its arguments. `code` is the error code that the author sees."""

    def __init__(self, message: str, code: str = "D3137") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Function:
    """One function: `$name`, its JSONata `signature` (checked before the call), one line of documentation and
    an example.

    `example` is an expression without input, `expected` its value (None: null); it is run as a test in every
    evaluator.
    """

    name: str
    implementation: Callable[..., Any]
    signature: str
    doc: str
    example: str
    expected: Any
