"""The command line under test, as a child process: arguments, environment, exit code, output.

The environment is made from nothing, so that no credential, keyring or home folder of the machine takes part.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import launching

__all__ = ["Conn", "Outcome"]

REPOSITORY = Path(__file__).resolve().parents[3]
KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        out, err = self.out[-3000:], self.err[-3000:]
        return f"conn {' '.join(self.words)} -> {self.code}\n--- out\n{out}\n--- err\n{err}"

    def records(self) -> list[Any]:
        """The records of `--output jsonl`."""
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]


@dataclass(frozen=True, slots=True)
class Conn:
    """`conn` in one workspace. No output may ever hold one of `secrets`: each call checks that."""

    root: Path
    home: Path
    environ: Mapping[str, str]
    secrets: Sequence[str] = ()

    def variables(self) -> dict[str, str]:
        """The whole environment of the child process."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {
            **kept,
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "CONN_STATE_DIR": str(self.home / "state"),
            "PYTHONPATH": os.pathsep.join(str(REPOSITORY / part) for part in ("cli", "engine")),
            "CONN_NO_KEYRING": "1",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "NO_COLOR": "1",
            **self.environ,
        }

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command without waiting for it."""
        return launching.start(
            [sys.executable, "-m", "conn_cli.main", *words],
            cwd=self.root,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def finish(self, process: "subprocess.Popen[str]", words: Sequence[str], seconds: float = 120) -> Outcome:
        """Wait for a started command."""
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(
                f"conn {' '.join(words)} ran longer than {seconds} s\n{out[-2000:]}\n{err[-2000:]}"
            ) from None
        outcome = Outcome(tuple(words), process.returncode, out, err)
        shown = [secret for secret in self.secrets if secret in out or secret in err]
        assert not shown, f"a secret is shown by conn {' '.join(words)}"
        assert "Traceback" not in err, str(outcome)
        return outcome

    def __call__(self, *words: str, code: int = 0) -> Outcome:
        """Run a command to its end; it must end with `code`."""
        outcome = self.finish(self.start(*words), words)
        assert outcome.code == code, str(outcome)
        return outcome

    def store(self, account: str, document: Mapping[str, Any]) -> None:
        """Put a credential where the command line will look for it."""
        self.vault("vault.save(sys.argv[1], json.load(sys.stdin))", account, json.dumps(document))

    def stored(self, account: str) -> dict[str, Any]:
        """The credential that is stored now."""
        found: dict[str, Any] = json.loads(self.vault("print(json.dumps(vault.load(sys.argv[1])))", account, ""))
        return found

    def vault(self, statement: str, account: str, text: str) -> str:
        """One statement over the vault, in a process with the command line's own environment."""
        lines = (
            "import json, os, sys, pathlib",
            "from conn_engine import load_workspace",
            "from conn_engine.runtime.wiring import vault_of",
            "vault = vault_of(load_workspace(pathlib.Path.cwd()), os.environ)",
        )
        return launching.run(
            [sys.executable, "-c", "\n".join((*lines, statement)), account],
            input=text,
            env=self.variables(),
            cwd=self.root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
