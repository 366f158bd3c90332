"""Explains the fields of a recorded unified record: which level sets each value, and how it is computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.conditions import Scope
from conn_engine.config import Effective, OperationName, Workspace, mapping_layers
from conn_engine.documents import format_path, parse_path
from conn_engine.errors import ExpressionError, UsageError
from conn_engine.expressions import UNDEFINED, find_effective_leaves
from conn_engine.testing.cases import Case, find_cases, replay
from conn_engine.testing.level_values import LevelExplanation, explain_levels, follow_path
from conn_engine.testing.vendor_records import map_vendor_records, read_vendor_records

__all__ = ["Explanation", "explain_record", "explain_value"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A field of a recorded record: its value (UNDEFINED if it has none) and what each level sets, top level first.

    `record` is the record's unified id ("" without one), and `index` its position in the recording, from 0. `error` is
    why the field fails on this record. `later` is true if a step after the mapping changed the value or dropped the
    record.
    """

    case: Case
    record: str
    index: int
    field: str
    value: Any
    levels: tuple[LevelExplanation, ...]
    later: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class _MappedCase:
    """A case, and one of its records before and after the mapping. `returned` is the record that a run returns. `item`
    is its position and the number of records, if the mapping makes several at once."""

    case: Case
    record: str
    index: int
    scope: Scope
    row: Any
    returned: Any
    errors: Mapping[str, ExpressionError]
    item: tuple[int, int] | None


def explain_value(
    workspace: Workspace,
    effective: Effective,
    name: OperationName,
    record: str | int,
    field: str,
    *,
    scenario: str | None = None,
) -> Explanation:
    """Explain a field of a record: the one with this unified id, on the first recording that has it, or the one at this
    position (from 0) of a recording. `scenario` selects the recording; the default one comes first.

    Fields that fail affect no other. Raises UsageError if no recording has the record, the operation is not a unified
    one, or the field is not mapped.
    """
    inside = parse_path(field.removeprefix("response_mapping."))
    layers = _get_mapping(effective, name)
    if not effective.origins((*name.path, "response_mapping", *inside)):
        raise UsageError(f'{name.text} does not map "{field}"', hint=_suggest_fields(layers))
    return _explain_field(effective, name, _find_record(workspace, effective, name, record, scenario), inside)


def explain_record(
    workspace: Workspace,
    effective: Effective,
    name: OperationName,
    record: str | int,
    *,
    scenario: str | None = None,
) -> list[Explanation]:
    """Explain every mapped field of a record, as `explain_value` does, in the order of the mapping."""
    layers = _get_mapping(effective, name)
    mapped = _find_record(workspace, effective, name, record, scenario)
    fields = _list_fields(layers)
    for key in mapped.row if isinstance(mapped.row, Mapping) else ():
        if not any(path[0] == key for path in fields):  # of a mapping that is one expression
            fields[key,] = None
    return [_explain_field(effective, name, mapped, path) for path in fields]


def _get_mapping(effective: Effective, name: OperationName) -> list[Any]:
    """Return the layers of an operation's response mapping. Raises UsageError for a vendor operation."""
    if name.kind != "unified":
        raise UsageError(
            f"{name.text} is a vendor operation and has no mapping",
            hint="name a unified operation, such as crm.contacts.list",
        )
    operation = effective.get_unified(name.model, name.resource, name.method)
    return mapping_layers(operation.response_mapping) if operation is not None else []


def _explain_field(
    effective: Effective, name: OperationName, mapped: _MappedCase, inside: tuple[str | int, ...]
) -> Explanation:
    value = follow_path(mapped.row, inside)
    dotted = ".".join(map(str, inside))
    error = next((mapped.errors[key] for key in (dotted, "") if key in mapped.errors), None)
    return Explanation(
        mapped.case,
        mapped.record,
        mapped.index,
        format_path(inside),
        value,
        tuple(explain_levels(effective, name, inside, mapped.scope, value, item=mapped.item)),
        mapped.returned is UNDEFINED or follow_path(mapped.returned, inside) != value,
        error.message if error is not None else "",
    )


def _find_record(
    workspace: Workspace, effective: Effective, name: OperationName, record: str | int, scenario: str | None
) -> _MappedCase:
    identifiers: list[str] = []
    cases = sorted(find_cases(workspace, effective, [name]), key=lambda case: case.scenario != "default")
    if not cases:
        raise UsageError(
            f"{name.text} has no recording",
            hint=f"record it: conn record {name.text} --account {effective.account or 'ACCOUNT'}",
        )
    chosen = [case for case in cases if scenario in (None, case.scenario)]
    if not chosen:
        names = ", ".join(case.scenario for case in cases[:12])
        raise UsageError(f'{name.text} has no recording of "{scenario}"', hint=f"choose one of {names}")
    for case in chosen:
        vendor_records = read_vendor_records(effective, name, case.recording)
        mapped = map_vendor_records(effective, name, vendor_records)
        rows = [
            (scope, result, row, (number, len(result.value)) if isinstance(result.value, list) else None)
            for scope, result in zip(vendor_records.scopes, mapped, strict=True)
            for number, row in enumerate(result.value if isinstance(result.value, list) else [result.value])
        ]
        for index, (scope, result, row, item) in enumerate(rows):
            identifier = str(row["id"]) if isinstance(row, Mapping) and row.get("id") is not None else ""
            identifiers += [identifier] if identifier else []
            if record == index if isinstance(record, int) else record == identifier:
                scope_of_record = Scope(scope, vendor_records.conditions)
                returned = _find_returned(effective, name, case, identifier, row)
                return _MappedCase(case, identifier, index, scope_of_record, row, returned, result.errors, item)
    ids = ", ".join(dict.fromkeys(identifiers[:12]))
    hint = f"choose a recorded id: {ids}" if ids else "record the operation again: its recordings have no records"
    which = f"a record at position {record}" if isinstance(record, int) else f'a record with the id "{record}"'
    raise UsageError(f"no recording of {name.text} has {which}", hint=hint)


def _find_returned(effective: Effective, name: OperationName, case: Case, identifier: str, row: Any) -> Any:
    """Return the record as a run returns it: after the `after` steps, which may have changed or dropped it."""
    operation = effective.get_unified(name.model, name.resource, name.method)
    if operation is None or not operation.after:
        return row
    returned = replay(effective, name, case.recording).records
    return next(
        (item for item in returned if isinstance(item, Mapping) and str(item.get("id")) == identifier), UNDEFINED
    )


def _list_fields(layers: Sequence[Any]) -> dict[tuple[str | int, ...], None]:
    """Return the paths of the fields that the levels set, each once, in order."""
    return dict.fromkeys(leaf.path for layer in layers for leaf in find_effective_leaves([layer]) if leaf.path)


def _suggest_fields(layers: Sequence[Any]) -> str:
    if not layers:
        return "add a response_mapping to the operation"
    return f"choose a mapped field: {', '.join([format_path(path) for path in _list_fields(layers)][:20])}"
