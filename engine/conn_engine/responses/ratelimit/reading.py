"""Reading an answer's rate limit, and writing it in the one form that leaves the engine.

What the vendor's own headers are called never leaves it: some use the IETF's names for something else.
"""

import math
from dataclasses import dataclass, field

from conn_engine.responses.ratelimit.quota import Quota
from conn_engine.responses.ratelimit.settings import QuotaSettings, RateLimit
from conn_engine.responses.ratelimit.standard import standard_quotas
from conn_engine.responses.waits import ValueLocation, longest, numeric, read_value, vendor_clock, wait
from conn_engine.settings import Answer

__all__ = ["RateState", "read"]

_LARGEST = 10**15 - 1  # what a structured-field integer may be


@dataclass(frozen=True, slots=True)
class RateState:
    """Whether an answer says that the limit is reached, and what the caller may see of it.

    `headers` (lower-case names): ratelimit-limit, ratelimit-remaining, ratelimit-reset (whole seconds from
    now), ratelimit-policy, ratelimit, and retry-after when limited. `retry_after` is in seconds: always
    given when limited, else only when the vendor says one. `pace` is the seconds between requests from now on, when a
    quota runs low. `longest_wait` is the setting `max_wait_seconds`, as written.
    """

    limited: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    pace: float | None = None
    longest_wait: float | str | None = None


def read(settings: RateLimit | None, answer: Answer, now: float) -> RateState:
    """What an answer says of rate limits, by the settings or (None) by the standard headers. `now` is Unix
    seconds.

    Values that are malformed, negative or absurd are left out. A moment is compared with the vendor's own
    clock, its Date header, when there is one: a wrong clock on either side cancels out.
    """
    told = settings or RateLimit()
    clock = vendor_clock(answer, now)
    described = told.quotas()
    quotas = [_quota(window, answer, clock) for window in described] if described else standard_quotas(answer, clock)
    quotas = [quota for quota in quotas if (quota.limit, quota.remaining, quota.reset) != (None, None, None)]
    limited = _is_limited(told, answer)
    asked = _retry_after(told, answer, clock, limited=limited)
    if not limited:
        return RateState(False, _headers(quotas), asked, _pace(told, quotas), told.max_wait_seconds)
    resets = [quota.reset for quota in quotas if quota.exhausted and quota.reset is not None]
    waits = [*([asked] if asked is not None else []), *resets]
    seconds = math.ceil(max(1.0, *waits) if waits else told.default_wait_seconds)
    if not any(quota.remaining is not None for quota in quotas):
        quotas = [*quotas, Quota("default", remaining=0, reset=seconds)]
    headers = {**_headers(quotas), "retry-after": str(seconds)}
    return RateState(True, headers, float(seconds), _pace(told, quotas), told.max_wait_seconds)


def _is_limited(told: RateLimit, answer: Answer) -> bool:
    if told.limited_when is None:
        return answer.response.status == 429
    return answer.holds(told.limited_when)


def _retry_after(told: RateLimit, answer: Answer, clock: float, *, limited: bool) -> float | None:
    sources = told.retry_after if isinstance(told.retry_after, tuple) else (told.retry_after or "retry-after",)
    # A time of day comes whatever the answer is; it is worth waiting for only when the limit is reached.
    meant = [one for one in sources if limited or not (isinstance(one, ValueLocation) and one.at is not None)]
    return longest(meant, answer, clock)


def _quota(window: QuotaSettings, answer: Answer, clock: float) -> Quota:
    name = read_value(window.name, answer) if isinstance(window.name, ValueLocation) else window.name
    limit = numeric(read_value(window.limit, answer))
    remaining = numeric(read_value(window.remaining, answer))
    used = numeric(read_value(window.used, answer))
    if remaining is None and used is not None and limit is not None:
        remaining = max(0.0, limit - used)
    reset = wait(window.reset, answer, clock, window.reset_unit)
    restore = numeric(read_value(window.restore_per_second, answer))
    if reset is None and restore and remaining is not None:
        reset = max(0.0, 1 - remaining) / restore
    length = numeric(read_value(window.window_seconds, answer))
    return Quota(name if isinstance(name, str) and name else "default", limit, remaining, reset, length or None)


def _pace(told: RateLimit, quotas: list[Quota]) -> float | None:
    """Seconds between requests from now on, when a quota runs low; None when there is no hurry to slow down."""
    if told.slow_when_remaining is None:
        return None
    low = [quota for quota in quotas if quota.remaining is not None and quota.remaining <= told.slow_when_remaining]
    paces = [quota.reset / (math.floor(quota.remaining or 0) + 1) for quota in low if quota.reset]
    return max(paces, default=None)


def _headers(quotas: list[Quota]) -> dict[str, str]:
    out: dict[str, str] = {}
    whole = [q for q in quotas if q.limit is not None and q.remaining is not None and q.reset is not None]
    if whole:
        binding = min(whole, key=_pressure)
        out["ratelimit-limit"] = _integer(binding.limit)
        out["ratelimit-remaining"] = _integer(binding.remaining)
        out["ratelimit-reset"] = _ceiling(binding.reset)
    policies = [_policy(quota) for quota in quotas if quota.limit is not None]
    states = [_state(quota) for quota in quotas if quota.remaining is not None]
    if policies:
        out["ratelimit-policy"] = ", ".join(policies)
    if states:
        out["ratelimit"] = ", ".join(states)
    return out


def _pressure(quota: Quota) -> tuple[bool, float]:
    """Least first: an exhausted quota binds before all others, then the one with the smallest share left."""
    return not quota.exhausted, (quota.remaining or 0.0) / (quota.limit or 1.0)


def _policy(quota: Quota) -> str:
    window = f";w={_ceiling(quota.window)}" if quota.window else ""
    return f"{_string(quota.name)};q={_integer(quota.limit)}{window}"


def _state(quota: Quota) -> str:
    reset = f";t={_ceiling(quota.reset)}" if quota.reset is not None else ""
    return f"{_string(quota.name)};r={_integer(quota.remaining)}{reset}"


def _integer(value: float | None) -> str:
    return str(min(_LARGEST, math.floor(value or 0)))


def _ceiling(value: float | None) -> str:
    return str(min(_LARGEST, math.ceil(value or 0)))


def _string(text: str) -> str:
    """A structured-field string (RFC 9651): printable ASCII, quoted."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text[:64])
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
