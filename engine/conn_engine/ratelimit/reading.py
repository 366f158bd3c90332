"""Reading an answer's rate limit, and writing it in the one form that leaves the engine.

What the vendor's own headers are called never leaves it: some use the IETF's names for something else.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from conn_engine.ratelimit.moments import Unit, http_date, numeric, seconds_from_now
from conn_engine.ratelimit.quota import Quota
from conn_engine.ratelimit.settings import RateLimit, Source, Value, Window
from conn_engine.ratelimit.standard import standard_quotas
from conn_engine.strategies import Answer

__all__ = ["RateState", "read"]

_LARGEST = 10**15 - 1  # what a structured-field integer may be


@dataclass(frozen=True, slots=True)
class RateState:
    """Whether an answer says that the limit is reached, and what the caller may see of it.

    `headers` (lower-case names): ratelimit-limit, ratelimit-remaining, ratelimit-reset (whole seconds from
    now), ratelimit-policy, ratelimit, and retry-after when limited. `retry_after` is in seconds: always
    given when limited, else only when the vendor says one.
    """

    limited: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None


def read(settings: RateLimit | None, answer: Answer, now: float) -> RateState:
    """What an answer says of rate limits, by the settings or (None) by the standard headers. `now` is Unix
    seconds.

    Values that are malformed, negative or absurd are left out. A moment is compared with the vendor's own
    clock, its Date header, when there is one: a wrong clock on either side cancels out.
    """
    told = settings or RateLimit()
    clock = _vendor_clock(answer, now)
    described = told.quotas()
    quotas = [_quota(window, answer, clock) for window in described] if described else standard_quotas(answer, clock)
    quotas = [quota for quota in quotas if (quota.limit, quota.remaining, quota.reset) != (None, None, None)]
    limited = _limited(told, answer)
    asked = _retry_after(told, answer, clock)
    if not limited:
        return RateState(False, _headers(quotas), asked)
    resets = [quota.reset for quota in quotas if quota.exhausted and quota.reset is not None]
    waits = [*([asked] if asked is not None else []), *resets]
    wait = max(1.0, *waits) if waits else told.default_wait_seconds
    seconds = math.ceil(wait)
    if not any(quota.remaining is not None for quota in quotas):
        quotas = [*quotas, Quota("default", remaining=0, reset=seconds)]
    return RateState(True, {**_headers(quotas), "retry-after": str(seconds)}, float(seconds))


def _limited(told: RateLimit, answer: Answer) -> bool:
    if told.limited_when is None:
        return answer.response.status == 429
    return answer.holds(told.limited_when)


def _vendor_clock(answer: Answer, now: float) -> float:
    told = http_date(answer.response.headers.get("date", "")[:100])
    return now if told is None else told


def _retry_after(told: RateLimit, answer: Answer, clock: float) -> float | None:
    sources: Iterable[Value]
    if told.retry_after is None:
        sources = ("retry-after",)
    elif isinstance(told.retry_after, tuple):
        sources = told.retry_after
    else:
        sources = (told.retry_after,)
    waits = (seconds_from_now(_value(source, answer), _unit(source, "auto"), clock) for source in sources)
    return max((wait for wait in waits if wait is not None), default=None)


def _quota(window: Window, answer: Answer, clock: float) -> Quota:
    name = _value(window.name, answer) if isinstance(window.name, Source) else window.name
    limit = numeric(_value(window.limit, answer))
    remaining = numeric(_value(window.remaining, answer))
    used = numeric(_value(window.used, answer))
    if remaining is None and used is not None and limit is not None:
        remaining = max(0.0, limit - used)
    unit = _unit(window.reset, window.reset_unit)
    reset = seconds_from_now(_value(window.reset, answer), unit, clock)
    restore = numeric(_value(window.restore_per_second, answer))
    if reset is None and restore and remaining is not None:
        reset = max(0.0, 1 - remaining) / restore
    length = numeric(_value(window.window_seconds, answer))
    return Quota(name if isinstance(name, str) and name else "default", limit, remaining, reset, length or None)


def _unit(value: Value | None, default: Unit) -> Unit:
    return value.unit if isinstance(value, Source) and value.unit is not None else default


def _value(value: Value | None, answer: Answer) -> Any:
    """What is found at a place: a JSON value or a text; None where there is nothing."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return answer.response.headers.get(value)
    found: Any = answer.response.headers.get(value.header) if value.header else _asked(value.body or "", answer)
    if value.pattern is not None:
        found = None if found is None else _matched(value.pattern, str(found), value.group)
    amount = numeric(found) if value.scale != 1.0 else None
    return found if amount is None else amount * value.scale


def _matched(pattern: str, text: str, group: int) -> str | None:
    from conn_engine.expressions import groups_of

    groups = groups_of(pattern, text)
    return groups[group] if groups is not None and group < len(groups) else None


def _asked(text: str, answer: Answer) -> Any:
    from conn_engine.expressions import UNDEFINED

    found = answer.ask(text)
    return None if found is UNDEFINED else found


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
