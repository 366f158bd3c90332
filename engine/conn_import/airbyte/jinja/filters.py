"""Convert filters and tests to trees. Those without a counterpart raise Untranslatable."""

import re
from collections.abc import Callable, Mapping

from conn_import.airbyte.jinja.builders import (
    Arguments,
    Keywords,
    capitalize,
    follow_keys,
    get_argument,
    get_fixed_text,
    join_items,
    replace_text,
    to_regex,
    trim,
)
from conn_import.airbyte.jinja.nodes import (
    JSON_TEXT,
    Concat,
    Cond,
    Default,
    Each,
    FunctionNode,
    ListOf,
    Lit,
    Node,
    Not,
    Op,
    PathNode,
    Regex,
    StepNode,
    Untranslatable,
)
from conn_import.airbyte.jinja.printing import to_text

__all__ = ["apply_filter", "apply_test", "build_contains"]

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


# Filters


def apply_filter(value: Node, name: str, arguments: Arguments, keywords: Keywords) -> Node:
    """Apply a filter to a value."""
    build = _FILTERS.get(name)
    if build is None:
        raise Untranslatable(f"the filter {name}")
    return build(value, arguments, keywords)


def _hash(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    kind = get_fixed_text(get_argument(arguments, keywords, 0, "hash_type", Lit("md5")), "a digest")
    salt = arguments[1] if len(arguments) > 1 else keywords.get("salt")
    if kind not in _DIGESTS:
        raise Untranslatable(f"the digest {kind}")
    if value.kind in ("object", "list") or (isinstance(value, PathNode) and not value.steps):
        raise Untranslatable("a digest of an object's Python representation")
    text = _to_any_text(value) if salt is None else Concat((_to_any_text(value), _to_any_text(salt)))
    return FunctionNode("digest", (text, Lit(_DIGESTS[kind])), "text")


def _to_any_text(value: Node) -> Node:
    """Convert a value of any kind to text."""
    node = to_text(value)
    return FunctionNode("string", (node,), "text") if value.kind in ("any", "int") else node


def _to_text_or_nothing(value: Node) -> Node:
    """Convert to text. A missing value stays missing, so that functions return nothing for it."""
    if value.kind in ("any", "int"):
        return FunctionNode("string", (value,), "text")
    return value if isinstance(value, PathNode) and value.kind == "text" else to_text(value)


def _hmac(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    if get_fixed_text(get_argument(arguments, keywords, 1, "hash_type", Lit("sha256")), "a digest") != "sha256":
        raise Untranslatable("an HMAC with a digest other than sha256")
    return FunctionNode(
        "sign", (_to_any_text(value), Lit("SHA-256"), get_argument(arguments, keywords, 0, "key")), "text"
    )


def _regex_search(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    source = to_regex(get_fixed_text(get_argument(arguments, keywords, 0, "regex"), "a regular expression"))
    if re.compile(source).groups < 1:
        return Lit("")
    return Default(_take_group(FunctionNode("match", (value, Lit(Regex(source))), "any")), Lit(""))


def _take_group(found: Node) -> Node:
    return StepNode(StepNode(found, (0, "groups")), (0,), "text")


def _regex_replace(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    source = to_regex(get_fixed_text(get_argument(arguments, keywords, 0, "regex"), "a regular expression"))
    by = get_fixed_text(get_argument(arguments, keywords, 1, "replacement"), "a replacement").replace("$", "$$")
    return replace_text(value, source, re.sub(r"\\(\d)", r"$\1", by))


def _map(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    if "attribute" in keywords:
        steps = get_fixed_text(keywords["attribute"], "an attribute").split(".")
        return ListOf((follow_keys(value, *[Lit(part) for part in steps]),))
    name = get_fixed_text(arguments[0], "a filter to map")
    return Each("map", value, ("i",), apply_filter(PathNode("$i", sure=True), name, arguments[1:], {}))


def _build_selector(*, keep: bool, attribute: bool) -> Callable[[Node, Arguments, Keywords], Node]:
    def select(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
        item: Node = PathNode("$i", sure=True)
        rest = arguments
        if attribute:
            steps = get_fixed_text(arguments[0], "an attribute").split(".")
            item, rest = follow_keys(item, *[Lit(part) for part in steps]), arguments[1:]
        test = item if not rest else apply_test(item, get_fixed_text(rest[0], "a test"), rest[1:])
        return Each("filter", value, ("i",), test if keep else Not(test))

    return select


def _default(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    other = get_argument(arguments, keywords, 0, "default_value", Lit(""))
    boolean = arguments[1] if len(arguments) > 1 else keywords.get("boolean", Lit(False))
    return Default(value, other, truth=boolean == Lit(True))


def _to_integer(value: Node, arguments: Arguments, keywords: Keywords) -> Node:
    if value.kind == "int":
        return value
    return FunctionNode("floor", (_to_number(value),), "int")


def _to_number(value: Node) -> Node:
    """Convert a value to a number, or 0 if it is not one."""
    if value.kind in ("int", "float"):
        return value
    name = "number" if value.kind == "digits" else "toNumber"
    node = FunctionNode(name, (value,), "float")
    return node if name == "number" else Default(node, Lit(0), truth=True)


_FILTERS: Mapping[str, Callable[[Node, Arguments, Keywords], Node]] = {
    "default": _default,
    "d": _default,
    "int": _to_integer,
    "float": lambda v, a, k: _to_number(v),
    "string": lambda v, a, k: FunctionNode("string", (v,), "text") if v.kind != "text" else v,
    "lower": lambda v, a, k: FunctionNode("lowercase", (to_text(v),), "text"),
    "upper": lambda v, a, k: FunctionNode("uppercase", (to_text(v),), "text"),
    "title": lambda v, a, k: FunctionNode("titleCase", (v,), "text"),
    "capitalize": lambda v, a, k: capitalize(v),
    "trim": lambda v, a, k: trim(v),
    "replace": lambda v, a, k: FunctionNode("replace", (v, a[0], a[1]), "text"),
    "join": lambda v, a, k: join_items(v, get_argument(a, k, 0, "d", Lit(""))),
    "length": lambda v, a, k: FunctionNode("length" if v.kind == "text" else "count", (v,), "int"),
    "count": lambda v, a, k: FunctionNode("length" if v.kind == "text" else "count", (v,), "int"),
    "first": lambda v, a, k: StepNode(v, (0,)),
    "last": lambda v, a, k: StepNode(v, (-1,)),
    "list": lambda v, a, k: v if isinstance(v, ListOf) else ListOf((v,)),
    "map": _map,
    "select": _build_selector(keep=True, attribute=False),
    "reject": _build_selector(keep=False, attribute=False),
    "selectattr": _build_selector(keep=True, attribute=True),
    "rejectattr": _build_selector(keep=False, attribute=True),
    "sum": lambda v, a, k: FunctionNode("sum", (v,), "any"),
    "min": lambda v, a, k: StepNode(FunctionNode("sort", (v,), "list"), (0,)),
    "max": lambda v, a, k: StepNode(FunctionNode("sort", (v,), "list"), (-1,)),
    "sort": lambda v, a, k: FunctionNode("sort", (v,), "list"),
    "unique": lambda v, a, k: FunctionNode("distinct", (v,), "list"),
    "reverse": lambda v, a, k: FunctionNode("reverse", (v,), "list"),
    "abs": lambda v, a, k: FunctionNode("abs", (v,), v.kind),
    "round": lambda v, a, k: FunctionNode("round", (v, *a[:1]), "float"),
    "tojson": lambda v, a, k: _to_json(v),
    "urlencode": lambda v, a, k: FunctionNode("encodeUrlComponent", (_to_text_or_nothing(v),), "text"),
    "hash": _hash,
    "hmac": _hmac,
    "base64encode": lambda v, a, k: FunctionNode("base64encode", (v,), "text"),
    "base64decode": lambda v, a, k: FunctionNode("base64decode", (v,), "text"),
    "base64binascii_decode": lambda v, a, k: FunctionNode("base64encode", (v,), "text"),
    "regex_search": _regex_search,
    "regex_replace": _regex_replace,
}


def _to_json(value: Node) -> Node:
    """JSON text. `$string` writes it for all but a string, which it leaves without quotes."""
    if value.kind in ("int", "float", "bool", "object", "list"):
        return FunctionNode("string", (value,), "text")
    return FunctionNode(JSON_TEXT, (value,), "text")


# Tests


def apply_test(value: Node, name: str, arguments: Arguments = ()) -> Node:
    """Return whether a value passes a test (`is defined`)."""
    bare = value.value if isinstance(value, Default) and not value.truth and value.other == Lit(None) else value
    match name:
        case "defined":
            return Lit(True) if isinstance(value, Default | Lit) else FunctionNode("exists", (value,), "bool")
        case "undefined":
            return Lit(False) if isinstance(value, Default | Lit) else Not(FunctionNode("exists", (value,), "bool"))
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
            return build_contains(arguments[0], value)
        case _ if name in _COMPARISONS:
            return Op(_COMPARISONS[name], value, arguments[0], "bool")
        case _ if name in _TYPES:
            return Op("=", FunctionNode("type", (value,), "text"), Lit(_TYPES[name]), "bool")
    raise Untranslatable(f"the test {name}")


def build_contains(whole: Node, part: Node) -> Node:
    """Convert `part in whole` for a key, a substring or an item."""
    bare = whole.value if isinstance(whole, Default) and not whole.truth else whole
    if isinstance(bare, ListOf | Each) or bare.kind == "list":
        return Op("in", part, bare, "bool")
    named = isinstance(part, Lit) and isinstance(part.value, str) and isinstance(bare, PathNode)
    if named and (bare.kind == "object" or not getattr(bare, "steps", ())):
        return FunctionNode("exists", (follow_keys(bare, part),), "bool")
    if bare.kind == "text" or (isinstance(bare, Lit) and isinstance(bare.value, str)):
        return FunctionNode("contains", (bare, part), "bool")
    kind = FunctionNode("type", (bare,), "text")
    listed = Op("in", part, bare, "bool")
    if part.kind not in ("text", "any"):
        return listed
    as_key = FunctionNode("exists", (follow_keys(bare, part),), "bool")
    return Cond(
        Op("=", kind, Lit("string"), "bool"),
        FunctionNode("contains", (bare, part), "bool"),
        Cond(Op("=", kind, Lit("object"), "bool"), as_key, listed),
    )
