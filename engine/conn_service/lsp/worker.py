"""The analysis process: it answers the queries of an editor."""

from collections.abc import Callable

import msgspec

from conn_engine.errors import ConnError
from conn_service.lsp.messages import EditorQuery, EditorReply
from conn_service.lsp.session import EditorSession
from conn_service.query_process.worker import serve_queries

__all__ = ["serve"]


def serve() -> None:
    """Answer queries until there are no more."""
    session = EditorSession()
    decoder = msgspec.json.Decoder(EditorQuery)

    def answer(message: bytes, _note: Callable[[bytes], None]) -> bytes:
        return msgspec.json.encode(_answer(session, decoder.decode(message)))

    serve_queries(answer)


def _answer(session: EditorSession, query: EditorQuery) -> EditorReply:
    try:
        return session.answer(query)
    except ConnError as error:  # lint reports what is wrong with a document; other queries have no answer then
        return EditorReply(error=error.message if query.method == "lint" else "")
