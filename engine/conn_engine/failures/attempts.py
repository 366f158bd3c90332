"""One request brought to a verdict: sent, retried, its credential renewed once, or an error raised.

Building requests, decoding answers and reading rate limits are the caller's, and so is what a page is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn
from urllib.parse import urlsplit

from conn_engine.errors import CredentialError, TransportError, VendorError
from conn_engine.failures.rules import Rule
from conn_engine.failures.verdict import LimitState, Verdict, classify
from conn_engine.strategies import Answer
from conn_engine.wire import Clock, Flow, Request, Response, Wait

__all__ = ["Policy", "attempt"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the caller is.

    `wait`: whether a rate limit is waited out; `max_wait_seconds` bounds all such pauses of one request
    together, and a limit that asks for more is raised at once. A fault in transit is tried again
    `transport_retries` times, as long as less than `transport_seconds` have passed: an unknown or hanging
    host must not take half a minute to report.
    """

    wait: bool = False
    max_wait_seconds: float = 300.0
    transport_retries: int = 2
    transport_seconds: float = 3.0


@dataclass(slots=True)
class _Tally:
    """What one request has cost so far."""

    started: float
    retries: int = 0
    faults: int = 0
    waited: float = 0.0
    renewed: bool = False


def attempt(
    make: Callable[[], Request],
    decode: Callable[[Request, Response], Answer],
    rules: Sequence[Rule],
    *,
    rate: Callable[[Answer], LimitState],
    clock: Clock,
    renew: Callable[[], Flow[object]] | None = None,
    policy: Policy | None = None,
) -> Flow[tuple[Answer, Verdict]]:
    """Send the request that `make` builds until there is a verdict: `ok`, `empty` or `skip`.

    `make` is called again for every sending, so that it can use a renewed credential. `renew` is run once at
    most; None says that the credential cannot be renewed. An answer that a rule calls empty or skipped comes
    back without body and records. Raises CredentialError for a refused credential, VendorError for every
    other error (for a rate limit with `retry_after`), TransportError when there is no answer.
    """
    policy = policy or Policy()
    tally = _Tally(clock.now())
    while True:
        request = make()
        try:
            response: Response = yield request
        except TransportError as fault:
            pause = _transport_pause(fault, request, tally, policy, clock)
            if pause is None:
                raise
            yield Wait(pause, "the connection failed")
            continue
        answer = decode(request, response)
        verdict = classify(rules, answer, rate(answer))
        if verdict.action in ("ok", "empty", "skip"):
            return _settled(answer, verdict, verdict.action)
        if verdict.action == "refresh_credentials":
            if renew is None or tally.renewed:
                _refuse(answer, verdict, renewed=tally.renewed)
            tally.renewed = True
            yield from renew()
            continue
        pause = _pause(verdict, request, tally, policy)
        if pause is not None:
            yield Wait(pause, _reason(verdict, answer))
            continue
        if verdict.action == "retry" and verdict.otherwise != "fail":
            return _settled(answer, verdict, verdict.otherwise)
        _raise(answer, verdict, tally)


def _settled(answer: Answer, verdict: Verdict, action: str) -> tuple[Answer, Verdict]:
    if action == "ok":
        return answer, replace(verdict, action="ok")
    bare = replace(answer, body=None, records=[])
    return bare, replace(verdict, action="skip" if action == "skip" else "empty")


def _transport_pause(
    fault: TransportError, request: Request, tally: _Tally, policy: Policy, clock: Clock
) -> float | None:
    """Seconds before a request without an answer is sent again; None when it must not be."""
    pause = float(0.5 * 2**tally.faults)
    late = clock.now() - tally.started + pause > policy.transport_seconds
    if not fault.retryable or not request.idempotent or tally.faults >= policy.transport_retries or late:
        return None
    tally.faults += 1
    return pause


def _pause(verdict: Verdict, request: Request, tally: _Tally, policy: Policy) -> float | None:
    """Seconds before the request is sent again because of its answer; None when it is not sent again.

    A rate-limited request was refused and not carried out: it may be sent again even when it writes.
    """
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
        if verdict.wait > policy.max_wait_seconds or (verdict.wait > 10 and not policy.wait):
            return None
        pause = verdict.wait
    tally.retries += 1
    return pause


def _reason(verdict: Verdict, answer: Answer) -> str:
    return "rate limited" if verdict.action == "rate_limited" else f"status {answer.response.status}"


def _raise(answer: Answer, verdict: Verdict, tally: _Tally) -> NoReturn:
    if verdict.kind == "unauthorized":
        _refuse(answer, verdict, renewed=tally.renewed)
    kind = verdict.kind or "bad_response"
    limited = kind == "rate_limited"
    message = _sentence(answer, verdict)
    if tally.retries:
        message = f"{message} (sent {tally.retries + 1} times)"
    raise VendorError(
        message,
        kind=kind,
        request=answer.request,
        response=answer.response,
        retry_after=verdict.wait,
        details=answer.body,
        said=verdict.message,
        hint=f"wait {verdict.wait:g} s, or let it be waited for (conn run --wait)" if limited and verdict.wait else "",
    )


def _refuse(answer: Answer, verdict: Verdict, *, renewed: bool) -> NoReturn:
    again = " even after it was renewed" if renewed else ""
    raise CredentialError(
        f"the vendor refuses the account's credential{again}: {_sentence(answer, verdict)}",
        hint="log the account in again: `conn auth login ACCOUNT`",
    )


def _sentence(answer: Answer, verdict: Verdict) -> str:
    """One line: status, method and path (never the query: it may hold a secret), and the vendor's words."""
    path = urlsplit(answer.request.url).path or "/"
    said = f": {verdict.message}" if verdict.message else ""
    return f"{answer.response.status} from {answer.request.method} {path[:200]}{said}"
