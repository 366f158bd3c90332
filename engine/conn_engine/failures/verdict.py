"""Which rule an answer meets. What is then done is in `attempts`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from conn_engine.errors import ErrorKind
from conn_engine.failures.message import MAX_MESSAGE, vendor_message
from conn_engine.failures.rules import DEFAULT_RULES, Action, Fail, Final, RateLimited, Retry, Rule
from conn_engine.strategies import Answer

__all__ = ["DEFAULT_WAIT_SECONDS", "LimitState", "Verdict", "classify", "usual_kind"]

DEFAULT_WAIT_SECONDS = 60.0
_LONGEST_WAIT = 366 * 86_400.0


class LimitState(Protocol):
    """What is known of an answer's rate limit (see `ratelimit.RateState`)."""

    @property
    def limited(self) -> bool:
        """Whether the answer says that the limit is reached."""
        ...

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, when the vendor says so."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means.

    `kind` is set for what is, or may become, an error. `times` and `backoff` (seconds before each retry, in
    order) belong to `retry`, `otherwise` is what follows when they are used up. `wait` is seconds, for
    `rate_limited` always.
    """

    action: Action
    kind: ErrorKind | None = None
    message: str = ""
    times: int = 0
    backoff: tuple[float, ...] = ()
    wait: float | None = None
    otherwise: Final = "fail"


_FINE = Verdict("ok")


def classify(rules: Sequence[Rule], answer: Answer, state: LimitState | None = None) -> Verdict:
    """The verdict of the first rule that holds: the connector's, then the rate limit, then `DEFAULT_RULES`.

    Raises ExpressionError when a rule's expression fails.
    """
    rule = next((rule for rule in rules if answer.holds(rule.when)), None)
    if rule is not None:
        return _verdict(rule, answer, state)
    if state is not None and state.limited:
        return _limited(RateLimited(), answer, state)
    if answer.response.status < 300:
        return _FINE
    rule = next((rule for rule in DEFAULT_RULES if answer.holds(rule.when)), None)
    return _FINE if rule is None else _verdict(rule, answer, state)


def usual_kind(status: int) -> ErrorKind:
    """The kind of error that a status usually means; `bad_response` for a status that is no error."""
    if status == 401:
        return "unauthorized"
    if status in (402, 403, 407, 451):
        return "forbidden"
    if status in (404, 410):
        return "not_found"
    if status in (409, 412, 423):
        return "conflict"
    if status == 429:
        return "rate_limited"
    if status >= 500 or status in (408, 425):
        return "vendor_unavailable"
    return "invalid_request" if status >= 400 else "bad_response"


def _verdict(rule: Rule, answer: Answer, state: LimitState | None) -> Verdict:
    then = rule.then
    if isinstance(then, str):
        return _plain(then, answer, state)
    if then.rate_limited is not None:
        return _limited(then.rate_limited, answer, state)
    if then.retry is not None:
        return _retry(then.retry, answer, state)
    return _failed(then.fail or Fail(), answer)


def _plain(action: Action, answer: Answer, state: LimitState | None) -> Verdict:
    if action == "rate_limited":
        return _limited(RateLimited(), answer, state)
    if action == "retry":
        return _retry(Retry(), answer, state)
    if action == "fail":
        return _failed(Fail(), answer)
    if action == "refresh_credentials":
        return Verdict(action, kind="unauthorized", message=_said(None, answer))
    return Verdict(action)


def _failed(options: Fail, answer: Answer) -> Verdict:
    kind = options.kind or usual_kind(answer.response.status)
    return Verdict("fail", kind=kind, message=_said(options.message, answer))


def _limited(options: RateLimited, answer: Answer, state: LimitState | None) -> Verdict:
    wait = _seconds(options.wait, answer)
    if wait is None:
        wait = state.retry_after if state is not None else _retry_after(answer)
    message = _said(options.message, answer)
    return Verdict("rate_limited", "rate_limited", message, wait=DEFAULT_WAIT_SECONDS if wait is None else wait)


def _retry(options: Retry, answer: Answer, state: LimitState | None) -> Verdict:
    final = options.then if isinstance(options.then, Fail) else Fail()
    failed = _failed(final, answer)
    factor = 2 if options.backoff == "exponential" else 1
    said = _seconds(options.wait, answer)
    if said is None and options.wait is None:
        said = state.retry_after if state is not None else _retry_after(answer)
    pauses = tuple(options.backoff_seconds * factor**n for n in range(options.times))
    return Verdict(
        "retry",
        kind=failed.kind,
        message=failed.message,
        times=options.times,
        backoff=pauses,
        wait=said,
        otherwise="fail" if isinstance(options.then, Fail) else options.then,
    )


def _seconds(expression: str | None, answer: Answer) -> float | None:
    value: Any = answer.ask(expression) if expression is not None else None
    if isinstance(value, str):
        try:
            value = float(value[:40])
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        return None
    return min(float(value), _LONGEST_WAIT)


def _retry_after(answer: Answer) -> float | None:
    value = answer.response.headers.get("retry-after", "").strip()
    return min(float(value), _LONGEST_WAIT) if value.isascii() and value.isdigit() and len(value) < 12 else None


def _said(expression: str | None, answer: Answer) -> str:
    if expression is not None:
        value = answer.ask(expression)
        if isinstance(value, str) and value.strip():
            return " ".join(value.split())[:MAX_MESSAGE]
    return vendor_message(answer.body)
