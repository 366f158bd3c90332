"""Run git. Only this module does. The repository and its settings may be untrusted.

No command is used for which git runs a program that the repository configures (hooks, filters, monitors, signatures,
fetching missing objects), so git never reads the work tree. Variables that git sets for a hook's repository, such as
GIT_DIR in a linked worktree, are dropped: only the folder decides which repository is used.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from conn_engine.errors import ConfigurationError, UsageError

__all__ = ["ask_git", "change_git", "find_prefix", "run_git"]

_SETTINGS = (
    "core.quotePath=false",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "safe.bareRepository=explicit",  # ignore a folder that only looks like a repository
)
# Older versions of git only know the second one, which forbids all protocols. The messages are parsed in English.
_SURROUNDINGS = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
# fmt: off
_OF_ONE_REPOSITORY = frozenset({
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIR", "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_LITERAL_PATHSPECS", "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
})
# fmt: on
_ELSEWHERE = "compare with a folder: --base-dir FOLDER"


def run_git(root: Path, arguments: Sequence[str], *, given: bytes = b"") -> bytes:
    """Return the output of a git command on the repository of a folder. Raises ConfigurationError if it fails."""
    code, answer, complaint = _run(root, arguments, given)
    if code:
        raise ConfigurationError(f"git cannot read the repository: {complaint}", hint=_ELSEWHERE)
    return answer


def change_git(root: Path, arguments: Sequence[str], *, given: bytes = b"") -> bytes:
    """Return the output of a git command that writes into the repository of a folder. Raises ConfigurationError if it
    fails."""
    code, answer, complaint = _run(root, arguments, given)
    if code:
        raise ConfigurationError(f"git has not committed it: {complaint}", hint="commit it yourself: git commit")
    return answer


def ask_git(root: Path, arguments: Sequence[str]) -> str:
    """Return the one line that git prints, or "" if the command fails."""
    code, answer, _ = _run(root, arguments, b"")
    return "" if code else answer.decode("utf-8", "surrogateescape").strip()


def find_prefix(root: Path) -> str:
    """Return the path of a folder in its repository: "", or a path that ends with a slash.

    Raises UsageError if it is not in a repository, ConfigurationError if git refuses to read it.
    """
    code, answer, complaint = _run(root, ["rev-parse", "--show-prefix"], b"")
    if not code and answer:
        return answer.decode("utf-8", "surrogateescape").strip("\n")
    if not code or "not a git repository" in complaint or "safe.bareRepository" in complaint:
        raise UsageError(f"{root} is not in a git repository", hint=_ELSEWHERE)
    raise ConfigurationError(f"git cannot read the repository of {root}: {complaint}", hint=_ELSEWHERE)


def _run(root: Path, arguments: Sequence[str], stdin: bytes) -> tuple[int, bytes, str]:
    if any("\0" in argument for argument in arguments):
        return 1, b"", "a name has a null character"  # which no operating system passes on
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    command = ["git", "--no-optional-locks", *settings, "-C", str(root), *arguments]
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_ONE_REPOSITORY}
    try:
        done = subprocess.run(  # noqa: S603
            command, input=stdin, capture_output=True, timeout=120, check=False, env={**inherited, **_SURROUNDINGS}
        )
    except FileNotFoundError:
        raise UsageError("git is not installed", hint=_ELSEWHERE) from None
    except subprocess.TimeoutExpired:
        raise ConfigurationError("git has not finished within two minutes", hint=_ELSEWHERE) from None
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return done.returncode, done.stdout, lines[0].removeprefix("fatal: ") if lines else f"git {arguments[0]} failed"
