"""`conn auth login` as it runs: what it says is read line by line, while a test plays the person at the browser."""

import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import launching

from processes.command import Conn

__all__ = ["Login", "login"]


@dataclass
class Login:
    """A running `conn auth login`, and what it has said on standard error."""

    conn: Conn
    words: tuple[str, ...]
    process: "subprocess.Popen[str]"
    lines: "queue.Queue[str]" = field(default_factory=queue.Queue)
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The printed address, once the command listens."""
        return self.seen(r"\bwaiting for the response\b", r"^\s*(http\S+\?\S+)$")

    def seen(self, until: str, wanted: str) -> str:
        """What a pattern finds in the lines up to one that another pattern fits."""
        end = time.monotonic() + 60
        while not any(re.search(until, line) for line in self.said):
            self.said.append(self.lines.get(timeout=max(0.1, end - time.monotonic())))
        found = [match[1] for line in self.said if (match := re.search(wanted, line))]
        assert found, self.said
        return found[0]

    def ended(self, code: int) -> str:
        """Wait for the end; everything it said, standard output last."""
        out = self.process.communicate(timeout=60)[0] if self.process.stdout else ""
        while not self.lines.empty():
            self.said.append(self.lines.get())
        text = "\n".join(self.said) + "\n" + out
        assert self.process.returncode == code, text
        assert "Traceback" not in text
        assert not [secret for secret in self.conn.secrets if secret in text]
        return text


@contextmanager
def login(conn: Conn, *words: str, stdin: str = "") -> Iterator[Login]:
    """Start `conn auth login` and read what it says as it says it."""
    process = launching.start(
        [sys.executable, "-m", "conn_cli.main", "auth", "login", *words],
        cwd=conn.root,
        env=conn.variables(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdin and process.stderr
    started = Login(conn, words, process)
    errors, process.stderr = process.stderr, None

    def read() -> None:
        for line in errors:
            started.lines.put(line.rstrip("\n"))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    if stdin:
        process.stdin.write(stdin)
    process.stdin.close()
    process.stdin = None
    try:
        yield started
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        reader.join(5)
        errors.close()
