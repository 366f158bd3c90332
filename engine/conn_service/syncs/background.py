"""A worker of syncs in a thread of another program, such as the service: it is its own supervisor."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from conn_engine.errors import ConnError
from conn_service.syncs.worker import SyncWorker

__all__ = ["run_in_background"]

_LOG = logging.getLogger(__name__)
_CHECK_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 15.0
"""After a failure, such as a full disk, another worker is opened."""


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
    while not has_ended():
        try:
            _work(open_worker, started, has_ended)
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
                return
            if not isinstance(error, ConnError | sa.exc.SQLAlchemyError):
                _LOG.exception("the worker has failed")
            reason = error.message if isinstance(error, ConnError) else type(error).__name__
            _LOG.error("the worker stopped, and starts again in %g s: %s", _PAUSE_SECONDS, reason)
            _wait(_PAUSE_SECONDS, has_ended)


def _work(open_worker: Callable[[], SyncWorker], started: Future[None], has_ended: Callable[[], bool]) -> None:
    with open_worker() as worker:
        worker.resume_unfinished()
        if not started.done():
            started.set_result(None)
        pause = threading.Event()
        while not has_ended():
            worker.watch.check()
            pause.wait(_CHECK_SECONDS)


def _wait(seconds: float, has_ended: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / _CHECK_SECONDS)):
        if has_ended():
            return
        pause.wait(_CHECK_SECONDS)
