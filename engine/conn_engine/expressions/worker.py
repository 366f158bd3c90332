"""The process for isolated expressions: it serves requests from a pipe until the other end is closed.

It has no environment, no terminal, a limited address space and a lower priority. During an evaluation, it ends when its
parent ends (by a signal of the pipe, on Linux), and soon after its time is up (by a timer's signal). Nothing handles
these signals: the system ends the process, whatever it is doing.
"""

from multiprocessing.connection import Connection
from typing import Any

import msgspec

from conn_engine.conditions import USUAL, Conditions
from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED, EvaluationLimits, audit, evaluators, expression, find_evaluator
from conn_engine.expressions.process_limits import limit_process, limit_time

__all__ = ["serve"]


def serve(descriptor: int, memory_bytes: int, belt_seconds: float) -> None:
    """Serve requests until the pipe is closed. The process ends without a reply when an expression takes `belt_seconds`
    longer than its time limit."""
    pipe = Connection(descriptor)
    limit_process(memory_bytes)  # before jlens is loaded: what its allocator has reserved by then is no longer limited
    _warm()
    pipe.send_bytes(b"R")
    while True:
        try:
            header, body = pipe.recv_bytes(), pipe.recv_bytes()
        except (EOFError, OSError):
            return
        request = msgspec.json.decode(header)
        limits = EvaluationLimits(**request["limits"])
        with limit_time(descriptor, limits.seconds + belt_seconds):
            reply = _answer(request, body, limits)
        pipe.send_bytes(reply)


def _warm() -> None:
    """Load each evaluator, so that the first expression is not slower."""
    for name in evaluators():
        expression("1").evaluate({}, Conditions(evaluator=name))


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
