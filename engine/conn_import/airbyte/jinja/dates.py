"""Convert dates in templates: Python's directives (%Y-%m-%d) to patterns of our functions, and date macros."""

import re

from conn_import.airbyte.jinja.nodes import Concat, FunctionNode, Lit, Node, ObjectOf, Op, Untranslatable

__all__ = ["format_date", "parse_date", "shift_date", "to_date", "to_pattern"]

NOW = FunctionNode("now", (), "datetime")
_DIRECTIVES = {
    "Y": "yyyy", "y": "yy", "m": "MM", "d": "dd", "e": "d", "H": "HH", "I": "hh", "M": "mm", "S": "ss", "p": "a",
    "j": "ooo", "B": "MMMM", "b": "MMM", "h": "MMM", "A": "EEEE", "a": "EEE", "z": "ZZZ", "Z": "z", "u": "E",
    "V": "WW", "G": "kkkk",
    "F": "yyyy-MM-dd", "T": "HH:mm:ss", "R": "HH:mm", "D": "MM/dd/yy", "-d": "d", "-m": "M", "-H": "H", "-I": "h",
    "-M": "m", "-S": "s", ":z": "ZZ",
}  # fmt: skip
_PIECE = re.compile(r"%(_ms|[-:]?[A-Za-z%])|[^%]+|%")
_MILLIS = {"%ms": "epochMillis", "%epoch_microseconds": "epochMillis"}


def to_pattern(form: str, *, fraction: str = "SSS'000'") -> str:
    """Convert `%Y-%m-%dT%H` to `yyyy-MM-dd'T'HH`. `fraction` is the pattern for %f (microseconds).

    Raises Untranslatable for a directive without a pattern.
    """
    collected: list[tuple[str, bool]] = []
    for match in _PIECE.finditer(form):
        mark = match[1]
        if mark is None:
            collected.append((match[0], True))
        elif mark == "%":
            collected.append(("%", True))
        elif mark == "f":
            collected.append((fraction, False))
        elif mark == "_ms":
            collected.append(("SSS", False))
        elif mark in _DIRECTIVES:
            collected.append((_DIRECTIVES[mark], False))
        else:
            raise Untranslatable(f"the date directive %{mark}")
    return "".join(_quote_literal(text) if fixed else text for text, fixed in collected)


def _quote_literal(text: str) -> str:
    if not re.search(r"[A-Za-z']", text):
        return text
    return "".join(f"'{part}'" if part != "'" else "'" for part in re.findall(r"[^']+|'", text))


def format_date(date: Node, form: str) -> Node:
    """Format a date as text, by Python's directives."""
    match form:
        case "%s":
            return FunctionNode("string", (FunctionNode("epochSeconds", (date,), "int"),), "digits")
        case "%ms":
            return FunctionNode("string", (FunctionNode("epochMillis", (date,), "int"),), "digits")
        case "%s_as_float":
            return Concat((FunctionNode("epochSeconds", (date,), "int"), Lit(".0")))
        case "%epoch_microseconds":
            return Concat((FunctionNode("epochMillis", (date,), "int"), Lit("000")))
        case _:
            arguments = (date, Lit(to_pattern(form)))
            return FunctionNode("dateFormat", arguments if date == NOW else (*arguments, Lit("utc")), "text")


def parse_date(value: Node, form: str) -> Node:
    """Parse text as a date, by Python's directives."""
    match form:
        case "%s" | "%s_as_float":
            return FunctionNode("fromEpoch", (FunctionNode("number", (value,), "float"),), "datetime")
        case "%ms":
            return FunctionNode(
                "fromEpoch", (FunctionNode("number", (value,), "float"), Lit("milliseconds")), "datetime"
            )
        case "%epoch_microseconds":
            millis = Op("/", FunctionNode("number", (value,), "float"), Lit(1000), "float")
            return FunctionNode("fromEpoch", (millis, Lit("milliseconds")), "datetime")
        case _:
            return FunctionNode("dateParse", (value, Lit(to_pattern(form, fraction="u"))), "datetime")


def to_date(value: Node) -> Node:
    """Convert a value to a date: a number is seconds since 1970, text is ISO 8601."""
    if value.kind in ("datetime", "date"):
        return value
    if value.kind in ("int", "float"):
        return FunctionNode("fromEpoch", (value,), "datetime")
    return value


def shift_date(date: Node, by: Node, *, back: bool) -> Node:
    """Add a duration to a date, or subtract it."""
    if not isinstance(by, FunctionNode | Lit | ObjectOf | Concat):
        raise Untranslatable("arithmetic with a computed duration")
    amount = by.arguments[0] if isinstance(by, FunctionNode) and by.name == "duration" else by
    return FunctionNode("dateSubtract" if back else "dateAdd", (date, amount), "datetime")
