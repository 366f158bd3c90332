"""Macros and methods of values, each as a tree. What there is no counterpart for is Untranslatable."""

import re
from collections.abc import Callable, Mapping

from conn_import.airbyte.jinja import dates
from conn_import.airbyte.jinja.nodes import (
    Block,
    Call,
    Concat,
    Cond,
    Default,
    Lit,
    Node,
    ObjectOf,
    Op,
    Regex,
    Untranslatable,
)
from conn_import.airbyte.jinja.pieces import (
    Arguments,
    Keywords,
    argument,
    capitalized,
    fixed_text,
    followed,
    joined_items,
    replaced,
    trimmed,
)
from conn_import.airbyte.jinja.printing import textual

__all__ = ["macro", "method"]


# Macros


def macro(name: str, arguments: Arguments, keywords: Keywords) -> Node:
    """A call of one of the functions that every template has."""
    made = _MACROS.get(name)
    if made is None:
        raise Untranslatable(f"the function {name}()")
    return made(arguments, keywords)


def _timestamp(arguments: Arguments, keywords: Keywords) -> Node:
    value = argument(arguments, keywords, 0, "dt")
    if value.kind in ("int", "float"):
        return Call("floor", (value,), "int")
    return Call("epochSeconds", (value,), "float")


def _extreme(sign: str) -> Callable[[Arguments, Keywords], Node]:
    def made(arguments: Arguments, keywords: Keywords) -> Node:
        if keywords:
            raise Untranslatable("max() or min() with options")
        if len(arguments) == 1:
            ordered = Call("sort", (arguments[0],), "list")
            return Block(ordered, (-1 if sign == ">" else 0,))
        best = arguments[0]
        for other in arguments[1:]:
            left, right = (textual(n) if n.kind in ("datetime", "date") else n for n in (best, other))
            best = Cond(Op(sign, left, right, "bool"), left, right)
        return best

    return made


def _day_delta(arguments: Arguments, keywords: Keywords) -> Node:
    days = argument(arguments, keywords, 0, "num_days")
    form = fixed_text(argument(arguments, keywords, 1, "format", Lit("%Y-%m-%dT%H:%M:%S.%f%z")), "a date format")
    date = dates.NOW if days == Lit(0) else Call("dateAdd", (dates.NOW, ObjectOf(((Lit("days"), days),))), "datetime")
    return dates.formatted(date, form)


def _format_datetime(arguments: Arguments, keywords: Keywords) -> Node:
    value = argument(arguments, keywords, 0, "dt")
    form = fixed_text(argument(arguments, keywords, 1, "format"), "a date format")
    given = arguments[2] if len(arguments) > 2 else keywords.get("input_format")
    if given is not None:
        return dates.formatted(dates.parsed(value, fixed_text(given, "a date format")), form)
    return dates.formatted(dates.moment(value), form)


_MACROS: Mapping[str, Callable[[Arguments, Keywords], Node]] = {
    "now_utc": lambda a, k: dates.NOW,
    "today_utc": lambda a, k: Call("now", (), "date"),
    "today_with_timezone": lambda a, k: Call("dateInZone", (dates.NOW, argument(a, k, 0, "timezone")), "date"),
    "timestamp": _timestamp,
    "max": _extreme(">"),
    "min": _extreme("<"),
    "day_delta": _day_delta,
    "duration": lambda a, k: Call("duration", (argument(a, k, 0, "datestring"),), "duration"),
    "format_datetime": _format_datetime,
    "str_to_datetime": lambda a, k: Call("dateInZone", (argument(a, k, 0, "s"), Lit("utc")), "datetime"),
    "sanitize_url": lambda a, k: _quote_plus(argument(a, k, 0, "value")),
    "camel_case_to_snake_case": lambda a, k: Call(
        "lowercase", (replaced(argument(a, k, 0, "value"), "(.)([A-Z])", "$1_$2"),), "text"
    ),
    "generate_uuid": lambda a, k: Call("uuid", (), "text"),
}


def _quote_plus(value: Node) -> Node:
    return replaced(Call("encodeUrlComponent", (textual(value),), "text"), "%20", "+")


# Methods of values


def method(base: Node, name: str, arguments: Arguments, keywords: Keywords) -> Node:
    """A call of a method of a text, a list, an object or a date."""
    made = _METHODS.get(name)
    if made is None:
        raise Untranslatable(f"the method {name}()")
    return made(base, arguments, keywords)


