"""One holder per account at a time, over threads and processes."""

import contextlib
import hashlib
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from conn_engine.errors import CredentialError

__all__ = ["Locks", "file_name", "state_folder"]

WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.02
_threads: dict[str, threading.Lock] = {}
_guard = threading.Lock()


def state_folder(environ: Mapping[str, str]) -> Path:
    """The folder for what outlives a run: CONN_STATE_DIR, else the platform's own. It may not exist yet."""
    if environ.get("CONN_STATE_DIR"):
        return Path(environ["CONN_STATE_DIR"])
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "conn"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "conn"
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "conn"


def file_name(account: str) -> str:
    """A file name for any account: readable, and unlike that of any other account on any file system."""
    digest = hashlib.sha256(account.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', account)[:40]}-{digest}"


class Locks:
    """Locks of one store. `folder` holds the lock files; None: between the threads of this process only.

    `needed` says what to do where the folder cannot be used: raise CredentialError, or make do without.
    """

    def __init__(self, folder: Path | None, *, needed: bool = True, wait_seconds: float = WAIT_SECONDS) -> None:
        self._folder = folder
        self._needed = needed
        self._wait = wait_seconds

    @contextlib.contextmanager
    def hold(self, account: str) -> Iterator[None]:
        """Hold the account's lock. Raises CredentialError when another holds it for too long."""
        until = time.monotonic() + self._wait
        with _guard:
            own = _threads.setdefault(f"{self._folder}\0{account}", threading.Lock())
        if not own.acquire(timeout=self._wait):
            raise _busy(account)
        try:
            with contextlib.ExitStack() as stack:
                if self._folder is not None:
                    stack.enter_context(self._file(self._folder, account, until))
                yield
        finally:
            own.release()

    @contextlib.contextmanager
    def _file(self, folder: Path, account: str, until: float) -> Iterator[None]:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            stream = (folder / f"{file_name(account)}.lock").open("a+b")
        except OSError as error:
            if self._needed:
                raise CredentialError(
                    f"no lock can be made in {folder}: {(error.strerror or str(error)).lower()}",
                    hint="CONN_STATE_DIR names another folder",
                ) from error
            yield
            return
        with stream:  # closing gives the lock back, and so does the death of the process
            while not _take(stream):
                if time.monotonic() > until:
                    raise _busy(account)
                time.sleep(_POLL_SECONDS)
            try:
                yield
            finally:
                _give(stream)


def _busy(account: str) -> CredentialError:
    return CredentialError(
        f'the credential of account "{account}" is being renewed elsewhere and does not become free',
        hint="another process may hang while it renews it",
    )


if sys.platform == "win32":
    import msvcrt

    def _take(stream: Any) -> bool:
        stream.seek(0)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _give(stream: Any) -> None:
        stream.seek(0)
        with contextlib.suppress(OSError):
            msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(stream: Any) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _give(stream: Any) -> None:
        fcntl.flock(stream, fcntl.LOCK_UN)
