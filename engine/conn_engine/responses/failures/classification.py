"""Find the rule that applies to a response. `attempts` carries out the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from conn_engine.errors import ErrorKind, TransportError
from conn_engine.responses.failures.message import MAX_MESSAGE, find_vendor_message
from conn_engine.responses.failures.rules import (
    DEFAULT_RULES,
    Action,
    Fail,
    Final,
    Narrow,
    RateLimited,
    RestartAction,
    Retry,
    Rule,
    Waits,
)
from conn_engine.responses.waits import ValueLocation, read_vendor_time, read_wait
from conn_engine.settings import Answer

__all__ = ["DEFAULT_WAIT_SECONDS", "LimitState", "ResponseClassification", "classify", "default_kind"]

DEFAULT_WAIT_SECONDS = 60.0
_LONGEST_WAIT = 366 * 86_400.0


class LimitState(Protocol):
    """The rate limit of a response (see `responses.ratelimit.RateState`)."""

    @property
    def limited(self) -> bool:
        """Whether the response reports that the limit is reached."""
        ...

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, if the vendor specifies them."""
        ...

    @property
    def longest_wait(self) -> float | str | None:
        """The maximum wait, as configured."""
        ...


@dataclass(frozen=True, slots=True)
class ResponseClassification:
    """What a response means.

    `kind` is set for anything that is, or may become, an error. `times` and `backoff` (seconds before each retry, in
    order) belong to `retry`, `times` also to `restart` and `narrow`; `otherwise` is the action when they are used up.
    `wait` is in seconds and always set for `rate_limited`; `longest` is the maximum wait. `key` belongs to `restart`.
    `ruled` is set when a rule of the connector decided.
    """

    action: Action
    kind: ErrorKind | None = None
    message: str = ""
    times: int = 0
    backoff: tuple[float, ...] = ()
    wait: float | None = None
    longest: float | None = None
    otherwise: Final = "fail"
    key: str = ""
    ruled: bool = False


_FINE = ResponseClassification("ok")


def classify(
    rules: Sequence[Rule],
    answer: Answer,
    state: LimitState | None = None,
    *,
    attempt: int = 1,
    now: float = 0.0,
) -> ResponseClassification:
    """Return the result of the first rule that applies: the connector's rules, then the rate limit, then
    `DEFAULT_RULES`.

    Without a response, only rules that use `fault` apply, and without such a rule the action is `fail`. `attempt`
    counts from 1, and `now` is in Unix seconds. Raises ExpressionError when a rule's expression fails.
    """
    is_lost = isinstance(answer.problem, TransportError)
    for rule in rules:
        if (not is_lost or reads_fault(rule)) and answer.holds(rule.when, attempt=attempt):
            return _Classifier(answer, state, attempt, now, ruled=True).apply(rule)
    classifier = _Classifier(answer, state, attempt, now, ruled=False)
    if is_lost:
        return classifier.to_failed(Fail())
    if state is not None and state.limited:
        return classifier.to_limited(RateLimited())
    if answer.response.status < 300:
        return _FINE
    default_rule = next((rule for rule in DEFAULT_RULES if answer.holds(rule.when)), None)
    return _FINE if default_rule is None else classifier.apply(default_rule)


def reads_fault(rule: Rule) -> bool:
    """Return whether a rule also covers missing responses: its condition reads `fault`."""
    from conn_engine.expressions import expression

    if "fault" not in rule.when:
        return False
    roots = expression(rule.when).roots()
    return roots is not None and "fault" in roots


def default_kind(status: int) -> ErrorKind:
    """Return the kind of error of a status; `bad_response` for a status that is not an error, and 0 means no
    response."""
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
    if status >= 500 or status in (0, 408, 425):
        return "vendor_unavailable"
    return "invalid_request" if status >= 400 else "bad_response"


