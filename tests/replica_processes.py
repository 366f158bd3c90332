"""Replicas of the service as processes of their own, and a client that counts what fails."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import launching

__all__ = ["PATIENCE", "Replica", "Traffic", "find_free_port"]

PATIENCE = 120.0
_CONN = [sys.executable, "-c", "from conn_cli.start import main; main()"]


def find_free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Replica:
    """`conn serve` in a process of its own, at a port of its own."""

    root: Path
    log: Path
    environ: Mapping[str, str]
    words: Sequence[str] = ("serve",)
    port: int = field(default_factory=find_free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        paths = [str(Path(path).resolve()) for path in sys.path if path]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **self.environ}
        command = [*_CONN, "-C", str(self.root), *self.words, "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = launching.start(command, env=environ, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=60):
                return
            time.sleep(0.05)
        raise AssertionError(f"the service did not start:\n{self.log.read_text(errors='replace')[-3000:]}")

    def stop(self) -> None:
        """End it as a supervisor does, and wait for it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)

    def read_memory(self) -> int:
        """Return the bytes of memory that it uses (Linux)."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(text.partition("VmRSS:")[2].split()[0])


@dataclass
class Traffic:
    """Threads that send requests, each over a connection that it keeps. `times` has the seconds of each response."""

    url: str
    token: str
    trust: ssl.SSLContext | bool = True
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)

    def _send(self, paths: Sequence[str], pause: float) -> None:
        headers = {"authorization": f"Bearer {self.token}"}
        options = {"verify": self.trust, "timeout": PATIENCE, "trust_env": False}
        with httpx.Client(base_url=self.url, headers=headers, **options) as client:
            count = 0
            while not self._end.wait(pause):
                began = time.perf_counter()
                try:
                    self.statuses[client.get(paths[count % len(paths)]).status_code] += 1
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                self.times.append(time.perf_counter() - began)
                count += 1

    @contextmanager
    def run(self, paths: Sequence[str], threads: int = 1, pause: float = 0.0) -> Iterator[None]:
        """Send requests until the block is left."""
        running = [threading.Thread(target=self._send, args=(paths, pause)) for _ in range(threads)]
        for thread in running:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in running:
                thread.join(PATIENCE)

    def wait_for(self, is_reached: Callable[[], bool]) -> None:
        """Wait until something is reached."""
        until = time.monotonic() + PATIENCE
        while not is_reached():
            assert time.monotonic() < until, f"not reached: {self.statuses} {self.failures[:3]}"
            time.sleep(0.02)

    def find_slow(self, share: float) -> float:
        """Return the seconds within which this share of the requests was answered."""
        times = sorted(self.times)
        return times[int((len(times) - 1) * share)]
