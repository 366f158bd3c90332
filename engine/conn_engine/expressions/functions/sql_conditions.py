"""Conditions of SQL-like query languages, for `sql`.

A value whose type is not named is written as it is: only a `string` (or a table of values) is quoted. So name the
type of everything a caller may fill in. Quotes inside a quoted value are always doubled; the option
`escapeSingleQuotes` writes them with a backslash instead.
"""

import math
from typing import Any

from conn_engine.expressions.functions.date_values import date_of
from conn_engine.expressions.functions.rows import FunctionFault

__all__ = ["convert_query"]

_OPERATORS = {
    "eq": "=",
    "ne": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "in": "in",
    "nin": "not in",
    "like": "like",
}
_OF_NULL = {"eq": "IS NULL", "ne": "IS NOT NULL"}
_ISO = "yyyy-MM-dd'T'HH:mm:ss.SSSZZ"
_DEEPEST = 20


class _Writer:
    """The options: all arguments except the query."""

    def __init__(self, keys: Any, names: Any, types: Any, operators: Any, options: Any) -> None:
        listed = keys if isinstance(keys, list) else [keys] if keys else []
        self.keys = frozenset(key for key in listed if isinstance(key, str))
        self.names = names or {}
        self.types = types or {}
        self.operators = {**_OPERATORS, **(operators or {})}
        self.options = options or {}

    def conditions(self, query: dict[str, Any], joint: str, depth: int = 0) -> str:
        """Return the conditions of one object, joined."""
        if depth > _DEEPEST:
            raise FunctionFault(f"the query is nested deeper than {_DEEPEST}", "D1011")
        parts: list[str] = []
        for key, value in query.items():
            if key in ("or", "and") and isinstance(value, dict):
                if inner := self.conditions(value, key.upper(), depth + 1):
                    parts.append(f"({inner})")
            elif not self.keys or key in self.keys:
                parts.extend(self.comparisons(key, value))
        return f" {joint} ".join(parts)

    def comparisons(self, key: str, value: Any) -> list[str]:
        """Return the conditions for one key: a value without an operator is compared for equality, a list for
        membership."""
        tests = value if isinstance(value, dict) else {"in" if isinstance(value, list) else "eq": value}
        return [self.comparison(key, operator, operand) for operator, operand in tests.items()]

    def comparison(self, key: str, operator: str, operand: Any) -> str:
        """Write one condition: name, operator and value."""
        if operator not in self.operators:
            raise FunctionFault(f"Unknown operator: {operator}; there are {', '.join(self.operators)}")
        name = str(self.names.get(key, key))
        if operator in ("in", "nin"):
            return self.write_list(key, name, operator, operand if isinstance(operand, list) else [operand])
        if operand is None:
            if operator not in _OF_NULL:
                raise FunctionFault(
                    f"null in the query can be compared with eq, ne, in or nin, but not with {operator}"
                )
            return f"{name} {_OF_NULL[operator]}"
        return self.write_comparison(name, self.operators[operator], self.literal(key, operand))

    def write_list(self, key: str, name: str, operator: str, operands: list[Any]) -> str:
        """Write a comparison with a list. A null in it becomes a separate condition, since nothing equals null."""
        items = [self.literal(key, item) for item in operands if item is not None]
        joint, null = ("OR", _OF_NULL["eq"]) if operator == "in" else ("AND", _OF_NULL["ne"])
        tests = [f"{name} {null}"] if None in operands else []
        if operator == "in" and self.options.get("useOrForIn"):
            tests = [*(self.write_comparison(name, self.operators["eq"], item) for item in items), *tests]
            return f"({' OR '.join(tests)})"
        if items or not tests:
            tests.insert(0, f"{name} {self.operators[operator]} ({','.join(items)})")
        return f"({f' {joint} '.join(tests)})" if len(tests) > 1 else tests[0]

    def write_comparison(self, name: str, operator: str, literal: str) -> str:
        """Write a comparison with the spaces that the options allow."""
        space = "" if self.options.get("noSpaceBetweenOperator") else " "
        return f"{name}{space}{operator}{space}{literal}"

    def literal(self, key: str, value: Any) -> str:
        """Return a value as an SQL literal of its type."""
        kind = self.types.get(key)
        if isinstance(kind, dict):
            literal_value = kind.get(_text(value), value)
            return (
                _text(literal_value)
                if isinstance(literal_value, bool | int | float)
                else self.quote(_text(literal_value))
            )
        if kind == "string":
            return self.quote(_text(value))
        if kind == "number":
            return _number(value)
        if kind == "boolean":
            return "true" if str(value).lower() == "true" else "false"
        if kind == "dotnetdate":
            return date_of(value).strftime("DateTime(%Y,%m,%d)")
        if isinstance(kind, str) and (kind == "date" or kind.startswith("date|")):
            from conn_engine.expressions.functions.date_formats import format_date

            text = format_date(date_of(value), kind[5:] or _ISO)
            return text if self.options.get("noQuotesForDate") else self.quote(text)
        return _text(value)

    def quote(self, text: str) -> str:
        """Quote text, and escape the quotes in it."""
        if self.options.get("noQuotes"):
            return text
        if self.options.get("useDoubleQuotes"):
            return '"' + text.replace('"', '""') + '"'
        if self.options.get("escapeSingleQuotes"):
            return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
        return "'" + text.replace("'", "''") + "'"


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        raise FunctionFault("a value in a query must be text, a number or a boolean")
    return str(value)


def _number(value: Any) -> str:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise FunctionFault(f"{str(value)[:40]!r} in the query is not a number")
    text = str(value).strip()
    return str(int(number)) if number.is_integer() and not text.lstrip("+-").isdecimal() else text


def convert_query(  # noqa: PLR0917
    query: dict[str, Any] | None,
    keys: Any = None,
    names: Any = None,
    types: Any = None,
    operators: Any = None,
    options: Any = None,
) -> str | None:
    """Return the conditions as text; empty if the query has none."""
    if query is None:
        return None
    writer = _Writer(keys, names, types, operators, options)
    text = writer.conditions(query, str(writer.options.get("conjunction", "AND"))[:10])
    return f"({text})" if text and writer.options.get("groupComparisonInBrackets") else text
