"""Query strings: how lists and objects are written, and which characters are not encoded. Forms use the same format."""

import json
import math
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from urllib.parse import quote

from msgspec import Meta

from conn_engine.errors import ConfigurationError
from conn_engine.settings import Settings

__all__ = ["QueryFormat", "encode_query", "flatten"]

_MAX_DEPTH = 20
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_ESCAPE_OR_NOT = re.compile("(%[0-9A-Fa-f]{2})")


class QueryFormat(Settings, frozen=True, kw_only=True):
    """How values become a query string."""

    arrays: Annotated[
        Literal["repeat", "comma", "brackets", "indices"],
        Meta(description="Format of a list: `a=1&a=2`, `a=1,2`, `a[]=1&a[]=2` or `a[0]=1&a[1]=2`."),
    ] = "repeat"
    objects: Annotated[
        Literal["brackets", "dots", "json"],
        Meta(description='Format of an object: `a[b]=1`, `a.b=1` or `a={"b":1}`.'),
    ] = "brackets"
    raw: Annotated[
        str,
        Meta(
            description="Characters that are not percent-encoded (`():,` for vendors with a filter language), "
            'except "&", "=", "#" and "+". With "%" among them, existing percent-encoding in a value '
            "is kept (`List(urn%3Ali%3A1)`)."
        ),
    ] = ""
    booleans: Annotated[Literal["true_false", "one_zero"], Meta(description="Format of true and false.")] = "true_false"


def encode_query(pairs: Iterable[tuple[str, Any]], form: QueryFormat | None = None) -> str:
    """Return the query string (without "?") of names and values, in order. Nulls are left out at any depth.

    Spaces become %20. Raises ConfigurationError for values that are not JSON data.
    """
    form = form or QueryFormat()
    safe = "".join(character for character in form.raw if character not in "&=#%+") + "-._~"
    escapes = "%" in form.raw
    out: list[str] = []
    for name, text, is_list in _encode_pairs(pairs, form):
        parts = [_quote(part, safe, escapes) for part in text]
        out.append(f"{quote(name, safe=safe)}={','.join(parts) if is_list else parts[0]}")
    return "&".join(out)


def _quote(text: str, safe: str, escapes: bool) -> str:
    if not escapes:
        return quote(text, safe=safe)
    return "".join(
        piece if _ESCAPE.fullmatch(piece) else quote(piece, safe=safe) for piece in _ESCAPE_OR_NOT.split(text) if piece
    )


def flatten(pairs: Iterable[tuple[str, Any]], form: QueryFormat | None = None) -> list[tuple[str, str]]:
    """Return the same names and values without percent-encoding."""
    return [(name, ",".join(text)) for name, text, _ in _encode_pairs(pairs, form or QueryFormat())]


def _encode_pairs(pairs: Iterable[tuple[str, Any]], form: QueryFormat) -> list[tuple[str, list[str], bool]]:
    out: list[tuple[str, list[str], bool]] = []
    for name, value in pairs:
        _add_value(name, value, form, out, 0)
    return out


def _add_value(name: str, value: Any, form: QueryFormat, out: list[tuple[str, list[str], bool]], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ConfigurationError(
            f'the value of "{name[:80]}" is nested deeper than {_MAX_DEPTH} levels',
            hint="pass a flatter value, or set `query_format: {objects: json}`",
        )
    if value is None:
        return
    if isinstance(value, dict):
        if form.objects == "json":
            out.append((name, [_to_json(value)], False))
            return
        for key, item in value.items():
            inner = f"{name}.{key}" if form.objects == "dots" else f"{name}[{key}]"
            _add_value(inner, item, form, out, depth + 1)
    elif isinstance(value, list | tuple):
        _add_list(name, value, form, out, depth)
    else:
        out.append((name, [_text(name, value, form)], False))


def _add_list(name: str, values: Any, form: QueryFormat, out: list[tuple[str, list[str], bool]], depth: int) -> None:
    if form.arrays == "comma":
        texts = [_to_json(v) if isinstance(v, dict | list) else _text(name, v, form) for v in values if v is not None]
        if texts:
            out.append((name, texts, True))
        return
    for index, item in enumerate(values):
        suffix = {"repeat": "", "brackets": "[]", "indices": f"[{index}]"}[form.arrays]
        _add_value(name + suffix, item, form, out, depth + 1)


def _to_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _text(name: str, value: Any, form: QueryFormat) -> str:
    if isinstance(value, bool):
        return ("true" if value else "false") if form.booleans == "true_false" else str(int(value))
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    raise ConfigurationError(f'the value of "{name[:80]}" cannot be sent: {type(value).__name__} is not JSON data')
