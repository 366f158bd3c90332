"""The process itself: it answers queries from its standard input until that is closed."""

import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

__all__ = ["FRAME", "serve_queries"]

_MOST_MEMORY = 2 * 2**30
FRAME = struct.Struct("<?I")
"""Whether the message that follows is the last one for a query, and the number of its bytes."""


def serve_queries(answer: Callable[[bytes, Callable[[bytes], None]], bytes]) -> None:
    """Answer queries from standard input on standard output. Anything else that is printed goes to standard error.

    The first message says that the process has started. `answer` gets a query, and a function that sends a note before
    the answer.
    """
    _limit_memory()
    queries, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def send(message: bytes, is_last: bool = False) -> None:
        replies.write(FRAME.pack(is_last, len(message)) + message)
        replies.flush()

    send(b"", True)  # from now on, the server measures how long an answer takes
    while (query := _read_message(queries)) is not None:
        send(answer(query, send), True)


def _limit_memory() -> None:
    """Let the system end the process before it takes all memory, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would have the data of recordings
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    with suppress(ValueError, OSError):
        limit = _MOST_MEMORY if most == resource.RLIM_INFINITY else min(_MOST_MEMORY, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _read_message(stream: BinaryIO) -> bytes | None:
    head = stream.read(FRAME.size)
    return stream.read(FRAME.unpack(head)[1]) if len(head) == FRAME.size else None
