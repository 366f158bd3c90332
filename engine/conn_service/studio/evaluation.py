"""What a mapping with unsaved edits makes of recorded records, field by field, next to what the saved one makes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from conn_engine.conditions import EvaluationLimits
from conn_engine.config import Effective
from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED, MappedRecord
from conn_engine.runtime.model_check import ModelCheck
from conn_engine.testing.cases import replay
from conn_engine.testing.compare import leaves, same_value
from conn_engine.testing.pairing import ReturnedRecord, find_vendor_records, pair_returned
from conn_engine.testing.vendor_records import VendorRecords, map_vendor_records
from conn_service.studio.drafts import EditedOperation, StudioWorkspace
from conn_service.studio.recorded_cases import RecordedCase, find_case
from conn_service.studio.requests import EvaluateRequest, OperationRequest
from conn_service.studio.values import describe_expression_error, describe_value

__all__ = ["evaluate", "identify", "map_saved"]

_LIMITS = EvaluationLimits().times(0.1)
"""An author waits for the result, so that an endless expression ends soon."""
_MOST_IDS = 5
_MOST_REPLAYED = 200


def evaluate(workspace: StudioWorkspace, request: EvaluateRequest) -> dict[str, Any]:
    """Return the unified records of a case with the edits. Raises ConnError for edits that cannot be made."""
    operation = workspace.find_operation(request)
    case = find_case(workspace, operation, request)
    total = len(case.records.scopes)
    end = total if request.count is None else min(request.start + request.count, total)
    part = replace(case.records, scopes=case.records.scopes[request.start : end])
    edited = _map_part(operation, operation.edited, part)
    saved = map_saved(workspace, operation, request, case, operation.saved)[request.start : end]
    base = map_saved(workspace, operation, request, case, workspace.find_base(operation.saved))[request.start : end]
    check = ModelCheck(operation.workspace.models, operation.edited, operation.name)
    rows = [
        _describe_record(index, *mapped, check)
        for index, mapped in enumerate(zip(edited, saved, base, strict=True), request.start)
    ]
    if request.count is not None or request.with_records:
        _add_returned(operation, case, edited, rows)
        _add_places(operation, case, edited, rows)
    return {
        "sequence": request.sequence,
        "total": total,
        "from": request.start,
        "records": rows if request.count is not None or request.with_records else [],
        "faults": _describe_faults(edited, request.start),
        "summary": dict(Counter(field for row in rows for field in row["changed"])),
        "violations": [
            {
                "path": row.path,
                "message": row.message,
                "fix": row.fix,
                "records": row.records,
                "id": row.example,
            }
            for row in check.violations
        ],
        "failed": False,
        "error": None,
    }


def _map_part(operation: EditedOperation, effective: Effective, records: VendorRecords) -> list[MappedRecord]:
    if effective.get_unified(operation.name.model, operation.name.resource, operation.name.method) is None:
        return [MappedRecord(UNDEFINED) for _ in records.scopes]
    return map_vendor_records(effective, operation.name, records, limits=_LIMITS)


def map_saved(
    workspace: StudioWorkspace,
    operation: EditedOperation,
    request: OperationRequest,
    case: RecordedCase,
    effective: Effective,
) -> list[MappedRecord]:
    """Return what a configuration makes of all records of a case. It is evaluated once."""
    key = ("mapped", request.account, operation.name.text, case.scenario)
    known = workspace.results.setdefault(key, [])
    for records, mapping, results in known:
        if records is case.records and mapping is effective:
            return cast("list[MappedRecord]", results)
    results = _map_part(operation, effective, case.records)
    known[:] = [*known[-3:], (case.records, effective, results)]
    return results


def _describe_record(
    index: int, edited: MappedRecord, saved: MappedRecord, base: MappedRecord, check: ModelCheck
) -> dict[str, Any]:
    value = edited.value
    records = value if isinstance(value, list) else [value]
    violations = check.check([record for record in records if record is not UNDEFINED and record is not None])
    row: dict[str, Any] = {"index": index, "id": identify(value), "list": isinstance(value, list)}
    for key, result in (("unified", edited), ("saved", saved), ("base", base)):
        if result.value is not UNDEFINED:
            row[key] = describe_value(result.value)
    return {
        **row,
        "changed": _list_changes(saved.value, value, edited.errors),
        "differs": _list_changes(base.value, value, edited.errors),
        "errors": {field: error.message for field, error in edited.errors.items()},
        "violations": [
            {"path": violation.path, "message": violation.message, "fix": violation.fix}
            for violation in violations
            if not any(_is_of(violation.path, violation.message, field) for field in edited.errors)
        ],
    }


def _add_returned(
    operation: EditedOperation, case: RecordedCase, edited: Sequence[MappedRecord], rows: Sequence[dict[str, Any]]
) -> None:
    """Add what a run returns for each record: steps after the mapping may have changed or dropped it."""
    unified = operation.get_unified()
    records = [value for result in edited for value in _list_results(result)]
    if unified is None or not unified.after:
        pairs = [ReturnedRecord("dropped" if value is None else "same", value) for value in records]
    elif any(result.errors for result in edited) or len(case.records.scopes) > _MOST_REPLAYED:
        pairs = []
    else:
        pairs = pair_returned(records, replay(operation.edited, operation.name, case.recording).records)
    for row, result in zip(rows, edited, strict=True):
        own, pairs = pairs[: len(_list_results(result))], pairs[len(_list_results(result)) :]
        states = {pair.state for pair in own}
        row["returned"] = "unknown" if not states else states.pop() if len(states) == 1 else "changed"
        if row["returned"] == "changed" and not row["list"]:
            row["after"] = describe_value(own[0].value)


def _add_places(
    operation: EditedOperation, case: RecordedCase, edited: Sequence[MappedRecord], rows: Sequence[dict[str, Any]]
) -> None:
    """Add the path of the vendor's record in the response for each result of a page that is mapped as a whole."""
    unified = operation.get_unified()
    if unified is None or unified.each != "page":
        return
    for row, result in zip(rows, edited, strict=True):
        if isinstance(result.value, list):
            body = case.records.scopes[row["index"]]["response"]
            row["items"] = [None if path is None else list(path) for path in find_vendor_records(body, result.value)]


