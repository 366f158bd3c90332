"""Draw the vendor's fields of a resource. The text has values of recorded records: show it only to the caller."""

import json
import re
import shlex
from collections.abc import Iterator

from conn_cli.formatting import join_lines, shorten_text
from conn_cli.plain import to_plain
from conn_cli.report.columns import draw_columns
from conn_engine.analysis.fields import FieldsReport, ResourceField
from conn_engine.analysis.override_targets import FieldOverride
from conn_engine.diagnostics import pluralize
from conn_engine.errors import ConnError

__all__ = ["draw_text", "suggest_override"]

_LONGEST_NAME = 300


def suggest_override(report: FieldsReport) -> FieldOverride | None:
    """Return an override that maps the most interesting field of a report of unmapped fields."""
    field = next((field for field in sorted(report.fields, key=_rank) if field.recorded), None)
    if field is None or not report.model_resource:
        return None
    name = re.sub(r"\W", "_", field.name.rpartition(".")[2].strip("`"))
    resource = report.model_resource.rpartition(".")[2]
    resource = resource if resource == report.resource else report.model_resource
    return FieldOverride(report.account or "", resource, f"custom_fields.{name}", f"response.{field.name}")


def draw_text(
    report: FieldsReport, width: int, *, is_unmapped: bool, suggested: FieldOverride | ConnError | None = None
) -> str:
    """Return one line for each field, and a summary. `is_unmapped` means that the report has only unmapped fields;
    `suggested` is an override of one of them, or why the account's document cannot have it."""
    heading = ("field", "type", "filled", "example")
    rows = [heading if is_unmapped else (*heading, "read by")]
    for field in report.fields:
        filled = f"{field.filled}/{report.records}" if field.recorded else "-"
        row = (_format_name(field), field.type or field.recorded_type, filled, _format_example(field))
        rows.append(row if is_unmapped else (*row, ", ".join(field.read_by)))
    lines = draw_columns(rows, width) if report.fields else []
    return join_lines([*lines, *_summarize(report, suggested, is_unmapped=is_unmapped)])


def _summarize(
    report: FieldsReport, suggested: FieldOverride | ConnError | None, *, is_unmapped: bool
) -> Iterator[str]:
    count = pluralize(len(report.fields), "field")
    unread = sum(not field.read_by for field in report.fields)
    if is_unmapped:
        yield f"{count} that no mapping reads"
    else:
        yield f"{count}; no mapping reads {unread} of them" if unread else count
    source = "the vendor" if report.live else "its recording"
    described = f"; labels and types from {report.described_by} ({source})" if report.described_by else ""
    yield f"{pluralize(report.records, 'record')} in {pluralize(len(report.recordings), 'recording')}{described}"
    if not report.complete:
        yield "the records have more fields: the others are left out"
    yield from (f"warning: {to_plain(problem)}" for problem in report.problems)
    if not is_unmapped:
        yield from [f"next: conn fields {report.account} {report.resource} --unmapped"] if unread else []
        return
    if isinstance(suggested, ConnError):
        yield suggested.message
        yield f"next: {suggested.hint}"
    elif suggested is not None:
        place = shlex.quote(suggested.expression)
        yield f"next: conn override {suggested.account} {suggested.resource} {suggested.field} {place} --dry-run"


def _rank(field: ResourceField) -> tuple[bool, bool]:
    """Return a key that puts custom fields first, then fields with a value."""
    return not field.custom, not field.filled


def _format_name(field: ResourceField) -> str:
    """Return the name, with the label if that says more."""
    says_more = field.label and _reduce(field.label) != _reduce(field.name.rpartition(".")[2])
    return shorten_text(f"{field.name} ({field.label})" if says_more else field.name, _LONGEST_NAME)


def _reduce(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _format_example(field: ResourceField) -> str:
    if field.example is None:
        return ""
    return field.example if isinstance(field.example, str) else json.dumps(field.example, ensure_ascii=False)
