"""Macros, filters, tests and methods of values, each as a tree. What there is no counterpart for is Untranslatable."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from conn_engine.imports.airbyte.jinja import dates
from conn_engine.imports.airbyte.jinja.nodes import (
    Block,
    Call,
    Concat,
    Cond,
    Default,
    Each,
    ListOf,
    Lit,
    Node,
    Not,
    ObjectOf,
    Op,
    Path,
    Regex,
    Untranslatable,
)
from conn_engine.imports.airbyte.jinja.printing import textual

__all__ = ["Keywords", "contains", "filtered", "followed", "macro", "method", "tested"]

Keywords = Mapping[str, Node]
Arguments = tuple[Node, ...]
_DIGESTS = {
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha224": "SHA-224",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
}
_TYPES = {
    "string": "string",
    "number": "number",
    "mapping": "object",
    "sequence": "array",
    "iterable": "array",
    "integer": "number",
    "float": "number",
    "boolean": "boolean",
}
_COMPARISONS = {
    "equalto": "=",
    "eq": "=",
    "==": "=",
    "sameas": "=",
    "gt": ">",
    ">": ">",
    "greaterthan": ">",
    "lt": "<",
    "<": "<",
    "lessthan": "<",
    "ge": ">=",
    ">=": ">=",
    "le": "<=",
    "<=": "<=",
}


def _text(node: Node, what: str) -> str:
    if isinstance(node, Lit) and isinstance(node.value, str):
        return node.value
    raise Untranslatable(f"{what} that is not written out")


def _regex(source: str) -> str:
    """A pattern between slashes, for the parts of Python's patterns that JavaScript's have too."""
    if re.search(r"\(\?(?![:=!])|\\[AZ]|\(\?P|[*+?}]\+", source) or len(source) > 500:
        raise Untranslatable("a regular expression of Python's own kind")
    return re.sub(r"(?<!\\)((?:\\\\)*)/", r"\1\\/", source)


# Macros


def macro(name: str, arguments: Arguments, keywords: Keywords) -> Node:
    """A call of one of the functions that every template has."""
    made = _MACROS.get(name)
    if made is None:
        raise Untranslatable(f"the function {name}()")
    return made(arguments, keywords)


def _argument(arguments: Arguments, keywords: Keywords, at: int, name: str, default: Node | None = None) -> Node:
    if at < len(arguments):
        return arguments[at]
    found = keywords.get(name, default)
    if found is None:
        raise Untranslatable(f"a call without {name}")
    return found


def _timestamp(arguments: Arguments, keywords: Keywords) -> Node:
    value = _argument(arguments, keywords, 0, "dt")
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
    days = _argument(arguments, keywords, 0, "num_days")
    form = _text(_argument(arguments, keywords, 1, "format", Lit("%Y-%m-%dT%H:%M:%S.%f%z")), "a date format")
    date = dates.NOW if days == Lit(0) else Call("dateAdd", (dates.NOW, ObjectOf(((Lit("days"), days),))), "datetime")
    return dates.formatted(date, form)


def _format_datetime(arguments: Arguments, keywords: Keywords) -> Node:
    value = _argument(arguments, keywords, 0, "dt")
    form = _text(_argument(arguments, keywords, 1, "format"), "a date format")
    given = arguments[2] if len(arguments) > 2 else keywords.get("input_format")
    if given is not None:
        return dates.formatted(dates.parsed(value, _text(given, "a date format")), form)
    return dates.formatted(dates.moment(value), form)


_MACROS: Mapping[str, Callable[[Arguments, Keywords], Node]] = {
    "now_utc": lambda a, k: dates.NOW,
    "today_utc": lambda a, k: Call("now", (), "date"),
    "today_with_timezone": lambda a, k: Call("dateInZone", (dates.NOW, _argument(a, k, 0, "timezone")), "date"),
    "timestamp": _timestamp,
    "max": _extreme(">"),
    "min": _extreme("<"),
    "day_delta": _day_delta,
    "duration": lambda a, k: Call("duration", (_argument(a, k, 0, "datestring"),), "duration"),
    "format_datetime": _format_datetime,
    "str_to_datetime": lambda a, k: Call("dateInZone", (_argument(a, k, 0, "s"), Lit("utc")), "datetime"),
    "sanitize_url": lambda a, k: _quote_plus(_argument(a, k, 0, "value")),
    "camel_case_to_snake_case": lambda a, k: Call(
        "lowercase", (_replaced(_argument(a, k, 0, "value"), "(.)([A-Z])", "$1_$2"),), "text"
    ),
    "generate_uuid": lambda a, k: Call("uuid", (), "text"),
}


def _replaced(value: Node, source: str, by: str) -> Node:
    return Call("replace", (value, Lit(Regex(source)), Lit(by)), "text")


def _quote_plus(value: Node) -> Node:
    return _replaced(Call("encodeUrlComponent", (textual(value),), "text"), "%20", "+")


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
        return Call("split", (_trimmed(base), Lit(Regex(r"\s+"))), "list")
    return Call("split", (base, by), "list")


def _trimmed(base: Node, characters: str | None = None, *, start: bool = True, end: bool = True) -> Node:
    some = r"\s" if characters is None else "[" + re.sub(r"([\\\]\[^/-])", r"\\\1", characters) + "]"
    sources = [*([f"^{some}+"] if start else []), *([f"{some}+$"] if end else [])]
    return _replaced(base, "|".join(sources), "")


def _strip(*, start: bool, end: bool) -> Callable[[Node, Arguments, Keywords], Node]:
    def made(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
        characters = _text(arguments[0], "characters to strip") if arguments else None
        return _trimmed(base, characters, start=start, end=end)

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
    form = _text(_argument(arguments, keywords, 0, "format"), "a date format")
    return dates.formatted(dates.NOW if base.kind == "date" and base == Call("now", (), "date") else base, form)


def _isoformat(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    between = _text(_argument(arguments, keywords, 0, "sep", Lit("T")), "a separator")
    precise = _text(_argument(arguments, keywords, 1, "timespec", Lit("auto")), "a precision")
    if base.kind == "date":
        return dates.formatted(dates.NOW, "%Y-%m-%d")
    fraction = {"seconds": "", "milliseconds": ".SSS", "auto": ".SSS'000'", "microseconds": ".SSS'000'"}.get(precise)
    if fraction is None:
        raise Untranslatable(f"isoformat() to {precise}")
    form = f"yyyy-MM-dd'{between}'HH:mm:ss{fraction}ZZ"
    return Call("dateFormat", (base, Lit(form)), "text")


def _join(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    return _joined(arguments[0], base)


def _joined(items: Node, between: Node) -> Node:
    if isinstance(items, ListOf):
        items = ListOf(tuple(textual(item) for item in items.items))
    elif not isinstance(items, Each | Call) and items.kind in ("any", "list"):
        items = Each("map", items, ("i",), Call("string", (Path("$i"),), "text"))
    return Call("join", (items, between), "text")


def _format(base: Node, arguments: Arguments, keywords: Keywords) -> Node:
    pieces = re.split(r"\{([A-Za-z0-9_]*)\}", _text(base, "a text for format()"))
    parts: list[Node] = []
    for n, piece in enumerate(pieces):
        if n % 2 == 0:
            parts.append(Lit(piece.replace("{{", "{").replace("}}", "}")))
        elif piece and not piece.isdigit():
            parts.append(textual(_argument((), keywords, 0, piece)))
        else:
            parts.append(textual(_argument(arguments, {}, int(piece or n // 2), "an argument")))
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
    "capitalize": lambda b, a, k: _capitalized(b),
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


def _capitalized(base: Node) -> Node:
    first = Call("uppercase", (Call("substring", (base, Lit(0), Lit(1)), "text"),), "text")
    return Concat((first, Call("lowercase", (Call("substring", (base, Lit(1)), "text"),), "text")))


# Filters


def filtered(value: Node, name: str, arguments: Arguments, keywords: Keywords) -> Node:
    """A value after a filter."""
    made = _FILTERS.get(name)
    if made is None:
        raise Untranslatable(f"the filter {name}")
    return made(value, arguments, keywords)


def _hash(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    kind = _text(_argument(arguments, keywords, 0, "hash_type", Lit("md5")), "a digest")
    salt = arguments[1] if len(arguments) > 1 else keywords.get("salt")
    if kind not in _DIGESTS:
        raise Untranslatable(f"the digest {kind}")
    if value.kind in ("object", "list") or (isinstance(value, Path) and not value.steps):
        raise Untranslatable("a digest of what Python writes for an object")
    text = textual(value) if salt is None else Concat((textual(value), textual(salt)))
    return Call("digest", (text, Lit(_DIGESTS[kind])), "text")


def _hmac(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    if _text(_argument(arguments, keywords, 1, "hash_type", Lit("sha256")), "a digest") != "sha256":
        raise Untranslatable("an HMAC with another digest than sha256")
    return Call("sign", (textual(value), Lit("SHA-256"), _argument(arguments, keywords, 0, "key")), "text")


def _regex_search(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    source = _regex(_text(_argument(arguments, keywords, 0, "regex"), "a regular expression"))
    if re.compile(source).groups < 1:
        return Lit("")
    return Default(_group(Call("match", (value, Lit(Regex(source))), "any")), Lit(""))


def _group(found: Node) -> Node:
    return Block(Block(found, (0, "groups")), (0,), "text")


def _regex_replace(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    source = _regex(_text(_argument(arguments, keywords, 0, "regex"), "a regular expression"))
    by = _text(_argument(arguments, keywords, 1, "replacement"), "a replacement").replace("$", "$$")
    return _replaced(value, source, re.sub(r"\\(\d)", r"$\1", by))


def _map(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    if "attribute" in keywords:
        steps = _text(keywords["attribute"], "an attribute").split(".")
        return ListOf((followed(value, *[Lit(part) for part in steps]),))
    name = _text(arguments[0], "a filter to map")
    return Each("map", value, ("i",), filtered(Path("$i", sure=True), name, arguments[1:], {}))


def _selected(*, keep: bool, attribute: bool) -> Callable[[Node, Arguments, Keywords], Node]:
    def made(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
        item: Node = Path("$i", sure=True)
        rest = arguments
        if attribute:
            steps = _text(arguments[0], "an attribute").split(".")
            item, rest = followed(item, *[Lit(part) for part in steps]), arguments[1:]
        test = item if not rest else tested(item, _text(rest[0], "a test"), rest[1:])
        return Each("filter", value, ("i",), test if keep else Not(test))

    return made


def _default(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    other = _argument(arguments, keywords, 0, "default_value", Lit(""))
    boolean = arguments[1] if len(arguments) > 1 else keywords.get("boolean", Lit(False))
    return Default(value, other, truth=boolean == Lit(True))


def _integer(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    if value.kind == "int":
        return value
    number = value if value.kind == "float" else Call("number", (value,), "float")
    return Call("floor", (number,), "int")


_FILTERS: Mapping[str, Callable[[Node, Arguments, Keywords], Node]] = {
    "default": _default,
    "d": _default,
    "int": _integer,
    "float": lambda v, a, k: v if v.kind == "float" else Call("number", (v,), "float"),
    "string": lambda v, a, k: Call("string", (v,), "text") if v.kind != "text" else v,
    "lower": lambda v, a, k: Call("lowercase", (textual(v),), "text"),
    "upper": lambda v, a, k: Call("uppercase", (textual(v),), "text"),
    "title": lambda v, a, k: Call("titleCase", (v,), "text"),
    "capitalize": lambda v, a, k: _capitalized(v),
    "trim": lambda v, a, k: _trimmed(v),
    "replace": lambda v, a, k: Call("replace", (v, a[0], a[1]), "text"),
    "join": lambda v, a, k: _joined(v, _argument(a, k, 0, "d", Lit(""))),
    "length": lambda v, a, k: Call("length" if v.kind == "text" else "count", (v,), "int"),
    "count": lambda v, a, k: Call("length" if v.kind == "text" else "count", (v,), "int"),
    "first": lambda v, a, k: Block(v, (0,)),
    "last": lambda v, a, k: Block(v, (-1,)),
    "list": lambda v, a, k: v if isinstance(v, ListOf) else ListOf((v,)),
    "map": _map,
    "select": _selected(keep=True, attribute=False),
    "reject": _selected(keep=False, attribute=False),
    "selectattr": _selected(keep=True, attribute=True),
    "rejectattr": _selected(keep=False, attribute=True),
    "sum": lambda v, a, k: Call("sum", (v,), "any"),
    "min": lambda v, a, k: Block(Call("sort", (v,), "list"), (0,)),
    "max": lambda v, a, k: Block(Call("sort", (v,), "list"), (-1,)),
    "sort": lambda v, a, k: Call("sort", (v,), "list"),
    "unique": lambda v, a, k: Call("distinct", (v,), "list"),
    "reverse": lambda v, a, k: Call("reverse", (v,), "list"),
    "abs": lambda v, a, k: Call("abs", (v,), v.kind),
    "round": lambda v, a, k: Call("round", (v, *a[:1]), "float"),
    "tojson": lambda v, a, k: _json(v),
    "urlencode": lambda v, a, k: Call("encodeUrlComponent", (textual(v),), "text"),
    "hash": _hash,
    "hmac": _hmac,
    "base64encode": lambda v, a, k: Call("base64encode", (v,), "text"),
    "base64decode": lambda v, a, k: Call("base64decode", (v,), "text"),
    "base64binascii_decode": lambda v, a, k: Call("base64encode", (v,), "text"),
    "regex_search": _regex_search,
    "regex_replace": _regex_replace,
}


def _json(value: Node) -> Node:
    """JSON text: `$string` writes it for all but texts, which stand in a list to get their quotes."""
    if value.kind in ("int", "float", "bool", "object", "list"):
        return Call("string", (value,), "text")
    wrapped = Call("string", (ListOf((value,)),), "text")
    inner = Call("substring", (wrapped, Lit(1)), "text")
    return Call("substring", (inner, Lit(0), Op("-", Call("length", (inner,), "int"), Lit(1), "int")), "text")


# Tests


def tested(value: Node, name: str, arguments: Arguments = ()) -> Node:
    """Whether a value passes a test (`is defined`)."""
    bare = value.value if isinstance(value, Default) and not value.truth else value
    match name:
        case "defined":
            return Lit(True) if isinstance(value, Default | Lit) else Call("exists", (value,), "bool")
        case "undefined":
            return Lit(False) if isinstance(value, Default | Lit) else Not(Call("exists", (value,), "bool"))
        case "none":
            return Op("=", value, Lit(None), "bool")
        case "true" | "false":
            return Op("=", bare, Lit(name == "true"), "bool")
        case "odd" | "even" | "divisibleby":
            by = arguments[0] if name == "divisibleby" else Lit(2)
            return Op("=", Op("%", value, by, "int"), Lit(1 if name == "odd" else 0), "bool")
        case "ne" | "!=":
            return Not(Op("=", value, arguments[0], "bool"))
        case "in":
            return contains(arguments[0], value)
        case _ if name in _COMPARISONS:
            return Op(_COMPARISONS[name], value, arguments[0], "bool")
        case _ if name in _TYPES:
            return Op("=", Call("type", (value,), "text"), Lit(_TYPES[name]), "bool")
    raise Untranslatable(f"the test {name}")


def contains(whole: Node, part: Node) -> Node:
    """`part in whole`, for a key, a substring or an item."""
    bare = whole.value if isinstance(whole, Default) and not whole.truth else whole
    if isinstance(bare, ListOf | Each) or bare.kind == "list":
        return Op("in", part, bare, "bool")
    if isinstance(part, Lit) and isinstance(part.value, str) and isinstance(bare, Path):
        if not bare.steps or bare.kind == "object":
            return Call("exists", (followed(bare, part),), "bool")
    if bare.kind == "text" or (isinstance(bare, Lit) and isinstance(bare.value, str)):
        return Call("contains", (bare, part), "bool")
    kind = Call("type", (bare,), "text")
    listed = Op("in", part, bare, "bool")
    if part.kind not in ("text", "any"):
        return listed
    as_key = Call("exists", (followed(bare, part),), "bool")
    return Cond(
        Op("=", kind, Lit("string"), "bool"),
        Call("contains", (bare, part), "bool"),
        Cond(Op("=", kind, Lit("object"), "bool"), as_key, listed),
    )


def followed(base: Node, *keys: Node) -> Node:
    """What is below a value: by names, indices or computed keys."""
    steps: list[Any] = []
    for key in keys:
        if isinstance(key, Lit) and isinstance(key.value, str | int) and not isinstance(key.value, bool):
            steps.append(key.value)
        else:
            steps.append(key)
    if isinstance(base, Default) and not base.truth and isinstance(base.other, Lit | ObjectOf | ListOf):
        empty = isinstance(base.other, ObjectOf) and not base.other.pairs
        empty = empty or (isinstance(base.other, ListOf) and not base.other.items) or base.other == Lit(None)
        if empty or base.other == Lit(""):
            return followed(base.value, *keys)
    if isinstance(base, Path):
        return Path(base.root, (*base.steps, *steps))
    return Block(base, tuple(steps))
