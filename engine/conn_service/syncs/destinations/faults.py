"""Why a destination did not take what a run delivers."""

from conn_engine.errors import ConnError

__all__ = ["DestinationBusyError", "DestinationError"]


class DestinationError(ConnError):
    """The destination cannot take the records until somebody corrects something."""


class DestinationBusyError(DestinationError):
    """The destination cannot take the records now, such as a file that another process has locked."""
