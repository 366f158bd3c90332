"""What may be written in an expression: functions with their signatures, names in scope, and fields of their values."""

import json
from collections.abc import Collection, Iterator

from conn_engine.analysis.fields import RecordedField
from conn_engine.analysis.fields.index import write_name
from conn_engine.diagnostics import pluralize
from conn_engine.expressions.language import LanguageEntry, find_entry, format_entry, list_entries
from conn_engine.roles import SCOPES, TEMPLATES, Note
from conn_service.lsp.config_places import ConfigPlace
from conn_service.lsp.edited_document import EditedDocument
from conn_service.lsp.expression_cursor import ExpressionPlace, locate_in_expression, locate_in_template
from conn_service.lsp.messages import Suggestion, TextRange
from conn_service.lsp.samples import Sample

__all__ = ["describe_field", "find_in_expression", "find_scope_names", "format_value"]

_LONGEST = 80


def find_in_expression(
    document: EditedDocument, place: ConfigPlace | None, note: Note, text: str, offset: int
) -> Iterator[Suggestion]:
    """Yield what may follow the start of an expression or a template, whose end is at an offset of the document."""
    at = (locate_in_template if note.role in TEMPLATES else locate_in_expression)(text)
    if at is None:
        return
    range_ = document.positions.to_range_of(offset - len(at.typed), offset)
    if at.kind == "function":
        yield from _find_functions(at, range_)
        return
    if at.steps is None:
        return
    sample = document.find_sample(place, note.over)
    if at.kind == "name":
        yield from _find_names(note, sample, range_)
    elif at.steps[:1] == ("$base",) or (at.steps[:1] == ("body",) and note.over == "caller"):
        yield from _find_model_fields(document, place, at.steps[1:], range_)
    elif sample is not None:
        records = sample.records if at.steps[:1] == ("response",) else 0
        fields = sample.find_fields(at.steps)
        yield from (_suggest_field(field, records, range_) for field in fields)
        yield from _find_contract_fields(sample, at.steps, {field.path[-1] for field in fields}, range_)
    if at.kind == "name" or (at.kind == "field" and not text.rstrip().endswith(".") and not at.typed):
        yield from _find_functions(at, range_)


def _find_functions(at: ExpressionPlace, range_: TextRange) -> Iterator[Suggestion]:
    for name in at.variables:
        yield Suggestion(f"${name}", "variable", range_, f"${name}")
    for entry in list_entries():
        if entry.topic == "function":
            yield Suggestion(entry.name, "function", range_, entry.name, entry.signature, _to_markdown(entry))
        elif entry.topic == "variable" and entry.name.startswith("$"):
            yield Suggestion(entry.name, "variable", range_, entry.name, "", _to_markdown(entry))


def _to_markdown(entry: LanguageEntry) -> str:
    return f"```text\n{format_entry(entry)}\n```"


def find_scope_names(note: Note) -> frozenset[str] | None:
    """Return the names that an expression can use; None for any name."""
    names = SCOPES.get(note.over)
    return None if names is None else names | note.more


def _find_names(note: Note, sample: Sample | None, range_: TextRange) -> Iterator[Suggestion]:
    names = find_scope_names(note)
    if names is None:
        fields = sample.find_fields(()) if sample is not None else []
        for field in fields:
            yield _suggest_field(field, 0, range_)
        return
    for name in sorted(names):
        entry = find_entry(name)
        yield Suggestion(name, "name", range_, name, "", "" if entry is None else _to_markdown(entry))


def _find_model_fields(
    document: EditedDocument, place: ConfigPlace | None, steps: tuple[str, ...], range_: TextRange
) -> Iterator[Suggestion]:
    """Yield the fields of the unified record."""
    nodes = document.find_record_schema(place)
    for key, description in (nodes.follow(steps).find_keys() if nodes is not None else {}).items():
        yield Suggestion(key, "field", range_, key, "", description)


def _find_contract_fields(
    sample: Sample, steps: tuple[str, ...], known: Collection[str], range_: TextRange
) -> Iterator[Suggestion]:
    """Yield the fields that the vendor's contract has in addition."""
    inside = steps[1:] if steps[:1] == ("response",) else steps
    nodes = sample.schema.follow_names(inside) if sample.schema is not None else None
    for key, description in (nodes.find_keys() if nodes is not None else {}).items():
        if nodes is not None and key not in known:
            kind = nodes.follow((key,)).find_type()
            yield Suggestion(key, "field", range_, write_name((key,)), kind, description)


def _suggest_field(field: RecordedField, records: int, range_: TextRange) -> Suggestion:
    name, text = field.path[-1], write_name(field.path[-1:])
    return Suggestion(name, "field", range_, text, field.type, describe_field(field, records))


def describe_field(field: RecordedField, records: int = 0) -> str:
    """Describe a field of the vendor with its example, as Markdown."""
    lines = [f"{field.type or 'no value'}"]
    if field.filled and field.example is not None:
        lines.append(f"example: `{format_value(field.example)}`")
    if records:
        lines.append(f"filled in {field.filled} of {pluralize(records, 'record')}")
    return "  \n".join(lines)


def format_value(value: object) -> str:
    """Write a value on one short line, without what Markdown would read in code."""
    text = json.dumps(value, ensure_ascii=False, default=str).replace("`", "'")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
