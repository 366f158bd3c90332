"""JSONata text to insert before an author's expression under jlens. It replaces some functions with other versions.

`$replace` has a limit, `$toMillis` rejects unknown names, `$distinct` and `$keys` take linear time (jlens compares each
item with all earlier ones, and does not check the time limit meanwhile), dates have methods, and Conn's functions that
use the time or random values call the evaluation's versions of them. An expression has a prelude only if it names such
a function. Positions in errors are relative to the author's text.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from conn_engine.expressions.functions import FUNCTIONS, FunctionFault, answer
from conn_engine.expressions.functions.equality import distinct, find_keys
from conn_engine.expressions.functions.moment import EvaluationContext
from conn_engine.expressions.picture_names import check_names, may_read_names
from conn_engine.expressions.replacing import fits, needs_bound
from conn_engine.expressions.tokens import Token

__all__ = ["Prelude", "bind_moment", "find_momentary", "find_preludes"]


class Prelude(NamedTuple):
    """`text` comes before the author's text, and `)` after it. `hosts` has the functions that `text` calls, by name."""

    text: str
    hosts: Mapping[str, Callable[..., Any]]


_REPLACE = Prelude(
    "($conn_replace:=$replace;$replace:=function($s,$p,$r,$n)<s-(sf)(sf)n?:s>"
    "{$conn_fits($s,$p,$r)?$conn_replace($s,$p,$r,$n)};",
    {"conn_fits": fits},
)
_DISTINCT = Prelude(  # for equal items, the built-in returns an item or a list of one, depending on the list
    "($conn_distinct:=$distinct;$distinct:=function($a)<x:x>"
    "{$count($a)<100?$conn_distinct($a):($d:=$conn_firsts($a);$count($d)<2?$conn_distinct($a):$d)};",
    {"conn_firsts": distinct},
)
_KEYS = Prelude(
    "($conn_key:=function($v,$k){$k};$keys:=function($o)<x-:a>"
    '{$type($o)="array"?$each($merge($conn_keys($o).{$:1}),$conn_key):$type($o)="object"?$each($o,$conn_key)};',
    {"conn_keys": find_keys},
)
_TO_MILLIS = Prelude(
    "($conn_millis:=$toMillis;$toMillis:=function($s,$p)<s-s?:n>{$conn_named($conn_millis($s,$p),$s,$p)};",
    {"conn_named": check_names},
)


def find_preludes(names: set[str], tokens: tuple[Token, ...]) -> list[Prelude]:
    """Return the preludes for an expression with these tokens, which include variables with these names."""
    preludes = []
    if "replace" in names and needs_bound(tokens):
        preludes.append(_REPLACE)
    if "toMillis" in names and may_read_names(tokens):
        preludes.append(_TO_MILLIS)
    if "distinct" in names:
        preludes.append(_DISTINCT)
    if "keys" in names:
        preludes.append(_KEYS)
    for methods in {FUNCTIONS[name].methods: None for name in names & FUNCTIONS.keys() if FUNCTIONS[name].methods}:
        from conn_engine.expressions.object_methods import find_hosts, write_prelude

        if methods is not None:
            preludes.append(Prelude(write_prelude(methods), find_hosts(methods)))
    preludes += [_momentary(name) for name in sorted(find_momentary(names))]
    return preludes


def find_momentary(names: set[str]) -> set[str]:
    """Return the names of functions that use the evaluation's time or seed."""
    return {name for name in names & FUNCTIONS.keys() if FUNCTIONS[name].moment}


def bind_moment(names: set[str], moment: EvaluationContext, prefix: str = "conn_") -> dict[str, Callable[..., Any]]:
    """Return the functions, by name, that the preludes of these functions call in one evaluation."""
    return {prefix + name: _host(name, moment) for name in names}


def _momentary(name: str) -> Prelude:
    from conn_engine.expressions.object_methods import write_call

    return Prelude(f"({write_call(FUNCTIONS[name], f'$conn_{name}(', ')')}", {})


def _host(name: str, moment: EvaluationContext) -> Callable[..., Any]:
    implementation = FUNCTIONS[name].implementation

    def call(*arguments: Any) -> Any:
        try:
            return answer(name, implementation, (moment, *arguments))
        except FunctionFault as fault:
            fault.called = name
            raise

    return call
