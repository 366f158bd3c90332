"""A manifest's API budget as `rate_limit`."""

import re
from collections.abc import Mapping
from typing import Any

from conn_import.airbyte.notes import Notes
from conn_import.coercion import as_list

__all__ = ["build_rate_limit", "to_seconds"]

Row = dict[str, Any]
_DURATION = re.compile(
    r"P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?)?"
)
_META = re.compile(r"[\\^$.|?*+()\[\]{}]")


def to_seconds(text: Any) -> float:
    """Return the length of an ISO 8601 duration with fixed units, or 0 for anything else."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return 0
    weeks, days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds


def build_rate_limit(budget: Any, notes: Notes) -> Row:
    """Build the `rate_limit` of the connector; empty without a budget."""
    if not isinstance(budget, Mapping):
        return {}
    rows: list[Row] = []
    for policy in as_list(budget.get("policies")):
        if isinstance(policy, Mapping):
            rows += _read_policy(policy, notes)
    row: Row = {}
    if budget.get("ratelimit_remaining_header"):
        row["remaining"] = str(budget["ratelimit_remaining_header"])
    if budget.get("ratelimit_reset_header"):
        row["reset"] = str(budget["ratelimit_reset_header"])
    codes = [int(code) for code in as_list(budget.get("status_codes_for_ratelimit_hit")) if str(code).isdecimal()]
    if codes and codes != [429]:
        row["limited_when"] = f"status in {codes}" if len(codes) > 1 else f"status = {codes[0]}"
    if rows:
        row["budget"] = rows
    return row


def _read_policy(policy: Mapping[str, Any], notes: Notes) -> list[Row]:
    match policy.get("type"):
        case "MovingWindowCallRatePolicy":
            rates = [
                (item.get("limit"), item.get("interval"))
                for item in as_list(policy.get("rates"))
                if isinstance(item, dict)
            ]
        case "FixedWindowCallRatePolicy":
            rates = [(policy.get("call_limit"), policy.get("period"))]
        case "UnlimitedCallRatePolicy":
            return []
        case other:
            notes.add(f"the rate limit policy {other}")
            return []
    collected: list[Row] = []
    for limit, interval in rates:
        seconds = to_seconds(interval)
        if not isinstance(limit, int) or limit < 1 or not seconds:
            notes.add("a rate limit that the account sets")
            continue
        matchers: list[Any] = policy.get("matchers") or [{}]
        for matcher in matchers:
            row = _read_matcher(matcher if isinstance(matcher, Mapping) else {}, notes)
            if row is not None:
                collected.append(
                    {"requests": limit, "per_seconds": int(seconds) if seconds.is_integer() else seconds, **row}
                )
    return collected


def _read_matcher(matcher: Mapping[str, Any], notes: Notes) -> Row | None:
    row: Row = {}
    if matcher.get("params") or matcher.get("headers"):
        notes.add("a rate limit for requests with certain parameters or headers")
        return None
    if matcher.get("method"):
        row["methods"] = [str(matcher["method"]).upper()]
    pattern = str(matcher.get("url_path_pattern") or ".*")
    plain = pattern.removesuffix("$").removesuffix(r"(\?.*)?").removesuffix("/?")
    anchored = plain.startswith("^")
    plain = plain.removeprefix("^").replace("[^/]+", "\0").replace(".*", "\0").replace(".+", "\0").replace(r"\.", "\1")
    if _META.search(plain):
        notes.add(f"a rate limit for paths that match {pattern[:60]}")
        return None
    path = plain.replace("\0", "*").replace("\1", ".").strip("*")
    if path:
        row["path"] = f"{'/' + path.lstrip('/') if anchored else '*' + path}"
    return row
