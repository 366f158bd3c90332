"""Send the request of a step or an enrichment, page by page."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conn_engine.config import Effective, StepRequest, VendorOperation, parse_place
from conn_engine.diagnostics import diagnostic
from conn_engine.errors import ConfigurationError, ExpressionError
from conn_engine.expressions import render
from conn_engine.listing import pagination
from conn_engine.listing.pagination.ending import Ending
from conn_engine.runtime.call import Call, Run
from conn_engine.runtime.endings import incomplete_error
from conn_engine.runtime.exchange import exchange
from conn_engine.runtime.fetched import Fetched, read_all_rows
from conn_engine.runtime.records import finds_all
from conn_engine.runtime.request import call_scope
from conn_engine.runtime.variants import inline_operation
from conn_engine.settings import Answer, Names, Scope
from conn_engine.wire import Completeness, Flow

__all__ = ["MOST_RECORDS", "Report", "render_at", "step_operation", "step_request"]

MOST_RECORDS = 10_000
"""The most records that a step may list, because they are all in memory."""

Report = Callable[[str, Completeness], None]
"""Receives the operation's name and the verdict on a listing that a step has read."""

_SHARED = ("before", "after", "partition", "parent", "window")


def step_operation(effective: Effective, request: StepRequest, scope: Scope, location: str) -> VendorOperation:
    """Return the vendor operation that a step calls: a named one, or the one written in the step."""
    if request.path is not None:
        return inline_operation(effective, request)
    resource = str(render_at(request.resource, scope, f"{location}.resource") or "")
    return effective.vendor(resource, str(render_at(request.method, scope, f"{location}.method") or "get"))


def step_request(
    run: Run,
    request: StepRequest,
    scope: Scope,
    location: str,
    secret: frozenset[str] = frozenset(),
    *,
    report: Report,
) -> Flow[Any]:
    """Send a step's request; return its decoded response, or the records of all pages of a listing.

    `at` is the request's configuration path, for errors. Names in `secret` are available only to the step's own
    templates, not to the connector's headers and rules.
    """
    vendor = step_operation(run.effective, request, scope, location)
    identifier = render_at(request.id, scope, f"{location}.id")
    params = render_at(request.params, scope, f"{location}.params") or {}
    extra: Names = {name: scope[name] for name in _SHARED if name in scope}
    if request.path is not None:  # a request written in the step sees what the step sees
        extra = {name: value for name, value in scope.items() if name not in secret}
        extra |= {**params, **({} if identifier is None else {"id": str(identifier)})}
    call = Call(
        query=_present(render_at(request.query, scope, f"{location}.query")),
        body=render_at(request.body, scope, f"{location}.body"),
        id=None if identifier is None else str(identifier),
        params=params,
        headers={
            name: str(value)
            for name, value in _present(render_at(request.headers, scope, f"{location}.headers")).items()
        },
    )
    try:
        return (yield from _Reading(run, vendor, call, extra, location).read(report))
    except ExpressionError as error:
        if request.path is not None and error.at.startswith("resources.step.request."):
            error.at = f"{location}.{error.at.removeprefix('resources.step.request.')}"
        raise


class _Reading:
    """Reads one response, or the records of a listing page by page, for a step."""

    def __init__(self, run: Run, operation: VendorOperation, call: Call, extra: Names, location: str) -> None:
        self._run, self._operation, self._call = run, operation, call
        self._scope = call_scope(run.effective, call, run.session.conditions) | extra
        self._at = location
        self._last: Fetched
        self._pages = 0
        self._records: list[Any] = []
        self._verdict: Completeness | None = None

    def read(self, report: Report) -> Flow[Any]:
        """Return the response or the records.

        Raises ConfigurationError for a listing that is too long, and IncompleteError for one that lacks records.
        """
        operation = self._operation
        counts = finds_all(operation.response_path)
        yield from pagination.pages(operation.get_pagination(), self._fetch, self._add, counts=counts)
        if self._verdict is not None:
            verdict = replace(self._verdict, policy=operation.complete)
            if verdict.is_failure:
                raise incomplete_error(self._run.effective, operation, verdict, len(self._records))
            report(operation.text, verdict)
        if self._pages == 1 and operation.response_path is None:
            return self._last.answer.body
        return self._records[0] if self._verdict is None and self._records else self._records

    def _fetch(self, turn: pagination.Turn) -> Flow[Answer]:
        scope = turn.names(self._scope)
        result = yield from exchange(self._run, self._operation, self._call, scope, turn, "step")
        self._last = read_all_rows(result, self._operation)
        return self._last.answer

    def _add(self, answer: Answer, number: int, following: Any, before: Any) -> Flow[bool]:
        yield from ()
        self._pages = number
        self._records += answer.records
        if self._last.whole and number == 1:  # a single object has no pages, even if the pagination counts more
            paging = self._operation.get_pagination()
            if following is not None and isinstance(paging, Ending) and paging.end_keys():
                raise self._make_error(
                    f"{self._operation.text} has a next page, but its response is not a list", _NO_PATH
                )
            return True
        if len(self._records) > MOST_RECORDS:
            raise self._make_error(f"{self._operation.text} has more than {MOST_RECORDS:,} records", _TOO_LONG)
        self._verdict = answer.completeness
        return False

    def _make_error(self, problem: str, hint: str) -> ConfigurationError:
        message = f"a step cannot read its listing in full: {problem}"
        span = self._run.effective.span(parse_place(self._at))
        finding = diagnostic("PAG112", message, span, path=self._at, hint=hint)
        return ConfigurationError(message, hint=hint, findings=[finding])


_NO_PATH = "set `response_path` of the operation to the list in its response"
_TOO_LONG = (
    "narrow the step's request with its `query`; to run an operation for each record, use `parents`; if one page is "
    "enough, use an operation with `pagination: {format: none}`"
)


def _present(values: Any) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if value is not None}


def render_at(value: Any, scope: Scope, location: str) -> Any:
    """Fill in the templates of a value, and add the configuration path to an error."""
    try:
        return render(value, scope)
    except ExpressionError as error:
        error.at = f"{location}.{error.at}" if error.at else location
        raise
