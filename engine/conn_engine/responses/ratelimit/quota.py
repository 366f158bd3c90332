"""One quota of a response. `rate_state` and `standard` read it."""

from dataclasses import dataclass

__all__ = ["Quota"]


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of a response. `reset` is seconds from now, `window` is in seconds; None for anything the response does
    not specify."""

    name: str
    limit: float | None = None
    remaining: float | None = None
    reset: float | None = None
    window: float | None = None

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.remaining is not None and self.remaining < 1
