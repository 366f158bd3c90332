"""The limits of a worker process: its memory, its priority, and the time of a request."""

import fcntl
import os
import resource
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["limit_process", "limit_time"]

_NICE = 5
"""What never ends takes a quarter of a busy processor from the process that serves everyone, and not half of it."""


def limit_process(memory_bytes: int) -> None:
    """Let the system end this process if nothing in it can."""
    os.nice(_NICE)
    for ending in (signal.SIGALRM, signal.SIGIO):
        signal.signal(ending, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold customers' data
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


@contextmanager
def limit_time(descriptor: int, seconds: float) -> Iterator[None]:
    """End this process when the time is over, or on Linux when the other end of the pipe is closed."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    if sys.platform == "linux":  # nothing arrives meanwhile, so a signal means that the other end is gone
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)
        _end_if_closed(descriptor)
    yield
    if sys.platform == "linux":
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _end_if_closed(descriptor: int) -> None:
    """End this process if the other end was closed before the signal was requested: it will not come."""
    other_end = select.poll()
    other_end.register(descriptor, 0)
    if other_end.poll(0):
        os.kill(os.getpid(), signal.SIGIO)