@dataclass(frozen=True, slots=True)
class _Classifier:
    """Classifies one response."""

    answer: Answer
    state: LimitState | None
    attempt: int
    now: float
    ruled: bool

    def apply(self, rule: Rule) -> ResponseClassification:
        then = rule.then
        if isinstance(then, str):
            return self._plain(then)
        if then.rate_limited is not None:
            return self.to_limited(then.rate_limited)
        if then.retry is not None:
            return self._retry(then.retry)
        if then.restart is not None:
            return self._restart(then.restart)
        if then.narrow is not None:
            return self._narrow(then.narrow)
        return self.to_failed(then.fail or Fail())

    def _plain(self, action: Action) -> ResponseClassification:
        if action == "rate_limited":
            return self.to_limited(RateLimited())
        if action == "retry":
            return self._retry(Retry())
        if action == "restart":
            return self._restart(RestartAction())
        if action == "narrow":
            return self._narrow(Narrow())
        if action == "fail":
            return self.to_failed(Fail())
        if action == "refresh_credentials":
            return ResponseClassification(
                action, kind="unauthorized", message=self._read_message(None), ruled=self.ruled
            )
        return ResponseClassification(action, ruled=self.ruled)

    def to_failed(self, options: Fail) -> ResponseClassification:
        kind = options.kind or default_kind(self.answer.response.status)
        return ResponseClassification("fail", kind=kind, message=self._read_message(options.message), ruled=self.ruled)

    def to_limited(self, options: RateLimited) -> ResponseClassification:
        seconds = self._wait(options.wait)
        if seconds is None:
            seconds = self.state.retry_after if self.state is not None else _retry_after(self.answer)
        return ResponseClassification(
            "rate_limited",
            "rate_limited",
            self._read_message(options.message),
            wait=DEFAULT_WAIT_SECONDS if seconds is None else seconds,
            longest=self._longest(options.max_wait_seconds),
            ruled=self.ruled,
        )

    def _retry(self, options: Retry) -> ResponseClassification:
        final = options.then if isinstance(options.then, Fail) else Fail()
        failed = self.to_failed(final)
        factor = 2 if options.backoff == "exponential" else 1
        wait_seconds = self._wait(options.wait)
        if wait_seconds is None and options.wait is None:
            wait_seconds = self.state.retry_after if self.state is not None else _retry_after(self.answer)
        return ResponseClassification(
            "retry",
            kind=failed.kind,
            message=failed.message,
            times=options.times,
            backoff=tuple(options.backoff_seconds * factor**n for n in range(options.times)),
            wait=wait_seconds,
            longest=self._longest(options.max_wait_seconds),
            otherwise="fail" if isinstance(options.then, Fail) else options.then,
            ruled=self.ruled,
        )

    def _restart(self, options: RestartAction) -> ResponseClassification:
        failed = self.to_failed(Fail())
        return ResponseClassification(
            "restart",
            kind=failed.kind,
            message=failed.message,
            times=options.times,
            wait=options.wait_seconds,
            key=options.key,
            ruled=self.ruled,
        )

    def _narrow(self, options: Narrow) -> ResponseClassification:
        failed = self.to_failed(Fail())
        return ResponseClassification(
            "narrow", kind=failed.kind, message=failed.message, times=options.times, ruled=self.ruled
        )

    def _wait(self, waits: Waits | None) -> float | None:
        """Return the longest of the configured waits, in seconds."""
        clock = read_vendor_time(self.answer, self.now)
        all_waits = () if waits is None else waits if isinstance(waits, tuple) else (waits,)
        seconds_of_waits = [
            read_wait(location, self.answer, clock) if isinstance(location, ValueLocation) else self._seconds(location)
            for location in all_waits
        ]
        longest = max((seconds for seconds in seconds_of_waits if seconds is not None), default=None)
        return None if longest is None else min(longest, _LONGEST_WAIT)

    def _longest(self, configured: float | str | None) -> float | None:
        if configured is None and self.state is not None:
            configured = self.state.longest_wait
        return self._seconds(configured) if isinstance(configured, str) else configured

    def _seconds(self, expression: str) -> float | None:
        value: Any = self.answer.ask(expression, attempt=self.attempt)
        if isinstance(value, str):
            try:
                value = float(value[:40])
            except ValueError:
                return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            return None
        return min(float(value), _LONGEST_WAIT)

    def _read_message(self, expression: str | None) -> str:
        if expression is not None:
            value = self.answer.ask(expression, attempt=self.attempt)
            if isinstance(value, str) and value.strip():
                return " ".join(value.split())[:MAX_MESSAGE]
        if self.answer.problem is not None:
            return self.answer.problem.message
        return find_vendor_message(self.answer.body)


def _retry_after(answer: Answer) -> float | None:
    value = answer.response.headers.get("retry-after", "").strip()
    return min(float(value), _LONGEST_WAIT) if value.isascii() and value.isdigit() and len(value) < 12 else None
