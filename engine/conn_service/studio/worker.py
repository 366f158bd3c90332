"""The process that answers the page's queries."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from conn_service.query_process.worker import serve_queries
from conn_service.studio.hosting import QueryContext
from conn_service.studio.session import StudioSession

__all__ = ["serve"]


def serve(root: str) -> None:
    """Answer queries about a workspace until there are no more.

    A query is the name of a kind, a line break, its context, a line break and the body; an answer is a status of three
    digits and JSON.
    """
    session = StudioSession(Path(root))

    def answer(message: bytes, note: Callable[[bytes], None]) -> bytes:
        name, context, body = message.split(b"\n", 2)
        status, data = session.answer(name.decode(), body, note, msgspec.json.decode(context, type=QueryContext))
        return b"%d" % status + msgspec.json.encode(data)

    serve_queries(answer)
