"""The operators of JSONata and its other syntax: form, one sentence, and an example."""

from typing import Any, Final

from conn_engine.expressions.language.entries import LanguageEntry

__all__ = ["OPERATOR_ENTRIES"]

_ORDERS: Final = {"orders": [{"id": 1, "total": 5}, {"id": 2, "total": 9}]}
_TAGS: Final = {"tags": ["new", "vip"]}

Row = tuple[tuple[str, ...], str, str, str, Any, Any]

# fmt: off
_ROWS: Final[tuple[Row, ...]] = (
    ((".",), "value.field", "Read a field of an object, or of each object of a list. A missing field is undefined.",
     "orders.total", [5, 9], _ORDERS),
    (("[]",), "path[]", "Return a list even if there is only one value, or one object.", "orders[id = 1].total[]",
     [5], _ORDERS),
    (("[…]", "[", "]", "[0]", "[-1]"), "path[position] or path[condition]",
     "Choose items of a list: by position (0 is the first, -1 the last) or by a condition on each item.",
     "orders[total > 5].id", 2, _ORDERS),
    (("[…, …]", "[,]", ","), "[value, value]", "Write a list. Undefined values are left out.", "[1, 'a', missing]",
     [1, "a"], {}),
    (("..", "[..]"), "[first..last]", "List the whole numbers from the first to the last.", "[1..4]", [1, 2, 3, 4],
     {}),
    (("{}", "{", "}", "{…}", ":"), "{'key': value}", "Write an object. A field whose value is undefined is left out.",
     "{'id': 7, 'name': missing}", {"id": 7}, {}),
    (("path{}", "path{…}"), "path{key: value}", "Group the items of a list by a key, and compute a value per group.",
     "orders{'order ' & id: total}", {"order 1": 5, "order 2": 9}, _ORDERS),
    (("()", "(", ")", ";", "(…)"), "(first; second; last)",
     "Group an expression, or evaluate several one after another; the result is that of the last.",
     "($net := 10; $net * 1.2)", 12, {}),
    (("^(", "^", "^()", "^(…)"), "path^(<field, >other)",
     "Sort a list by fields: `<` (or nothing) puts the smallest first, `>` the largest.", "orders^(>total).id",
     [2, 1], _ORDERS),
    (("*",), "value.*", "Read all fields of an object. Between two numbers: multiply.", "{'a': 1, 'b': 2}.*", [1, 2],
     {}),
    (("**",), "value.**", "Read all values inside a value, at any depth.", "$count(orders.**.total)", 2, _ORDERS),
    (("%",), "path.%.field",
     "Read a field of the object that contains the current one. Between two numbers: remainder.",
     "customer.order.(%.name & ' ' & id)", "Ann 7", {"customer": {"name": "Ann", "order": {"id": 7}}}),
    (("@", "@$"), "path@$name", "Give each item of a list a name, and continue at the place of the list.",
     "orders@$o.customers[id = $o.id].name", "Ann",
     {"orders": [{"id": 1}], "customers": [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bo"}]}),
    (("#", "#$"), "path#$position", "Give the position of each item of a list a name, from 0.",
     "tags#$i.($i & ' ' & $)", ["0 new", "1 vip"], _TAGS),
    (("`", "`…`"), "`name`", "Read a field whose name has spaces or signs, or is a word of the language.",
     "`first name`", "Ann", {"first name": "Ann"}),
    (("&",), "text & text", "Join two values as text; an undefined value is empty text.", "'Ann' & ' ' & 'Lee'",
     "Ann Lee", {}),
    (("+",), "number + number", "Add two numbers. To join texts, use `&`.", "1 + 2.5", 3.5, {}),
    (("-",), "number - number", "Subtract a number, or change the sign of one.", "5 - 7", -2, {}),
    (("/",), "number / number", "Divide a number. Where a value can start, `/` opens a regular expression.", "9 / 2",
     4.5, {}),
    (("/…/", "//", "regex"), "/pattern/i", "Write a regular expression; `i` ignores case, `m` matches at each line.",
     "$contains('Invoice 7', /invoice/i)", True, {}),
    (("=",), "value = value", "Test whether two values are equal. A missing value equals nothing.", "'open' = 'open'",
     True, {}),
    (("!=",), "value != value", "Test whether two values differ.", "1 != 2", True, {}),
    (("<",), "value < value", "Test whether a number or text is before another.", "1 < 2", True, {}),
    (("<=",), "value <= value", "Test whether a number or text is before another, or equal to it.", "2 <= 2", True,
     {}),
    ((">",), "value > value", "Test whether a number or text is after another.", "'b' > 'a'", True, {}),
    ((">=",), "value >= value", "Test whether a number or text is after another, or equal to it.", "2 >= 3", False,
     {}),
    (("and",), "condition and condition", "Test whether both conditions are true.", "true and false", False, {}),
    (("or",), "condition or condition", "Test whether at least one condition is true. For a default, use `??`.",
     "true or false", True, {}),
    (("in",), "value in list", "Test whether a list contains a value.", "'vip' in tags", True, _TAGS),
    (("?", "? :"), "condition ? value : other",
     "Choose one of two values by a condition. Without the second, the result is undefined.",
     "5 > 3 ? 'large' : 'small'", "large", {}),
    (("??",), "value ?? default", "Use a default for a missing value. Null, false, 0 and empty text stay.",
     "missing ?? 'none'", "none", {}),
    (("?:",), "value ?: default", "Use a default for a value that counts as false, such as 0, null or empty text.",
     "'' ?: 'none'", "none", {}),
    (("(?)", "f(?)"), "$function(?, value)", "Make a function of one that has some of its arguments.",
     "($first := $substring(?, 0, 3); $first('Grace'))", "Gra", {}),
    (("~>", "~"), "value ~> $function", "Pass a value to a function as its first argument, or join two functions.",
     "'  ann ' ~> $trim ~> $uppercase", "ANN", {}),
    ((":=",), "$name := value", "Give a value a name, which is known until the end of the parentheses.",
     "($rate := 0.2; 50 * $rate)", 10, {}),
    (("|…|…|", "|", "||", "transform"), "value ~> |place|{changes}|",
     "Return a copy of a value in which the objects at a place have other fields. A third part lists fields to remove.",
     "{'a': {'b': 1}} ~> |a|{'c': 2}, ['b']|", {"a": {"c": 2}}, {}),
    (("function", "λ", "lambda"), "function($name) { value }",
     "Write a function, for example for `$map` or `$filter`.", "$map([1, 2], function($n) { $n * 10 })", [10, 20],
     {}),
    (("/* */", "/*", "*/", "comment"), "/* text */", "Write a comment.", "5 /* days */ * 24", 120, {}),
)
# fmt: on

OPERATOR_ENTRIES: Final[tuple[LanguageEntry, ...]] = tuple(
    LanguageEntry("operator", names[0], signature, doc, example, result, data, also=names[1:])
    for names, signature, doc, example, result, data in _ROWS
)
"""Access first, then arithmetic, comparisons, choices, and what is rarely needed."""
