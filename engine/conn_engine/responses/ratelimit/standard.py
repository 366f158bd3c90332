"""The customary rate-limit headers, read when a connector describes none: the IETF drafts in their three
forms and `X-RateLimit-…`. A vendor that means something else by these names needs settings of its own."""

import re

from conn_engine.responses.ratelimit.quota import Quota
from conn_engine.responses.waits import numeric, seconds_from_now
from conn_engine.settings import Answer

__all__ = ["standard_quotas"]

_PREFIXES = ("ratelimit-", "x-ratelimit-", "x-rate-limit-")
_MEMBERS = re.compile(r"(limit|remaining|reset)\s*=\s*(\d{1,15})")
_ITEM = re.compile(
    r'\s*("(?:[^"\\]|\\.)*"|[A-Za-z][\w.*-]*)((?:\s*;\s*[a-z]{1,8}\s*=\s*(?:\d{1,15}|"[^"]*"))*)\s*(?:,|$)'
)
_PARAM = re.compile(r";\s*([a-z]{1,8})\s*=\s*(\d{1,15})")
_MAX_HEADER = 4_096


def standard_quotas(answer: Answer, clock: float) -> list[Quota]:
    """The quotas that an answer's customary headers tell; `clock` is the vendor's time in Unix seconds."""
    headers = answer.response.headers
    combined = headers.get("ratelimit", "")[:_MAX_HEADER]
    members = {name: float(value) for name, value in _MEMBERS.findall(combined)}
    if "remaining" in members:  # draft 07: one dictionary
        return [Quota("default", members.get("limit"), members["remaining"], members.get("reset"))]
    items = _items(combined)
    if items:  # draft 08 and later: a list of named quotas, their sizes in RateLimit-Policy
        policies = dict(_items(headers.get("ratelimit-policy", "")[:_MAX_HEADER]))
        # One quota and one policy belong together, whatever they are called.
        single = next(iter(policies.values())) if len(items) == len(policies) == 1 else {}
        found = [(name, told, policies.get(name, single)) for name, told in items]
        return [
            Quota(name, policy.get("q"), told.get("r"), told.get("t"), policy.get("w")) for name, told, policy in found
        ]
    for prefix in _PREFIXES:
        limit, remaining = numeric(headers.get(prefix + "limit")), numeric(headers.get(prefix + "remaining"))
        reset = seconds_from_now(headers.get(prefix + "reset"), "auto", clock)
        if (limit, remaining, reset) != (None, None, None):
            return [Quota("default", limit, remaining, reset)]
    return []


def _items(text: str) -> list[tuple[str, dict[str, float]]]:
    out: list[tuple[str, dict[str, float]]] = []
    at = 0
    while at < len(text):
        found = _ITEM.match(text, at)
        if not found or found.end() == at:
            break
        name = re.sub(r"\\(.)", r"\1", found[1][1:-1]) if found[1].startswith('"') else found[1]
        out.append((name, {key: float(value) for key, value in _PARAM.findall(found[2])}))
        at = found.end()
    return out
