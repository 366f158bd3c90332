"""The analysis process: it answers queries from its standard input until that is closed."""

import os
import struct
import sys
from contextlib import suppress
from typing import BinaryIO

import msgspec

from conn_engine.errors import ConnError
from conn_service.lsp.messages import EditorQuery, EditorReply
from conn_service.lsp.session import EditorSession

__all__ = ["LENGTH", "serve"]

_MOST_MEMORY = 2 * 2**30
LENGTH = struct.Struct("<I")
"""The number of bytes of the message that follows."""


def serve() -> None:
    """Answer queries from standard input on standard output. Anything else that is printed goes to standard error."""
    _limit_memory()
    queries, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    session = EditorSession()
    decoder = msgspec.json.Decoder(EditorQuery)
    while (message := _read_message(queries)) is not None:
        reply = msgspec.json.encode(_answer(session, decoder.decode(message)))
        replies.write(LENGTH.pack(len(reply)) + reply)
        replies.flush()


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


def _answer(session: EditorSession, query: EditorQuery) -> EditorReply:
    try:
        return session.answer(query)
    except ConnError as error:  # lint reports what is wrong with a document; other queries have no answer then
        return EditorReply(error=error.message if query.method == "lint" else "")


def _read_message(stream: BinaryIO) -> bytes | None:
    head = stream.read(LENGTH.size)
    return stream.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None
