"""One request brought to a verdict: sent, retried, its credential renewed once, or an error raised.

Building requests, decoding answers, reading rate limits and counting budgets are the caller's, and so is what a
page is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from conn_engine.errors import CredentialError, TransportError, VendorError
from conn_engine.responses.failures.rules import Rule
from conn_engine.responses.failures.verdict import LimitState, ResponseClassification, classify
from conn_engine.settings import Answer
from conn_engine.urls import split_plain_url
from conn_engine.wire import Clock, Flow, Request, Response, Wait

__all__ = ["Admit", "Policy", "attempt"]

Admit = Callable[[Request], tuple[float, str]]
"""Counts a request against the budgets: 0 when it may go now, else the seconds to wait (and it is not counted), and
why."""

_SHORT_WAIT = 10.0
_SHORT_BUDGET_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the caller is.

    `wait`: whether a rate limit is waited out; `max_wait_seconds` bounds all such pauses of one request
    together, and a limit that asks for more is raised at once. A fault in transit that no rule speaks of is tried
    again `transport_retries` times, as long as less than `transport_seconds` have passed: an unknown or hanging
    host must not take half a minute to report. A pause for a budget of our own is always made when it is at most a
    minute.
    """

    wait: bool = False
    max_wait_seconds: float = 300.0
    transport_retries: int = 2
    transport_seconds: float = 3.0


@dataclass(slots=True)
class _Tally:
    """What one request has cost so far."""

    started: float
    sendings: int = 0
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
    """Send the request that `make` builds until there is a verdict: `ok`, `empty`, `skip` or `restart`.

    `rules` may depend on the answer. `make` is called again for every sending, so that it can use a renewed
    credential. `decode` gives what cannot be read, and a missing answer, as an Answer with a
    `problem`. `renew` is run once at most; None says that the
    credential cannot be renewed. `restarts` counts how often the listing began again; None: it cannot. An answer that
    a rule calls empty or skipped comes back without body and records. Raises CredentialError for a refused credential,
    VendorError for every other error (for a rate limit with `retry_after`; `halvings` when a rule says `narrow`),
    TransportError when there is no answer.
    """
    policy = policy or Policy()
    tally = _Tally(clock.now())
    while True:
        request = yield from _build_when_admitted(make, admit, tally, policy)
        tally.sendings += 1
        try:
            got: Response | TransportError = yield request
        except TransportError as fault:
            got = fault
        answer = decode(request, got)
        lost = isinstance(answer.problem, TransportError)
        state = None if lost else rate(answer)
        verdict = classify(
            rules(answer) if callable(rules) else rules, answer, state, attempt=tally.sendings, now=clock.now()
        )
        if verdict.action in ("ok", "empty", "skip"):
            return _to_empty(answer, verdict, verdict.action)
        if verdict.action == "refresh_credentials":
            if renew is None or tally.renewed:
                _refuse(answer, verdict, renewed=tally.renewed)
            tally.renewed = True
            answer.close()
            yield from renew()
            continue
        if verdict.action == "restart" and restarts is not None and restarts < verdict.times:
            yield Wait(verdict.wait or 0.0, _reason(verdict, answer))
            return replace(answer, body=None, records=[]), verdict
        unruled = lost and not verdict.ruled
        pause = _transport_pause(answer, tally, policy, clock) if unruled else _pause(verdict, request, tally, policy)
        if pause is not None:
            answer.close()
            yield Wait(pause, _reason(verdict, answer))
            continue
        if verdict.action == "retry" and verdict.otherwise != "fail":
            return _to_empty(answer, verdict, verdict.otherwise)
        _fail(answer, verdict, tally)


def _build_when_admitted(
    make: Callable[[], Request], admit: Admit | None, tally: _Tally, policy: Policy
) -> Flow[Request]:
    """The request, as soon as the budgets let it go. It is built anew after a pause: its signature tells the time."""
    while True:
        request = make()
        pause, reason = admit(request) if admit is not None else (0.0, "")
        if pause <= 0:
            return request
        patient = policy.wait and tally.waited + pause <= policy.max_wait_seconds
        if pause > _SHORT_BUDGET_WAIT and not patient:
            raise VendorError(
                f"{request.label or request.method}: {reason} is used up for {pause:.0f} s",
                kind="rate_limited",
                request=request,
                retry_after=pause,
                hint=f"wait {pause:.0f} s, or let it be waited for (conn run --wait)",
            )
        tally.waited += pause if pause > _SHORT_BUDGET_WAIT else 0.0
        yield Wait(pause, reason)


