"""Let one process at a time check and replace the documents of a folder."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["reserve_folder"]


@contextlib.contextmanager
def reserve_folder(folder: Path) -> Iterator[None]:
    """Wait until no other process replaces documents of this folder, and reserve it for the block.

    Between reading a document to compare it and writing it, another command could write it; that change would be lost.
    Where the system cannot lock a folder, the block runs without a reservation. No file is created.
    """
    with contextlib.ExitStack() as stack:
        if sys.platform != "win32":
            import fcntl

            with contextlib.suppress(OSError):
                descriptor = os.open(folder, os.O_RDONLY)
                stack.callback(os.close, descriptor)  # which also ends the reservation
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
