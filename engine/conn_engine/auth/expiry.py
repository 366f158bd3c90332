"""When a token ends, read from the answer that brought it. What happens then is the credential's."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

__all__ = ["ABSOLUTE", "ExpiryUnit", "moment", "said_by_token", "to_count"]

ExpiryUnit: TypeAlias = Literal["seconds", "minutes", "milliseconds", "epoch", "epoch_ms", "iso8601"]

ABSOLUTE = frozenset({"epoch", "epoch_ms", "iso8601"})
"""The units that mean a moment, by a clock that may differ from this machine's."""


def moment(value: Any, unit: ExpiryUnit, now: float) -> float | None:
    """The moment that a value means, in Unix seconds; None for what is no time."""
    if unit == "iso8601":
        return _iso(value)
    amount = to_count(value)
    if amount is None:
        return None
    if unit == "epoch":
        return amount
    if unit == "epoch_ms":
        return amount / 1000
    return now + amount * {"seconds": 1.0, "minutes": 60.0, "milliseconds": 0.001}[unit]


def said_by_token(token: Mapping[str, Any], unit: ExpiryUnit, now: float) -> float | None:
    """The end that a token tells itself: `expires_in` (in `unit`), else `expires_at` (epoch or ISO 8601)."""
    ends = moment(token.get("expires_in"), unit, now)
    if ends is not None:
        return ends
    said = token.get("expires_at")
    return moment(said, "epoch", now) if to_count(said) is not None else moment(said, "iso8601", now)


def to_count(value: Any) -> float | None:
    """A number that is at least 0, also when it is written as text; else None."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,15}(\.\d{1,9})?", value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


def _iso(value: Any) -> float | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        read = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
