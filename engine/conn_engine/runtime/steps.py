"""A request beside an operation's own (of a step, of an enrichment): which one it is, and sending it."""

from typing import Any

from conn_engine.config import Effective, StepRequest, VendorOperation
from conn_engine.errors import ExpressionError
from conn_engine.expressions import render
from conn_engine.runtime.call import Call, Session
from conn_engine.runtime.exchange import fetch_whole
from conn_engine.runtime.variants import inline_operation
from conn_engine.settings import Scope
from conn_engine.wire import Flow

__all__ = ["rendered", "step_operation", "step_request"]

_SHARED = ("before", "after", "partition", "parent", "window")


def step_operation(effective: Effective, request: StepRequest, scope: Scope, at: str) -> VendorOperation:
    """The vendor operation a step calls: a named one, or the one written in the step."""
    if request.path is not None:
        return inline_operation(effective, request)
    resource = str(rendered(request.resource, scope, f"{at}.resource") or "")
    return effective.vendor(resource, str(rendered(request.method, scope, f"{at}.method") or "get"))


def step_request(  # noqa: PLR0917
    effective: Effective,
    request: StepRequest,
    session: Session,
    scope: Scope,
    at: str,
    secret: frozenset[str] = frozenset(),
) -> Flow[Any]:
    """Send a step's request and return its decoded answer. `at` is where the request stands, for errors. Names that are
    `secret` are for the step's own templates: the connector's headers, rules and the like do not see them."""
    vendor = step_operation(effective, request, scope, at)
    identifier = rendered(request.id, scope, f"{at}.id")
    params = rendered(request.params, scope, f"{at}.params") or {}
    extra: Scope = {name: scope[name] for name in _SHARED if name in scope}
    if request.path is not None:  # a request written in the step sees what the step sees
        extra = {name: value for name, value in scope.items() if name not in secret}
        extra |= {**params, **({} if identifier is None else {"id": str(identifier)})}
    call = Call(
        query=_present(rendered(request.query, scope, f"{at}.query")),
        body=rendered(request.body, scope, f"{at}.body"),
        id=None if identifier is None else str(identifier),
        params=params,
        headers={
            name: str(value) for name, value in _present(rendered(request.headers, scope, f"{at}.headers")).items()
        },
    )
    try:
        return (yield from fetch_whole(effective, vendor, call, session, extra))
    except ExpressionError as error:
        if request.path is not None and error.at.startswith("resources.step.request."):
            error.at = f"{at}.{error.at.removeprefix('resources.step.request.')}"
        raise


def _present(values: Any) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if value is not None}


def rendered(value: Any, scope: Scope, at: str) -> Any:
    """The value with its templates filled in; an error says where it stands."""
    try:
        return render(value, scope)
    except ExpressionError as error:
        error.at = f"{at}.{error.at}" if error.at else at
        raise
