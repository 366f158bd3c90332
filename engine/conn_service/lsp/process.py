"""The analysis process as the server sees it: it answers one query at a time, and is killed if it takes too long."""

import asyncio
import os
import sys
from contextlib import suppress

import msgspec

from conn_service.lsp.messages import EditorQuery, EditorReply
from conn_service.lsp.worker import LENGTH

__all__ = ["AnalysisProcess", "AnalysisStoppedError"]

_PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from conn_service.lsp.worker import serve; serve()"
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The environment variables that the process inherits. None of them has a credential."""


class AnalysisStoppedError(Exception):
    """The analysis process was killed because it took too long, or it crashed."""


class AnalysisProcess:
    """Sends queries to the analysis process, starts it when needed, and keeps it informed of the open documents."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._texts: dict[str, str] = {}
        self._changes: dict[str, str | None] = {}

    @property
    def pid(self) -> int | None:
        """The ID of the process; None if it is not running."""
        return None if self._process is None else self._process.pid

    def change(self, path: str, text: str | None) -> None:
        """Remember the text of an open document, or that it was closed (None). The next query sends it."""
        self._changes[path] = text
        if text is None:
            self._texts.pop(path, None)
        else:
            self._texts[path] = text

    async def ask(self, query: EditorQuery, seconds: float) -> EditorReply:
        """Return the reply to a query. Raises AnalysisStoppedError when it takes too long or the process crashes."""
        # A cancelled caller must not leave a reply unread: it would be taken for that of the next query.
        return await asyncio.shield(asyncio.ensure_future(self._ask(query, seconds)))

    async def _ask(self, query: EditorQuery, seconds: float) -> EditorReply:
        async with self._turn:
            process = await self._start()
            changes, self._changes = self._changes, {}
            message = msgspec.json.encode(msgspec.structs.replace(query, changes=changes))
            try:
                return await asyncio.wait_for(_exchange(process, message), seconds)
            except TimeoutError:
                await self.close()
                raise AnalysisStoppedError(f"it took more than {seconds:g} s") from None
            except (OSError, EOFError, msgspec.MsgspecError):
                await self.close()
                raise AnalysisStoppedError("its process ended unexpectedly") from None

    async def close(self) -> None:
        """Stop the process. The next query starts it again."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def _start(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-c",
                _PROGRAM,
                msgspec.json.encode([path for path in sys.path if path]).decode(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            )
            self._changes = {**self._changes, **self._texts}
        return self._process


async def _exchange(process: asyncio.subprocess.Process, message: bytes) -> EditorReply:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(LENGTH.pack(len(message)) + message)
    await process.stdin.drain()
    size = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))[0]
    return msgspec.json.decode(await process.stdout.readexactly(size), type=EditorReply)
