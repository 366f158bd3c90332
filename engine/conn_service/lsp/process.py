"""The analysis process as the server sees it: it answers one query at a time, and knows the open documents."""

import msgspec

from conn_service.lsp.messages import EditorQuery, EditorReply
from conn_service.query_process.process import QueryProcess

__all__ = ["AnalysisProcess"]


class AnalysisProcess:
    """Sends queries to the analysis process, and keeps it informed of the open documents."""

    def __init__(self) -> None:
        self._queries = QueryProcess("conn_service.lsp.worker")
        self._texts: dict[str, str] = {}
        self._changes: dict[str, str | None] = {}

    @property
    def pid(self) -> int | None:
        """The ID of the process; None if it is not running."""
        return self._queries.pid

    def change(self, path: str, text: str | None) -> None:
        """Remember the text of an open document, or that it was closed (None). The next query sends it."""
        self._changes[path] = text
        if text is None:
            self._texts.pop(path, None)
        else:
            self._texts[path] = text

    async def ask(self, query: EditorQuery, seconds: float) -> EditorReply:
        """Return the reply to a query. Raises QueryStoppedError when it takes too long or the process crashes."""

        def build(is_new: bool) -> bytes:
            changes, self._changes = {**self._changes, **(self._texts if is_new else {})}, {}
            return msgspec.json.encode(msgspec.structs.replace(query, changes=changes))

        return msgspec.json.decode(await self._queries.ask(build, seconds), type=EditorReply)

    async def close(self) -> None:
        """Stop the process. The next query starts it again."""
        await self._queries.close()
