"""Time and random values of one request, fixed once: of a request that is signed, and of one for a token."""

from dataclasses import dataclass
from datetime import UTC, datetime

from conn_engine.conditions import Chance
from conn_engine.settings import Names

__all__ = ["SigningContext"]


@dataclass(frozen=True, slots=True)
class SigningContext:
    """`now` is in Unix seconds, `nonce` 128 random bits in hex."""

    now: float
    nonce: str

    @classmethod
    def from_time(cls, now: float, chance: Chance) -> "SigningContext":
        """This moment, with a fresh nonce."""
        return cls(now, chance.draw_hex(16))

    def names(self) -> Names:
        """As expressions see it: `timestamp` (seconds), `timestamp_ms`, `date` (RFC 3339, to the second), `nonce`."""
        date = datetime.fromtimestamp(int(self.now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "timestamp": int(self.now),
            "timestamp_ms": int(self.now * 1000),
            "date": date,
            "nonce": self.nonce,
        }
