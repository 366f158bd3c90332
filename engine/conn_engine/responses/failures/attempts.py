"""Send one request until its response is classified: retry it, renew the credential once, or raise an error.

The caller builds requests, decodes responses, reads rate limits and counts budgets, and decides what a page is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import NoReturn

from conn_engine.errors import CredentialError, TransportError, VendorError
from conn_engine.responses.failures.classification import LimitState, ResponseClassification, classify
from conn_engine.responses.failures.rules import Rule
from conn_engine.settings import Answer
from conn_engine.urls import split_plain_url
from conn_engine.wire import Clock, Flow, Request, Response, Wait

__all__ = ["Admit", "Policy", "attempt"]

Admit = Callable[[Request], tuple[float, str]]
"""Counts a request against the budgets. Returns 0 if it may be sent now, else the seconds to wait (without counting
it), and the reason."""

_SHORT_WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How long the caller is willing to wait.

    `wait`: whether to wait for rate limits. `max_wait_seconds` limits the total of these pauses for one request, and a
    limit that needs more is raised immediately. A transport error that no rule handles is retried `transport_retries`
    times while less than `transport_seconds` have passed, so that an unknown or hanging host is reported quickly.
    `retries` limits how often a request is sent again because of its response, whatever the rules allow; None means as
    often as they do. A pause for our own budget is made if it is at most `budget_seconds`.
    """

    wait: bool = False
    max_wait_seconds: float = 300.0
    transport_retries: int = 2
    transport_seconds: float = 3.0
    retries: int | None = None
    budget_seconds: float = 60.0


@dataclass(slots=True)
class _Tally:
    """What one request has used so far."""

    started: float
    attempts: int = 0
    retries: int = 0
    faults: int = 0
    waited: float = 0.0
    renewed: bool = False


def attempt(
    make: Callable[[], Request],
    decode: Callable[[Request, Response | TransportError], Answer],
    rules: Sequence[Rule] | Callable[[Answer], Sequence[Rule]],
    *,
    rate: Callable[[Answer], LimitState],
    clock: Clock,
    renew: Callable[[], Flow[object]] | None = None,
    policy: Policy | None = None,
    admit: Admit | None = None,
    restarts: int | None = None,
) -> Flow[tuple[Answer, ResponseClassification]]:
    """Send the request that `make` builds until its response is classified as `ok`, `empty`, `skip` or `restart`.

    `rules` may depend on the response. `make` is called for every attempt, so that it can use a renewed credential.
    `decode` turns an unreadable or missing response into an Answer with a `problem`. `renew` runs at most once; None
    means that the credential cannot be renewed. `restarts` is the number of restarts of the listing so far; None means
    that it cannot restart. A response that a rule classifies as empty or skipped is returned without body and records.

    Raises CredentialError for a refused credential, VendorError for every other error (with `retry_after` for a rate
    limit, and `halvings` for a rule with `narrow`), and TransportError when there is no response.
    """
    policy = policy or Policy()
    tally = _Tally(clock.now())
    while True:
        request = yield from _build_when_admitted(make, admit, tally, policy)
        tally.attempts += 1
        try:
            received: Response | TransportError = yield request
        except TransportError as fault:
            received = fault
        answer = decode(request, received)
        is_lost = isinstance(answer.problem, TransportError)
        state = None if is_lost else rate(answer)
        verdict = classify(
            rules(answer) if callable(rules) else rules, answer, state, attempt=tally.attempts, now=clock.now()
        )
        if verdict.action in ("ok", "empty", "skip"):
            return _to_empty(answer, verdict, verdict.action)
        if verdict.action == "refresh_credentials":
            if renew is None or tally.renewed:
                _raise_refused(answer, verdict, renewed=tally.renewed)
            tally.renewed = True
            answer.close()
            yield from renew()
            continue
        if verdict.action == "restart" and restarts is not None and restarts < verdict.times:
            yield Wait(verdict.wait or 0.0, _describe_reason(verdict, answer))
            return replace(answer, body=None, records=[]), verdict
        is_unhandled = is_lost and not verdict.ruled
        pause = (
            _compute_transport_pause(answer, tally, policy, clock)
            if is_unhandled
            else _compute_pause(verdict, request, tally, policy)
        )
        if pause is not None:
            answer.close()
            yield Wait(pause, _describe_reason(verdict, answer))
            continue
        if verdict.action == "retry" and verdict.otherwise != "fail":
            return _to_empty(answer, verdict, verdict.otherwise)
        _fail(answer, verdict, tally)


def _build_when_admitted(
    make: Callable[[], Request], admit: Admit | None, tally: _Tally, policy: Policy
) -> Flow[Request]:
    """Return the request as soon as the budgets allow it. It is built again after a pause, because its signature has
    the time."""
    while True:
        request = make()
        pause, reason = admit(request) if admit is not None else (0.0, "")
        if pause <= 0:
            return request
        can_wait = policy.wait and tally.waited + pause <= policy.max_wait_seconds
        if pause > policy.budget_seconds and not can_wait:
            raise _build_budget_error(request, pause, reason)
        tally.waited += pause if pause > policy.budget_seconds else 0.0
        yield Wait(pause, reason)


def _build_budget_error(request: Request, pause: float, reason: str) -> VendorError:
    error = VendorError(
        f"{request.label or request.method}: {reason} is used up for {pause:.0f} s",
        kind="rate_limited",
        request=request,
        retry_after=pause,
        hint=f"wait {pause:.0f} s, or let the run wait: conn run --wait",
    )
    error.category = "budget"
    seconds = str(ceil(pause))
    error.limits = {"ratelimit-remaining": "0", "ratelimit-reset": seconds, "retry-after": seconds}
    return error


