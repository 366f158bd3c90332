"""Worker processes for what must not run in this process: each has limited memory, and is killed when its time is over.

A worker starts when it is first needed, starts again after a crash, and stops when this process stops for any reason.
"""

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from threading import BoundedSemaphore, Lock
from typing import Any, Final, Literal

__all__ = ["WorkerPool", "WorkerStoppedError"]

START_SECONDS: Final = 30.0
_BELT: Final = 2.0
"""The additional seconds after which a worker stops if it has not been killed."""
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The environment variables that a worker inherits. None of them has a credential."""
_PROGRAM: Final = (
    "import importlib, json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given['path']\n"
    "importlib.import_module(given['module']).serve(**given['arguments'])"
)


class WorkerStoppedError(Exception):
    """A worker has no reply: it did not start, took too long, crashed, or its pool is closed."""

    def __init__(self, reason: Literal["start", "timeout", "crash", "closed"]) -> None:
        super().__init__(reason)
        self.reason = reason


class WorkerPool:
    """A few workers that threads share. Each runs `serve` of a module, which answers requests from a pipe.

    `memory_bytes` is the size of a worker's address space, 0 for no limit. `workers` is the number of requests that
    run at the same time; others wait. A worker is killed `grace_seconds` after the time of its request is over. With
    `environ`, workers have these variables, which may have credentials. `arguments` are further ones of `serve`.
    """

    def __init__(
        self,
        module: str,
        *,
        memory_bytes: int,
        workers: int,
        grace_seconds: float,
        environ: Mapping[str, str] | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        limits = {"memory_bytes": memory_bytes, "belt_seconds": grace_seconds + _BELT}
        self._setup = {"module": module, "arguments": limits | dict(arguments or {})}
        self._environ = environ
        self._starting = Lock()
        self._grace = grace_seconds
        self._turns = BoundedSemaphore(workers)
        self._idle: deque[_Worker] = deque()
        self._busy: set[_Worker] = set()
        self._closed = False

    @property
    def idle(self) -> tuple[int, ...]:
        """The process IDs of the idle workers."""
        return tuple(worker.pid for worker in self._idle)

    @property
    def busy(self) -> tuple[int, ...]:
        """The process IDs of the workers that have a request."""
        return tuple(worker.pid for worker in [*self._busy])

    @property
    def has_room(self) -> bool:
        """Whether a request would run at once."""
        if not self._turns.acquire(blocking=False):
            return False
        self._turns.release()
        return True

    def close(self, *, at_once: bool = False) -> None:
        """Stop the workers: idle ones now, others after their reply, or also now. No further request is served."""
        self._closed = True
        while worker := self._take():
            worker.kill()
        if at_once:
            for busy in [*self._busy]:
                busy.interrupt()

    def prepare(self) -> None:
        """Start a worker for a request that is expected, without waiting for it, unless one is idle or all are busy."""
        with self._starting:
            if not self._closed and self.has_room and not any(worker.is_running for worker in [*self._idle]):
                with suppress(OSError):  # too many processes or open files: the request says so
                    self._idle.append(self._start())

    def run(self, messages: Iterable[bytes], seconds: float) -> bytes:
        """Return a worker's reply to the messages of a request, whose time begins when they are sent. They are iterated
        again if a worker that was used before crashes. Raises WorkerStoppedError, and what the iteration raises."""
        with self._turns:
            for _ in range(2):
                worker = self._find_worker()
                used = worker.used
                reply = self._ask(worker, messages, seconds)
                if isinstance(reply, bytes):
                    self._idle.append(worker)
                    if self._closed:
                        self.close()
                    return reply
                worker.kill()
                if reply is TimeoutError:
                    raise WorkerStoppedError("timeout")
                if not used:  # a worker that was used before may have crashed because of an earlier request
                    break
            raise WorkerStoppedError("closed" if self._closed else "crash")

    def _ask(self, worker: "_Worker", messages: Iterable[bytes], seconds: float) -> bytes | type[Exception]:
        self._busy.add(worker)
        try:
            return worker.ask(messages, seconds + self._grace)
        except BaseException:  # it has a part of a request
            worker.kill()
            raise
        finally:
            self._busy.discard(worker)

    def _take(self) -> "_Worker | None":
        try:
            return self._idle.pop()
        except IndexError:  # possibly another thread took the last one
            return None

    def _find_worker(self) -> "_Worker":
        if self._closed:
            raise WorkerStoppedError("closed")
        while worker := self._take():
            if worker.is_ours:  # after a fork, it still belongs to the parent
                if worker.is_ready():
                    return worker
                worker.kill()
        with suppress(OSError):  # too many processes or open files
            started = self._start()
            if started.is_ready():
                return started
            started.kill()
        raise WorkerStoppedError("start")

    def _start(self) -> "_Worker":
        return _Worker(self._setup, self._environ)


class _Worker:
    """A worker process, with this process's end of the pipe."""

    def __init__(self, setup: Mapping[str, Any], environ: Mapping[str, str] | None) -> None:
        self.used = False
        self._is_ready = False
        self._owner = os.getpid()
        self._pipe, theirs = Pipe()
        arguments = {"descriptor": theirs.fileno(), **setup["arguments"]}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-c", _PROGRAM, json.dumps({**setup, "path": sys.path, "arguments": arguments})],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_inherit() if environ is None else environ,
                pass_fds=(theirs.fileno(),),
                process_group=0,  # an interrupt from the terminal reaches only this process
            )

    def is_ready(self) -> bool:
        """Return whether the process runs, after waiting for its start."""
        if not self._is_ready:
            self._is_ready = self._pipe.poll(START_SECONDS) and bool(_receive(self._pipe))
        return self._is_ready and self.is_running

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_ours(self) -> bool:
        return self._owner == os.getpid()

    def ask(self, messages: Iterable[bytes], seconds: float) -> bytes | type[Exception]:
        """Return the reply, TimeoutError when it is late, or EOFError when the worker has crashed."""
        for message in messages:
            try:
                self._pipe.send_bytes(message)
            except OSError:
                return EOFError
        try:
            if not self._pipe.poll(seconds):
                return TimeoutError
        except OSError:
            return EOFError
        self.used = True
        return _receive(self._pipe) or EOFError

    def interrupt(self) -> None:
        """Stop the process while another thread waits for its reply."""
        self._process.kill()

    def kill(self) -> None:
        """Stop the process."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()


def _inherit() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def _receive(pipe: "Connection[Any, Any]") -> bytes:
    try:
        return pipe.recv_bytes()
    except (EOFError, OSError):
        return b""
