"""The process that checks changes for a service: it serves requests from a pipe until the other end is closed.

It has no environment, no terminal, a limited address space and a lower priority. It ends when its parent ends, and soon
after the time of a check is over.
"""

from multiprocessing.connection import Connection

import msgspec

from conn_engine.expressions.process_limits import limit_process, limit_time

__all__ = ["serve"]


def serve(descriptor: int, memory_bytes: int, belt_seconds: float) -> None:
    """Serve requests until the pipe is closed. The process ends without a reply when a check takes `belt_seconds`
    longer than its time limit."""
    pipe = Connection(descriptor)
    limit_process(memory_bytes)
    from conn_service.revisions.checks import CheckTask, run_checks  # it loads what allocates memory

    pipe.send_bytes(b"R")
    while True:
        try:
            header, _ = pipe.recv_bytes(), pipe.recv_bytes()
        except (EOFError, OSError):
            return
        request = msgspec.json.decode(header)
        task = msgspec.convert(request["task"], CheckTask)
        with limit_time(descriptor, request["seconds"] + belt_seconds):
            reply = msgspec.json.encode(run_checks(task))
        pipe.send_bytes(reply)
