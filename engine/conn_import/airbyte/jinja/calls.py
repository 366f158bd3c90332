"""Convert macros and methods of values to trees. Those without a counterpart raise Untranslatable."""

import re
from collections.abc import Callable, Mapping

from conn_import.airbyte.jinja import dates
from conn_import.airbyte.jinja.builders import (
    Arguments,
    Keywords,
    capitalize,
    follow_keys,
    get_argument,
    get_fixed_text,
    join_items,
    replace_text,
    trim,
)
from conn_import.airbyte.jinja.nodes import (
    Concat,
    Cond,
    Default,
    FunctionNode,
    Lit,
    Node,
    ObjectOf,
    Op,
    Regex,
    StepNode,
    Untranslatable,
)
from conn_import.airbyte.jinja.printing import to_text

__all__ = ["call_macro", "call_method"]


# Macros


def call_macro(name: str, arguments: Arguments, keywords: Keywords) -> Node:
    """Translate a call of one of the functions that every template has."""
    build = _MACROS.get(name)
    if build is None:
        raise Untranslatable(f"the function {name}()")
    return build(arguments, keywords)


def _timestamp(arguments: Arguments, keywords: Keywords) -> Node:
    value = get_argument(arguments, keywords, 0, "dt")
    if value.kind in ("int", "float"):
        return FunctionNode("floor", (value,), "int")
    return FunctionNode("epochSeconds", (value,), "float")


def _build_extreme(sign: str) -> Callable[[Arguments, Keywords], Node]:
    def choose(arguments: Arguments, keywords: Keywords) -> Node:
        if keywords:
            raise Untranslatable("max() or min() with options")
        if len(arguments) == 1:
            ordered = FunctionNode("sort", (arguments[0],), "list")
            return StepNode(ordered, (-1 if sign == ">" else 0,))
        best = arguments[0]
        for other in arguments[1:]:
            left, right = (to_text(n) if n.kind in ("datetime", "date") else n for n in (best, other))
            best = Cond(Op(sign, left, right, "bool"), left, right)
        return best

    return choose


def _day_delta(arguments: Arguments, keywords: Keywords) -> Node:
    days = get_argument(arguments, keywords, 0, "num_days")
    form = get_fixed_text(
        get_argument(arguments, keywords, 1, "format", Lit("%Y-%m-%dT%H:%M:%S.%f%z")), "a date format"
    )
    date = (
        dates.NOW
        if days == Lit(0)
        else FunctionNode("dateAdd", (dates.NOW, ObjectOf(((Lit("days"), days),))), "datetime")
    )
    return dates.format_date(date, form)


def _format_datetime(arguments: Arguments, keywords: Keywords) -> Node:
    value = get_argument(arguments, keywords, 0, "dt")
    form = get_fixed_text(get_argument(arguments, keywords, 1, "format"), "a date format")
    given = arguments[2] if len(arguments) > 2 else keywords.get("input_format")
    if given is not None:
        return dates.format_date(dates.parse_date(value, get_fixed_text(given, "a date format")), form)
    return dates.format_date(dates.to_date(value), form)


_MACROS: Mapping[str, Callable[[Arguments, Keywords], Node]] = {
    "now_utc": lambda a, k: dates.NOW,
    "today_utc": lambda a, k: FunctionNode("now", (), "date"),
    "today_with_timezone": lambda a, k: FunctionNode(
        "dateInZone", (dates.NOW, get_argument(a, k, 0, "timezone")), "date"
    ),
    "timestamp": _timestamp,
    "max": _build_extreme(">"),
    "min": _build_extreme("<"),
    "day_delta": _day_delta,
    "duration": lambda a, k: FunctionNode("duration", (get_argument(a, k, 0, "datestring"),), "duration"),
    "format_datetime": _format_datetime,
    "str_to_datetime": lambda a, k: FunctionNode("dateInZone", (get_argument(a, k, 0, "s"), Lit("utc")), "datetime"),
    "sanitize_url": lambda a, k: _quote_plus(get_argument(a, k, 0, "value")),
    "camel_case_to_snake_case": lambda a, k: FunctionNode(
        "lowercase", (replace_text(get_argument(a, k, 0, "value"), "(.)([A-Z])", "$1_$2"),), "text"
    ),
    "generate_uuid": lambda a, k: FunctionNode("uuid", (), "text"),
}


def _quote_plus(value: Node) -> Node:
    return replace_text(FunctionNode("encodeUrlComponent", (to_text(value),), "text"), "%20", "+")


# Methods of values


