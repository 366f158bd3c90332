"""The one way in which tests start processes, so that they do not depend on how the tests were started themselves.

A shell without job control starts a command in the background with SIGINT ignored, `nohup` with SIGHUP, and a process
inherits what is ignored. `run`, `start`, `show` and `fork_terminal` begin with the default of every signal, and with
nothing on standard input unless the caller says otherwise.
"""

import os
import pty
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

import pexpect

__all__ = ["fork_terminal", "heed_interrupts", "run", "show", "start"]

SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


def heed_interrupts() -> None:
    """Let Control-C reach this process again, and what the code under test starts by itself."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def run(command: Any, **options: Any) -> "subprocess.CompletedProcess[Any]":
    """`subprocess.run` of a process with default signals."""
    given = {} if "input" in options else {"stdin": subprocess.DEVNULL}
    return subprocess.run(command, check=options.pop("check", False), **{**given, **_defaults(), **options})


def start(command: Any, **options: Any) -> "subprocess.Popen[Any]":
    """`subprocess.Popen` of a process with default signals."""
    return subprocess.Popen(command, **{"stdin": subprocess.DEVNULL, **_defaults(), **options})


def show(command: str, arguments: Sequence[str] = (), **options: Any) -> "pexpect.spawn[Any]":
    """`pexpect.spawn`: a process with default signals in a terminal."""
    return pexpect.spawn(command, list(arguments), preexec_fn=_set_default_signals, **options)


def fork_terminal() -> tuple[int, int]:
    """`pty.fork`, whose child has default signals and executes a program next."""
    process, terminal = pty.fork()
    if process == 0:
        _set_default_signals()
    return process, terminal


def _defaults() -> dict[str, Any]:
    """`Popen` sets SIGPIPE itself; code between fork and exec is slow, so it runs only where a signal is ignored."""
    ignored = any(signal.getsignal(name) is signal.SIG_IGN for name in SIGNALS if name is not signal.SIGPIPE)
    return {"preexec_fn": _set_default_signals} if ignored and os.name != "nt" else {}


def _set_default_signals() -> None:
    for name in SIGNALS:
        signal.signal(name, signal.SIG_DFL)
