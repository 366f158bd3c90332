"""One quota as an answer tells it. How it is found and written is in `reading` and `standard`."""

from dataclasses import dataclass

__all__ = ["Quota"]


@dataclass(frozen=True, slots=True)
class Quota:
    """What an answer says of one quota. `reset` is seconds from now, `window` seconds; None where it says
    nothing."""

    name: str
    limit: float | None = None
    remaining: float | None = None
    reset: float | None = None
    window: float | None = None

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.remaining is not None and self.remaining < 1
