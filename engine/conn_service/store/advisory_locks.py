"""Locks of Postgres by name, for one owner among all processes of all machines."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from conn_engine.secrets.vault.locks import WAIT_SECONDS, Locks, build_busy_error

__all__ = ["AdvisoryLocks"]

_POLL_SECONDS: Final = 0.05
_KEEPALIVE: Final = ("tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3")
"""The server gives a lock back half a minute after its owner's machine is gone."""


class AdvisoryLocks:
    """Locks whose names begin with `prefix`. A lock is that of a transaction, so it is free when the connection of its
    owner is gone."""

    def __init__(self, engine: Engine, prefix: str, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._engine = engine
        self._prefix = prefix
        self._wait = wait_seconds
        self._threads = Locks(None, wait_seconds=wait_seconds)  # so that only one thread takes a connection

    @contextmanager
    def hold(self, account: str) -> Iterator[None]:
        """Acquire the account's lock. Raises CredentialError if another process has it for too long."""
        until = time.monotonic() + self._wait
        digest = hashlib.sha256(f"{self._prefix}\n{account}".encode()).digest()
        lock = sa.select(sa.func.pg_try_advisory_xact_lock(int.from_bytes(digest[:8], signed=True)))
        with self._threads.hold(f"{self._engine.url!r} {self._prefix} {account}"), self._engine.begin() as connection:
            for setting in _KEEPALIVE:
                connection.exec_driver_sql(f"SET LOCAL {setting}")
            while not connection.execute(lock).scalar():
                if time.monotonic() > until:
                    raise build_busy_error(account)
                time.sleep(_POLL_SECONDS)
            yield