def _split(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    by = arguments[0] if arguments else keywords.get("sep")
    if by is None or by == Lit(None):
        return Call("split", (trimmed(base), Lit(Regex(r"\s+"))), "list")
    return Call("split", (base, by), "list")


def _strip(*, start: bool, end: bool) -> Callable[[Node, Arguments, Keywords], Node]:
    def made(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
        characters = fixed_text(arguments[0], "characters to strip") if arguments else None
        return trimmed(base, characters, start=start, end=end)

    return made


def _begins(base: Node, start: Node) -> Node:
    return Op("=", Call("substring", (base, Lit(0), _length(start)), "text"), start, "bool")


def _length(text: Node) -> Node:
    return Lit(len(text.value)) if isinstance(text, Lit) else Call("length", (text,), "int")


def _ends(base: Node, end: Node) -> Node:
    if isinstance(end, Lit) and end.value:
        return Op("=", Call("substring", (base, Lit(-len(end.value))), "text"), end, "bool")
    raise Untranslatable("endswith() with what is not written out")


def _strftime(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    form = fixed_text(argument(arguments, keywords, 0, "format"), "a date format")
    return dates.formatted(dates.NOW if base.kind == "date" and base == Call("now", (), "date") else base, form)


def _isoformat(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    between = fixed_text(argument(arguments, keywords, 0, "sep", Lit("T")), "a separator")
    precise = fixed_text(argument(arguments, keywords, 1, "timespec", Lit("auto")), "a precision")
    if base.kind == "date":
        return dates.formatted(dates.NOW, "%Y-%m-%d")
    fraction = {"seconds": "", "milliseconds": ".SSS", "auto": ".SSS'000'", "microseconds": ".SSS'000'"}.get(precise)
    if fraction is None:
        raise Untranslatable(f"isoformat() to {precise}")
    form = f"yyyy-MM-dd'{between}'HH:mm:ss{fraction}ZZ"
    return Call("dateFormat", (base, Lit(form)), "text")


def _join(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    return joined_items(arguments[0], base)


def _format(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    pieces = re.split(r"\{([A-Za-z0-9_]*)\}", fixed_text(base, "a text for format()"))
    parts: list[Node] = []
    for n, piece in enumerate(pieces):
        if n % 2 == 0:
            parts.append(Lit(piece.replace("{{", "{").replace("}}", "}")))
        elif piece and not piece.isdigit():
            parts.append(textual(argument((), keywords, 0, piece)))
        else:
            parts.append(textual(argument(arguments, {}, int(piece or n // 2), "an argument")))
    return Concat(tuple(part for part in parts if part != Lit("")))


def _get(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    return Default(followed(base, arguments[0]), arguments[1] if len(arguments) > 1 else Lit(None))


_METHODS: Mapping[str, Callable[[Node, Arguments, Keywords], Node]] = {
    "get": _get,
    "split": _split,
    "rsplit": _split,
    "strip": _strip(start=True, end=True),
    "lstrip": _strip(start=True, end=False),
    "rstrip": _strip(start=False, end=True),
    "lower": lambda b, a, k: Call("lowercase", (b,), "text"),
    "upper": lambda b, a, k: Call("uppercase", (b,), "text"),
    "title": lambda b, a, k: Call("titleCase", (b,), "text"),
    "capitalize": lambda b, a, k: capitalized(b),
    "replace": lambda b, a, k: Call("replace", (b, a[0], a[1]), "text"),
    "startswith": lambda b, a, k: _begins(b, a[0]),
    "endswith": lambda b, a, k: _ends(b, a[0]),
    "strftime": _strftime,
    "isoformat": _isoformat,
    "timestamp": lambda b, a, k: Call("epochSeconds", (b,), "float"),
    "date": lambda b, a, k: b,
    "join": _join,
    "format": _format,
    "keys": lambda b, a, k: Call("keys", (b,), "list"),
    "values": lambda b, a, k: Call("values", (b,), "list"),
    "isdigit": lambda b, a, k: Call("contains", (b, Lit(Regex("^[0-9]+$"))), "bool"),
    "count": lambda b, a, k: Op("-", Call("count", (Call("split", (b, a[0]), "list"),), "int"), Lit(1), "int"),
}
