"""Objects with methods (dates, dependency graphs), for jlens: a prelude in JSONata that gives the fields of such an
object its functions.

jlens takes no functions out of the values of ours, but lambdas of its own may stand in an object. The prelude is
put before an expression only when it names a function that makes such an object.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from conn_engine.expressions.functions import FUNCTIONS, answer
from conn_engine.expressions.functions.rows import Function, ObjectMethods

__all__ = ["find_hosts", "write_call", "write_prelude"]


@cache
def write_prelude(methods: ObjectMethods) -> str:
    """Return the text that comes before the author's, which a `)` follows."""
    host_name = f"conn_{methods.kind}"
    calls = [f'"{name}":function($a,$b){{${host_name}_call("{name}",$d,$a,$b)}}' for name in methods.values]
    calls += [
        f'"{name}":function($a,$b){{${host_name}(${host_name}_call("{name}",$d,$a,$b))}}' for name in methods.again
    ]
    text = f"(${host_name}:=function($d){{$exists($d)?$merge([$d,{{{','.join(calls)}}}])}};"
    for row in FUNCTIONS.values():
        if row.methods is methods:
            text += write_call(row, f"${host_name}(${host_name}_{row.name}(", "))")
    return text


def write_call(row: Function, before: str, after: str) -> str:
    """Return the definition of a function in JSONata that hands its arguments to another one."""
    parts = row.signature.strip("<>").partition(":")[0].replace("?", "").replace("-", "")
    names = ",".join(f"$a{index}" for index in range(len(parts)))
    return f"${row.name}:=function({names}){row.signature}{{{before}{names}{after}}};"


@cache
def find_hosts(methods: ObjectMethods) -> dict[str, Callable[..., Any]]:
    """Return the functions that the prelude calls, by name."""

    def call(method: str, *arguments: Any) -> Any:
        return answer(method, methods.call, (method, *arguments))

    host_name = f"conn_{methods.kind}"
    hosts = {f"{host_name}_{row.name}": row.implementation for row in FUNCTIONS.values() if row.methods is methods}
    return {f"{host_name}_call": call, **hosts}
