"""Installs the servers' packages once, into a folder outside the repository, each in a place of its own.

`$CONN_TEST_CACHE`, else `~/.cache/conn-tests`. A finished install carries a marker; an unfinished one is made
anew. A file lock keeps parallel test processes apart.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import launching

from processes.process import ServerFailed, log_tail

__all__ = [
    "debian",
    "debian_closure",
    "debian_files",
    "installed",
    "node_modules",
    "requirements",
    "root",
    "tool",
    "venv",
]


def root() -> Path:
    """The cache folder; made when missing."""
    named = os.environ.get("CONN_TEST_CACHE")
    folder = Path(named).expanduser() if named else Path.home() / ".cache" / "conn-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def tool(name: str, why: str) -> str:
    """Path of a program. Raises ServerFailed without it: a missing tool is a failure, never a skip."""
    found = shutil.which(name)
    if found is None:
        raise ServerFailed(f"`{name}` is not on PATH. {why}")
    return found


@contextmanager
def installed(name: str) -> Iterator[tuple[Path, bool]]:
    """The folder of one install and whether it is complete; marked so when the block succeeds."""
    folder = root() / name
    with (root() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        marker = folder / ".complete"
        complete = marker.exists()
        if not complete:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        yield folder, complete
        marker.touch()


def venv(name: str, version: str, *beside: str, extras: str = "") -> Path:
    """`bin` folder of a virtual environment that holds one PyPI package at one version, with these extras, and others
    `beside` it."""
    label = "+".join([name, *filter(None, extras.split(","))])
    with installed(f"{label}-{version}-py{sys.version_info.major}.{sys.version_info.minor}") as (
        folder,
        complete,
    ):
        if not complete:
            wanted = f"{name}[{extras}]=={version}" if extras else f"{name}=={version}"
            execute([sys.executable, "-m", "venv", folder / "venv"], folder)
            execute([folder / "venv/bin/pip", "install", "--quiet", wanted, *beside], folder)
    return folder / "venv" / "bin"


def requirements(name: str, file: Path) -> Path:
    """`bin` folder of a virtual environment that holds what a requirements file pins, and the files it names."""
    texts = [file.read_bytes()]
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            texts.append((file.parent / line[3:].strip()).read_bytes())
    mark = hashlib.sha256(b"\n".join(texts)).hexdigest()[:12]
    with installed(f"{name}-{mark}-py{sys.version_info.major}.{sys.version_info.minor}") as (folder, complete):
        if not complete:
            execute([sys.executable, "-m", "venv", folder / "venv"], folder)
            execute([folder / "venv/bin/pip", "install", "--quiet", "-r", file], folder)
    return folder / "venv" / "bin"


def node_modules(name: str, version: str, *beside: str) -> Path:
    """`node_modules` folder that holds one npm package at one version, and others `beside` it (`name@version`)."""
    why = "Install Node.js 20 or later with npm (Debian: apt-get install nodejs npm)."
    tool("node", why)
    npm = tool("npm", why)
    with installed(f"{name.replace('/', '+')}-{version}") as (folder, complete):
        if not complete:
            (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
            quiet = ("--no-audit", "--no-fund", "--loglevel=error")
            execute([npm, "install", *quiet, f"{name}@{version}", *beside], folder)
    return folder / "node_modules"


def debian(package: str, program: str) -> Path:
    """A program of a Debian package: the machine's own, else unpacked from the archive, not installed."""
    own = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if own:
        return Path(own)
    root = unpacked(package, ("download", "-q", package))
    for found in (root / "usr" / "sbin" / program, root / "usr" / "bin" / program):
        if found.exists():
            return found
    raise ServerFailed(f"The Debian package {package} holds no {program}. {WHY.format(package)}")


def debian_closure(name: str, *packages: str) -> Path:
    """Folder with these Debian packages and what they need and the machine lacks, unpacked, not installed."""
    quiet = (
        "--no-install-recommends",
        "--download-only",
        "-o",
        "Debug::NoLocking=1",
        "-o",
        "Dir::Cache::archives={folder}",
    )
    return unpacked(name, ("install", "-y", "-q", *quiet, *packages))


def debian_files(package: str) -> Path:
    """Folder with the files of one Debian package, without what it depends on."""
    return unpacked(package, ("download", "-q", package))


WHY = "Install {}, or run where apt-get can fetch it (Debian, Ubuntu)."


def unpacked(name: str, fetch: Sequence[str]) -> Path:
    """`root` of a cached folder, with every package in it that `apt-get fetch…` brings into it (`{folder}`)."""
    why = WHY.format(name)
    apt = tool("apt-get", why)
    unpack = tool("dpkg-deb", why)
    with installed(f"debian-{name}") as (folder, complete):
        if not complete:
            for place in ("partial", "root"):
                (folder / place).mkdir()
            words = [apt, *(word.format(folder=folder) for word in fetch)]
            try:
                execute(words, folder)
            except ServerFailed:  # a fresh machine has no package lists, an old one stale ones
                execute([apt, "update", "-q"], folder, hint=why)
                execute(words, folder, hint=why)
            for package in sorted(folder.glob("*.deb")):
                execute([unpack, "-x", package, folder / "root"], folder)
    return folder / "root"


def execute(command: Sequence[str | Path], folder: Path, *, hint: str = "") -> None:
    """Run one install step; its output goes to `install.log`, whose end is in the error."""
    words = [str(word) for word in command]
    log = folder / "install.log"
    with log.open("ab") as sink:
        status = launching.run(
            words, cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, check=False
        ).returncode
    if status:
        raise ServerFailed(f"`{' '.join(words)}` ended with status {status}. {hint}\n  end of {log}:\n{log_tail(log)}")
