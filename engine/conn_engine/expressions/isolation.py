"""Evaluate expressions in a separate process, for a service that runs its customers' expressions.

An evaluator enforces its limits between steps, but not within one: a value that contains itself many times, a regular
expression under jsonata-python, or the total of many values can take any amount of time and memory. A worker process
limits them from outside: its address space is limited, and it is killed when its time is over. It starts when it is
first needed, starts again after a crash, and stops when this process stops for any reason.

    isolation = Isolation()
    conditions = Conditions(isolation=isolation.isolate_except(effective.base_expressions))
    evaluate(text, data, conditions)  # in a worker, unless it is an expression of the connector itself

The values and errors are the same. Isolation requires Linux or another POSIX system; only Linux enforces the limit of
the address space.
"""

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, Pipe
from threading import BoundedSemaphore
from types import TracebackType
from typing import Any

import msgspec

from conn_engine.conditions import EvaluationLimits, Isolated
from conn_engine.errors import ExpressionError, UsageError
from conn_engine.expressions.values import UNDEFINED

__all__ = ["Isolation"]

MIB = 2**20
_START = 30.0
_BELT = 2.0
"""The additional seconds after which a worker stops if it has not been killed."""
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The environment variables that a worker inherits. None of them has a credential."""
_PROGRAM = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given['path']\n"
    "from conn_engine.expressions.worker import serve; serve(**given['limits'])"
)


class Isolation:
    """A few workers that threads share. Use it as a context manager, or call `close` to stop the workers.

    `memory_bytes` is the size of a worker's address space, of which the interpreter takes about 80 MiB. `workers` is
    the number of evaluations that run at the same time; others wait. A worker is killed `grace_seconds` after the
    expression's time is over, so that the evaluator can report the timeout itself.
    """

    def __init__(self, *, memory_bytes: int = 400 * MIB, workers: int = 1, grace_seconds: float = 1.0) -> None:
        if os.name != "posix":
            raise UsageError("isolated expressions require a POSIX system", hint="run the service on Linux")
        self._memory_bytes = memory_bytes
        self._grace = grace_seconds
        self._turns = BoundedSemaphore(workers)
        self._idle: deque[_Worker] = deque()
        self._closed = False

    @property
    def idle(self) -> tuple[int, ...]:
        """The process IDs of the idle workers."""
        return tuple(worker.pid for worker in self._idle)

    def isolate_except(self, trusted: Collection[str]) -> Isolated:
        """Return a part of `Conditions` that isolates all expressions except the `trusted` ones."""
        return _Untrusted(self, frozenset(trusted))

    def close(self) -> None:
        """Stop the workers: idle ones now, others after their reply. No further expression is evaluated."""
        self._closed = True
        while worker := self._take():
            worker.kill()

    def __enter__(self) -> "Isolation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, request: Mapping[str, Any], data: Any, limits: EvaluationLimits) -> Any:
        """Return a worker's reply to a request for the expression `request["text"]`. Raises ExpressionError, also when
        the worker crashes or must be killed."""
        header, body = _encode({**request, "limits": asdict(limits)}), _encode(data)
        with self._turns:
            for _ in range(2):
                worker = self._worker(request["text"])
                used = worker.used
                reply = worker.ask(header, body, limits.seconds + self._grace)
                if isinstance(reply, bytes):
                    self._idle.append(worker)
                    if self._closed:
                        self.close()
                    return _decode_reply(reply, request["text"])
                worker.kill()
                if reply is TimeoutError:
                    raise _build_timeout(request["text"], limits)
                if not used:  # a worker that was used before may have crashed because of an earlier expression
                    break
            raise _build_crash(request["text"], self._memory_bytes)

    def _take(self) -> "_Worker | None":
        try:
            return self._idle.pop()
        except IndexError:  # possibly another thread took the last one
            return None

    def _worker(self, text: str) -> "_Worker":
        if self._closed:
            raise UsageError("the isolation is closed", hint="evaluate within its `with` block")
        while worker := self._take():
            if worker.is_ours:  # after a fork, it still belongs to the parent
                return worker
        with suppress(OSError):  # too many processes or open files
            started = _Worker(self._memory_bytes, self._grace)
            if started.is_ready():
                return started
            started.kill()
        raise ExpressionError(
            f"the expression was not evaluated: no worker process started within {_START:g} s and "
            f"{self._memory_bytes // MIB} MB of memory",
            code="memory",
            text=text,
            offset=0,
            hint="increase memory_bytes of `Isolation`, or run fewer processes on the machine",
        )


class _Untrusted:
    """Isolates all expressions except the trusted ones."""

    def __init__(self, isolation: Isolation, trusted: frozenset[str]) -> None:
        self._isolation = isolation
        self._trusted = trusted

    def trusts(self, texts: Collection[str]) -> bool:
        return self._trusted.issuperset(texts)

    def compile(self, text: str, evaluator: str) -> "_IsolatedExpression":
        return _IsolatedExpression(self._isolation, text, evaluator)

    def audit(self, text: str, data: Any, bindings: Mapping[str, Any] | None) -> list[str]:
        request = {"text": text, "evaluator": "", "bindings": bindings}
        lines: list[str] = self._isolation.run(request, data, EvaluationLimits())
        return lines


@dataclass(frozen=True, slots=True)
class _IsolatedExpression:
    """An expression that a worker compiles and evaluates."""

    isolation: Isolation
    text: str
    evaluator: str

    def evaluate(
        self, data: Any, bindings: Mapping[str, Any] | None, limits: EvaluationLimits, now: float, seed: int | None
    ) -> Any:
        request = {"text": self.text, "evaluator": self.evaluator, "bindings": bindings, "now": now, "seed": seed}
        return self.isolation.run(request, data, limits)


class _Worker:
    """A worker process, with this process's end of the pipe."""

    def __init__(self, memory_bytes: int, grace_seconds: float) -> None:
        self.used = False
        self._owner = os.getpid()
        self._pipe, theirs = Pipe()
        limits = {"memory_bytes": memory_bytes, "belt_seconds": grace_seconds + _BELT}
        setup = {"path": sys.path, "limits": {"descriptor": theirs.fileno(), **limits}}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-c", _PROGRAM, json.dumps(setup)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
                pass_fds=(theirs.fileno(),),
                process_group=0,  # an interrupt from the terminal reaches only this process
            )

    def is_ready(self) -> bool:
        """Return whether the process has started, after waiting for it."""
        return self._pipe.poll(_START) and bool(_receive(self._pipe))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_ours(self) -> bool:
        return self._owner == os.getpid()

    def ask(self, header: bytes, body: bytes, seconds: float) -> bytes | type[Exception]:
        """Return the reply, TimeoutError when it is late, or EOFError when the worker has crashed."""
        try:
            self._pipe.send_bytes(header)
            self._pipe.send_bytes(body)
            if not self._pipe.poll(seconds):
                return TimeoutError
        except OSError:
            return EOFError
        self.used = True
        return _receive(self._pipe) or EOFError

    def kill(self) -> None:
        """Stop the process."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()


def _receive(pipe: "Connection[Any, Any]") -> bytes:
    try:
        return pipe.recv_bytes()
    except (EOFError, OSError):
        return b""


def _encode(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair: without isolation, too, it becomes a replacement character
        text = json.dumps(value, ensure_ascii=False)
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    except RecursionError:
        raise ExpressionError("the input is nested too deeply", code="depth") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise ExpressionError(f"the input cannot be read: {error}"[:300], code="input") from None


def _decode_reply(reply: bytes, text: str) -> Any:
    kind, body = reply[:1], reply[1:]
    if kind == b"U":
        return UNDEFINED
    value = msgspec.json.decode(body)
    if kind == b"V":
        return value
    raise ExpressionError(value.pop("message"), text=text, **value)


def _build_timeout(text: str, limits: EvaluationLimits) -> ExpressionError:
    return ExpressionError(
        f"the expression was stopped: it took more than {limits.seconds:g} s", code="timeout", text=text, offset=0
    )


def _build_crash(text: str, memory_bytes: int) -> ExpressionError:
    return ExpressionError(
        f"the expression was stopped: it took more than {memory_bytes // MIB} MB of memory, or crashed the evaluator",
        code="memory",
        text=text,
        offset=0,
    )
