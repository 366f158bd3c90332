"""A config from a manifest's spec: every property has a value, secrets differ, dates lie near now."""

import copy
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from airbyte_cdk.sources.declarative.datetime.datetime_parser import DatetimeParser

from differential.peer import templates
from differential.peer.moment import NOW

__all__ = ["Settings", "forms_of", "spec_of"]

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


LEFT_OUT = "x-left-out"
"""What our own manifests declare for a property that a config lacks."""


class Settings:
    """Values for the properties of a connection specification.

    `text` is the manifest, where hosts show how they are used; `forms` the date formats it reads its settings in;
    `span` how far before now things begin.
    """

    def __init__(self, text: str, forms: Mapping[str, str], span: timedelta) -> None:
        self.text, self.forms, self.span = text, forms, span

    def object(self, spec: Mapping[str, Any], at: tuple[str, ...] = ()) -> dict[str, Any]:
        """An object with its properties."""
        found: dict[str, Any] = {}
        for name, row in (spec.get("properties") or {}).items():
            if not isinstance(row, Mapping) or row.get(LEFT_OUT):
                continue
            found[name] = self.value(row, (*at, name))
        return found

    def value(self, row: Mapping[str, Any], at: tuple[str, ...]) -> Any:
        """A value of any type."""
        for key in ("oneOf", "anyOf"):
            if row.get(key):
                return self.value({**row[key][0]}, at)
        if "const" in row:
            return row["const"]
        kind = row.get("type", "string")
        kind = next((one for one in kind if one != "null"), "string") if isinstance(kind, list) else kind
        if kind == "object":
            return self.object(row, at)
        if kind == "array":
            return self._array(row, at)
        if row.get("enum"):
            return row["default"] if row.get("default") in row["enum"] else row["enum"][0]
        if kind == "boolean":
            return row.get("default", True)
        if kind in ("integer", "number"):
            return row.get("default", row.get("minimum", _first(row, 3)))
        return self._string(row, at)

    def _array(self, row: Mapping[str, Any], at: tuple[str, ...]) -> Any:
        items = row.get("items")
        items = items if isinstance(items, Mapping) else {"type": "string"}
        if row.get("default"):
            return row["default"]
        if items.get("enum"):
            return list(items["enum"][:2])
        if items.get("type", "string") == "string" and not items.get("pattern") and not items.get("format"):
            return [f"{at[-1]}-1", f"{at[-1]}-2"]
        return [self.value(items, at)]

    def _string(self, row: Mapping[str, Any], at: tuple[str, ...]) -> str:
        name, wanted = at[-1], row.get("pattern") or ""
        moment = NOW - timedelta(hours=2) if _END_NAME.search(name) else (NOW - self.span).replace(microsecond=0)
        example = str(row.get("default") or _first(row, ""))
        form = self.forms.get(".".join(at), "")
        dated = row.get("format") in ("date", "date-time") or form or _shape(example)
        if (dated or (_DATE_NAME.search(name) and not example)) and not row.get("airbyte_secret"):
            return _dated(row, moment, wanted, form or _shape(example))
        if row.get("airbyte_secret") and not wanted:
            return f"secret-{'-'.join(at)}-Zq7"
        if example and re.search(wanted, example):
            return example
        words = [f"{name}-value", *_WORDS]
        if _HOST_NAME.search(name):
            hole = rf"(url_base|url|endpoint): *[\"']?\{{\{{ *config\[?\.?[\"'\\]*{re.escape(name)}"
            whole = re.search(hole, self.text)
            host = "acme" if re.search("sub", name) else "acme.example.com"
            words.insert(0, "https://acme.example.com" if whole else host)
        return next((word for word in words if re.search(wanted, word)), words[0])


def _first(row: Mapping[str, Any], otherwise: Any) -> Any:
    examples = row.get("examples")
    examples = examples if isinstance(examples, list) else [examples] if examples else []
    usable = [one for one in examples if not re.search("[<>{}%]|YYYY", str(one))]
    return usable[0] if usable else otherwise


def _shape(example: str) -> str:
    for shape in _SHAPES:
        try:
            datetime.strptime(example, shape)
        except ValueError:
            continue
        if len(example) > 4:
            return shape
    return ""


def _dated(row: Mapping[str, Any], moment: datetime, wanted: str, likely: str) -> str:
    own = "%Y-%m-%d" if row.get("format") == "date" else _SHAPES[0]
    for shape in (*([likely] if likely else []), own, *_SHAPES):
        text = DatetimeParser().format(moment, shape)
        if re.search(wanted, text):
            return text
    return moment.strftime(own)


def spec_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a config needs: what the specification names, and the keys that authenticators read besides. Where the
    specification is in another file: all that templates read."""
    spec = (manifest.get("spec") or {}).get("connection_specification") or {}
    found = copy.deepcopy(spec)
    for text, place in _templates(manifest.get("streams")):
        for path in templates.paths(text, "config") if not spec or place == "api_token" else ():
            if not _names(spec, path):
                _add(found, path, secret=bool(place))
    return found


def _names(spec: Mapping[str, Any], path: tuple[str | int, ...]) -> bool:
    """Whether a specification has a property, in any of its alternatives."""
    if not path:
        return True
    rows = [
        (one.get("properties") or {}).get(path[0]) for one in (spec, *spec.get("oneOf", ()), *spec.get("anyOf", ()))
    ]
    return any(_names(row, path[1:]) for row in rows if isinstance(row, Mapping))


def _add(spec: dict[str, Any], path: tuple[str | int, ...], *, secret: bool) -> None:
    for step in path:
        spec["type"] = "object"
        spec = spec.setdefault("properties", {}).setdefault(str(step), {})
    spec.setdefault("airbyte_secret", secret)


def _templates(data: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a manifest, with where it authorises requests: as an `api_token`, elsewhere in an `authenticator`,
    or nowhere."""
    if isinstance(data, str):
        yield data, place
    for name, inner in data.items() if isinstance(data, dict) else ():
        if name != "schema":
            yield from _templates(inner, name if name == "authenticator" or (place and name == "api_token") else place)
    for inner in data if isinstance(data, list) else ():
        yield from _templates(inner, place)


def forms_of(data: Any, inherited: str = "") -> dict[str, str]:
    """The date format in which a manifest reads each of its settings, by the setting's path."""
    found: dict[str, str] = {}
    if isinstance(data, dict):
        inherited = data.get("datetime_format") or inherited if data.get("type") == "DatetimeBasedCursor" else inherited
        if data.get("type") == "MinMaxDatetime":
            for path in templates.paths(str(data.get("datetime") or ""), "config"):
                found[".".join(map(str, path))] = data.get("datetime_format") or inherited
        for name, inner in data.items():
            if name != "schema":
                found = {**forms_of(inner, inherited), **found}
    elif isinstance(data, list):
        for inner in data:
            found = {**forms_of(inner, inherited), **found}
    return {path: form for path, form in found.items() if form}
