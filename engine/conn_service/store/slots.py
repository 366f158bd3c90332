"""The slot of a worker on Postgres: a number that no other worker has or had, by which its work is continued.

The slot is an advisory lock of a connection of its own, so it is free as soon as the process or its machine is gone.
What a worker with a free slot was doing is continued by another one. A number is never used again: a worker that was
stopped, and whose slot is lost, may begin more work before it notices, and that is found by its number too.
"""

import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread, local
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import NullPool

from conn_service.store.database import KEEPALIVES

__all__ = ["SlotLease", "SlotLostError", "exit_process", "work_without_slot"]

_NAMESPACE: Final = 0x636F6E73
_CHECK_SECONDS = 1.0
_FRESH_SECONDS = 5.0
_NETWORK_FAILED = 4  # as `conn` ends for the network
_this_thread = local()


class SlotLostError(sa.exc.SQLAlchemyError):
    """Another worker may have the slot, so this one writes nothing any more. DBOS and the steps do not try again."""


def exit_process(reason: str = "the connection to the store is lost") -> None:
    """End the process at once, for its supervisor to start it again: another worker may have its slot."""
    message = "%s: this process ends with exit code %d, and another one may continue its work; start it again"
    logging.getLogger(__name__).critical(message, reason, _NETWORK_FAILED)
    os._exit(_NETWORK_FAILED)


@contextmanager
def work_without_slot() -> Iterator[None]:
    """Use the database also if the slot is lost: for what another worker cannot do, such as storing a new token."""
    _this_thread.needs_no_slot = True
    try:
        yield
    finally:
        _this_thread.needs_no_slot = False


class SlotLease:
    """A new slot. `on_lost` is called in a thread when its connection is lost."""

    def __init__(self, url: URL, *, on_lost: Callable[[], None] = exit_process) -> None:
        options = " ".join(f"-c tcp_keepalives_{name}={value}" for name, value in KEEPALIVES.items())
        own = {f"keepalives_{name}": value for name, value in KEEPALIVES.items()}
        self._engine = sa.create_engine(
            url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args={"options": options, "application_name": "conn-slot", **own},
        )
        self._on_lost = on_lost
        self.is_lost = False
        self._connection = self._engine.connect()
        self.number = secrets.randbits(31)
        while not _lock(self._connection, self.number):
            self.number = secrets.randbits(31)
        self._checked = time.monotonic()
        self._closed = Event()
        self._watcher = Thread(target=self._watch, name="conn-slot", daemon=True)
        self._watcher.start()

    @property
    def executor(self) -> str:
        """The name of the worker with this slot."""
        return f"slot{self.number}"

    def is_fresh(self) -> bool:
        """Return whether the slot was this worker's a moment ago. In a process that was stopped and continues, it
        may be another worker's."""
        return not self.is_lost and time.monotonic() - self._checked < _FRESH_SECONDS

    def guard(self, engine: Engine) -> None:
        """Let an engine connect, execute and commit nothing once the slot is lost: that raises SlotLostError."""

        def check(*_: object) -> None:
            if self.is_lost and not getattr(_this_thread, "needs_no_slot", False):
                raise SlotLostError("the worker has lost its slot")

        for event in ("do_connect", "before_cursor_execute", "commit"):
            sa.event.listen(engine, event, check)

    @contextmanager
    def borrow(self, executor: str) -> Iterator[bool]:
        """Hold the slot of another worker for a moment. Gives False if that one is running, or is not a slot's."""
        number = executor.removeprefix("slot")
        if not number.isdigit() or int(number) == self.number:
            yield False
            return
        with self._engine.connect() as connection:  # closing it unlocks the slot
            yield _lock(connection, int(number))

    def _watch(self) -> None:
        while not self._closed.wait(_CHECK_SECONDS):
            try:
                self._connection.execute(sa.text("SELECT 1"))
            except sa.exc.SQLAlchemyError:
                if not self._closed.is_set():
                    self.is_lost = True
                    self._on_lost()
                return
            self._checked = time.monotonic()

    def close(self) -> None:
        """Give the slot back."""
        self._closed.set()
        self._watcher.join()
        with suppress(sa.exc.SQLAlchemyError):  # it is free at once, and not only when the server notices the end
            self._connection.execute(sa.select(sa.func.pg_advisory_unlock(_NAMESPACE, self.number)))
        self._connection.close()
        self._engine.dispose()


def _lock(connection: Connection, slot: int) -> bool:
    return bool(connection.execute(sa.select(sa.func.pg_try_advisory_lock(_NAMESPACE, slot))).scalar())
