"""Work that is measured in tests: by counting where it can be counted, and by processor time where it happens in C."""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def count_calls(work: Callable[[], object]) -> int:
    """How many functions Python calls meanwhile: the same on every machine, however busy it is."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Fail if the block takes more processor time than `seconds`: at least ten times what it takes on a quiet machine.

    What earlier tests left in memory is not searched for garbage meanwhile: in a process that has run thousands
    of tests, one such search takes more than a second.
    """
    gc.freeze()
    started = time.process_time()
    try:
        yield
        taken = time.process_time() - started
    finally:
        gc.unfreeze()
    assert taken < seconds, f"took {taken:.1f} s of processor time"
