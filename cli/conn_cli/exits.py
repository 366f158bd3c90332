"""Exit codes of the command.

Each class of exception has its own (`errors.py`).
"""

from enum import IntEnum

__all__ = ["Exit"]


class Exit(IntEnum):
    """The exit status of the process."""

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
    """An internal error of conn."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""
