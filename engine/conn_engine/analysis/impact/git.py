"""Run git. Only this module does. The repository and its settings may be untrusted.

No command is used for which git runs a program that the repository configures (hooks, filters, monitors, signatures,
fetching missing objects), so git never reads the work tree. Variables that git sets for a hook's repository, such as
GIT_DIR in a linked worktree, are dropped: only the folder decides which repository is used.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from conn_engine.errors import ConfigurationError, UsageError

__all__ = ["ask_git", "change_git", "fetch_commit", "find_prefix", "run_git"]

_SETTINGS = (
    "core.quotePath=false",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "safe.bareRepository=explicit",  # ignore a folder that only looks like a repository
)
_OF_A_FETCH = (
    "protocol.ext.allow=never",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "fetch.unpackLimit=1",  # one file, whose size the system limits
    "transfer.fsckObjects=true",
    "gc.auto=0",
    "maintenance.auto=false",
)
_FETCH_SECONDS = 180
_FETCH_BYTES = 256 * 1024 * 1024
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


def run_git(root: Path, arguments: Sequence[str], *, given: bytes = b"", most: int = 0) -> bytes:
    """Return the output of a git command on the repository of a folder. Raises ConfigurationError if it fails.

    With `most`, the output of a command that has more bytes ends one byte after them, and the command is stopped. It
    must not read any input.
    """
    code, answer, complaint = _run(root, arguments, given, most=most)
    if code and not 0 < most < len(answer):
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


def fetch_commit(root: Path, url: str, revision: str) -> str:
    """Fetch one commit of another repository into a new one in the empty folder `root`, without its history and without
    a work tree. Return its ID. Raises UsageError if the revision is unknown or the repository cannot be reached.

    The caller has checked the URL and the revision: neither may start with a dash, and the URL has no other protocol
    than https, ssh or file, which is the only one that git may use.
    """
    protocol = url.partition(":")[0]
    _must(_run(root, ["init", "-q", "--template=", "."], b""))
    settings = [word for setting in _OF_A_FETCH for word in ("-c", setting)]
    arguments = [*settings, "fetch", "-q", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", url, revision]
    code, _, complaint = _run(root, arguments, b"", protocol=protocol)
    if code:
        raise UsageError(
            f"git cannot fetch {revision} of {url}: {complaint}",
            hint="check the URL; name a branch, a tag, or a complete commit ID",
        )
    return _must(_run(root, ["rev-parse", "--verify", "-q", "FETCH_HEAD^{commit}"], b"")).decode().strip()


def _must(result: tuple[int, bytes, str]) -> bytes:
    code, answer, complaint = result
    if code:
        raise ConfigurationError(f"git failed: {complaint}", hint="check the installation of git")
    return answer


def _limit_files() -> None:
    """Limit the size of each file that git writes, in its process."""
    import resource  # POSIX only

    resource.setrlimit(resource.RLIMIT_FSIZE, (_FETCH_BYTES, _FETCH_BYTES))


def _run(
    root: Path, arguments: Sequence[str], stdin: bytes, protocol: str = "", most: int = 0
) -> tuple[int, bytes, str]:
    if any("\0" in argument for argument in arguments):
        return 1, b"", "a name has a null character"  # which no operating system passes on
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    command = ["git", "--no-optional-locks", *settings, "-C", str(root), *arguments]
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_ONE_REPOSITORY}
    surroundings = _SURROUNDINGS | ({"GIT_ALLOW_PROTOCOL": protocol} if protocol else {})
    try:
        with subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**inherited, **surroundings},
            start_new_session=bool(protocol),  # git starts others, which end with it
            preexec_fn=_limit_files if protocol and os.name == "posix" else None,  # noqa: PLW1509
        ) as process:
            try:
                seconds = _FETCH_SECONDS if protocol else 120
                start = _read_start(process, most) if most else b""
                rest, errors = process.communicate(stdin, timeout=seconds)
                answer = start or rest
            except BaseException:
                _end(process, with_others=bool(protocol))
                raise
    except FileNotFoundError:
        raise UsageError("git is not installed", hint="install git" if protocol else _ELSEWHERE) from None
    except subprocess.TimeoutExpired:
        minutes = "three" if protocol else "two"
        raise ConfigurationError(f"git has not finished within {minutes} minutes", hint=_ELSEWHERE) from None
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    complaint = next((line for line in lines if line.startswith("fatal: ")), lines[0] if lines else "")
    return process.returncode, answer, complaint.removeprefix("fatal: ") or f"git {arguments[0]} failed"


def _read_start(process: "subprocess.Popen[bytes]", most: int) -> bytes:
    """Return the first bytes of the output, and stop a process that has more."""
    assert process.stdout is not None  # noqa: S101
    start = process.stdout.read(most + 1)
    if len(start) > most:
        process.kill()
    return start


def _end(process: "subprocess.Popen[bytes]", *, with_others: bool) -> None:
    if with_others and os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
