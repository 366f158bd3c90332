"""What is shown about the word at the cursor: documentation, and the value on a recording."""

from collections.abc import Iterator

from conn_engine.errors import ConnError
from conn_engine.expressions import UNDEFINED, EvaluationLimits
from conn_engine.expressions.language import find_entry, format_entry
from conn_engine.testing.vendor_records import VendorRecords, map_vendor_records
from conn_service.lsp.edited_document import EditedDocument
from conn_service.lsp.expression_completions import describe_field, format_value
from conn_service.lsp.known_names import find_field_names
from conn_service.lsp.messages import HoverText
from conn_service.lsp.samples import Sample, follow_steps, hide_secrets
from conn_service.lsp.words import WordPlace, find_word

__all__ = ["find_hover"]

_LIMITS = EvaluationLimits(seconds=0.3)


def find_hover(document: EditedDocument, offset: int) -> HoverText | None:
    """Return what is known about the word at an offset, as Markdown; None if nothing is."""
    word = find_word(document, offset)
    if word is None:
        return None
    parts = list(_describe_key(document, word) if word.is_key else _describe_in_expression(document, word))
    return HoverText(word.range, "\n\n".join(parts)) if parts else None


def _describe_key(document: EditedDocument, word: WordPlace) -> Iterator[str]:
    mapping = document.find_mapping(word.place) if word.place is not None else None
    if word.place is None or mapping is None or not mapping[1]:
        description = document.find_schema_nodes(word.path).description
        if word.path[:1] == ("context",) and document.file.kind == "account":
            description = find_field_names(document).get(word.text, "")
        yield from [f"`{word.text}`: {description}"] if description else []
        return
    nodes = document.find_record_schema(word.place)
    description = nodes.follow(mapping[1]).description if nodes is not None and mapping[0] == "response_mapping" else ""
    yield from [f"`{word.text}`: {description}"] if description else []
    if mapping[0] == "response_mapping":
        yield from _describe_mapped_value(document, word, tuple(map(str, mapping[1])))


def _describe_mapped_value(document: EditedDocument, word: WordPlace, steps: tuple[str, ...]) -> Iterator[str]:
    """Show what the mapping gives for the first record of the recording."""
    place = word.place
    effective = document.find_effective(place) if place is not None else None
    sample = document.find_sample(place, word.note.over or "mapped") if place is not None else None
    if place is None or effective is None or sample is None or sample.conditions is None:
        return
    name = next((name for name in document.find_operations(place) if name.kind == "unified"), None)
    if name is None:
        return
    records = VendorRecords([sample.scope], sample.conditions)
    try:
        (mapped,) = map_vendor_records(effective, name, records, limits=_LIMITS)
    except ConnError:  # lint reports it
        return
    error = mapped.errors.get(".".join(steps))
    if error is not None:
        yield f"fails on the first record: {error.message}"
    elif mapped.value is not UNDEFINED:
        yield from _format_sample(follow_steps(mapped.value, steps), sample)


def _describe_in_expression(document: EditedDocument, word: WordPlace) -> Iterator[str]:
    if word.expression is None:
        return
    entry = find_entry(word.text) if word.expression.kind != "field" else None
    if entry is not None:
        yield f"```text\n{format_entry(entry)}\n```"
    steps = word.steps
    if not steps or steps[0] == "$base":
        return
    sample = document.find_sample(word.place, word.note.over)
    if sample is None or not sample.recording:
        return
    field = next((field for field in sample.find_fields(steps[:-1]) if field.path[-1] == steps[-1]), None)
    if field is not None and len(steps) > 1:
        yield f"`{'.'.join(steps)}`: {describe_field(field, sample.records if steps[0] == 'response' else 0)}"
    if len(steps) > 1:
        yield from _format_sample(follow_steps(hide_secrets(sample.scope), steps), sample)


def _format_sample(value: object, sample: Sample) -> Iterator[str]:
    if value is not UNDEFINED:
        yield f"`{format_value(value)}` in the first record of {sample.recording}"
