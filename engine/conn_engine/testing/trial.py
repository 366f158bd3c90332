"""Tries a response mapping on given vendor records, without a recording or a request."""

from typing import Any

from conn_engine.conditions import Conditions
from conn_engine.config import Effective, OperationName
from conn_engine.diagnostics import Diagnostic
from conn_engine.errors import ConnError, UsageError
from conn_engine.expressions import UNDEFINED
from conn_engine.runtime.call import Call
from conn_engine.runtime.field_problems import apply_response_mapping, find_fields_due_to_null
from conn_engine.runtime.records import records_of
from conn_engine.runtime.request import call_scope
from conn_engine.runtime.unified import route
from conn_engine.wire import MACHINE_CLOCK, Clock, FieldProblem

__all__ = ["map_records"]


def map_records(
    effective: Effective, name: OperationName, data: Any, clock: Clock = MACHINE_CLOCK
) -> tuple[list[Any], tuple[FieldProblem, ...], list[Diagnostic]]:
    """Map vendor records to unified records. `data` is one record, a list of records, or a complete response. The
    second value has the fields whose expressions fail on some records, and the third those that are empty because of a
    null.

    Raises UsageError if the operation has no response mapping, and ExpressionError if the mapping fails.
    """
    operation = effective.get_unified(name.model, name.resource, name.method)
    mapping = effective.response_mapping(name.model, name.resource, name.method)
    if operation is None or mapping is None:
        raise UsageError(
            f"{name.text} has no response_mapping", hint="add response_mapping to the operation or its resource"
        )
    conditions = Conditions(clock, evaluator=effective.evaluator)
    scope = call_scope(effective, Call(), conditions) | {"before": {}, "status": 200, "headers": {}, "page": data}
    scope["raw_query"] = scope["query"]
    records = data if isinstance(data, list) else [data]
    if operation.each == "page":
        records = [data]
    elif isinstance(data, dict):
        try:
            path = route(effective, operation, name, scope).response_path
            records = records_of(path, data, scope)[0] if path else [data]
        except ConnError:
            records = [data]  # not a complete response, so it is one record
    scopes = [{**scope, "response": record} for record in records]
    values, problems = apply_response_mapping(effective, name, mapping, scopes, conditions)
    if operation.each == "page" and isinstance(values[0], list):
        values = values[0]
    nulls = find_fields_due_to_null(effective, name, scopes, conditions)
    return [None if value is UNDEFINED else value for value in values], problems, nulls
