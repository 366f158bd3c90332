"""One server as a child process: a free port, a wait until it answers, its log, an end by process id.

The modules next to this one declare what is started, and with which data.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import launching

__all__ = ["ServerFailed", "free_port", "running"]

LOG_LINES = 40


class ServerFailed(Exception):
    """A server could not be installed or did not come up. The message holds the command and its log's end."""


def free_port() -> int:
    """A TCP port that nothing listens on right now, on 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def log_tail(log: Path) -> str:
    """The last lines of a log, indented for a message."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    shown = "\n".join(f"    {line[:300]}" for line in lines[-LOG_LINES:])
    return shown or "    (the log is empty)"


@contextmanager
def running(
    name: str,
    command: Sequence[str | Path],
    *,
    url: str,
    log: Path,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    seconds: float = 60.0,
    ready: Callable[[httpx.Response], bool] = lambda _: True,
    patience: float = 5.0,
) -> Iterator[int]:
    """Run `command` until the block is left, however it is left; yields the process id once `url` answers.

    `url` is a web address, whose answer `ready` judges, or `unix:PATH`, a socket that takes connections. Raises
    ServerFailed when it ends early or stays silent for `seconds`. `patience` is how many seconds it has to end.
    """
    words = [str(word) for word in command]
    with log.open("wb") as sink:
        process = launching.start(
            words,
            cwd=folder,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its own group: a launcher's children end with it
        )
    try:
        await_answer(name, words, process, url=url, log=log, seconds=seconds, ready=ready)
        yield process.pid
    finally:
        end(process, patience)


def await_answer(
    name: str,
    words: Sequence[str],
    process: "subprocess.Popen[bytes]",
    *,
    url: str,
    log: Path,
    seconds: float,
    ready: Callable[[httpx.Response], bool],
) -> None:
    """Poll `url` until `ready` says yes; the process must live meanwhile."""
    until = time.monotonic() + seconds
    with httpx.Client(timeout=5, trust_env=False) as client:
        while time.monotonic() < until:
            status = process.poll()
            if status is not None:
                raise ServerFailed(
                    f"{name} ended with status {status} before it answered.\n  command: {' '.join(words)}\n"
                    f"  end of {log}:\n{log_tail(log)}"
                )
            with suppress(httpx.TransportError, OSError):
                if takes_connections(url.removeprefix("unix:")) if url.startswith("unix:") else ready(client.get(url)):
                    return
            time.sleep(0.05)
    raise ServerFailed(
        f"{name} did not answer {url} within {seconds:.0f} s.\n  command: {' '.join(words)}\n"
        f"  end of {log}:\n{log_tail(log)}"
    )


def takes_connections(path: str) -> bool:
    """Whether something listens on a Unix socket. Raises OSError when nothing does."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(path)
    return True


def end(process: "subprocess.Popen[bytes]", seconds: float = 5.0) -> None:
    """Ask the process group to end, insist after `seconds`."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            continue
        break
    with suppress(ProcessLookupError):  # a child that outlived its launcher
        os.killpg(process.pid, signal.SIGKILL)
