"""An operation as a generator: authorise, send, judge, page. Yields effects (see `wire`), does no I/O.

`perform` is the entry for both kinds: a vendor operation yields the vendor's records, a unified one lets
`runtime.unified` map them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from conn_engine import auth, bodies, pagination
from conn_engine.config import Effective, OperationName, VendorOperation
from conn_engine.errors import CredentialError
from conn_engine.failures import attempt
from conn_engine.ratelimit import RateState
from conn_engine.ratelimit import read as read_rate_limit
from conn_engine.runtime.call import Call, Session, decode_cursor, encode_cursor
from conn_engine.runtime.records import keep, records_of
from conn_engine.runtime.request import authorization_scope, call_scope, draft_of, finish_request, without_credential
from conn_engine.runtime.variants import verify_operation
from conn_engine.strategies import Answer, Draft, Scope
from conn_engine.wire import Flow, Page, Purpose, Request, Response

__all__ = ["VendorPage", "fetch_pages", "fetch_whole", "perform", "verify"]


@dataclass(frozen=True, slots=True)
class VendorPage:
    """One answer of a vendor operation with its records. `headers` are the rate limits as every vendor says them."""

    answer: Answer
    records: list[Any]
    whole: bool
    number: int
    next_state: Any
    prev_state: Any
    headers: dict[str, str]


ONE_RECORD = re.compile(r"\{\{\s*id\s*\}\}(?:\.json)?/?$")

Emit = Callable[[VendorPage], Flow[None]]


def perform(effective: Effective, name: OperationName, call: Call, session: Session) -> Flow[None]:
    """The generator of one operation. Yields Page after Page between its requests.

    Raises UsageError, ConfigurationError (ExpressionError, ResponsePathMissing), VendorError, CredentialError.
    """
    if name.kind == "unified":
        from conn_engine.runtime.unified import perform_unified

        yield from perform_unified(effective, name, call, session)
        return

    def emit(page: VendorPage) -> Flow[None]:
        yield page_of(page, page.records)

    yield from fetch_pages(effective, effective.vendor(name.resource, name.method), call, session, emit)


def page_of(page: VendorPage, records: list[Any]) -> Page:
    """A vendor page with its final records, as callers see it."""
    return Page(
        records=records,
        raw=page.records,
        number=page.number,
        next_cursor=encode_cursor(page.next_state),
        prev_cursor=encode_cursor(page.prev_state),
        status=page.answer.response.status,
        headers=page.headers,
        whole=page.whole,
    )


def fetch_pages(  # noqa: PLR0917
    effective: Effective,
    operation: VendorOperation,
    call: Call,
    session: Session,
    emit: Emit,
    extra: Scope | None = None,
) -> Flow[None]:
    """Send a vendor operation page by page. `extra` adds names to its scope (`before`, `raw_query`)."""
    scope = {**call_scope(effective, call), **(extra or {})}
    strategy = _paging(operation)
    state = None if call.cursor is None else decode_cursor(call.cursor)
    judged: dict[int, tuple[RateState, bool]] = {}

    def fetch(place: Callable[[Draft], None]) -> Flow[Answer]:
        answer, rate, whole = yield from _exchange(effective, operation, call, session, scope, place, "operation")
        judged[id(answer)] = (rate, whole)
        return answer

    def hand_on(answer: Answer, number: int, next_state: Any, prev_state: Any) -> Flow[None]:
        rate, whole = judged.pop(id(answer))
        records = answer.records
        if operation.record_filter:
            records = keep(operation.record_filter, records, scope)
        yield from emit(VendorPage(answer, records, whole, number, next_state, prev_state, dict(rate.headers)))

    yield from pagination.pages(strategy, fetch, hand_on, state)


def _paging(operation: VendorOperation) -> pagination.Pagination:
    """What leads this operation on.

    Two kinds inherit nothing: a write, whose further page would be the same write once more, and a read of the one
    record at `…/{{id}}`, which has no pages to ask for.
    """
    own = operation.at("pagination") == ("resources", operation.resource, operation.name, "pagination")
    single = operation.writes or ONE_RECORD.search(operation.path) is not None
    return operation.pagination if own or not single else pagination.NoPagination()


def fetch_whole(  # noqa: PLR0917
    effective: Effective,
    operation: VendorOperation,
    call: Call,
    session: Session,
    extra: Scope | None = None,
    purpose: Purpose = "step",
) -> Flow[Any]:
    """Send a vendor operation once and return its decoded answer after `response_path` (a step; a verify call)."""
    scope = {**call_scope(effective, call), **(extra or {})}
    answer, _, whole = yield from _exchange(effective, operation, call, session, scope, lambda draft: None, purpose)
    if operation.response_path is None:
        return answer.body
    return answer.records[0] if whole and answer.records else answer.records


def verify(effective: Effective, session: Session) -> Flow[bool]:
    """Prove the account's credential by the connector's `verify` operation. Returns False when it names none."""
    operation = verify_operation(effective)
    if operation is None:
        return False
    yield from fetch_whole(effective, operation, Call(), session, purpose="verify")
    return True


def _exchange(  # noqa: PLR0917
    effective: Effective,
    operation: VendorOperation,
    call: Call,
    session: Session,
    scope: Scope,
    place: Callable[[Draft], None],
    purpose: Purpose,
) -> Flow[tuple[Answer, RateState, bool]]:
    credentials = operation.credentials
    sent: dict[str, Any] = {}
    using, told, whole = session, RateState(), False

    def make() -> Request:
        nonlocal using
        using = replace(session)  # threads share a session: what must be renewed is the credential that was sent
        draft = draft_of(effective, operation, call, scope, place)
        sent.update(without_credential(operation, draft))
        return finish_request(effective, operation, draft, using, purpose, f"{operation.resource}.{operation.name}")

    def decode(request: Request, response: Response) -> Answer:
        body = bodies.decode(response, operation.response_format)
        return Answer(request, response, body, [], scope, dict(sent))

    def rate(answer: Answer) -> RateState:
        nonlocal told
        told = read_rate_limit(operation.rate_limit, answer, session.clock.now())
        return told

    def renew() -> Flow[None]:
        authorization = authorization_scope(effective, session)
        effect = auth.renewal(
            credentials, session.account, using.document, authorization, effective.hosts, session.clock
        )
        session.document = yield effect
        effective.learn(session.document.get(auth.CAPTURED))

    renewable = credentials.renewable(session.document)
    try:
        if renewable and credentials.expired(session.document, session.clock.now()):
            using = replace(session)
            yield from renew()
        answer, verdict = yield from attempt(
            make,
            decode,
            operation.errors,
            rate=rate,
            clock=session.clock,
            renew=renew if renewable else None,
            policy=session.policy,
        )
    except CredentialError as error:
        error.hint = error.hint.replace("ACCOUNT", session.account or "ACCOUNT")
        raise
    records: list[Any] = []
    if verdict.action == "ok":
        records, whole = records_of(operation.response_path, answer.body)
    return Answer(answer.request, answer.response, answer.body, records, scope, answer.sent), told, whole
