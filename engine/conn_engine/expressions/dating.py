"""Dates as objects with methods, for jlens: a prelude in JSONata that gives the fields of a date its functions.

jlens takes no functions out of the values of ours, but lambdas of its own may stand in an object. The prelude is
put before an expression only when it names a function that makes such a date.
"""

from collections.abc import Callable
from typing import Any

from conn_engine.expressions.functions import FUNCTIONS, answer
from conn_engine.expressions.functions.dates import DATE_METHODS, METHODS, call

__all__ = ["HOSTS", "PRELUDE"]

_PREFIX = "conn_date_"


def _prelude() -> str:
    methods = [f'"{name}":function($a,$b){{${_PREFIX}call("{name}",$d,$a,$b)}}' for name in METHODS]
    methods += [f'"{name}":function($a,$b){{$conn_date(${_PREFIX}call("{name}",$d,$a,$b))}}' for name in DATE_METHODS]
    text = f"($conn_date:=function($d){{$exists($d)?$merge([$d,{{{','.join(methods)}}}])}};"
    for row in FUNCTIONS.values():
        if row.date:
            parts = row.signature.strip("<>").partition(":")[0].replace("?", "").replace("-", "")
            names = ",".join(f"$a{index}" for index in range(len(parts)))
            text += f"${row.name}:=function({names}){row.signature}{{$conn_date(${_PREFIX}{row.name}({names}))}};"
    return text


PRELUDE = _prelude()
"""Comes before the text, which a `)` follows."""


def _call(method: str, *arguments: Any) -> Any:
    return answer(method, call, (method, *arguments))


HOSTS: dict[str, Callable[..., Any]] = {f"{_PREFIX}call": _call} | {
    f"{_PREFIX}{row.name}": row.implementation for row in FUNCTIONS.values() if row.date
}
"""The functions that the prelude calls."""
