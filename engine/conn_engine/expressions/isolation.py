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
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

import msgspec

from conn_engine.conditions import EvaluationLimits, Isolated
from conn_engine.errors import ExpressionError, UsageError
from conn_engine.expressions.values import UNDEFINED
from conn_engine.expressions.worker_pool import START_SECONDS, WorkerPool, WorkerStoppedError

__all__ = ["Isolation"]

MIB = 2**20
_WORKER = "conn_engine.expressions.worker"


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
        self._pool = WorkerPool(_WORKER, memory_bytes=memory_bytes, workers=workers, grace_seconds=grace_seconds)

    @property
    def idle(self) -> tuple[int, ...]:
        """The process IDs of the idle workers."""
        return self._pool.idle

    @property
    def has_room(self) -> bool:
        """Whether an evaluation would run at once."""
        return self._pool.has_room

    def isolate_except(self, trusted: Collection[str]) -> Isolated:
        """Return a part of `Conditions` that isolates all expressions except the `trusted` ones."""
        return _Untrusted(self, frozenset(trusted))

    def close(self) -> None:
        """Stop the workers: idle ones now, others after their reply. No further expression is evaluated."""
        self._pool.close()

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
        try:
            reply = self._pool.run((header, body), limits.seconds)
        except WorkerStoppedError as error:
            raise self._describe(error, request["text"], limits) from None
        return _decode_reply(reply, request["text"])

    def _describe(self, error: WorkerStoppedError, text: str, limits: EvaluationLimits) -> ExpressionError | UsageError:
        if error.reason == "closed":
            return UsageError("the isolation is closed", hint="evaluate within its `with` block")
        if error.reason == "timeout":
            message = f"the expression was stopped: it took more than {limits.seconds:g} s"
            return ExpressionError(message, code="timeout", text=text, offset=0)
        memory = f"{self._memory_bytes // MIB} MB of memory"
        if error.reason == "crash":
            message = f"the expression was stopped: it took more than {memory}, or crashed the evaluator"
            return ExpressionError(message, code="memory", text=text, offset=0)
        return ExpressionError(
            f"the expression was not evaluated: no worker process started within {START_SECONDS:g} s and {memory}",
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

    @property
    def has_room(self) -> bool:
        return self._isolation.has_room

    def isolate_all(self) -> "_Untrusted":
        return _Untrusted(self._isolation, frozenset())

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
