"""What a worker of syncs does in addition."""

from typing import Any, Protocol

__all__ = ["WorkerPart"]


class WorkerPart(Protocol):
    """What a worker does in addition to syncs, with a queue and a schedule of its own."""

    queue: str
    schedule_name: str

    def begin(self) -> Any:
        """Let the workflows of this process use it. Return the one to run every minute."""
        ...

    def end(self) -> None:
        """Let no workflow use it any more."""
        ...

    def resume(self) -> None:
        """Enqueue what no workflow continues."""
        ...

    def remove_old(self) -> dict[str, int]:
        """Remove what was finished long ago. Return how much of each kind."""
        ...
