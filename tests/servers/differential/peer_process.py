"""The process beside the CDK, from this side: starts it, asks it, ends it."""

import json
import os
import select
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import launching
from processes import cache

__all__ = ["Peer", "PeerFault"]

REQUIREMENTS = Path(__file__).parent / "requirements.txt"
SECONDS = 120.0


class PeerFault(Exception):
    """The process could not do what it was asked."""


class Peer:
    """One process. `ask` gives the answer to a command; a process that hangs or dies is replaced by a new one."""

    def __init__(self) -> None:
        self._python = cache.requirements("airbyte-cdk", REQUIREMENTS) / "python"
        self._process: subprocess.Popen[bytes] | None = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
            environ.pop("PYTHONHOME", None)
            self._process = launching.start(
                [self._python, "-m", "differential.peer.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environ,
            )
        return self._process

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a command. Raises PeerFault, after which the manifest has to be opened again."""
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            self.close()
            raise PeerFault(f"the process ended before {command}") from None
        ready, _, _ = select.select([process.stdout], [], [], SECONDS)
        line = process.stdout.readline() if ready else b""
        if not line:
            self.close()
            raise PeerFault(f"no answer to {command} within {SECONDS:.0f} s" if not ready else "the process ended")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            if "TimeoutError" in answer["failed"]:  # a thread of it still runs
                self.close()
            raise PeerFault(str(answer["failed"]))
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()
