"""Read when a token expires from the response that it came in."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

__all__ = ["ABSOLUTE_UNITS", "ExpiryUnit", "read_token_expiry", "to_count", "to_timestamp"]

ExpiryUnit: TypeAlias = Literal["seconds", "minutes", "milliseconds", "epoch", "epoch_ms", "iso8601"]

ABSOLUTE_UNITS = frozenset({"epoch", "epoch_ms", "iso8601"})
"""The units that give a point in time, by the vendor's clock, which may differ from this machine's."""


def to_timestamp(value: Any, unit: ExpiryUnit, now: float) -> float | None:
    """Return the point in time that a value gives, in Unix seconds; None when it is not a time."""
    if unit == "iso8601":
        return _parse_iso8601(value)
    amount = to_count(value)
    if amount is None:
        return None
    if unit == "epoch":
        return amount
    if unit == "epoch_ms":
        return amount / 1000
    return now + amount * {"seconds": 1.0, "minutes": 60.0, "milliseconds": 0.001}[unit]


def read_token_expiry(token: Mapping[str, Any], unit: ExpiryUnit, now: float) -> float | None:
    """Return when a token expires: from its `expires_in` (in `unit`), else from `expires_at` (epoch or ISO 8601)."""
    ends = to_timestamp(token.get("expires_in"), unit, now)
    if ends is not None:
        return ends
    expires_at = token.get("expires_at")
    return (
        to_timestamp(expires_at, "epoch", now)
        if to_count(expires_at) is not None
        else to_timestamp(expires_at, "iso8601", now)
    )


def to_count(value: Any) -> float | None:
    """Return a number of at least 0, which may be written as text; None for anything else."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,15}(\.\d{1,9})?", value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


def _parse_iso8601(value: Any) -> float | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        time = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
