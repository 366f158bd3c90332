"""Who does something with releases, and when."""

from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["Act"]


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, and when (Unix seconds)."""

    by: str
    now: float

    @property
    def time(self) -> str:
        """The moment, RFC 3339 in UTC."""
        return datetime.fromtimestamp(self.now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
