"""Read a response's rate limit, and write it in the one form that leaves the engine.

The vendor's header names never leave it: some use the IETF names for something else.
"""

import math
from dataclasses import dataclass, field

from conn_engine.responses.ratelimit.quota import Quota
from conn_engine.responses.ratelimit.settings import QuotaSettings, RateLimit
from conn_engine.responses.ratelimit.standard import read_standard_quotas
from conn_engine.responses.waits import (
    ValueLocation,
    find_longest_wait,
    read_value,
    read_vendor_time,
    read_wait,
    to_number,
)
from conn_engine.settings import Answer

__all__ = ["RateState", "format_quotas", "read_rate_state"]

_LARGEST = 10**15 - 1  # the largest integer of a structured field


@dataclass(frozen=True, slots=True)
class RateState:
    """Whether a response reports that the limit is reached, and what the caller may see of it.

    `headers` (lower-case names): ratelimit-limit, ratelimit-remaining, ratelimit-reset (whole seconds from now),
    ratelimit-policy, ratelimit, and retry-after when limited. `retry_after` is in seconds: always set when limited,
    else only when the vendor specifies it. `pace` is the seconds between requests from now on, when a quota runs low.
    `longest_wait` is the setting `max_wait_seconds`, as configured.
    """

    limited: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    pace: float | None = None
    longest_wait: float | str | None = None


def read_rate_state(settings: RateLimit | None, answer: Answer, now: float) -> RateState:
    """Return the rate limit that a response reports, by the settings or (None) by the standard headers. `now` is in
    Unix seconds.

    Values that are malformed, negative or absurd are ignored. A time is compared with the vendor's clock (its Date
    header) if there is one, so that a wrong clock on either side cancels out.
    """
    limit_settings = settings or RateLimit()
    clock = read_vendor_time(answer, now)
    quota_settings = limit_settings.quotas()
    quotas = (
        [_read_quota(window, answer, clock) for window in quota_settings]
        if quota_settings
        else read_standard_quotas(answer, clock)
    )
    quotas = [quota for quota in quotas if (quota.limit, quota.remaining, quota.reset) != (None, None, None)]
    limited = _is_limited(limit_settings, answer)
    retry_after = _read_retry_after(limit_settings, answer, clock, limited=limited)
    if not limited:
        return RateState(
            False,
            format_quotas(quotas),
            retry_after,
            _compute_pace(limit_settings, quotas),
            limit_settings.max_wait_seconds,
        )
    resets = [quota.reset for quota in quotas if quota.exhausted and quota.reset is not None]
    waits = [*([retry_after] if retry_after is not None else []), *resets]
    seconds = math.ceil(max(1.0, *waits) if waits else limit_settings.default_wait_seconds)
    if not any(quota.remaining is not None for quota in quotas):
        quotas = [*quotas, Quota("default", remaining=0, reset=seconds)]
    headers = {**format_quotas(quotas), "retry-after": str(seconds)}
    return RateState(
        True, headers, float(seconds), _compute_pace(limit_settings, quotas), limit_settings.max_wait_seconds
    )


def _is_limited(limit_settings: RateLimit, answer: Answer) -> bool:
    if limit_settings.limited_when is None:
        return answer.response.status == 429
    return answer.holds(limit_settings.limited_when)


def _read_retry_after(limit_settings: RateLimit, answer: Answer, clock: float, *, limited: bool) -> float | None:
    sources = (
        limit_settings.retry_after
        if isinstance(limit_settings.retry_after, tuple)
        else (limit_settings.retry_after or "retry-after",)
    )
    # A time of day is always known; wait for it only when the limit is reached.
    applicable = [
        source for source in sources if limited or not (isinstance(source, ValueLocation) and source.at is not None)
    ]
    return find_longest_wait(applicable, answer, clock)


def _read_quota(window: QuotaSettings, answer: Answer, clock: float) -> Quota:
    name = read_value(window.name, answer) if isinstance(window.name, ValueLocation) else window.name
    limit = to_number(read_value(window.limit, answer))
    remaining = to_number(read_value(window.remaining, answer))
    used = to_number(read_value(window.used, answer))
    if remaining is None and used is not None and limit is not None:
        remaining = max(0.0, limit - used)
    reset = read_wait(window.reset, answer, clock, window.reset_unit)
    restore = to_number(read_value(window.restore_per_second, answer))
    if reset is None and restore and remaining is not None:
        reset = max(0.0, 1 - remaining) / restore
    length = to_number(read_value(window.window_seconds, answer))
    return Quota(name if isinstance(name, str) and name else "default", limit, remaining, reset, length or None)


def _compute_pace(limit_settings: RateLimit, quotas: list[Quota]) -> float | None:
    """Return the seconds between requests from now on, when a quota runs low; None if there is no need to slow down."""
    if limit_settings.slow_when_remaining is None:
        return None
    low = [
        quota
        for quota in quotas
        if quota.remaining is not None and quota.remaining <= limit_settings.slow_when_remaining
    ]
    paces = [quota.reset / (math.floor(quota.remaining or 0) + 1) for quota in low if quota.reset]
    return max(paces, default=None)


def format_quotas(quotas: list[Quota]) -> dict[str, str]:
    """Return the headers that report quotas, in the names of the IETF drafts."""
    out: dict[str, str] = {}
    complete = [q for q in quotas if q.limit is not None and q.remaining is not None and q.reset is not None]
    if complete:
        binding = min(complete, key=_pressure)
        out["ratelimit-limit"] = _integer(binding.limit)
        out["ratelimit-remaining"] = _integer(binding.remaining)
        out["ratelimit-reset"] = _ceiling(binding.reset)
    policies = [_format_policy(quota) for quota in quotas if quota.limit is not None]
    states = [_format_state(quota) for quota in quotas if quota.remaining is not None]
    if policies:
        out["ratelimit-policy"] = ", ".join(policies)
    if states:
        out["ratelimit"] = ", ".join(states)
    return out


def _pressure(quota: Quota) -> tuple[bool, float]:
    """Sort key: an exhausted quota first, then the one with the smallest share left."""
    return not quota.exhausted, (quota.remaining or 0.0) / (quota.limit or 1.0)


def _format_policy(quota: Quota) -> str:
    window = f";w={_ceiling(quota.window)}" if quota.window else ""
    return f"{_quote(quota.name)};q={_integer(quota.limit)}{window}"


def _format_state(quota: Quota) -> str:
    reset = f";t={_ceiling(quota.reset)}" if quota.reset is not None else ""
    return f"{_quote(quota.name)};r={_integer(quota.remaining)}{reset}"


def _integer(value: float | None) -> str:
    return str(min(_LARGEST, math.floor(value or 0)))


def _ceiling(value: float | None) -> str:
    return str(min(_LARGEST, math.ceil(value or 0)))


def _quote(text: str) -> str:
    """Return a structured-field string (RFC 9651): printable ASCII, quoted."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text[:64])
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
