"""Read the parameters of an OpenAPI operation (2.0 and 3.x), and the body that 2.0 declares as parameters."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Parameter, Place, Shape
from conn_import.contract import Losses
from conn_import.openapi.references import References
from conn_import.words import clean_text

__all__ = ["build_swagger_body", "read_parameters"]

_NOT_OURS = frozenset({"accept", "content-type", "user-agent", "content-length", "host"})
"""Headers that the engine itself sends."""

_STYLES = {"spaceDelimited": "", "pipeDelimited": "", "deepObject": "brackets"}
_COLLECTIONS = {"csv": "comma", "multi": "repeat", "ssv": "", "tsv": "", "pipes": ""}


def read_parameters(
    declared: Sequence[Mapping[str, Any]],
    where: str,
    losses: Losses,
    follow: References,
    carries: Callable[[str, str], bool],
) -> list[Parameter]:
    """Read the parameters of one operation. A later one replaces an earlier one with the same name and place.

    `carries` returns whether the parameter with a name and a place is the credential.
    """
    collected: dict[tuple[str, str], Parameter] = {}
    for row in declared:
        name, place = row.get("name"), row.get("in")
        if not isinstance(name, str) or not name or not isinstance(place, str) or len(name) > 200:
            continue
        if place == "cookie" and carries(name, place):
            continue
        if place == "cookie":
            losses.add("cookies", f"{where}: {clean_text(name, 60)}")
        elif place == "querystring":
            losses.add("a complete query string as one parameter", where)
        elif place == "formData" and row.get("type") == "array" and row.get("collectionFormat") != "multi":
            how = clean_text(row.get("collectionFormat") or "csv", 30)
            losses.add(
                f"lists in a form written as {how}: they are sent as repeated fields",
                f"{where}: {clean_text(name, 60)}",
            )
        elif place in ("query", "header", "path") and not carries(name, place):
            if place == "header" and name.lower() in _NOT_OURS:
                continue
            collected[(place, name)] = _read_parameter(row, _to_place(place), where=where, losses=losses, follow=follow)
    return list(collected.values())


def _to_place(text: str) -> Place:
    return "path" if text == "path" else "header" if text == "header" else "query"


def _read_parameter(
    row: Mapping[str, Any], place: Place, *, where: str, losses: Losses, follow: References
) -> Parameter:
    name = str(row["name"])
    content = row.get("content")
    if isinstance(content, Mapping) and content and place == "query":
        losses.add("query parameters that contain JSON", f"{where}: {clean_text(name, 60)}")
    shape = (
        Shape.from_node(row.get("schema"), follow)
        if "schema" in row
        else Shape.from_node({k: v for k, v in row.items() if k != "in"}, follow)
    )
    found = Parameter(name, place, required=row.get("required") is True, kind=shape.type, shape=shape)
    found.description = clean_text(row.get("description") or "", 200)
    found.default = _as_scalar(shape.get("default"))
    maximum = shape.get("maximum")
    if isinstance(maximum, int) and not isinstance(maximum, bool) and 0 < maximum <= 100_000:
        found.maximum = maximum
    choices = shape.get("enum")
    choices = choices if isinstance(choices, list) else []
    constant = shape.get("const")
    if constant is not UNSET:
        found.fixed = _as_scalar(constant)
    elif found.required and len(choices) == 1:
        found.fixed = _as_scalar(choices[0])
    for candidate in (
        row.get("example", UNSET),
        shape.get("example"),
        found.default,
        choices[0] if choices else UNSET,
    ):
        if found.sample is UNSET:
            found.sample = _as_scalar(candidate)
    if shape.type in ("array", "object") and place == "query":
        found.arrays = _find_style(row, shape.type, where, losses)
    return found


def _find_style(row: Mapping[str, Any], kind: str, where: str, losses: Losses) -> str:
    """Return how a list is written in the query: repeat, comma, brackets, or "" if it is the default or unsupported."""
    if kind == "object":
        return ""
    name = str(row.get("name"))
    style, collection = row.get("style"), row.get("collectionFormat")
    if "schema" not in row:
        spelling = _COLLECTIONS.get(str(collection or "csv"), "")
    elif style in _STYLES:
        spelling = _STYLES[str(style)]
    else:
        spelling = "comma" if row.get("explode") is False else "repeat"
    if not spelling:
        losses.add(
            f"lists in the query written as {clean_text(style or collection, 30)}", f"{where}: {clean_text(name, 60)}"
        )
    return "" if name.endswith("[]") else spelling  # the brackets are part of the name already


def _as_scalar(value: Any) -> Any:
    """Return a value that can be sent as it is, or UNSET."""
    usable = isinstance(value, str | bool | int) or (isinstance(value, float) and isfinite(value))
    usable = usable and len(str(value)) <= 500
    return UNSET if not usable or "{{" in str(value) else value


def build_swagger_body(declared: Sequence[Mapping[str, Any]], consumes: Sequence[str]) -> Mapping[str, Any]:
    """Convert the `body` and `formData` parameters of 2.0 to the `content` of 3.x."""
    body = next((row for row in declared if row.get("in") == "body"), None)
    if body is not None:
        kinds = [kind for kind in consumes if "form" not in kind] or ["application/json"]
        return {kind: {"schema": body.get("schema")} for kind in kinds}
    fields = [row for row in declared if row.get("in") == "formData"]
    if not fields:
        return {}
    properties = {
        str(row.get("name")): {k: v for k, v in row.items() if k not in ("in", "name", "required")} for row in fields
    }
    files = any(row.get("type") == "file" for row in fields)
    kinds = [kind for kind in consumes if "form" in kind and not (files and "urlencoded" in kind)]
    kinds = kinds or ["multipart/form-data" if files else "application/x-www-form-urlencoded"]
    required = [str(row.get("name")) for row in fields if row.get("required") is True]
    return {kind: {"schema": {"type": "object", "properties": properties, "required": required}} for kind in kinds}
