"""Exit codes of the command.

Which exception gives which is written on the exceptions themselves (`errors.py`).
"""

from enum import IntEnum

__all__ = ["Exit"]


class Exit(IntEnum):
    """What the process's exit status says."""

    OK = 0
    """Nothing to report."""
    FINDINGS = 1
    """Findings, failed cases, or an incomplete listing."""
    USAGE = 2
    """A wrong option or argument, or missing input."""
    CONFIGURATION = 3
    """A document cannot be loaded."""
    VENDOR = 4
    """The vendor or the network."""
    CREDENTIALS = 5
    """No credential, or a refused one."""
    NO_RECORDING = 6
    """Nothing is recorded for a request."""
    INTERNAL = 70
    """A fault of this program."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""
