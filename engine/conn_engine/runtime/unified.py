"""Run a unified operation: before steps, request mappings, the vendor operation, response mappings, after steps.

Mappings are evaluated in batches, with one evaluator call per page. `runtime.listing` handles requests and pagination.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from conn_engine.conditions import Conditions
from conn_engine.config import (
    Effective,
    OperationName,
    Step,
    UnifiedOperation,
    VendorOperation,
    format_place,
    mapping_layers,
)
from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.errors import ConfigurationError, ErrorKind, ExpressionError, UsageError, VendorError
from conn_engine.expressions import UNDEFINED, Mapping, truth
from conn_engine.runtime.call import Call, Run, cursor_token, decode_cursor
from conn_engine.runtime.endings import describe_verdict
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.field_problems import apply_response_mapping
from conn_engine.runtime.layers import LAYER_NAMES
from conn_engine.runtime.listing import fetch_pages, page_state
from conn_engine.runtime.request import call_scope
from conn_engine.runtime.steps import Report, render_at, step_request
from conn_engine.settings import Scope
from conn_engine.wire import Completeness, FieldProblem, Flow

__all__ = ["find_operation_behind", "mapped_record", "perform_unified", "route", "vendor_behind"]


def perform_unified(run: Run, name: OperationName, call: Call) -> Flow[None]:
    """Run one unified operation. Yields requests and other effects, and pages of unified records."""
    effective, session = run.effective, run.session
    operation = _get_operation(effective, name)
    location = format_place(name.path)
    scope = _caller_scope(effective, call, session.conditions)
    scope["before"] = {}
    notes: dict[str, None] = {}

    def report(listed: str, verdict: Completeness) -> None:
        if verdict.state != "complete" and verdict.policy != "ignore":
            notes[describe_verdict(f"a step's listing of {listed}", verdict)] = None

    yield from _steps(run, operation.before, scope, "before", f"{location}.before", report)
    try:
        vendor = route(effective, operation, name, scope)
        request = _vendor_call(effective, operation, call, scope, location)
    except ExpressionError as error:  # these expressions compute with the caller's values
        error.category = "input"
        raise
    # From here on, `query` is the query sent to the vendor, and `raw_query` the caller's.
    inner = scope | {"raw_query": scope["query"], "query": dict(request.query), "body": call.body}
    response_mapping = effective.response_mapping(name.model, name.resource, name.method)

    def emit(page: Fetched) -> Flow[None]:
        if page.closing:  # there is nothing to map
            yield replace(page, notes=(*page.notes, *notes)).to_page([])
            return
        page_scope = inner | {
            "status": page.answer.response.status,
            "headers": page.answer.response.headers.plain(),
            **{name: page.scope[name] for name in LAYER_NAMES if name in page.scope},
        }
        page_scope["page"] = page.answer.body
        started = time.perf_counter()
        records, problems = _map_page(run, response_mapping, operation, page, page_scope, name, call)
        seconds = time.perf_counter() - started
        if operation.after:
            page_scope |= {
                "result": records[0] if page.whole and records else records,
                "response": page.answer.body,
                "after": {},
            }
            yield from _steps(run, operation.after, page_scope, "after", f"{location}.after", report)
            result = page_scope["result"]
            records = [item for item in (result if isinstance(result, list) else [result]) if item is not None]
        headers = _header_mapping(effective, operation, page_scope, page, location)
        mapped = replace(page, headers=headers, notes=(*page.notes, *notes))
        yield mapped.to_page(records, problems, mapping_seconds=seconds)

    try:
        yield from fetch_pages(
            run,
            vendor,
            request,
            emit,
            {"before": scope["before"], "raw_query": scope["query"]},
        )
    except VendorError as error:
        _map_error(effective, operation, error, inner, location)
        raise


def mapped_record(
    run: Run, name: OperationName, record: Any, identifier: str | None = None
) -> tuple[list[Any], tuple[FieldProblem, ...]]:
    """Map one vendor record that did not come from a listing, such as that of an event, to unified records. The second
    value has the fields whose expressions fail.

    `identifier` is its `id` in the scope. The operation's `before` steps are not run, there is no query, and the page
    is the record itself. Raises ExpressionError when the mapping fails.
    """
    effective, session = run.effective, run.session
    _get_operation(effective, name)
    compiled = effective.response_mapping(name.model, name.resource, name.method)
    if compiled is None:
        return [record], ()
    call = Call(id=identifier)
    scope = _caller_scope(effective, call, session.conditions)
    scope |= {"before": {}, "status": 200, "page": record, "response": record}
    mapped, problems = apply_response_mapping(effective, name, compiled, [scope], session.conditions, None)
    if session.observer is not None:
        session.observer(name, [scope], mapped)
    values = mapped[0] if isinstance(mapped[0], list) else mapped
    return [item for item in values if item is not UNDEFINED and item is not None], problems


def _get_operation(effective: Effective, name: OperationName) -> UnifiedOperation:
    operation = effective.get_unified(name.model, name.resource, name.method)
    if operation is None:
        raise UsageError(
            f'there is no unified operation "{name.text}" in connector "{effective.connector_name}"',
            hint=f"name one that `conn show --connector {effective.connector_name}` lists",
            category="unknown",
        )
    return operation


def _caller_scope(effective: Effective, call: Call, conditions: Conditions) -> Scope:
    scope = call_scope(effective, call, conditions)
    if call.cursor is not None:
        scope["query"] = {**scope["query"], "cursor": cursor_token(page_state(decode_cursor(call.cursor)))}
    scope["raw_query"] = scope["query"]
    return scope


def route(effective: Effective, operation: UnifiedOperation, name: OperationName, scope: Scope) -> VendorOperation:
    """Return the vendor operation behind a unified one, from its `resource` and `method`, which may be templates."""
    location = format_place(name.path)
    resource = render_at(operation.resource, scope, f"{location}.resource") or name.resource
    method = render_at(operation.method, scope, f"{location}.method") or name.method
    try:
        return effective.vendor(str(resource), str(method))
    except UsageError as error:
        error.findings = (_nowhere(effective, name, error),)
        raise


def _nowhere(effective: Effective, name: OperationName, error: UsageError) -> Diagnostic:
    """Return REF102 on the route of the operation, at the highest level that sets a part of it."""
    paths = [(*name.path, "resource"), (*name.path, "method")]
    overridden = [path for path in paths if any(origin.level != "base" for origin in effective.origins(path))]
    path = (overridden or paths)[0]
    return diagnostic("REF102", error.message, effective.span(path), path=format_place(path), hint=error.hint)


def vendor_behind(effective: Effective, name: OperationName, call: Call | None = None) -> VendorOperation:
    """Return the vendor operation behind a name. Raises ConfigurationError if it is only known at run time, and
    UsageError if there is none."""
    operation = effective.get_unified(name.model, name.resource, name.method) if name.kind == "unified" else None
    if operation is None:
        return effective.vendor(name.resource, name.method)
    scope = _caller_scope(effective, call or Call(), effective.conditions)
    return route(effective, operation, name, scope)


def find_operation_behind(
    effective: Effective, name: OperationName, call: Call | None = None
) -> VendorOperation | None:
    """Return the vendor operation behind a name, or None if it is only known at run time or its route leads nowhere,
    which lint and a call report."""
    try:
        return vendor_behind(effective, name, call)
    except (ConfigurationError, UsageError):
        return None


def _vendor_call(effective: Effective, operation: UnifiedOperation, call: Call, scope: Scope, location: str) -> Call:
    query = _object(effective, operation.query_mapping, scope, f"{location}.query_mapping")
    headers = _object(effective, operation.request_header_mapping, scope, f"{location}.request_header_mapping")
    params = {**call.params, **_object(effective, operation.path_mapping, scope, f"{location}.path_mapping")}
    body = call.body
    if operation.request_body_mapping is not None:
        body = _map_one(effective, operation.request_body_mapping, scope, f"{location}.request_body_mapping")
    identifier = params.pop("id", call.id)
    return Call(
        query={key: value for key, value in query.items() if value is not None},
        body=None if body is UNDEFINED else body,
        id=None if identifier is None else str(identifier),
        params=params,
        headers={key: str(value) for key, value in headers.items() if value is not None},
        cursor=call.cursor,
        state=call.state,
        window=call.window,
        files=call.files,
        as_file=call.as_file,
    )


def _map_one(effective: Effective, value: Any, scope: Scope, location: str) -> Any:
    try:
        return effective.compile_once(location, value).apply_one(scope)
    except ExpressionError as error:
        error.at = f"{location}.{error.at}" if error.at else location
        raise


def _object(effective: Effective, value: Any, scope: Scope, location: str) -> dict[str, Any]:
    if not mapping_layers(value):
        return {}
    value = _map_one(effective, value, scope, location)
    if value is UNDEFINED or value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigurationError(f"{location} must give an object, but gives {type(value).__name__}")
    return value


def _map_page(  # noqa: PLR0917
    run: Run,
    compiled: Mapping | None,
    operation: UnifiedOperation,
    page: Fetched,
    scope: Scope,
    name: OperationName,
    call: Call,
) -> tuple[list[Any], tuple[FieldProblem, ...]]:
    """Map the page's records. With `remote_data`, each result includes the vendor's record (not with `each: page`). The
    second value has the fields whose expressions fail on some records."""
    records, session = page.records, run.session
    if compiled is None:
        return list(records), ()
    if operation.each == "page":
        records = [page.answer.body]
    elif page.whole and not records:
        records = [page.answer.body]  # a write with an empty response still has a result: its mapping sees null
    scopes = [{**scope, "response": record} for record in records]
    values, problems = apply_response_mapping(
        run.effective, name, compiled, scopes, session.conditions, None if page.whole else page.number
    )
    if session.observer is not None:
        session.observer(name, scopes, values)
    if operation.each == "page":
        values = values[0] if isinstance(values[0], list) else values
    elif call.remote_data:
        pairs = zip(values, records, strict=True)
        values = [
            {**value, "remote_data": vendor_record} if isinstance(value, dict) else value
            for value, vendor_record in pairs
        ]
    return [value for value in values if value is not UNDEFINED and value is not None], problems


def _header_mapping(
    effective: Effective, operation: UnifiedOperation, scope: Scope, page: Fetched, location: str
) -> dict[str, str]:
    mapped = _object(effective, operation.response_header_mapping, scope, f"{location}.response_header_mapping")
    return {**page.headers, **{key: str(value) for key, value in mapped.items() if value is not None}}


def _map_error(
    effective: Effective, operation: UnifiedOperation, error: VendorError, scope: Scope, location: str
) -> None:
    if operation.error_mapping is None:
        return
    status = error.status
    visible = scope | {
        "error": {"kind": error.kind, "message": error.message, "status": status},
        "status": status,
    }
    if error.partition:
        visible["partition"] = dict(error.partition)
    visible["response"] = error.details
    visible["headers"] = error.response.headers.plain() if error.response is not None else {}
    mapped = _object(effective, operation.error_mapping, visible, f"{location}.error_mapping")
    kind, message = mapped.get("kind"), mapped.get("message")
    if kind is not None and kind not in get_args(ErrorKind):
        raise ConfigurationError(
            f'{location}.error_mapping gives an unknown kind of error: "{kind}"',
            hint=f"use one of {', '.join(get_args(ErrorKind))}",
        )
    error.kind = kind or error.kind
    if isinstance(message, str) and message:
        error.message = error.vendor_message = message
        error.args = (message,)
    error.details = mapped.get("details", mapped)


def _steps(  # noqa: PLR0917
    run: Run, steps: Sequence[Step], scope: Scope, into: str, location: str, report: Report
) -> Flow[None]:
    """Run steps in order and store each result as `<into>.<name>`. An after step's transform replaces `result`."""
    for index, step in enumerate(steps):
        place = f"{location}[{index}]"
        if step.when is not None and not _truth(step.when, scope, f"{place}.when"):
            continue
        visible = scope
        value: Any = None
        if step.request is not None:
            value = yield from step_request(run, step.request, scope, f"{place}.request", report=report)
            visible = scope | {"response": value}
        if step.transform is not None:
            result = _map_one(run.effective, step.transform, visible, f"{place}.transform")
            value = None if result is UNDEFINED else result
            if into == "after":
                scope["result"] = value
        scope[into] = {**scope[into], step.name: value}


def _truth(text: str, scope: Scope, location: str) -> bool:
    try:
        return truth(text, scope)
    except ExpressionError as error:
        error.at = location
        raise
