"""Make one authorized exchange: build and send the request, renew the credential once, and find the records.

Pagination is in `listing`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conn_engine import auth, bodies
from conn_engine.conditions import Chance
from conn_engine.config import VendorOperation
from conn_engine.documents import format_path
from conn_engine.errors import CredentialError, TransportError, VendorError
from conn_engine.responses.failures import ResponseClassification, Rule, attempt, graphql_rules
from conn_engine.responses.notices import find_notices, find_warnings
from conn_engine.responses.ratelimit import Charge, RateState, read_rate_state
from conn_engine.runtime.call import Call, Run
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.records import Picked, ResponsePathMissing, holds_list, records_of
from conn_engine.runtime.request import authorization_scope, draft_of, finish_request, without_credential
from conn_engine.settings import Answer, Draft, Scope
from conn_engine.urls import split_plain_url
from conn_engine.wire import Flow, Purpose, Request, Response

__all__ = ["exchange"]

_WITHOUT_CONTENT = (204, 205)
_CLOCK_STATUSES = (401, 403)  # the vendor refuses a token or signature with a wrong time with one of these


def exchange(  # noqa: PLR0917
    run: Run,
    operation: VendorOperation,
    call: Call,
    scope: Scope,
    place: Callable[[Draft], None],
    purpose: Purpose = "operation",
    *,
    restarts: int | None = None,
) -> Flow[Fetched]:
    """Send one request of a vendor operation, with retries, until its response is classified.

    `place` completes the draft (page, partition). `restarts` counts how often the listing has restarted; None means
    that it cannot restart.

    Raises the errors of `failures.attempt`, and ConfigurationError (DisabledError, ExpressionError,
    ResponsePathMissing).
    """
    run.effective.check_enabled(operation.operation_name)
    exchange_ = _Exchange(run, operation, call, scope, place, purpose)
    answer, verdict = yield from exchange_.send_until_classified(restarts)
    return exchange_.to_fetched(answer, verdict)


class _Exchange:
    """One request until its response is classified: the callbacks of `failures.attempt`, and their state.

    `using` is the session with the credential of the last attempt, `draft` its request without the credential, `rate`
    the rate limit in the last response, and `refused` that response if a wrong clock may be the cause.
    """

    def __init__(  # noqa: PLR0917
        self,
        run: Run,
        operation: VendorOperation,
        call: Call,
        scope: Scope,
        place: Callable[[Draft], None],
        purpose: Purpose,
    ) -> None:
        effective, session = run.effective, run.session
        self.run, self.effective, self.session = run, effective, session
        self.operation, self.call, self.scope, self.place, self.purpose = operation, call, scope, place, purpose
        self.read_as = "binary" if call.as_file else operation.response_format
        self.using, self.draft, self.rate = session, Draft("", "", scope=scope), RateState()
        self.refused: Response | None = None
        self._sent: dict[str, Any] = {}
        self._drawn = session.conditions.chance.draw()
        self._charge = Charge(effective.connector_name, session.account, operation.text)

    def send_until_classified(self, restarts: int | None) -> Flow[tuple[Answer, ResponseClassification]]:
        """Send until the response is classified. A credential that expires soon is renewed first."""
        operation, session = self.operation, self.session
        renewable = operation.credentials.renewable(session.document)
        try:
            if renewable and operation.credentials.due(session.document, session.clock.now()):
                self.using = replace(session)
                yield from self._renew()
            return (
                yield from attempt(
                    self._make,
                    self._decode,
                    self._rules,
                    rate=self._rate,
                    clock=session.clock,
                    renew=self._renew if renewable else None,
                    policy=session.policy,
                    admit=self._admit if operation.rate_limit is not None else None,
                    restarts=restarts,
                )
            )
        except (CredentialError, VendorError) as error:
            error.hint = error.hint.replace("ACCOUNT", session.account or "ACCOUNT")
            if isinstance(error, VendorError) and error.kind == "rate_limited" and error.response is not None:
                error.limits = self.rate.headers
            if self.refused is not None:
                error.hint = auth.add_clock_hint(self.refused, session.clock.now(), error.hint)
            raise

    def to_fetched(self, answer: Answer, verdict: ResponseClassification) -> Fetched:
        """Return the response with its records."""
        records: list[Any] = []
        whole = False
        if verdict.action == "ok":
            path = None if self.call.as_file else self.operation.response_path
            records, whole = _find_records(path, answer, self.operation, self.scope)
            whole = whole and not bodies.has_rows(self.read_as)
        again = verdict.key if verdict.action == "restart" else None
        skipped = verdict.action == "skip"
        return Fetched(
            replace(answer, records=records, scope=self.scope),
            whole,
            dict(self.rate.headers),
            (*self.draft.notes, *_find_announcements(answer, self.operation.text)),
            again,
            skipped or verdict.action == "empty",
            skipped,
            scope=self.scope,
        )

    # --- callbacks of `attempt` ---

    def _make(self) -> Request:
        # Threads share a session: the credential to renew is the one that was sent.
        self.using = replace(self.session)
        # Every attempt sends the same request, so that an idempotency key survives retries.
        conditions = replace(self.session.conditions, chance=Chance.from_draw(self._drawn))
        self.draft = draft_of(self.effective, self.operation, self.call, Scope(self.scope, conditions), self.place)
        self._sent.update(without_credential(self.operation, self.draft))
        run = Run(self.effective, self.using)
        return finish_request(run, self.operation, self.draft, self.purpose, self.operation.text)

    def _decode(self, request: Request, result: Response | TransportError) -> Answer:
        self.refused = result if isinstance(result, Response) and result.status in _CLOCK_STATUSES else None
        request_parts = dict(self._sent)
        if isinstance(result, TransportError):
            return Answer(request, Response(0), None, scope=self.scope, sent=request_parts, problem=result)
        try:
            decoded = bodies.read_body(result, self.read_as, self.operation.response_options)
        except VendorError as problem:  # the error rules decide what an unreadable response means
            return Answer(request, result, None, scope=self.scope, sent=request_parts, problem=problem)
        return Answer(request, result, decoded.data, scope=self.scope, sent=request_parts, rest=decoded)

    def _rules(self, answer: Answer) -> tuple[Rule, ...]:
        return self.operation.errors + (graphql_rules(answer) if self.operation.body_format == "graphql" else ())

    def _admit(self, request: Request) -> tuple[float, str]:
        charge = replace(self._charge, base_path=split_plain_url(self.draft.base).path)
        return self.session.budgets.admit(self.operation.rate_limit, charge, request, self.session.clock.now())

    def _rate(self, answer: Answer) -> RateState:
        limit, now = self.operation.rate_limit, self.session.clock.now()
        self.rate = read_rate_state(limit, answer, now)
        if limit is not None and limit.slow_when_remaining:
            self.session.budgets.slow(self._charge, self.rate.pace, now)
        return self.rate

    def _renew(self) -> Flow[None]:
        session, effective = self.session, self.effective
        effect = auth.build_renewal(
            self.operation.credentials,
            session.account,
            self.using.document,
            authorization_scope(self.run),
            effective.hosts,
            session.clock,
        )
        session.document = yield effect
        effective.learn(session.document.get(auth.CAPTURED))


def _find_announcements(answer: Answer, operation: str) -> list[str]:
    """Describe what the vendor announces about the operation in the response's headers."""
    headers = answer.response.headers
    announced = find_notices(headers)
    if not announced:
        return []
    warnings = find_warnings(headers)
    texts = f" ({'; '.join(warnings)})" if warnings else ""
    return [f"the vendor announces for {operation}: {', '.join(announced)}{texts}"]


def _find_records(path: str | None, answer: Answer, operation: VendorOperation, scope: Scope) -> Picked:
    """Find the records of a response. A "no content" status has none, and neither has XML without any element of a
    list: in both cases the path is not wrong."""
    if path is not None and answer.response.status in _WITHOUT_CONTENT:
        return [], False
    try:
        return records_of(path, answer.body, scope)
    except ResponsePathMissing as error:
        options = operation.response_options
        if options is None or not holds_list(path or "", answer.body, options.lists, scope):
            error.at = format_path(operation.get_path("response_path"))
            raise
        return [], False
