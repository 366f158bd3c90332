"""Deliver what a run has spooled: into a file, or into tables. This is the public interface.

Events for endpoints are not spooled: they are in the queue of `conn_service.delivery`.
"""

from pathlib import Path

from conn_engine.errors import ConfigurationError
from conn_engine.syncs import DeliverStep
from conn_service.syncs.destinations.batches import Spooled
from conn_service.syncs.destinations.faults import DestinationBusyError, DestinationError
from conn_service.syncs.destinations.loads import TableLoads

__all__ = ["DestinationBusyError", "DestinationError", "Spooled", "TableLoads", "deliver_spooled"]


def deliver_spooled(step: DeliverStep, spooled: Spooled, folder: Path, loads: TableLoads) -> int:
    """Deliver all rows of a run, and return how many. Relative paths are below `folder`; `loads` are for tables.

    A repeated delivery has the same result. Raises DestinationBusyError for a fault that passes, DestinationError for
    another one, and UsageError if a library is missing.
    """
    if step.type == "file":
        from conn_service.syncs.destinations.files import write_file

        return write_file(step, spooled, folder)
    if step.type in ("duckdb", "dlt"):
        return loads.load(step, spooled, folder)
    if step.type == "stdout":  # the caller prints the spool
        return spooled.count
    raise ConfigurationError(
        f"{step.type} does not take what a run has spooled", hint="use file, duckdb, dlt or stdout"
    )
