"""The process that answers the page's queries."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from conn_service.query_process.worker import serve_queries
from conn_service.studio.session import StudioSession

__all__ = ["serve"]


def serve(root: str, read_only_reason: str) -> None:
    """Answer queries about a workspace until there are no more. `read_only_reason` says why nothing can be saved; "" if
    it can.

    A query is the name of a kind, a line break and the body; an answer is a status of three digits and JSON.
    """
    session = StudioSession(Path(root), read_only_reason)

    def answer(message: bytes, note: Callable[[bytes], None]) -> bytes:
        name, _, body = message.partition(b"\n")
        status, data = session.answer(name.decode(), body, note)
        return b"%d" % status + msgspec.json.encode(data)

    serve_queries(answer)
