"""Plan an operation without sending it: whether it writes, and its first request."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from conn_engine.auth import absent_parts, remove_absent
from conn_engine.config import Effective, OperationName, VendorOperation
from conn_engine.config.merge import merge
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.expressions import expression, template
from conn_engine.listing.flows import ParentSource
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.drive import Sender
from conn_engine.runtime.operation import perform
from conn_engine.runtime.request import call_scope
from conn_engine.runtime.steps import step_operation
from conn_engine.runtime.unified import route, vendor_behind
from conn_engine.runtime.wiring import Wiring
from conn_engine.settings import Scope
from conn_engine.transport.plan import DryRunEnd, ReadOnlySender
from conn_engine.wire import Page, Renew, Request, Wait

__all__ = ["counts_as_write", "has_empty_body", "may_write", "partitions_write", "plan_operation", "plan_write"]

_EMPTY = (b"", b"{}", b"[]", b"null", b'""')
_AT_RUN_TIME = frozenset({"before", "after", "result", "response", "page", "status"})
_CHANGED_BY_ANSWERS = frozenset({"query", "headers"})  # for an after step they are the vendor's
_OF_CALLERS = frozenset({"query", "raw_query", "params", "id", "body", "headers"})


def may_write(effective: Effective, name: OperationName, call: Call | None = None) -> bool:
    """Return whether any request of the operation, or of its steps, can change data at the vendor.

    A route or step that is only known at run time counts as a write. Without a call, that is also so for one that the
    caller's values decide. Raises UsageError for an unknown operation.
    """
    if name.kind == "vendor":
        return _writes(effective, effective.vendor(name.resource, name.method))
    operation = effective.get_unified(name.model, name.resource, name.method)
    if operation is None:
        return True
    scope = call_scope(effective, call or Call(), effective.conditions) | {"before": {}}
    scope["raw_query"] = scope["query"]
    unknown = _AT_RUN_TIME | (_OF_CALLERS if call is None else frozenset())
    try:
        if not _is_known((operation.resource, operation.method), unknown):
            return True
        if _writes(effective, route(effective, operation, name, scope)):
            return True
        for steps, later in ((operation.before, unknown), (operation.after, unknown | _CHANGED_BY_ANSWERS)):
            for request in (step.request for step in steps if step.request is not None):
                is_known = _is_known((request.resource, request.method), later)
                if not is_known or step_operation(effective, request, scope, "").writes:
                    return True
        return False
    except ConfigurationError:
        return True


def _writes(effective: Effective, operation: VendorOperation, visited: frozenset[str] = frozenset()) -> bool:
    """Return whether an operation writes, or another one that provides its parents, chunks or enrichments."""
    if operation.writes:
        return True
    sources = _parent_sources(operation)
    if operation.chunk is not None and isinstance(operation.chunk.values, ParentSource):
        sources.append(operation.chunk.values)
    names = {source.from_ for source in sources if source.from_ is not None} - visited
    for enrich in operation.enrich:
        request = enrich.request
        if request.path is not None:
            if step_operation(effective, request, Scope({}, effective.conditions), "").writes:
                return True
        elif "{{" in f"{request.resource}{request.method}":
            return True
        else:
            names |= {f"{request.resource}.{request.method}"} - visited
    return _any_writes(effective, names, visited)


def counts_as_write(effective: Effective, name: OperationName) -> bool:
    """Return `may_write` without a call, also for an operation whose route leads nowhere, which a call reports: it
    counts as a write."""
    try:
        return may_write(effective, name)
    except UsageError:
        return True


def _parent_sources(operation: VendorOperation) -> list[ParentSource]:
    return [source for parents in operation.parents for source in parents.sources]


def _any_writes(effective: Effective, names: set[str], visited: frozenset[str]) -> bool:
    for name in names:
        try:
            if _writes(effective, effective.vendor(*name.split(".", 1)), visited | names):
                return True
        except UsageError:
            continue  # an unknown operation: the run reports it and sends nothing
    return False


def partitions_write(effective: Effective, name: OperationName, call: Call) -> bool:
    """Return whether listing the partitions of an operation can change data. The operation itself is not run."""
    sources = _parent_sources(vendor_behind(effective, name, call))
    return _any_writes(effective, {source.from_ for source in sources if source.from_ is not None}, frozenset())


def _is_known(texts: tuple[str | None, ...], later: frozenset[str]) -> bool:
    """Return whether these templates read nothing that only a response provides."""
    for text in texts:
        for source, _ in template(text or "").expressions:
            roots = expression(source).roots()
            if roots is None or roots & later:
                return False
    return True


def plan_operation(wiring: Wiring, name: OperationName, call: Call) -> Request | None:
    """Return the first request that the operation would send, authorized and encoded; None if it would send none.

    A credential that would be renewed first is used as it is, because nothing is sent. A missing token is replaced by a
    sample.
    """
    flow = perform(wiring.run, name, call)
    try:
        effect = next(flow, None)
        while effect is not None:
            if isinstance(effect, Request):
                return effect
            if isinstance(effect, Renew):
                effect = flow.send(_with_token(wiring, effect.stale))
            elif isinstance(effect, Wait | Page):
                effect = flow.send(None)
    except StopIteration:
        return None
    finally:
        flow.close()
    return None


def plan_write(wiring: Wiring, sender: Sender, name: OperationName, call: Call) -> tuple[list[Request], Request | None]:
    """Send the reads before an operation's first write; return them and that write, or None if it writes nothing.

    `sender` sends the reads, and only one page of a listing. Writes are never sent. Raises the operation's errors.
    """
    transport = ReadOnlySender(sender)
    with Connection(wiring, transport) as connection:
        try:
            with closing(connection.pages(name, call)) as pages:
                next(pages, None)
        except DryRunEnd as planned:
            return transport.reads, planned.request
    return transport.reads, None


def has_empty_body(effective: Effective, name: OperationName, call: Call, request: Request) -> bool:
    """Return whether a write that should have a body, from the caller or from a mapping, would be sent without one."""
    operation = effective.get_unified(name.model, name.resource, name.method) if name.kind == "unified" else None
    has_body = call.body is not None or (operation is not None and operation.request_body_mapping is not None)
    return has_body and request.writes and request.payload is None and (request.body or b"").strip() in _EMPTY


def _with_token(wiring: Wiring, stored: Mapping[str, Any]) -> dict[str, Any]:
    credentials = wiring.effective.connector.credentials
    document = credentials.sample() if credentials is not None else {}
    absent = absent_parts(credentials.fields(), stored) if credentials is not None else frozenset()
    completed: dict[str, Any] = merge([dict(remove_absent(Scope(document, wiring.session.conditions), absent)), stored])
    wiring.redactor.add_document(completed)
    return completed
