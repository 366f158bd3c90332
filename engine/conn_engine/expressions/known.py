"""Names of the functions that an expression may call."""

from functools import cache

from conn_engine.expressions.functions import FUNCTIONS

__all__ = ["BUILT_IN", "known_functions"]

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


@cache
def known_functions() -> frozenset[str]:
    """Every function of the language, JSONata's and ours, by name without `$`."""
    return BUILT_IN | frozenset(FUNCTIONS)
