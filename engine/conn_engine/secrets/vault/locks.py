"""Locks for accounts: one owner at a time, across threads and processes."""

import contextlib
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from conn_engine.errors import CredentialError
from conn_engine.secrets.vault.folders import make_private_folder, to_file_name

__all__ = ["WAIT_SECONDS", "Locks", "build_busy_error"]

WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.02
_OWNER_ONLY = 0o600
_threads: dict[str, threading.Lock] = {}
_guard = threading.Lock()


class Locks:
    """The locks of one store. `folder` has the lock files; without one, locks only exclude threads of this process.

    If the folder cannot be used, CredentialError is raised if `needed`; otherwise there are no lock files. Folders from
    `top` down are for their owner only.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        top: Path | None = None,
        needed: bool = True,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._folder = folder
        self._top = top
        self._needed = needed
        self._wait = wait_seconds

    @contextlib.contextmanager
    def hold(self, account: str) -> Iterator[None]:
        """Acquire the account's lock. Raises CredentialError if another process has it for too long."""
        until = time.monotonic() + self._wait
        with _guard:
            thread_lock = _threads.setdefault(f"{self._folder}\0{account}", threading.Lock())
        if not thread_lock.acquire(timeout=self._wait):
            raise build_busy_error(account)
        try:
            with contextlib.ExitStack() as stack:
                if self._folder is not None:
                    stack.enter_context(self._file(self._folder, account, until))
                yield
        finally:
            thread_lock.release()

    @contextlib.contextmanager
    def _file(self, folder: Path, account: str, until: float) -> Iterator[None]:
        try:
            make_private_folder(folder, self._top)
            stream = _lock_file(folder / f"{to_file_name(account)}.lock")
        except OSError as error:
            if self._needed:
                raise CredentialError(
                    f"cannot create a lock in {folder}: {(error.strerror or str(error)).lower()}",
                    hint="set CONN_STATE_DIR to another folder",
                    category="store",
                ) from error
            yield
            return
        with stream:  # closing gives the lock back, and so does the death of the process
            while not _take(stream):
                if time.monotonic() > until:
                    raise build_busy_error(account)
                time.sleep(_POLL_SECONDS)
            try:
                yield
            finally:
                _give(stream)


def _lock_file(path: Path) -> BinaryIO:
    stream = os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _OWNER_ONLY), "a+b")
    if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) != _OWNER_ONLY:
        with contextlib.suppress(OSError):
            path.chmod(_OWNER_ONLY)
    return stream


def build_busy_error(account: str) -> CredentialError:
    return CredentialError(
        f'the credential of account "{account}" is locked by another process that renews it',
        hint="end the other process if it hangs, then run the command again",
        category="store",
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