def _list_results(result: MappedRecord) -> list[Any]:
    if isinstance(result.value, list):
        return result.value
    return [None if result.value is UNDEFINED else result.value]


def _is_of(path: str, message: str, field: str) -> bool:
    """Return whether a violation is only that a field that fails is absent."""
    return field in ("", path) or message == f"lacks the required field {field}"


def _list_changes(before: Any, after: Any, errors: Any) -> list[str]:
    """Return the fields that differ, except those that fail."""
    old, new = (_find_leaves(value) for value in (before, after))
    return [
        field
        for field in dict.fromkeys([*new, *old])
        if field not in errors
        and not (field in old and field in new and same_value(old[field], new[field]))
        and not any(field.startswith(f"{failing}.") for failing in errors)
    ]


def _find_leaves(value: Any) -> dict[str, Any]:
    if value is UNDEFINED or value is None:
        return {}
    return leaves(value) if isinstance(value, dict) else {"": value}


def identify(value: Any) -> str:
    """Return the ID of a unified record; "" without one."""
    identifier = value.get("id") if isinstance(value, dict) else None
    return "" if identifier is None else str(identifier)


def _describe_faults(mapped: Sequence[MappedRecord], start: int) -> dict[str, Any]:
    """Return the error of each field that fails, with the records on which it does."""
    errors: dict[str, list[tuple[int, ExpressionError]]] = {}
    for index, record in enumerate(mapped):
        for field, error in record.errors.items():
            errors.setdefault(field, []).append((index, error))
    return {
        field: {
            **describe_expression_error(found[0][1]),
            "records": len(found),
            "ids": [identify(mapped[index].value) or f"#{start + index + 1}" for index, _ in found[:_MOST_IDS]],
        }
        for field, found in errors.items()
    }
