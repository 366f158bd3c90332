"""What an operation would send, without sending: whether it writes, and its first request."""

from conn_engine.config import Effective, OperationName
from conn_engine.errors import ConfigurationError
from conn_engine.expressions import expression, template
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Wiring
from conn_engine.runtime.operation import perform
from conn_engine.runtime.request import call_scope
from conn_engine.runtime.steps import step_operation
from conn_engine.runtime.unified import route
from conn_engine.wire import Page, Renew, Request, Wait

__all__ = ["may_write", "plan_operation"]

_AT_RUN_TIME = frozenset({"before", "after", "result", "response", "page", "status"})
_CHANGED_BY_ANSWERS = frozenset({"query", "headers"})  # for an after step they are the vendor's


def may_write(effective: Effective, name: OperationName, call: Call) -> bool:
    """Whether any request of the operation can change something at the vendor: its own, or one of its steps.

    A route or step that is only known at run time counts as a write. Raises UsageError for an unknown operation.
    """
    if name.kind == "vendor":
        return effective.vendor(name.resource, name.method).writes
    operation = effective.unified(name.model, name.resource, name.method)
    if operation is None:
        return True
    scope = {**call_scope(effective, call), "before": {}}
    scope["raw_query"] = scope["query"]
    try:
        if not _known((operation.resource, operation.method), _AT_RUN_TIME):
            return True
        if route(effective, operation, name, scope).writes:
            return True
        for steps, later in ((operation.before, _AT_RUN_TIME), (operation.after, _AT_RUN_TIME | _CHANGED_BY_ANSWERS)):
            for request in (step.request for step in steps if step.request is not None):
                known = _known((request.resource, request.method), later)
                if not known or step_operation(effective, request, scope, "").writes:
                    return True
        return False
    except ConfigurationError:
        return True


def _known(texts: tuple[str | None, ...], later: frozenset[str]) -> bool:
    """Whether these templates read nothing that only answers will tell."""
    for text in texts:
        for source, _ in template(text or "").expressions:
            roots = expression(source).roots()
            if roots is None or roots & later:
                return False
    return True


def plan_operation(wiring: Wiring, name: OperationName, call: Call) -> Request | None:
    """The first request the operation would send, authorised and encoded; None when it would send none.

    A credential that would be renewed first is used as it is: nothing is sent, so nothing is refused.
    """
    flow = perform(wiring.effective, name, call, wiring.session)
    try:
        effect = next(flow, None)
        while effect is not None:
            if isinstance(effect, Request):
                return effect
            if isinstance(effect, Renew):
                effect = flow.send(dict(effect.stale))
            elif isinstance(effect, Wait | Page):
                effect = flow.send(None)
    except StopIteration:
        return None
    finally:
        flow.close()
    return None
