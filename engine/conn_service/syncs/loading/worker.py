"""The process itself: it loads rows that it gets from a pipe, until the other end is closed or nothing comes for a
while, so that it gives back its memory.

It ends at once when its parent ends, also during a load, which can be repeated.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection, Pipe, wait
from threading import Thread
from typing import Any, Final

from conn_service.syncs.loading.messages import LoadReply, LoadRequest, decode_request, encode_message

__all__ = ["receive_load", "serve"]

_IDLE_SECONDS: Final = 60.0
_NEEDED: Final = ("dlt", "duckdb", "pyarrow")


def serve(descriptor: int, kind: str, **_limits: float) -> None:
    """Serve requests of a kind from a pipe: each is a `LoadRequest`, messages with rows, and an empty message."""
    import resource  # not on Windows

    pipe: Connection[Any, Any] = Connection(descriptor)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would have customers' data
    pipe.send_bytes(b"R")
    Thread(target=_find_module, args=(kind,), daemon=True).start()  # before it is needed
    with suppress(EOFError, OSError):
        while pipe.poll(_IDLE_SECONDS):
            pipe.send_bytes(_run(receive_load(iter(pipe.recv_bytes, b"")), pipe))
    os._exit(0)  # without waiting for a load


def _find_module(kind: str) -> Any:
    return import_module(f"conn_service.syncs.loading.{kind}_tables")


def _run(load: Callable[[], bytes], pipe: "Connection[Any, Any]") -> bytes:
    """Return the reply to a load. Raises EOFError if the other end of the pipe is closed before: nothing is sent
    meanwhile."""
    replies, sender = Pipe(duplex=False)
    Thread(target=lambda: sender.send_bytes(load()), daemon=True).start()
    if replies not in wait([pipe, replies]):
        raise EOFError
    return replies.recv_bytes()


def receive_load(messages: Iterator[bytes]) -> Callable[[], bytes]:
    """Receive a request with its rows. Return what loads them and returns the reply."""
    try:
        from conn_service.syncs.loading.rows import gather_rows

        request = decode_request(next(messages))
        return partial(_load, request, gather_rows(messages))
    except (EOFError, OSError):
        raise
    except Exception as error:
        deque(messages, maxlen=0)
        return partial(encode_message, _describe(error))


def _load(request: LoadRequest, rows: Any) -> bytes:
    from conn_service.syncs.loading.failures import LoadFailedError

    try:
        _find_module(request.kind).load_table(request, rows)
    except LoadFailedError as error:
        return encode_message(error.reply)
    except Exception as error:
        return encode_message(_describe(error))
    return encode_message(LoadReply())


def _describe(error: Exception) -> LoadReply:
    """Return what a failure is that is not of a destination, without its text: that may contain records."""
    if isinstance(error, ModuleNotFoundError) and error.name in _NEEDED:
        hint = "install it: pip install 'conn-engine[sync]'"
        return LoadReply("missing", f"tables need {error.name}, which is not installed", hint)
    return LoadReply("internal", f"internal error: {type(error).__name__}")
