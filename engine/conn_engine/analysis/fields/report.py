"""The fields of a resource as a report. It has values of recorded records."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import msgspec

from conn_engine.analysis.fields.described import DescribedField, Descriptions, find_describe, read_descriptions
from conn_engine.analysis.fields.index import FieldIndex, IndexedRecording, RecordedField
from conn_engine.analysis.fields.selection import find_reading_operations
from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.errors import MissingRecording
from conn_engine.expressions import evaluate_fields
from conn_engine.reports import Report
from conn_engine.testing.field_readers import FieldReaders

__all__ = ["FieldsReport", "ResourceField", "report_fields"]


class ResourceField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the vendor's records: `response.<name>` in a mapping.

    `label`, `type` and `custom` are the vendor's description ("" and null without one), `recorded_type` is the type of
    its values in the recordings ("" if none has one). `recorded` is false if no record has the field, not even empty:
    it may have to be requested. `filled` counts the records with a value, and `example` is the first one. `read_by` are
    the model fields whose mapping uses it.
    """

    name: str
    label: str
    type: str
    custom: bool | None
    recorded_type: str
    recorded: bool
    example: Any
    filled: int
    read_by: list[str]


class FieldsReport(Report, frozen=True, kw_only=True):
    """The vendor's fields of a resource, and `model_resource`, the first unified one that reads them (null if there is
    none). `records` counts the records in `recordings`. `described_by` is the operation
    that describes them, and `live` whether the vendor was asked now, instead of its recordings. `complete` is false if
    there are more fields. `problems` are recordings and descriptions that cannot be used."""

    kind: ClassVar[str] = "fields"
    connector: str
    account: str | None
    resource: str
    model_resource: str | None
    operations: list[str]
    described_by: str | None
    live: bool
    records: int
    recordings: list[str]
    complete: bool
    fields: list[ResourceField]
    problems: list[str]

    def keep_unmapped(self) -> "FieldsReport":
        """Return the report with only the fields that no model field reads."""
        return msgspec.structs.replace(self, fields=[field for field in self.fields if not field.read_by])


def report_fields(
    workspace: Workspace,
    effective: Effective,
    resource: str,
    *,
    index: FieldIndex | None = None,
    descriptions: Descriptions | None = None,
) -> FieldsReport:
    """Report the fields of a resource (see `find_reading_operations`) from its recordings, and from `descriptions` of
    the vendor or, without them, from the recordings of its `describe` operation.

    Raises UsageError for an unknown resource, MissingRecording if there are no records and no descriptions, and
    ConfigurationError for a recording that cannot be read.
    """
    names = find_reading_operations(effective, resource)
    index = index or FieldIndex()
    found = index.find_fields(workspace, effective, names)
    recordings = list(index.read_recordings(workspace, effective, names))
    is_live = descriptions is not None
    if descriptions is None:
        descriptions = _read_recorded_descriptions(workspace, effective, index, find_describe(effective, names))
    described = list(descriptions.fields) if descriptions is not None else []
    if not found.fields and not described:
        raise _build_missing_error(effective, names[0].text if names else resource, found.problems)
    records = [recording.records for recording in recordings]
    described_by_path = {field.path: field for field in described if not field.is_filtered}
    others = [field for field in described if field.is_filtered or field.path not in found.fields]
    rows: list[tuple[RecordedField, DescribedField | None]]
    rows = [(recorded, described_by_path.get(path)) for path, recorded in found.fields.items()]
    rows += zip(_count_values(others, found.fields, recordings), others, strict=True)
    places = {path[:length] for path in found.fields for length in range(1, len(path) + 1)}
    absent = {recorded.path for recorded, _ in rows} - places
    readers = FieldReaders(effective, names)
    read_by = readers.find_all([recorded.path for recorded, _ in rows], records, absent)
    return FieldsReport(
        connector=effective.connector_name,
        account=effective.account,
        resource=resource,
        model_resource=next((f"{name.model}.{name.resource}" for name in names if name.kind == "unified"), None),
        operations=[name.text for name in names],
        described_by=descriptions.operation.text if descriptions is not None else None,
        live=is_live,
        records=found.records,
        recordings=list(found.recordings),
        complete=found.is_complete,
        fields=[
            _describe(recorded, field, read_by[recorded.path], is_recorded=recorded.path not in absent)
            for recorded, field in rows
        ],
        problems=[*found.problems, *(descriptions.problems if descriptions is not None else ())],
    )


def _read_recorded_descriptions(
    workspace: Workspace, effective: Effective, index: FieldIndex, name: OperationName | None
) -> Descriptions | None:
    """Return what the recordings of a `describe` operation describe; None without such a recording."""
    recordings = list(index.read_recordings(workspace, effective, [name])) if name is not None else []
    if name is None or not recordings:
        return None
    described = read_descriptions(name, (scope["response"] for one in recordings for scope in one.records.scopes))
    problems = [problem for recording in recordings for problem in recording.describe_problem(workspace)]
    return replace(described, problems=(*problems, *described.problems))


def _count_values(
    fields: Sequence[DescribedField],
    recorded: Mapping[tuple[str, ...], RecordedField],
    recordings: Sequence[IndexedRecording],
) -> list[RecordedField]:
    """Return the statistics of fields that are not leaves of the records: filters, objects, and those without a
    value."""
    counted = [RecordedField(field.path, field.name) for field in fields]
    places = {path[:length] for path in recorded for length in range(1, len(path) + 1)}
    layer = {str(number): f"response.{field.name}" for number, field in enumerate(fields) if field.path in places}
    for recording in recordings if layer else ():
        for result in evaluate_fields([layer], recording.records.scopes, recording.records.conditions):
            for key, value in result.value.items() if isinstance(result.value, Mapping) else ():
                counted[int(key)].filled += counted[int(key)].add(value)
    return counted


def _describe(
    recorded: RecordedField, described: DescribedField | None, read_by: list[str], *, is_recorded: bool
) -> ResourceField:
    return ResourceField(
        name=described.name if described is not None else recorded.name,
        label=described.label if described is not None else "",
        type=described.type if described is not None else "",
        custom=described.custom if described is not None else None,
        recorded_type=recorded.type,
        recorded=is_recorded,
        example=recorded.example,
        filled=recorded.filled,
        read_by=read_by,
    )


def _build_missing_error(effective: Effective, operation: str, problems: Sequence[str]) -> MissingRecording:
    command = f"conn record {operation} --account {effective.account or 'ACCOUNT'}"
    if problems:
        return MissingRecording(f"no recording of {operation} can be read: {problems[0]}", hint=f"repeat it: {command}")
    return MissingRecording(f"{operation} has no recording with records", hint=f"record it: {command}")