def _to_empty(answer: Answer, verdict: ResponseClassification, action: str) -> tuple[Answer, ResponseClassification]:
    if action == "ok":
        if isinstance(answer.problem, TransportError):
            return replace(answer, body=None, records=[]), replace(verdict, action="empty")
        if answer.problem is not None:  # a rule may call it fine, but its data cannot be read
            raise _add_request(answer.problem, answer)
        return answer, replace(verdict, action="ok")
    answer.close()
    bare = replace(answer, body=None, records=[], rest=None)
    return bare, replace(verdict, action="skip" if action == "skip" else "empty")


def _transport_pause(answer: Answer, tally: _Tally, policy: Policy, clock: Clock) -> float | None:
    """Seconds before a request without an answer is sent again; None when it must not be."""
    fault = answer.problem
    if not isinstance(fault, TransportError):
        return None
    pause = float(0.5 * 2**tally.faults)
    late = clock.now() - tally.started + pause > policy.transport_seconds
    if not fault.retryable or not answer.request.idempotent or tally.faults >= policy.transport_retries or late:
        return None
    tally.faults += 1
    return pause


def _pause(verdict: ResponseClassification, request: Request, tally: _Tally, policy: Policy) -> float | None:
    """Seconds before the request is sent again because of its answer; None when it is not sent again.

    A rate-limited request was refused and not carried out: it may be sent again even when it writes.
    """
    if verdict.wait is not None and verdict.longest is not None and verdict.wait > verdict.longest:
        return None
    if verdict.action == "rate_limited":
        pause = verdict.wait or 0.0
        if not policy.wait or tally.waited + pause > policy.max_wait_seconds:
            return None
        tally.waited += max(pause, 1.0)  # an endless row of "wait 0 seconds" must come to an end too
        return pause
    if verdict.action != "retry" or not request.idempotent or tally.retries >= verdict.times:
        return None
    pause = verdict.backoff[tally.retries]
    if verdict.wait is not None:
        if verdict.wait > policy.max_wait_seconds or (verdict.wait > _SHORT_WAIT and not policy.wait):
            return None
        pause = verdict.wait
    tally.retries += 1
    return pause


def _reason(verdict: ResponseClassification, answer: Answer) -> str:
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
        _refuse(answer, verdict, renewed=tally.renewed)
    if problem is not None and (not verdict.ruled or verdict.message == problem.message):
        problem = _add_request(problem, answer)
        if tally.sendings > 1 and verdict.ruled:
            problem.message = f"{problem.message} (sent {tally.sendings} times)"
            problem.args = (problem.message,)
        problem.kind = (verdict.kind or problem.kind) if verdict.ruled else problem.kind
        raise problem
    kind = verdict.kind or "bad_response"
    limited = kind == "rate_limited"
    message = _sentence(answer, verdict)
    if tally.retries:
        message = f"{message} (sent {tally.sendings} times)"
    raise VendorError(
        message,
        kind=kind,
        request=answer.request,
        response=answer.response if answer.response.status else None,
        retry_after=verdict.wait,
        details=answer.body,
        said=verdict.message,
        hint=_when_again(verdict) if limited and verdict.wait else _BEGIN_AGAIN if verdict.action == "restart" else "",
    )


_BEGIN_AGAIN = "the listing has to begin again: run the operation without a cursor"


def _when_again(verdict: ResponseClassification) -> str:
    wait = verdict.wait or 0.0
    if verdict.longest is not None and wait > verdict.longest:
        return f"wait {wait:g} s; it is not waited for, because `max_wait_seconds` is {verdict.longest:g}"
    return f"wait {wait:g} s, or let it be waited for (conn run --wait)"


def _refuse(answer: Answer, verdict: ResponseClassification, *, renewed: bool) -> NoReturn:
    again = " even after it was renewed" if renewed else ""
    raise CredentialError(
        f"the vendor refuses the account's credential{again}: {_sentence(answer, verdict)}",
        hint="log the account in again: `conn auth login ACCOUNT`",
    )


def _sentence(answer: Answer, verdict: ResponseClassification) -> str:
    """One line: what was asked, and the vendor's words."""
    return f"{_describe_request(answer)}: {verdict.message}" if verdict.message else _describe_request(answer)


def _add_request(problem: VendorError, answer: Answer) -> VendorError:
    """An answer's problem with what was asked before it; a missing answer's says that already."""
    if not isinstance(problem, TransportError):
        problem.message = f"{_describe_request(answer)}: {problem.message}"
        problem.args = (problem.message,)
    return problem


def _describe_request(answer: Answer) -> str:
    """Status, method and path, as it was before it had a credential; never the query, which may hold a secret."""
    path = split_plain_url(str(answer.sent.get("url") or answer.request.url)).path or "/"
    from_ = f"{answer.response.status} from" if answer.response.status else "no answer to"
    return f"{from_} {answer.request.method} {path[:200]}"
