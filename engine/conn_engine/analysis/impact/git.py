"""Runs git, the only place that does: on a repository that may be a stranger's, its settings too.

Git is asked for nothing for which it runs a program that the repository names (hooks, filters, monitors, signatures,
fetching what is missing), so it never looks at the work tree. Variables that a hook's git sets for its own repository
(GIT_DIR in a linked worktree, for one) are dropped: the folder alone decides which repository is meant.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from conn_engine.errors import ConfigurationError, UsageError

__all__ = ["ask_git", "prefix_of", "run_git"]

_SETTINGS = (
    "core.quotePath=false",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "safe.bareRepository=explicit",  # a folder that only looks like a repository does not count
)
# Older git knows only the second: no protocol may be used. The messages that are looked at are the English ones.
_SURROUNDINGS = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
# fmt: off
_OF_ONE_REPOSITORY = frozenset({
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIR", "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_LITERAL_PATHSPECS", "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
})
# fmt: on
_ELSEWHERE = "compare with another folder: --base-dir FOLDER"


def run_git(root: Path, arguments: Sequence[str], *, given: bytes = b"") -> bytes:
    """What git answers about the repository of a folder. Raises ConfigurationError when it cannot answer."""
    code, answer, complaint = _run(root, arguments, given)
    if code:
        raise ConfigurationError(f"git cannot read the repository: {complaint}", hint=_ELSEWHERE)
    return answer


def ask_git(root: Path, arguments: Sequence[str]) -> str:
    """The one line that git answers, "" when it knows none."""
    code, answer, _ = _run(root, arguments, b"")
    return "" if code else answer.decode("utf-8", "surrogateescape").strip()


def prefix_of(root: Path) -> str:
    """Where a folder stands in its repository: "" or a path that ends with a slash.

    Raises UsageError when it is in none, ConfigurationError when git refuses to read it.
    """
    code, answer, complaint = _run(root, ["rev-parse", "--show-prefix"], b"")
    if not code and answer:
        return answer.decode("utf-8", "surrogateescape").strip("\n")
    if not code or "not a git repository" in complaint or "safe.bareRepository" in complaint:
        raise UsageError(f"{root} is in no git repository", hint=f"instead, {_ELSEWHERE}")
    raise ConfigurationError(f"git does not read the repository of {root}: {complaint}", hint=f"or {_ELSEWHERE}")


def _run(root: Path, arguments: Sequence[str], given: bytes) -> tuple[int, bytes, str]:
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    command = ["git", "--no-optional-locks", *settings, "-C", str(root), *arguments]
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_ONE_REPOSITORY}
    try:
        done = subprocess.run(  # noqa: S603
            command, input=given, capture_output=True, timeout=120, check=False, env={**inherited, **_SURROUNDINGS}
        )
    except FileNotFoundError:
        raise UsageError("git is not installed", hint=_ELSEWHERE) from None
    except subprocess.TimeoutExpired:
        raise ConfigurationError("git does not answer within two minutes", hint=_ELSEWHERE) from None
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return done.returncode, done.stdout, lines[0].removeprefix("fatal: ") if lines else f"git {arguments[0]} failed"