def _to_empty(answer: Answer, verdict: ResponseClassification, action: str) -> tuple[Answer, ResponseClassification]:
    if action == "ok":
        if isinstance(answer.problem, TransportError):
            return replace(answer, body=None, records=[]), replace(verdict, action="empty")
        if answer.problem is not None:  # a rule may accept it, but its data cannot be read
            raise _add_request(answer.problem, answer)
        return answer, replace(verdict, action="ok")
    answer.close()
    empty_answer = replace(answer, body=None, records=[], rest=None)
    return empty_answer, replace(verdict, action="skip" if action == "skip" else "empty")


def _compute_transport_pause(answer: Answer, tally: _Tally, policy: Policy, clock: Clock) -> float | None:
    """Return the seconds until a request without a response is sent again; None if it must not be."""
    fault = answer.problem
    if not isinstance(fault, TransportError):
        return None
    pause = float(0.5 * 2**tally.faults)
    is_late = clock.now() - tally.started + pause > policy.transport_seconds
    if not fault.retryable or not answer.request.idempotent or tally.faults >= policy.transport_retries or is_late:
        return None
    tally.faults += 1
    return pause


def _compute_pause(verdict: ResponseClassification, request: Request, tally: _Tally, policy: Policy) -> float | None:
    """Return the seconds until the request is sent again because of its response; None if it is not.

    A rate-limited request was not executed, so it may be sent again even if it writes.
    """
    if verdict.wait is not None and verdict.longest is not None and verdict.wait > verdict.longest:
        return None
    if verdict.action == "rate_limited":
        pause = verdict.wait or 0.0
        if not policy.wait or tally.waited + pause > policy.max_wait_seconds:
            return None
        tally.waited += max(pause, 1.0)  # endless "wait 0 seconds" responses must end too
        return pause
    times = verdict.times if policy.retries is None else min(verdict.times, policy.retries)
    if verdict.action != "retry" or not request.idempotent or tally.retries >= times:
        return None
    pause = verdict.backoff[tally.retries]
    if verdict.wait is not None:
        if verdict.wait > policy.max_wait_seconds or (verdict.wait > _SHORT_WAIT and not policy.wait):
            return None
        pause = verdict.wait
    tally.retries += 1
    return pause


def _describe_reason(verdict: ResponseClassification, answer: Answer) -> str:
    if verdict.action == "rate_limited":
        return "rate limited"
    if isinstance(answer.problem, TransportError):
        return "the connection failed"
    return f"status {answer.response.status}"


def _fail(answer: Answer, verdict: ResponseClassification, tally: _Tally) -> NoReturn:
    try:
        _raise(answer, verdict, tally)
    except VendorError as error:
        error.halvings = verdict.times if verdict.action == "narrow" else 0
        raise


def _raise(answer: Answer, verdict: ResponseClassification, tally: _Tally) -> NoReturn:
    problem = answer.problem
    if verdict.kind == "unauthorized":
        _raise_refused(answer, verdict, renewed=tally.renewed)
    if problem is not None and (not verdict.ruled or verdict.message == problem.message):
        problem = _add_request(problem, answer)
        if tally.attempts > 1 and verdict.ruled:
            problem.message = f"{problem.message} (sent {tally.attempts} times)"
            problem.args = (problem.message,)
        problem.kind = (verdict.kind or problem.kind) if verdict.ruled else problem.kind
        raise problem
    kind = verdict.kind or "bad_response"
    is_limited = kind == "rate_limited"
    message = _build_message(answer, verdict)
    if tally.retries:
        message = f"{message} (sent {tally.attempts} times)"
    raise VendorError(
        message,
        kind=kind,
        request=answer.request,
        response=answer.response if answer.response.status else None,
        retry_after=verdict.wait,
        details=answer.body,
        vendor_message=verdict.message,
        hint=_build_wait_hint(verdict)
        if is_limited and verdict.wait
        else _RESTART_HINT
        if verdict.action == "restart"
        else "",
    )


_RESTART_HINT = "run the operation again without a cursor: the listing must restart"


def _build_wait_hint(verdict: ResponseClassification) -> str:
    wait = verdict.wait or 0.0
    if verdict.longest is not None and wait > verdict.longest:
        return (
            f"wait {wait:g} s and run it again; to let the run wait, raise `max_wait_seconds`, which "
            f"is {verdict.longest:g}"
        )
    return f"wait {wait:g} s, or let the run wait: conn run --wait"


def _raise_refused(answer: Answer, verdict: ResponseClassification, *, renewed: bool) -> NoReturn:
    again = " even after it was renewed" if renewed else ""
    raise CredentialError(
        f"the vendor refused the account's credential{again}: {_build_message(answer, verdict)}",
        hint="log the account in again: `conn auth login ACCOUNT`",
        category="refused",
    )


def _build_message(answer: Answer, verdict: ResponseClassification) -> str:
    """Return one line: the request, and the vendor's message."""
    return f"{_describe_request(answer)}: {verdict.message}" if verdict.message else _describe_request(answer)


def _add_request(problem: VendorError, answer: Answer) -> VendorError:
    """Add the request to the problem of a response. The problem of a missing response already has it."""
    if not isinstance(problem, TransportError):
        problem.message = f"{_describe_request(answer)}: {problem.message}"
        problem.args = (problem.message,)
    return problem


def _describe_request(answer: Answer) -> str:
    """Return status, method and path from before the credential was added; never the query, which may contain a
    secret."""
    path = split_plain_url(str(answer.sent.get("url") or answer.request.url)).path or "/"
    start = f"{answer.response.status} from" if answer.response.status else "no response to"
    return f"{start} {answer.request.method} {path[:200]}"
