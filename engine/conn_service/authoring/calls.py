"""Run the call of a tool in a process of its own: without credentials, bounded in memory and output, and killable."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from conn_service.authoring.results import describe_problem
from conn_service.authoring.tools import ToolCall, name_document

__all__ = ["CallRunner"]

_LIMITED = """
import json, sys
sys.path[:] = json.loads(sys.argv.pop(1))
try:
    import resource
    for name, most in ((resource.RLIMIT_AS, {memory}), (resource.RLIMIT_CPU, {seconds}), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(name, (most, most))
except ImportError:
    pass
from {module} import main
main()
"""
_MEMORY = 2 << 30
_MOST_OUTPUT = 32 << 20
_NOTES = 2_000
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The environment variables that a process inherits. None of them has a credential."""


@dataclass(frozen=True)
class CallRunner:
    """Runs calls for the workspace at `root`. `command` is the module whose `main` is the command line."""

    root: Path
    command: str
    most_seconds: float = 120

    async def run(self, call: ToolCall) -> tuple[dict[str, Any], str]:
        """Return the report of a call, which may be an error, and the notes that the command printed."""
        with tempfile.TemporaryDirectory(prefix="conn-") as folder:
            call = replace(call, words=_write_documents(call, Path(folder)))
            seconds = min(call.seconds, self.most_seconds)
            return await self._run(call, seconds)

    async def _run(self, call: ToolCall, seconds: float) -> tuple[dict[str, Any], str]:
        process = await self._start(call, seconds)
        stdin = json.dumps(call.query) if call.query is not None else call.stdin
        try:
            out, notes = await asyncio.wait_for(_communicate(process, stdin.encode()), seconds)
        except TimeoutError:
            return describe_problem("timeout", f"the call took more than {seconds:g} s", "make it smaller"), ""
        except OverflowError:
            return describe_problem("size", "the result is too large", "name an operation or an account"), ""
        finally:
            await _kill(process)
        try:
            report = json.loads(out)
        except ValueError:
            message = "the command ended unexpectedly; it may have run out of memory"
            return describe_problem("internal", message, "make the call smaller", exit_code=70), ""
        return report, "" if report.get("kind") == "error" else notes[:_NOTES]

    async def _start(self, call: ToolCall, seconds: float) -> asyncio.subprocess.Process:
        module = "conn_service.authoring.files" if call.query is not None else self.command
        program = _LIMITED.format(memory=_MEMORY, seconds=int(seconds) + 5, module=module)
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        words = () if call.query is not None else ("--no-input", *call.words)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-c",
            program,
            json.dumps([str(Path(path).resolve()) for path in sys.path if path]),  # never the workspace itself
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.root,
            env={**environment, "CONN_NO_KEYRING": "1", "NO_COLOR": "1", "PYTHONUTF8": "1"},
            start_new_session=True,
        )


def _write_documents(call: ToolCall, folder: Path) -> tuple[str, ...]:
    """Write the documents of a call to files, and return its words with their paths."""
    words = list(call.words)
    for number, text in enumerate(call.documents):
        file = folder / f"document{number}.{'json' if text.lstrip().startswith('{') else 'yaml'}"
        file.write_text(text, encoding="utf-8")
        name = name_document(number)
        words = [f"{word.removesuffix(name)}{file}" if word in (name, f"--page={name}") else word for word in words]
    return tuple(words)


async def _communicate(process: asyncio.subprocess.Process, stdin: bytes) -> tuple[bytes, str]:
    async def write() -> None:
        with suppress(OSError):  # a command may end before it has read its input
            _pipe(process.stdin).write(stdin)
            await _pipe(process.stdin).drain()
            _pipe(process.stdin).close()

    _, out, notes = await asyncio.gather(
        write(), _read_stream(_pipe(process.stdout)), _read_stream(_pipe(process.stderr))
    )
    await process.wait()
    return out, notes.decode("utf-8", "replace")


async def _read_stream(stream: asyncio.StreamReader) -> bytes:
    """Read all of a stream. Raises OverflowError if it is too long."""
    chunks, size = [], 0
    while chunk := await stream.read(1 << 16):
        chunks.append(chunk)
        size += len(chunk)
        if size > _MOST_OUTPUT:
            raise OverflowError
    return b"".join(chunks)


def _pipe(stream: Any) -> Any:
    if stream is None:
        raise RuntimeError("the process has no pipe")
    return stream


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill the process and what it has started, if it still runs."""
    kill: Callable[[], None] = process.kill
    if hasattr(os, "killpg"):
        kill = lambda: os.killpg(process.pid, signal.SIGKILL)  # noqa: E731
    with suppress(ProcessLookupError, PermissionError):
        kill()
    await asyncio.shield(process.wait())
