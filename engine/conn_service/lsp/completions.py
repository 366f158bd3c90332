"""What may be written at the cursor: keys and values of documents, fields of models, and names in expressions."""

from collections.abc import Iterator

from conn_engine.config import Path_
from conn_engine.roles import TEMPLATES
from conn_service.lsp.config_places import ConfigPlace
from conn_service.lsp.cursor import locate_cursor
from conn_service.lsp.edited_document import EditedDocument
from conn_service.lsp.expression_completions import find_in_expression
from conn_service.lsp.flow import TypingPlace
from conn_service.lsp.known_names import find_field_names, find_names, find_resource_names
from conn_service.lsp.messages import Suggestion

__all__ = ["find_completions"]

_COMPUTED = TEMPLATES | {"expression", "values"}


def find_completions(document: EditedDocument, offset: int) -> list[Suggestion]:
    """Return what may be written at an offset of a document."""
    at = locate_cursor(document.text, offset)
    if at is None:
        return []
    found: list[Suggestion] = []
    if at.kind in ("key", "item"):
        found += _find_keys(document, at, offset)
    if at.kind in ("value", "item"):
        found += _find_values(document, at, offset)
    unique = {(suggestion.label, suggestion.kind): suggestion for suggestion in reversed(found)}
    return list(reversed(unique.values()))


def _find_keys(document: EditedDocument, at: TypingPlace, offset: int) -> Iterator[Suggestion]:
    typed = document.text[offset - len(at.text) : offset]
    range_ = document.positions.to_range_of(offset - len(typed), max(offset, at.end))
    follows = document.text[max(offset, at.end) :].lstrip("\"' ")[:1] == ":"
    suffix = "" if follows or at.style or document.text.lstrip()[:1] == "{" else ": "
    for key, description in _list_keys(document, at.path).items():
        if key not in at.keys or key == at.text:
            yield Suggestion(key, "key", range_, f"{key}{suffix}", "", description)


def _list_keys(document: EditedDocument, path: Path_) -> dict[str, str]:
    place = document.find_config_place(path)
    if place is not None:
        mapping = document.find_mapping(place)
        if mapping is not None:
            return _list_mapped_fields(document, place, *mapping)
        keys = {**find_resource_names(document, place), **document.find_schema_nodes(path).find_keys()}
    elif path == ("context",) and document.file.kind == "account":
        keys = find_field_names(document)
    else:
        keys = document.find_schema_nodes(path).find_keys()
    if path == ("connectors",) and document.file.kind == "environment":
        keys |= dict.fromkeys(document.drafts.current.connectors(), "connector")
    return {key: text for key, text in keys.items() if key != "$schema"}


def _list_mapped_fields(document: EditedDocument, place: ConfigPlace, key: str, inside: Path_) -> dict[str, str]:
    """Return the fields that a mapping can set: those of the unified record, or of the vendor's record for a body."""
    if key == "response_mapping":
        nodes = document.find_record_schema(place)
        return {} if nodes is None else nodes.follow(inside).find_keys()
    sample = document.find_sample(place, "mapped")
    fields = sample.find_fields(("response", *map(str, inside))) if sample is not None else []
    return {field.path[-1]: field.type for field in fields}


def _find_values(document: EditedDocument, at: TypingPlace, offset: int) -> Iterator[Suggestion]:
    place = document.find_config_place(at.path)
    note = document.find_note(at.path)
    if note.role in _COMPUTED:
        yield from find_in_expression(document, place, note, at.text, offset)
        if note.role == "expression":
            return
    range_ = document.positions.to_range_of(offset - len(at.text), offset)
    for name in find_names(document, at.path, place):
        yield Suggestion(name, "value", range_, name)
    for value in document.find_schema_nodes(at.path).find_values():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield Suggestion(text, "value", range_, text)
