"""A worker of syncs in a thread of another program, such as the service: it is its own supervisor."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from conn_engine.errors import ConnError
from conn_service.store import exit_process
from conn_service.syncs.dbos_process import is_working
from conn_service.syncs.worker import SyncWorker

__all__ = ["run_in_background"]

_LOG = logging.getLogger(__name__)
_CHECK_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 5.0
"""After a failure, such as a full disk, another worker is opened."""
_LONGEST_PAUSE_SECONDS: Final = 300.0
"""How long another worker waits for what the former one has begun: the longest pause before DBOS tries again is 90 s,
and a request that does not end is given up before."""


@contextmanager
def run_in_background(open_worker: Callable[[], SyncWorker], is_draining: Callable[[], bool]) -> Iterator[None]:
    """Run workers until the block ends, or until the program drains. Raises what the first one raises at its start.

    When one fails later, that is logged, and another one continues what it was doing.
    """
    started: Future[None] = Future()
    ended = threading.Event()
    arguments = (open_worker, started, lambda: ended.is_set() or is_draining())
    thread = threading.Thread(target=_supervise, args=arguments, name="conn-worker")
    thread.start()
    try:
        started.result()
        yield
    finally:
        ended.set()
        thread.join()


def _supervise(open_worker: Callable[[], SyncWorker], started: Future[None], has_ended: Callable[[], bool]) -> None:
    reason = ""

    def note_start() -> None:
        nonlocal reason
        if not started.done():
            started.set_result(None)
        if reason:
            _LOG.info("the worker works again")
        reason = ""

    while not has_ended():
        try:
            _work(open_worker, note_start, has_ended)
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
                return
            if not isinstance(error, ConnError | sa.exc.SQLAlchemyError):
                _LOG.exception("the worker has failed")
            before, reason = reason, error.message if isinstance(error, ConnError) else type(error).__name__
            if reason != before:  # while a database is away, this is tried again and again
                _LOG.error("the worker stopped, and starts again in %g s: %s", _PAUSE_SECONDS, reason)
            _wait(has_ended)


def _work(open_worker: Callable[[], SyncWorker], note_start: Callable[[], None], has_ended: Callable[[], bool]) -> None:
    with open_worker() as worker:
        worker.resume_unfinished()
        note_start()
        pause = threading.Event()
        while not has_ended():
            worker.watch.check()
            pause.wait(_CHECK_SECONDS)


def _wait(has_ended: Callable[[], bool]) -> None:
    """Wait for some seconds, and until nothing of the former worker is at work. If that does not end, the process
    does."""
    pause = threading.Event()
    for number in range(int(_LONGEST_PAUSE_SECONDS / _CHECK_SECONDS)):
        if has_ended() or (number * _CHECK_SECONDS >= _PAUSE_SECONDS and not is_working()):
            return
        pause.wait(_CHECK_SECONDS)
    exit_process("something that the worker was doing does not end")