def call_method(base: Node, name: str, arguments: Arguments, keywords: Keywords) -> Node:
    """Translate a call of a method of text, a list, an object or a date."""
    build = _METHODS.get(name)
    if build is None:
        raise Untranslatable(f"the method {name}()")
    return build(base, arguments, keywords)


def _split(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    by = arguments[0] if arguments else keywords.get("sep")
    if by is None or by == Lit(None):
        return FunctionNode("split", (trim(base), Lit(Regex(r"\s+"))), "list")
    return FunctionNode("split", (base, by), "list")


def _strip(*, start: bool, end: bool) -> Callable[[Node, Arguments, Keywords], Node]:
    def strip(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
        characters = get_fixed_text(arguments[0], "characters to strip") if arguments else None
        return trim(base, characters, start=start, end=end)

    return strip


def _starts_with(base: Node, start: Node) -> Node:
    return Op("=", FunctionNode("substring", (base, Lit(0), _length(start)), "text"), start, "bool")


def _length(text: Node) -> Node:
    return Lit(len(text.value)) if isinstance(text, Lit) else FunctionNode("length", (text,), "int")


def _ends_with(base: Node, end: Node) -> Node:
    if isinstance(end, Lit) and end.value:
        return Op("=", FunctionNode("substring", (base, Lit(-len(end.value))), "text"), end, "bool")
    raise Untranslatable("endswith() with a computed text")


def _strftime(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    form = get_fixed_text(get_argument(arguments, keywords, 0, "format"), "a date format")
    return dates.format_date(
        dates.NOW if base.kind == "date" and base == FunctionNode("now", (), "date") else base, form
    )


def _isoformat(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    between = get_fixed_text(get_argument(arguments, keywords, 0, "sep", Lit("T")), "a separator")
    precise = get_fixed_text(get_argument(arguments, keywords, 1, "timespec", Lit("auto")), "a precision")
    if base.kind == "date":
        return dates.format_date(dates.NOW, "%Y-%m-%d")
    fraction = {"seconds": "", "milliseconds": ".SSS", "auto": ".SSS'000'", "microseconds": ".SSS'000'"}.get(precise)
    if fraction is None:
        raise Untranslatable(f"isoformat() to {precise}")
    form = f"yyyy-MM-dd'{between}'HH:mm:ss{fraction}ZZ"
    return FunctionNode("dateFormat", (base, Lit(form)), "text")


def _join(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    return join_items(arguments[0], base)


def _format(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    pieces = re.split(r"\{([A-Za-z0-9_]*)\}", get_fixed_text(base, "text for format()"))
    parts: list[Node] = []
    for n, piece in enumerate(pieces):
        if n % 2 == 0:
            parts.append(Lit(piece.replace("{{", "{").replace("}}", "}")))
        elif piece and not piece.isdigit():
            parts.append(to_text(get_argument((), keywords, 0, piece)))
        else:
            parts.append(to_text(get_argument(arguments, {}, int(piece or n // 2), "an argument")))
    return Concat(tuple(part for part in parts if part != Lit("")))


def _get(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    return Default(follow_keys(base, arguments[0]), arguments[1] if len(arguments) > 1 else Lit(None))


_METHODS: Mapping[str, Callable[[Node, Arguments, Keywords], Node]] = {
    "get": _get,
    "split": _split,
    "rsplit": _split,
    "strip": _strip(start=True, end=True),
    "lstrip": _strip(start=True, end=False),
    "rstrip": _strip(start=False, end=True),
    "lower": lambda b, a, k: FunctionNode("lowercase", (b,), "text"),
    "upper": lambda b, a, k: FunctionNode("uppercase", (b,), "text"),
    "title": lambda b, a, k: FunctionNode("titleCase", (b,), "text"),
    "capitalize": lambda b, a, k: capitalize(b),
    "replace": lambda b, a, k: FunctionNode("replace", (b, a[0], a[1]), "text"),
    "startswith": lambda b, a, k: _starts_with(b, a[0]),
    "endswith": lambda b, a, k: _ends_with(b, a[0]),
    "strftime": _strftime,
    "isoformat": _isoformat,
    "timestamp": lambda b, a, k: FunctionNode("epochSeconds", (b,), "float"),
    "date": lambda b, a, k: b,
    "join": _join,
    "format": _format,
    "keys": lambda b, a, k: FunctionNode("keys", (b,), "list"),
    "values": lambda b, a, k: FunctionNode("values", (b,), "list"),
    "isdigit": lambda b, a, k: FunctionNode("contains", (b, Lit(Regex("^[0-9]+$"))), "bool"),
    "count": lambda b, a, k: Op(
        "-", FunctionNode("count", (FunctionNode("split", (b, a[0]), "list"),), "int"), Lit(1), "int"
    ),
}
