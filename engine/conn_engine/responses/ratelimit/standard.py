"""The common rate-limit headers, read when a connector describes none: the IETF drafts in their three forms, and
`X-RateLimit-…`. A vendor that uses these names for something else needs its own settings."""

import re

from conn_engine.responses.ratelimit.quota import Quota
from conn_engine.responses.waits import seconds_from_now, to_number
from conn_engine.settings import Answer

__all__ = ["read_standard_quotas"]

_PREFIXES = ("ratelimit-", "x-ratelimit-", "x-rate-limit-")
_MEMBERS = re.compile(r"(limit|remaining|reset)\s*=\s*(\d{1,15})")
_ITEM = re.compile(
    r'\s*("(?:[^"\\]|\\.)*"|[A-Za-z][\w.*-]*)((?:\s*;\s*[a-z]{1,8}\s*=\s*(?:\d{1,15}|"[^"]*"))*)\s*(?:,|$)'
)
_PARAM = re.compile(r";\s*([a-z]{1,8})\s*=\s*(\d{1,15})")
_MAX_HEADER = 4_096


def read_standard_quotas(answer: Answer, clock: float) -> list[Quota]:
    """Return the quotas in a response's common headers. `clock` is the vendor's time in Unix seconds."""
    headers = answer.response.headers
    combined = headers.get("ratelimit", "")[:_MAX_HEADER]
    members = {name: float(value) for name, value in _MEMBERS.findall(combined)}
    if "remaining" in members:  # draft 07: one dictionary
        return [Quota("default", members.get("limit"), members["remaining"], members.get("reset"))]
    items = _parse_items(combined)
    if items:  # draft 08 and later: a list of named quotas, their sizes in RateLimit-Policy
        policies = dict(_parse_items(headers.get("ratelimit-policy", "")[:_MAX_HEADER]))
        # A single quota belongs to a single policy, whatever their names.
        single = next(iter(policies.values())) if len(items) == len(policies) == 1 else {}
        named_quotas = [(name, parameters, policies.get(name, single)) for name, parameters in items]
        return [
            Quota(name, policy.get("q"), parameters.get("r"), parameters.get("t"), policy.get("w"))
            for name, parameters, policy in named_quotas
        ]
    for prefix in _PREFIXES:
        limit, remaining = to_number(headers.get(prefix + "limit")), to_number(headers.get(prefix + "remaining"))
        reset = seconds_from_now(headers.get(prefix + "reset"), "auto", clock)
        if (limit, remaining, reset) != (None, None, None):
            return [Quota("default", limit, remaining, reset)]
    return []


def _parse_items(text: str) -> list[tuple[str, dict[str, float]]]:
    out: list[tuple[str, dict[str, float]]] = []
    position = 0
    while position < len(text):
        match = _ITEM.match(text, position)
        if not match or match.end() == position:
            break
        name = re.sub(r"\\(.)", r"\1", match[1][1:-1]) if match[1].startswith('"') else match[1]
        out.append((name, {key: float(value) for key, value in _PARAM.findall(match[2])}))
        position = match.end()
    return out
