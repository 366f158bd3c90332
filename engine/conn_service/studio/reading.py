"""Who reads the vendor's fields, and why a field of a record has its value."""

from collections.abc import Mapping
from typing import Any

import msgspec

from conn_engine.analysis.fields.index import write_name
from conn_engine.testing.explanation import explain_record, explain_value
from conn_engine.testing.field_readers import FieldReaders
from conn_engine.testing.value_report import ValuesReport
from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.evaluation import map_saved
from conn_service.studio.recorded_cases import find_case
from conn_service.studio.requests import OperationRequest, WhyRequest
from conn_service.studio.values import describe_value

__all__ = ["explain_fields", "find_readers"]


def find_readers(workspace: StudioWorkspace, request: OperationRequest) -> dict[str, Any]:
    """Return the fields that read each path of the vendor's records of a case, and the paths that none reads."""
    operation = workspace.find_operation(request)
    case = find_case(workspace, operation, request)
    paths = list(case.indexed.fields)
    found = FieldReaders(operation.edited, [operation.name]).find_all(paths, [case.records])
    return {
        "readers": {write_name(path): fields for path, fields in found.items() if fields},
        "unread": [write_name(path) for path, fields in found.items() if not fields],
    }


def explain_fields(workspace: StudioWorkspace, request: WhyRequest) -> dict[str, Any]:
    """Return what each level sets for a field of a record, what that reads and what it gives, or of all
    fields. `request.record` counts the vendor's records, and `request.item` the results of one, if it has several."""
    operation = workspace.find_operation(request)
    case = find_case(workspace, operation, request)
    before = map_saved(workspace, operation, request, case, operation.edited)[: request.record]
    position = request.item + sum(len(row.value) if isinstance(row.value, list) else 1 for row in before)
    where = (operation.workspace, operation.edited, operation.name, position)
    if request.field:
        explanations = [explain_value(*where, request.field, scenario=case.scenario)]
    else:
        explanations = explain_record(*where, scenario=case.scenario)
    fields = msgspec.to_builtins(ValuesReport.from_explanations(explanations).fields) if explanations else []
    unified = operation.get_unified()
    of_page = unified is not None and unified.each == "page"
    described = [{**_describe_field(field), "of_page": of_page} for field in fields]
    return described[0] if request.field else {"fields": described}


def _describe_field(field: Mapping[str, Any]) -> dict[str, Any]:
    levels = [
        {
            **level,
            "place": {"file": level["file"], "line": level["line"]},
            "value": describe_value(level["value"]),
            "reads": [{**read, "value": describe_value(read["value"])} for read in level["reads"]],
        }
        for level in field["levels"]
    ]
    return {**field, "value": describe_value(field["value"]), "levels": levels}
