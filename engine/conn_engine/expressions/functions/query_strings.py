"""Query strings and forms to nested values and back, with the conventions of the common JavaScript library, and
the parts of URLs."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote_plus

from conn_engine.expressions.functions.rows import FunctionFault, check_length
from conn_engine.urls import split_plain_url

__all__ = ["build_url", "parse_query", "parse_url", "stringify_query"]

_DEEPEST = 5
_DEEPEST_WRITTEN = 20
_MOST_PAIRS = 10_000
_LARGEST_INDEX = 20
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}
_FORMATS = ("indices", "brackets", "repeat", "comma")


def parse_query(text: str | None) -> dict[str, Any] | None:
    """Parse a query to an object. Brackets in a name nest up to five levels; deeper ones stay part of the last name."""
    if text is None:
        return None
    pairs = [pair for pair in check_length(text, "a query").lstrip("?").split("&") if pair]
    if len(pairs) > _MOST_PAIRS:
        raise FunctionFault(f"a query has more than {_MOST_PAIRS} pairs", "U1001")
    result: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        _put(result, _names(unquote_plus(name)), unquote_plus(value))
    parsed = _lists(result)
    return parsed if isinstance(parsed, dict) else result


def _names(name: str) -> list[str]:
    start = name.find("[")
    if start <= 0:
        return [name]
    names, position = [name[:start]], start
    while len(names) <= _DEEPEST and (match := _BRACKET.match(name, position)) is not None:
        names.append(match[1])
        position = match.end()
    return [*names, name[position:]] if position < len(name) else names


class _Many(list[Any]):
    """Values of a name that came without or with an empty index."""


def _put(place: dict[str, Any], names: list[str], value: Any) -> None:
    name, rest = names[0], names[1:]
    if not rest:
        if name in place:
            old = place[name]
            place[name] = _Many([*(old if isinstance(old, _Many) else [old]), value])
        else:
            place[name] = value
    elif rest == [""]:
        old = place.get(name)
        values = [] if old is None else old if isinstance(old, _Many) else [old]
        place[name] = _Many([*values, value])
    else:
        below = place.get(name)
        if not isinstance(below, dict):
            below = {} if below is None else dict(enumerate_text(below))
            place[name] = below
        if rest[0] == "":
            rest = [str(len(below)), *rest[1:]]
        _put(below, rest, value)


def enumerate_text(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the items of a list, or the single value, each with its index as text."""
    items = value if isinstance(value, list) else [value]
    return ((str(index), item) for index, item in enumerate(items))


def _lists(value: Any) -> Any:
    """Convert objects whose keys are all indexes to lists."""
    if isinstance(value, _Many):
        return [_lists(item) for item in value]
    if not isinstance(value, dict):
        return value
    converted = {name: _lists(item) for name, item in value.items()}
    indexed = converted and all(map(_is_index, converted))
    return [converted[name] for name in sorted(converted, key=int)] if indexed and "0" in converted else converted


def _is_index(name: str) -> bool:
    return name.isdecimal() and name.isascii() and len(name) <= 3 and int(name) <= _LARGEST_INDEX


def stringify_query(value: dict[str, Any] | None, options: dict[str, Any] | None = None) -> str | None:
    """Write an object as a query, percent-encoded as UTF-8. A null is an empty value, unless it is skipped."""
    if value is None:
        return None
    settings = options or {}
    form = settings.get("arrayFormat", "indices")
    if form not in _FORMATS:
        raise FunctionFault(f'"{str(form)[:20]}" is not an arrayFormat: use {", ".join(_FORMATS)}')
    encode = settings.get("encode", True)
    pairs = [
        f"{_percent_encode(name) if encode else name}={_percent_encode(item) if encode else item}"
        for name, item in _pairs("", value, form, 0)
        if not (item is None and settings.get("skipNulls"))
        for item in ["" if item is None else item]
    ]
    return ("?" if settings.get("addQueryPrefix") and pairs else "") + "&".join(pairs)


def _percent_encode(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe="")


def _pairs(name: str, value: Any, form: str, depth: int) -> Iterator[tuple[str, str | None]]:
    if depth > _DEEPEST_WRITTEN:
        raise FunctionFault(f"the value is nested deeper than {_DEEPEST_WRITTEN}", "D1011")
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _pairs(f"{name}[{key}]" if name else key, item, form, depth + 1)
    elif not isinstance(value, list):
        yield name, _text(value)
    elif form == "comma" and value:
        yield name, ",".join(_text(item) or "" for item in value)
    else:
        for index, item in enumerate(value):
            inner = f"{name}[{index}]" if form == "indices" else f"{name}[]" if form == "brackets" else name
            yield from _pairs(inner, item, form, depth + 1)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    raise FunctionFault("with arrayFormat comma, a list cannot contain an object or a list")


def parse_url(text: str | None) -> dict[str, Any] | None:
    """Split a URL as a browser's URL object does: `protocol` ends with a colon, `search` and `hash` keep their first
    character. Adds `query`."""
    if text is None:
        return None
    try:
        parts = split_plain_url(check_length(text, "a URL", 100_000).strip())
        port = parts.port
    except ValueError:
        parts, port = split_plain_url(""), None
    if not parts.scheme or not (parts.netloc or parts.path):
        raise FunctionFault(f"{text[:80]!r} is not an absolute URL")
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    host_text = f"[{host}]" if ":" in host else host
    number = "" if port is None or port == _PORTS.get(scheme) else str(port)
    path = parts.path or ("/" if parts.netloc else "")
    search = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    authority = f"{host_text}:{number}" if number else host_text
    user = f"{parts.username or ''}{':' + parts.password if parts.password else ''}@" if parts.username else ""
    origin = f"{scheme}://{authority}" if scheme in _PORTS else "null"
    return {
        "href": f"{scheme}:{'//' if parts.netloc else ''}{user}{authority}{path}{search}{fragment}",
        "origin": origin,
        "protocol": f"{scheme}:",
        "username": parts.username or "",
        "password": parts.password or "",
        "host": authority,
        "hostname": host_text,
        "port": number,
        "pathname": path,
        "search": search,
        "hash": fragment,
        "query": parse_query(parts.query),
    }


def build_url(text: str | None, query: dict[str, Any] | None = None, options: Any = None) -> str | None:
    """Add a query to a URL, after an existing query and before the fragment."""
    if text is None:
        return None
    added = stringify_query(query, {"skipNulls": True, **(options or {}), "addQueryPrefix": False}) or ""
    base, mark, fragment = check_length(text, "a URL", 100_000).partition("#")
    joint = "" if not added or base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return f"{base}{joint}{added}{mark}{fragment}"
