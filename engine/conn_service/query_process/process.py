"""The process as its server sees it: started when it is needed, asked one query at a time, and killed if it is late."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from conn_service.query_process.worker import FRAME

__all__ = ["QueryProcess", "QueryStoppedError"]

_PROGRAM = (
    "import json, sys; from importlib import import_module; given = json.loads(sys.argv[1])\n"
    "sys.path[:] = given['path']; import_module(given['module']).serve(*given['arguments'])"
)
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The environment variables that a process inherits by default. None of them has a credential."""

_START_SECONDS = 60.0
"""The longest time in which a process starts, on a busy machine too. The time of its first query begins afterwards."""


class QueryStoppedError(Exception):
    """The process was killed because it took too long, or it crashed."""


class QueryProcess:
    """Runs `serve(*arguments)` of a module in a process of its own, and sends it queries. With `environ`, the process
    has these variables, which may have credentials."""

    def __init__(self, module: str, arguments: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> None:
        self._setup = {"module": module, "arguments": list(arguments)}
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self._environ = inherited if environ is None else dict(environ)
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._is_ended = False

    @property
    def pid(self) -> int | None:
        """The ID of the process; None if it is not running."""
        return None if self._process is None else self._process.pid

    async def ask(
        self, build: Callable[[bool], bytes], seconds: float, note: Callable[[bytes], None] = lambda _: None
    ) -> bytes:
        """Return the reply to a query, which `build` makes when it is its turn; its argument is whether the process is
        a new one. `note` gets what the process sends before the reply.

        Raises QueryStoppedError when it takes too long or the process crashes.
        """
        # A cancelled caller must not leave a reply unread: it would be taken for that of the next query.
        return await asyncio.shield(asyncio.ensure_future(self._ask(build, seconds, note)))

    async def _ask(self, build: Callable[[bool], bytes], seconds: float, note: Callable[[bytes], None]) -> bytes:
        async with self._turn:
            if self._is_ended:
                raise QueryStoppedError("its server ends")
            process, is_new = await self._start()
            if self._is_ended:
                await self._discard()
                raise QueryStoppedError("its server ends")
            try:
                if is_new:
                    await asyncio.wait_for(_read_frame(process), _START_SECONDS)
                return await asyncio.wait_for(_exchange(process, build(is_new), note), seconds)
            except TimeoutError:
                await self._discard()
                raise QueryStoppedError(f"it took more than {seconds:g} s") from None
            except (OSError, EOFError):
                await self._discard()
                raise QueryStoppedError("its process ended unexpectedly") from None

    async def close(self) -> None:
        """Stop the process, and a query that it answers. The next query starts it again."""
        if self._process is not None:
            _kill(self._process)
        async with self._turn:  # a start is awaited: asyncio does not survive that it is cancelled
            await self._discard()

    async def end(self) -> None:
        """Stop the process, and answer no query from now on. Those that wait are stopped."""
        self._is_ended = True
        await self.close()

    async def _discard(self) -> None:
        """Stop the process. The caller has the turn, so that nothing else reads its output."""
        process, self._process = self._process, None
        if process is not None:
            _kill(process)
            if process.stdout is not None:
                await process.stdout.read()  # asyncio waits forever for a process whose output is unread
            await process.wait()

    async def _start(self) -> tuple[asyncio.subprocess.Process, bool]:
        if self._process is not None and self._process.returncode is None:
            return self._process, False
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-c",
            _PROGRAM,
            json.dumps({**self._setup, "path": [path for path in sys.path if path]}),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environ,
        )
        return self._process, True


def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


async def _exchange(process: asyncio.subprocess.Process, message: bytes, note: Callable[[bytes], None]) -> bytes:
    if process.stdin is None:
        raise EOFError
    process.stdin.write(FRAME.pack(True, len(message)) + message)
    await process.stdin.drain()
    while True:
        is_last, reply = await _read_frame(process)
        if is_last:
            return reply
        note(reply)


async def _read_frame(process: asyncio.subprocess.Process) -> tuple[bool, bytes]:
    """Return the next message, and whether it is the last one for a query."""
    if process.stdout is None:
        raise EOFError
    is_last, size = FRAME.unpack(await process.stdout.readexactly(FRAME.size))
    return is_last, await process.stdout.readexactly(size)
