"""The process for isolated expressions: it serves requests from a pipe until the other end is closed.

It has no environment, no terminal, a limited address space and a lower priority. During an evaluation, it ends when its
parent ends (by a signal of the pipe, on Linux), and soon after its time is up (by a timer's signal). Nothing handles
these signals: the system ends the process, whatever it is doing.
"""

import fcntl
import os
import resource
import signal
import sys
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import msgspec

from conn_engine.conditions import USUAL, Conditions
from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED, EvaluationLimits, audit, evaluators, expression, find_evaluator

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["serve"]

_NICE = 5
"""Endless expressions take a quarter of a busy processor from the process that serves everyone, and not half of it."""


def serve(descriptor: int, memory_bytes: int, belt_seconds: float) -> None:
    """Serve requests until the pipe is closed. The process ends without a reply when an expression takes `belt_seconds`
    longer than its time limit."""
    pipe = Connection(descriptor)
    os.nice(_NICE)
    _limit(memory_bytes)  # before jlens is loaded: what its allocator has reserved by then is no longer limited
    _warm()
    pipe.send_bytes(b"R")
    while True:
        try:
            header, body = pipe.recv_bytes(), pipe.recv_bytes()
        except (EOFError, OSError):
            return
        request = msgspec.json.decode(header)
        limits = EvaluationLimits(**request["limits"])
        with _limit_time(descriptor, limits.seconds + belt_seconds):
            reply = _answer(request, body, limits)
        pipe.send_bytes(reply)


def _warm() -> None:
    """Load each evaluator, so that the first expression is not slower."""
    for name in evaluators():
        expression("1").evaluate({}, Conditions(evaluator=name))


def _limit(memory_bytes: int) -> None:
    """Let the system end the process if nothing in it can."""
    for ending in (signal.SIGALRM, signal.SIGIO):
        signal.signal(ending, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold customers' data
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


@contextmanager
def _limit_time(descriptor: int, seconds: float) -> "Iterator[None]":
    signal.setitimer(signal.ITIMER_REAL, seconds)
    if sys.platform == "linux":  # nothing arrives meanwhile, so a signal means that the other end is gone
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)
    yield
    if sys.platform == "linux":
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _answer(request: dict[str, Any], body: bytes, limits: EvaluationLimits) -> bytes:
    try:
        if not request["evaluator"]:
            lines = audit(request["text"], msgspec.json.decode(body), request["bindings"], USUAL)
            return b"V" + msgspec.json.encode(lines)
        return _evaluate_request(request, body, limits)
    except ExpressionError as error:
        details = {"message": error.message, "code": error.code, "offset": error.offset}
        return b"E" + msgspec.json.encode({**details, "token": error.token, "hint": error.hint})


def _evaluate_request(request: dict[str, Any], body: bytes, limits: EvaluationLimits) -> bytes:
    compiled = expression(request["text"]).compile_with(find_evaluator(request["evaluator"]))
    options = (request["bindings"], limits, request["now"], request["seed"])
    from_json = getattr(compiled, "evaluate_json", None)
    if from_json is not None:
        try:
            text = from_json(body.decode(), *options)
        except ExpressionError as error:
            if error.code != "input":  # what is nested deeper than its parser goes is read by ours
                raise
        else:
            return b"U" if text is UNDEFINED else b"V" + text.encode()
    value = compiled.evaluate(msgspec.json.decode(body), *options)
    return b"U" if value is UNDEFINED else b"V" + msgspec.json.encode(value)
