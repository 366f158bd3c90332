"""Load a run into tables, in a process of its own: it starts while the run still reads, a load that hangs can be ended,
and the memory that dlt takes is given back.

A file of DuckDB gets one load at a time, because only one process can have it open.
"""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Final

import msgspec

from conn_engine.diagnostics import pluralize
from conn_engine.errors import ConnError, InternalError, UsageError
from conn_engine.expressions.worker_pool import START_SECONDS, WorkerPool, WorkerStoppedError
from conn_engine.syncs import DeliverStep
from conn_service.syncs.destinations.batches import Spooled
from conn_service.syncs.destinations.faults import DestinationBusyError, DestinationError
from conn_service.syncs.destinations.files import find_path
from conn_service.syncs.loading.messages import LoadRequest, LoadRow, decode_reply, encode_message

__all__ = ["TableLoads"]

_PROCESSES: Final = 4
"""The most loads at the same time: dlt needs up to 500 MB for each."""
_SECONDS: Final = 15 * 60.0
"""The longest time for a batch."""
_BATCH: Final = 100_000
_PART: Final = 2000
_DATASET: Final = "conn"
_WORKER: Final = "conn_service.syncs.loading.worker"
_HAS_PROCESSES: Final = os.name == "posix"
_FAULTS: Final[dict[str, type[ConnError]]] = {
    "passing": DestinationBusyError,
    "lasting": DestinationError,
    "missing": UsageError,
    "internal": InternalError,
}


@dataclass(slots=True)
class _Batch:
    """Rows of a run behind a place `(seq, n)`, as the messages of a load. When they are read, `count` is how many there
    are, and `end` the place of the last one."""

    request: LoadRequest
    spooled: Spooled
    after: tuple[int, int]
    count: int = 0
    end: tuple[int, int] = (0, -1)

    def __iter__(self) -> Iterator[bytes]:
        self.count, self.end = 0, self.after
        yield encode_message(self.request)
        while self.count < _BATCH and (rows := self.spooled.read_rows(self.end, min(_PART, _BATCH - self.count))):
            self.count += len(rows)
            self.end = (rows[-1].seq, rows[-1].n)
            yield encode_message(
                [LoadRow(row.key, row.seq * 1_000_000 + row.n, row.change == "delete", row.payload) for row in rows]
            )
        yield b""


class TableLoads:
    """Loads tables in a few processes, which end when nothing is to be loaded for a while; on Windows, in this one."""

    def __init__(self) -> None:
        self._starting = Lock()
        self._pools: dict[str, WorkerPool] = {}
        self._folder: TemporaryDirectory[str] | None = None
        self._turns: dict[str, Lock] = {}

    @property
    def busy(self) -> tuple[int, ...]:
        """The process IDs of those that load."""
        return tuple(pid for pool in [*self._pools.values()] for pid in pool.busy)

    def prepare(self, step: DeliverStep) -> None:
        """Start a process for a load that is expected, without waiting for it. For other destinations, do nothing."""
        if _HAS_PROCESSES and step.type in ("duckdb", "dlt"):
            self._open_pool(step.type)[0].prepare()

    def load(self, step: DeliverStep, spooled: Spooled, folder: Path) -> int:
        """Merge the rows of a run into a table, and return how many.

        Raises DestinationBusyError for a fault that passes, DestinationError for another one, and UsageError if a
        library is missing.
        """
        request = _build_request(step, spooled, folder)
        with self._turns.setdefault(request.to, Lock()) if step.type == "duckdb" else nullcontext():
            count, after = 0, (0, -1)
            while spooled.read_rows(after, 1):
                batch = _Batch(request, spooled, after)
                self._load_batch(batch)
                count, after = count + batch.count, batch.end
        return count

    def close(self) -> None:
        """End the processes, also those that load: what they have not loaded is loaded again later."""
        with self._starting:
            for pool in self._pools.values():
                pool.close(at_once=True)
            if self._folder is not None:
                self._folder.cleanup()

    def _open_pool(self, kind: str) -> tuple[WorkerPool, str]:
        """Return the processes for a kind of destination, and a folder for their files: it is removed with them, also
        if they are killed."""
        with self._starting:
            if self._folder is None:
                self._folder = TemporaryDirectory(prefix="conn-load-", ignore_cleanup_errors=True)
            if kind not in self._pools:
                self._pools[kind] = WorkerPool(
                    _WORKER,
                    memory_bytes=0,
                    workers=_PROCESSES,
                    grace_seconds=0.0,
                    arguments={"kind": kind},
                    environ={**os.environ, "TMPDIR": self._folder.name},
                )
            return self._pools[kind], self._folder.name

    def _load_batch(self, batch: _Batch) -> None:
        pool, folder = self._open_pool(batch.request.kind)
        with TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
            batch.request = msgspec.structs.replace(batch.request, folder=place)
            try:
                reply = decode_reply(pool.run(batch, _SECONDS) if _HAS_PROCESSES else _load_here(batch))
            except WorkerStoppedError as error:
                raise _describe_stop(error, batch) from None
        if reply.fault:
            raise _FAULTS[reply.fault](reply.message, hint=reply.hint)


def _load_here(batch: _Batch) -> bytes:
    from conn_service.syncs.loading.worker import receive_load

    return receive_load(iter(iter(batch).__next__, b""))()


def _build_request(step: DeliverStep, spooled: Spooled, folder: Path) -> LoadRequest:
    to, _, dataset = step.to.partition("/")
    if step.type == "duckdb":
        path = _create_parent(find_path(folder, step.to))
        to, dataset = str(path), f"{_DATASET}_data" if path.stem == _DATASET else ""  # DuckDB confuses it with the file
    return LoadRequest(
        kind="duckdb" if step.type == "duckdb" else "dlt",
        to=to,
        dataset=dataset or _DATASET,
        table=_to_identifier(step.table or spooled.run.sync),
        pipeline=f"conn_{_to_identifier(spooled.run.sync)}",
        run_id=spooled.run.id,
    )


def _create_parent(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DestinationBusyError(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}", hint="correct the permissions"
        ) from None
    return path


def _to_identifier(name: str) -> str:
    text = "".join(char if char.isalnum() else "_" for char in name.lower())
    return text if text[:1].isalpha() else f"t_{text}"


def _describe_stop(error: WorkerStoppedError, batch: _Batch) -> DestinationBusyError:
    continues = "the run continues by itself"
    if error.reason == "timeout":
        rows = pluralize(batch.count, "record")
        message = f"the destination did not take {rows} within {_SECONDS / 60:g} minutes, and the load was stopped"
        return DestinationBusyError(message, hint=f"check that it runs, and its address; {continues}")
    if error.reason == "start":
        hint = f"run fewer processes on the machine; {continues}"
        return DestinationBusyError(f"no process to load with started within {START_SECONDS:g} s", hint=hint)
    if error.reason == "closed":
        return DestinationBusyError("the load was stopped: its worker ends", hint="the next worker continues the run")
    hint = f"check that the machine has enough memory; {continues}"
    return DestinationBusyError("the process that loads the records ended unexpectedly", hint=hint)
