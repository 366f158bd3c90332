"""The processes of a benchmark of the service: Conn's, one written by hand, and the one of the clients."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import CHECKOUT, CONN, environment

__all__ = ["LoadProcess", "ServerProcess", "serve_by_hand", "serve_conn", "start_load"]

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass
class ServerProcess:
    """A service in a process of its own."""

    process: "subprocess.Popen[Any]"
    port: int
    token: str

    def read_cpu(self) -> float:
        """Return the processor seconds so far (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@dataclass
class LoadProcess:
    """The process of the clients."""

    process: "subprocess.Popen[str]"

    def start(
        self,
        server: ServerProcess,
        paths: list[str],
        clients: int,
        requests: int,
        posts: list[Any] | None = None,
        *,
        rate: float | None = None,
    ) -> None:
        """Start to send requests: GET for each of the paths in turn, or else `posts`, each with headers and a body, to
        the first path. `rate` is how many are due a second; by default, each client sends the next one at once."""
        work = {"port": server.port, "token": server.token, "paths": paths, "clients": clients, "requests": requests}
        if self.process.stdin is None:
            raise RuntimeError("the clients have no pipes")
        self.process.stdin.write(json.dumps({**work, "posts": posts, "rate": rate}) + "\n")
        self.process.stdin.flush()

    def finish(self) -> dict[str, float]:
        """Wait for the end, and return how long it took. Raises RuntimeError for a response that is not 200."""
        if self.process.stdout is None:
            raise RuntimeError("the clients have no pipes")
        outcome: dict[str, Any] = json.loads(self.process.stdout.readline())
        if "fault" in outcome:
            raise RuntimeError(f"a response was not as expected: {outcome['fault']}")
        return outcome

    def run(
        self,
        server: ServerProcess,
        paths: list[str],
        clients: int,
        requests: int,
        posts: list[Any] | None = None,
        *,
        rate: float | None = None,
    ) -> dict[str, float]:
        """Send requests, and return how long they took."""
        self.start(server, paths, clients, requests, posts, rate=rate)
        return self.finish()


@contextmanager
def serve_conn(folder: Path, token: str, *options: str, **variables: str) -> Iterator[ServerProcess]:
    """Run `conn serve` in a workspace. `variables` are those of its environment."""
    command = [*CONN, "serve", "--port", "0", *options]
    with tempfile.NamedTemporaryFile(suffix=".log") as sink:
        process = subprocess.Popen(command, cwd=folder, env=environment(**variables), stderr=sink)
        try:
            until = time.monotonic() + 60
            while "http://127.0.0.1:" not in (line := Path(sink.name).read_text("utf-8")):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"the service did not start: {line}")
                time.sleep(0.05)
            port = int(line.partition("http://127.0.0.1:")[2].partition("/")[0])
            yield ServerProcess(process, port, token)
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def serve_by_hand(command: list[str], read: Callable[[str], tuple[int, str]]) -> Iterator[ServerProcess]:
    """Run a program that prints its port, and ends with its standard input. `read` makes the port and the token of
    what it prints."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment(), text=True, **pipes)
    try:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process has no pipes")
        yield ServerProcess(process, *read(process.stdout.readline()))
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait(60)


def start_load(stack: ExitStack) -> LoadProcess:
    """Start the process of the clients."""
    command = [sys.executable, "-m", "benchmarks.service_load"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment(), text=True, **pipes)

    def end() -> None:
        if process.stdin is not None:
            process.stdin.close()
        process.wait(60)

    stack.callback(end)
    return LoadProcess(process)
