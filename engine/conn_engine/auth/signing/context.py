"""The time and the random values of one request, for signatures and token requests."""

from dataclasses import dataclass
from datetime import UTC, datetime

from conn_engine.conditions import Chance
from conn_engine.settings import Names

__all__ = ["SigningContext"]


@dataclass(frozen=True, slots=True)
class SigningContext:
    """The time in Unix seconds (`now`), and 128 random bits in hex (`nonce`)."""

    now: float
    nonce: str

    @classmethod
    def from_time(cls, now: float, chance: Chance) -> "SigningContext":
        """Return the context for this time, with a new nonce."""
        return cls(now, chance.draw_hex(16))

    def names(self) -> Names:
        """Return the names for expressions: `timestamp` (seconds), `timestamp_ms`, `date` (RFC 3339, to the second) and
        `nonce`."""
        date = datetime.fromtimestamp(int(self.now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "timestamp": int(self.now),
            "timestamp_ms": int(self.now * 1000),
            "date": date,
            "nonce": self.nonce,
        }
