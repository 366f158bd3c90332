"""Check changes in worker processes, for a service: a check runs the expressions of a change on every recording, which
may take any amount of time and memory.
"""

from types import TracebackType
from typing import Final

import msgspec

from conn_engine.errors import ConnError
from conn_engine.expressions.worker_pool import WorkerPool, WorkerStoppedError
from conn_service.revisions.changes import RefusedChangeError
from conn_service.revisions.checks import ChangeChecks, CheckTask

__all__ = ["ChecksUnavailableError", "IsolatedChecks"]

MIB: Final = 2**20
_WORKER: Final = "conn_service.revisions.check_worker"
_GRACE_SECONDS: Final = 1.0


class ChecksUnavailableError(ConnError):
    """A change cannot be checked now: no process can be started, or the service is about to end."""

    exit_code = 2


class IsolatedChecks:
    """A few processes that check changes. Use it as a context manager, or `close` it.

    A check that takes longer than `seconds`, or more than `memory_bytes`, is stopped, and its change is refused.
    `workers` is the number of checks at the same time.
    """

    def __init__(self, seconds: float, *, memory_bytes: int = 1024 * MIB, workers: int = 2) -> None:
        self.workers = workers
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._pool = WorkerPool(_WORKER, memory_bytes=memory_bytes, workers=workers, grace_seconds=_GRACE_SECONDS)

    @property
    def busy(self) -> tuple[int, ...]:
        """The process IDs of the workers that check something."""
        return self._pool.busy

    def run(self, task: CheckTask) -> ChangeChecks:
        """Run checks. Raises RefusedChangeError if they are stopped, and ChecksUnavailableError."""
        header = msgspec.json.encode({"seconds": self._seconds, "task": task})
        try:
            reply = self._pool.run((header, b""), self._seconds)
        except WorkerStoppedError as error:
            raise self._describe(error, task.subject.path) from None
        return msgspec.json.decode(reply, type=ChangeChecks)

    def close(self) -> None:
        """Stop the processes, also those that check something."""
        self._pool.close(at_once=True)

    def __enter__(self) -> "IsolatedChecks":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _describe(self, error: WorkerStoppedError, path: str) -> ConnError:
        if error.reason in ("start", "closed"):
            return ChecksUnavailableError("changes cannot be checked now", hint="send it again in a moment")
        limit = f"{self._seconds:g} seconds" if error.reason == "timeout" else f"{self._memory_bytes // MIB:,} MB"
        return RefusedChangeError(
            f"the checks of {path} took more than {limit}, so that nothing was changed",
            ChangeChecks(),
            hint="simplify what its expressions compute from a page: lint and recorded tests of a copy show which one",
        )
