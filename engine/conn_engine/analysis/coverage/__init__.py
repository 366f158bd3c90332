"""Measure the mapping coverage of recorded data: for each operation and sync, the mapped fields, those with a value in
a record, the model's fields that are not mapped, and the vendor's fields that no mapping reads.

Accounts that behave the same are measured once. `testing.coverage` counts one replay; the caller draws the result.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Any

from conn_engine.analysis.coverage.measured import FieldCoverage, OperationCoverage
from conn_engine.analysis.coverage.synced import measure_syncs
from conn_engine.analysis.population import (
    AccountGroup,
    Digests,
    OperationSlice,
    RecordedFile,
    Side,
    Slicer,
    group_accounts,
    join_digests,
)
from conn_engine.config import Effective, OperationName, Workspace, lookup, singular
from conn_engine.documents import read_document
from conn_engine.errors import ConnError, DisabledError, UsageError
from conn_engine.recordings.files import load_recording
from conn_engine.runtime.model_schemas import schema_path
from conn_engine.runtime.variants import up_to
from conn_engine.testing.cases import Outcome
from conn_engine.testing.judgement import authors_fault, measure_outcome
from conn_engine.testing.replays import Replays

__all__ = ["FieldCoverage", "OperationCoverage", "list_model_fields", "measure_coverage"]


@dataclass(slots=True)
class _Sum:
    seen: Counter[str] = field(default_factory=Counter)
    fields: dict[str, None] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    records: int = 0
    broken: list[str] = field(default_factory=list)


def measure_coverage(
    workspace: Workspace,
    *,
    operation: str | None = None,
    connector: str | None = None,
    accounts: Sequence[str] = (),
    alone: bool = False,
) -> Iterator[OperationCoverage]:
    """Yield the coverage of each unified operation and sync, by accounts that behave the same, sorted by name.

    A connector without accounts is measured by itself; with `alone`, every connector is. Raises UsageError for unknown
    names.
    """
    side = Side(workspace, Digests())
    connectors = [connector] if connector else workspace.connectors()
    is_mapped = False
    refusals: list[ConnError] = []
    for name in connectors:
        groups = [] if alone else group_accounts(side, name, accounts)
        shapes = [(g.effective, tuple(g.accounts), g.context) for g in groups if g.effective is not None]
        if not groups and not accounts:
            base = up_to(workspace.effective(account=None, connector=name), "base")
            shapes = [(base, (), base.context)]
        for row in chain(
            _rows(side, shapes, name, operation, groups, refusals), measure_syncs(side, groups, operation)
        ):
            is_mapped = True
            yield row
    if not is_mapped and refusals:
        raise refusals[0]
    if not is_mapped:
        raise UsageError(
            "there is no unified operation to measure",
            hint="add one under unified in a connector.yaml; conn new NAME creates a connector",
        )


def _rows(  # noqa: PLR0917
    side: Side,
    effectives: Sequence[tuple[Effective, tuple[str, ...], Mapping[str, Any]]],
    connector: str,
    operation: str | None,
    groups: Sequence[AccountGroup],
    refusals: list[ConnError],
) -> Iterator[OperationCoverage]:
    """Yield the rows of one connector. Groups with equal operations share a row."""
    slicer = Slicer(side.digests)
    slices = {id(group.effective): group.slices for group in groups}
    rows_by_key: dict[tuple[str, str], tuple[Effective, OperationName, list[RecordedFile], list[str]]] = {}
    for effective, accounts, context in effectives:
        try:
            chosen = effective.resolve(operation) if operation is not None else None
            if chosen is not None:
                effective.check_enabled(chosen)
        except (UsageError, DisabledError) as error:  # an error only if no configuration has the operation
            refusals.append(error)
            continue
        recordings = side.recordings(connector, accounts[0] if accounts else "")
        for name in effective.enabled_operations():
            if name.kind != "unified" or chosen not in (None, name):
                continue
            files = [file for file in recordings.values() if file.operation == name.text]
            cut = slices.get(id(effective), {}).get(name)
            contexts = [context, *(file.context for file in files)]
            same = cut.in_context(side.digests, *contexts) if cut is not None else ""
            key = (name.text, join_digests(same, side.schema(effective.data, name), *(file.digest for file in files)))
            rows_by_key.setdefault(key, (effective, name, files, []))[3].extend(accounts)
    rows = sorted(rows_by_key.items(), key=lambda item: (item[0][0], item[1][3]))
    for _, alike in groupby(rows, key=lambda item: item[0][0]):
        replays = Replays()
        for _, (effective, name, files, accounts_) in alike:
            cut = slices.get(id(effective), {}).get(name) or slicer.cut(effective, name)
            yield _coverage(side, effective, cut, name, files, tuple(sorted(accounts_)), replays)


def _coverage(  # noqa: PLR0917
    side: Side,
    effective: Effective,
    cut: OperationSlice,
    name: OperationName,
    files: Sequence[RecordedFile],
    accounts: tuple[str, ...],
    replays: Replays,
) -> OperationCoverage:
    workspace = side.workspace
    total = _Sum()
    operation = effective.get_unified(name.model, name.resource, name.method)
    is_mapped = operation is not None and operation.response_mapping is not None
    for file in files if is_mapped else ():
        recording = load_recording(file.path, workspace.format_path(file.path))
        key = join_digests(file.digest, cut.requests_in_context(side.digests, effective.context, recording.context))
        _add(total, effective, name, replays.replay(effective, name, recording, key), workspace.format_path(file.path))
    if not files:
        total.fields = dict.fromkeys(_mapped_fields(effective, name))
    model = list_model_fields(workspace, effective, name)
    fields = [
        FieldCoverage(field, "seen" if total.seen[field] else "empty", total.seen[field], _is_in_model(field, model))
        for field in total.fields
    ]
    fields += [FieldCoverage(field, "unmapped", 0, True) for field in model if not _is_mapped(field, total.fields)]
    return OperationCoverage(
        effective.connector_name,
        name.text,
        accounts,
        len(files),
        total.records,
        tuple(sorted(fields, key=lambda row: row.field)),
        tuple(sorted(total.unread - total.read)),
        tuple(total.broken),
    )


def _add(total: _Sum, effective: Effective, name: OperationName, outcome: Outcome, path_text: str) -> None:
    if authors_fault(outcome.error):
        total.broken.append(f"{path_text}: {outcome.error.message if outcome.error else ''}")
    counted = measure_outcome(effective, name, outcome)
    if counted is None:
        return
    total.fields.update(dict.fromkeys(counted.seen))
    total.seen.update({field: number for field, number in counted.seen.items() if number})
    total.unread |= set(counted.unread)
    total.read |= {".".join(path) for path in outcome.vendor_paths()}.difference(counted.unread)
    total.records += counted.records


def _mapped_fields(effective: Effective, name: OperationName) -> list[str]:
    try:
        mapping = effective.response_mapping(name.model, name.resource, name.method)
    except ConnError:
        return []
    return list(mapping.fields) if mapping is not None else []


def list_model_fields(workspace: Workspace, effective: Effective, name: OperationName) -> list[str]:
    """Return the fields of the model's schema; nested fields are dotted. A delete has no record."""
    if name.method == "delete":
        return []
    record_name = lookup(effective.data, (*name.path, "record"))
    shared = lookup(effective.data, (*name.path[:3], "record"))
    record = next(
        (name_found for name_found in (record_name, shared) if isinstance(name_found, str)), singular(name.resource)
    )
    path = schema_path(workspace.models, name.model, record)
    return (
        []
        if path is None
        else [
            name_found
            for name_found in _properties(read_document(path, "/".join(path.parts[-3:])).data)
            if name_found != "remote_data"
        ]
    )


def _properties(schema: Any, above: str = "", depth: int = 0) -> Iterator[str]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    for key, value in properties.items() if isinstance(properties, Mapping) else ():
        name = f"{above}{key}"
        nested = list(_properties(value, f"{name}.", depth + 1)) if depth < 5 else []
        yield from nested or [name]


def _is_in_model(field: str, model: Sequence[str]) -> bool:
    return any(field == other or other.startswith(f"{field}.") or field.startswith(f"{other}.") for other in model)


def _is_mapped(field: str, fields: Mapping[str, None]) -> bool:
    """Return whether a mapped field is the model's field, an object with it, or a part of it."""
    return _is_in_model(field, list(fields))
