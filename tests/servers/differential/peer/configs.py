"""A config from a manifest's spec: every property has a value, secrets differ, dates lie near now."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from differential.peer.moment import NOW

__all__ = ["synthesise"]

_SHAPES = (
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.000Z",
    "%Y-%m",
    "%Y",
    "%m/%d/%Y",
    "%Y%m%d",
)
_WORDS = (
    "acme",
    "12345",
    "12",
    "2",
    "https://acme.example.com",
    "acme.freshdesk.com",
    "ACME",
    "acme:token",
    "rk_live_a1",
)
_DATE_NAME = re.compile(r"date|^(start|end|since|from|until|to)$|_(start|end|since|from|until|at|time)$", re.I)
_END_NAME = re.compile(r"(^|_)(end|until|to)(_|$)", re.I)
_HOST_NAME = re.compile(r"domain|host|instance|site|server|endpoint|url", re.I)


def synthesise(spec: Mapping[str, Any], text: str, span: timedelta, *, sparse: bool) -> dict[str, Any]:
    """Values for a connection specification. `text` is the manifest, where hosts show how they are used.

    `sparse` leaves out what is neither required nor has a default.
    """
    return _object(spec, text, span, sparse, ())


def _object(spec: Mapping[str, Any], text: str, span: timedelta, sparse: bool, at: tuple[str, ...]) -> dict[str, Any]:
    required = set(spec.get("required") or ())
    found: dict[str, Any] = {}
    for name, row in (spec.get("properties") or {}).items():
        if not isinstance(row, Mapping):
            continue
        if sparse and name not in required and "default" not in row and "const" not in row:
            continue
        found[name] = _value(name, row, text, span, sparse, (*at, name))
    return found


def _value(name: str, row: Mapping[str, Any], text: str, span: timedelta, sparse: bool, at: tuple[str, ...]) -> Any:
    for key in ("oneOf", "anyOf"):
        if row.get(key):
            return _value(name, {**row[key][0]}, text, span, sparse, at)
    if "const" in row:
        return row["const"]
    kind = row.get("type", "string")
    kind = next((one for one in kind if one != "null"), "string") if isinstance(kind, list) else kind
    if kind == "object":
        return _object(row, text, span, sparse, at)
    if kind == "array":
        return _array(name, row, text, span, sparse, at)
    if row.get("enum"):
        return row["default"] if row.get("default") in row["enum"] else row["enum"][0]
    if kind == "boolean":
        return row.get("default", True)
    if kind in ("integer", "number"):
        return row.get("default", row.get("minimum", _first(row, 3)))
    return _string(name, row, text, span, at)


def _array(name: str, row: Mapping[str, Any], text: str, span: timedelta, sparse: bool, at: tuple[str, ...]) -> Any:
    items = row.get("items")
    items = items if isinstance(items, Mapping) else {"type": "string"}
    if row.get("default"):
        return row["default"]
    if items.get("enum"):
        return list(items["enum"][:2])
    if items.get("type", "string") == "string" and not items.get("pattern") and not items.get("format"):
        return [f"{name}-1", f"{name}-2"]
    return [_value(name, items, text, span, sparse, at)]


def _first(row: Mapping[str, Any], otherwise: Any) -> Any:
    examples = row.get("examples")
    examples = examples if isinstance(examples, list) else [examples] if examples else []
    usable = [example for example in examples if not re.search("[<>{}]", str(example))]
    return usable[0] if usable else otherwise


def _string(name: str, row: Mapping[str, Any], text: str, span: timedelta, at: tuple[str, ...]) -> str:
    wanted = row.get("pattern") or ""
    moment = NOW - timedelta(hours=2) if _END_NAME.search(name) else (NOW - span).replace(microsecond=0)
    example = str(row.get("default") or _first(row, ""))
    dated = row.get("format") in ("date", "date-time") or _shape(example) or (_DATE_NAME.search(name) and not example)
    if dated and not row.get("airbyte_secret"):
        return _dated(row, moment, wanted, example)
    if row.get("airbyte_secret") and not wanted:
        return f"secret-{'-'.join(at)}-Zq7"
    if example and re.search(wanted, example):
        return example
    if _HOST_NAME.search(name):
        whole = re.search(rf"(url_base|url|endpoint): *[\"']?\{{\{{ *config\[?\.?[\"'\\]*{re.escape(name)}", text)
        url = "https://acme.example.com" if whole else "acme" if re.search(r"sub", name) else "acme.example.com"
        if re.search(wanted, url):
            return url
    for word in (f"{name}-value", *_WORDS):
        if re.search(wanted, word):
            return word
    return f"{name}-value"


def _shape(example: str) -> str:
    for shape in _SHAPES:
        try:
            datetime.strptime(example, shape)
        except ValueError:
            continue
        if len(example) > 4:
            return shape
    return ""


def _dated(row: Mapping[str, Any], moment: datetime, wanted: str, example: str) -> str:
    own = "%Y-%m-%d" if row.get("format") == "date" else _SHAPES[0]
    for shape in (*([_shape(example)] if _shape(example) else []), own, *_SHAPES):
        text = moment.strftime(shape)
        if re.search(wanted, text):
            return text
    return example or moment.strftime(own)
