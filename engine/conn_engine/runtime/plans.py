"""What an operation would send, without sending: whether it writes, and its first request."""

from conn_engine.config import Effective, OperationName
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Wiring
from conn_engine.runtime.operation import perform
from conn_engine.runtime.request import call_scope
from conn_engine.wire import Page, Renew, Request, Wait

__all__ = ["may_write", "plan_operation"]


def may_write(effective: Effective, name: OperationName, call: Call) -> bool:
    """Whether any request of the operation can change something at the vendor: its own, or one of its steps.

    A route or step that is only known at run time counts as a write.
    """
    if name.kind == "vendor":
        return effective.vendor(name.resource, name.method).writes
    from conn_engine.errors import ConfigurationError
    from conn_engine.runtime.unified import route, step_operation

    operation = effective.unified(name.model, name.resource, name.method)
    if operation is None:
        return True
    scope = {**call_scope(effective, call), "before": {}}
    scope["raw_query"] = scope["query"]
    try:
        if route(effective, operation, name, scope).writes:
            return True
        steps = [step.request for step in (*operation.before, *operation.after) if step.request is not None]
        return any(step_operation(effective, request, scope, "").writes for request in steps)
    except ConfigurationError:
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
