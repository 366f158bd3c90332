"""Request bodies of an OpenAPI document: which of the kinds that an operation takes is sent, and the parts of a
multipart one. Schemas are `Shape`s; how a body is written is `parts`'."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Endpoint, Parts, Resolve, Shape
from conn_import.contract import Losses
from conn_import.openapi.media import choose_raw_kind, is_concrete
from conn_import.words import clean_text

__all__ = ["choose_body"]

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_NAMES = {_FORM: "a form", _MULTIPART: "multipart/form-data"}
_FILES = frozenset({"binary", "file"})
_STYLED = ("style", "explode", "allowReserved")
"""With one of these a field is spelled as in a query, whatever it is."""


def choose_body(endpoint: Endpoint, content: Mapping[str, Any], follow: Resolve, losses: Losses) -> bool:
    """Choose the format of the request body. Returns False if the operation cannot be imported."""
    if not content:
        return True
    kinds = {str(kind).partition(";")[0].strip().lower(): kind for kind in content}
    if endpoint.method in ("get", "head"):
        shapes = [Shape.from_node(_as_object(media).get("schema"), follow) for media in content.values()]
        if any(shape.properties() for shape in shapes):  # generators write an empty body everywhere
            losses.add("the body of a GET, which is not sent", endpoint.where)
        return True
    data = _choose_kind(kinds, content, follow)
    chosen = data or choose_raw_kind(list(kinds))
    raw = not data
    if not chosen:
        losses.add(f"operations with a body of type {clean_text(', '.join(kinds), 120)}", endpoint.where)
        return False
    others = [kind for kind in kinds if kind != chosen]
    if others:
        name = clean_text(chosen, 60) if raw else _NAMES.get(chosen, "JSON")
        loss = f"bodies of {clean_text(', '.join(others), 120)}: {name} is sent instead"
        losses.add(loss, endpoint.where)
    media = _as_object(content[kinds[chosen]])
    endpoint.body = Shape.from_node(media.get("schema"), follow)
    endpoint.sample_body = media.get("example", UNSET)
    endpoint.body_format = "raw" if raw else {_FORM: "form", _MULTIPART: "multipart"}.get(chosen, "json")
    endpoint.media_type = chosen if chosen.endswith("+json") or (raw and is_concrete(chosen)) else ""
    if chosen == _MULTIPART:
        endpoint.parts = _find_parts(endpoint.body, _as_object(media.get("encoding")), follow)
        if not endpoint.body.properties():
            losses.add("the field names of a multipart body: the document has none", endpoint.where)
    return True


def _choose_kind(kinds: Mapping[str, Any], content: Mapping[str, Any], follow: Resolve) -> str:
    """Choose JSON if possible, then a form, then multipart. Multipart comes first if only it has files."""
    json_kind = next((k for k in kinds if k in (_JSON, "*/*", "application/*", "text/json")), "")
    vendor = next((k for k in kinds if k.endswith("+json") or k.startswith("application/vnd")), "")
    usual = json_kind or (_FORM if _FORM in kinds else "") or (vendor if vendor.endswith("json") else "")
    if _MULTIPART not in kinds:
        return usual

    def find_files(kind: str) -> tuple[str, ...]:
        media = _as_object(content[kinds[kind]])
        return _find_parts(
            Shape.from_node(media.get("schema"), follow), _as_object(media.get("encoding")), follow
        ).files

    return _MULTIPART if not usual or (find_files(_MULTIPART) and not find_files(usual)) else usual


def _find_parts(shape: Shape, encoding: Mapping[str, Any], follow: Resolve) -> Parts:
    """Find the fields that are files, and those that are JSON parts: objects, unless their encoding differs."""
    files: list[str] = []
    whole: list[str] = []
    each: list[str] = []
    for name, field in shape.properties().items():
        part_encoding = follow(encoding.get(name))
        kinds = [
            kind.strip().lower() for kind in str(part_encoding.get("contentType") or "").split(",") if kind.strip()
        ]
        items = field.items() if field.type == "array" else None
        inner = items or field
        if _is_file(inner, kinds):
            files.append(name)
        elif any(key in part_encoding for key in _STYLED):
            continue
        elif kinds and all("json" in kind for kind in kinds):
            whole.append(name)
        elif inner.type == "object" and not kinds:
            (each if items is not None else whole).append(name)
    required = shape.required_names()
    needed = tuple(name for name in files if name in required and shape.properties()[name].type != "array")
    return Parts(tuple(files), needed, tuple(whole), tuple(each))


def _is_file(shape: Shape, kinds: list[str]) -> bool:
    """Return whether a field is a file, by its format (`binary`, `file`) or by a media type that is not text."""
    if str(shape.get("format")) in _FILES or shape.type == "file":
        return True
    media = shape.get("contentMediaType")
    media_types = [*kinds, *([media.lower()] if isinstance(media, str) else [])]
    if shape.type not in ("string", "") or not media_types or shape.get("contentEncoding") is not UNSET:
        return False
    return not any(kind.startswith("text/plain") or "json" in kind or "xml" in kind for kind in media_types)


def _as_object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
