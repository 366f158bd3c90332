"""Names of the functions that an expression may call."""

from functools import cache

from conn_engine.expressions.functions import FUNCTIONS

__all__ = ["BUILT_IN", "known_functions", "momentary_functions"]

# fmt: off
BUILT_IN = frozenset({
    "abs", "append", "assert", "average", "base64decode", "base64encode", "boolean", "ceil", "clone",
    "contains", "count", "decodeUrl", "decodeUrlComponent", "distinct", "each", "encodeUrl",
    "encodeUrlComponent", "error", "exists", "filter", "floor", "formatBase", "formatInteger",
    "formatNumber", "fromMillis", "join", "keys", "length", "lookup", "lowercase", "map", "match", "max",
    "merge", "millis", "min", "not", "now", "number", "pad", "parseInteger", "power", "random", "reduce",
    "replace", "reverse", "round", "shuffle", "sift", "single", "sort", "split", "spread", "sqrt",
    "string", "substring", "substringAfter", "substringBefore", "sum", "toMillis", "trim", "type",
    "uppercase", "zip",
})
# fmt: on
"""Functions of JSONata itself. `$eval` is not among them: an expression from data would escape every check.
"""


_OF_THE_MOMENT = frozenset({"now", "millis", "random", "shuffle"})


@cache
def known_functions() -> frozenset[str]:
    """Return every function of the language, JSONata's and Conn's, by name without `$`."""
    return BUILT_IN | frozenset(FUNCTIONS)


@cache
def momentary_functions() -> frozenset[str]:
    """Return the names of the functions that use the time or random values."""
    return _OF_THE_MOMENT | {name for name, row in FUNCTIONS.items() if row.moment}
