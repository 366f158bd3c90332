"""The one DBOS of this process, with its queues and schedules."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from dbos import DBOSClient, DBOSConfig
    from sqlalchemy.engine import Engine

__all__ = ["APPLICATION_VERSION", "destroy_dbos", "launch_dbos", "require_dbos"]

APPLICATION_VERSION: Final = "2"
"""Raised only when the order of the steps of a workflow changes: those of another version are replaced by new ones."""
_APPLICATION: Final = "conn-syncs"
_LIMITS: Final[Any] = {"partition_concurrency": 1, "worker_concurrency": 8}
_LOOK_SECONDS: Final = 0.01
_MOST_LOOKS: Final = 200
_LISTEN_SECONDS: Final = 0.05
"""How often DBOS looks for notifications, which no workflow here waits for. Its end waits for that."""


def require_dbos() -> None:
    """Raise UsageError if DBOS is not installed."""
    try:
        import dbos  # noqa: F401 - for a helpful error if it is missing
    except ImportError:
        raise UsageError(
            "syncs need DBOS, which is not installed", hint="install it: pip install 'conn-engine[sync]'"
        ) from None


def launch_dbos(
    engine: "Engine", executor: str, polls: Mapping[str, float], ticks: Mapping[str, Callable[..., Any]]
) -> None:
    """Let DBOS continue what `executor` did, read queues at intervals (`polls`, in s), and run `ticks` each minute."""
    from dbos import DBOS, DBOSPortableJSONSerializer

    logging.getLogger("dbos").setLevel(logging.ERROR)
    config: DBOSConfig = {
        "name": _APPLICATION,
        "system_database_url": engine.url.render_as_string(hide_password=False),
        "system_database_engine": engine,
        "application_version": APPLICATION_VERSION,
        "executor_id": executor,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "ERROR",
        "notification_listener_polling_interval_sec": _LISTEN_SECONDS,
    }
    added = _add_queues(engine, polls)
    DBOS(config=config)
    DBOS.launch()
    for queue in polls.keys() - added:
        DBOS.register_queue(queue, **_LIMITS, polling_interval_sec=polls[queue])
    if ticks:
        DBOS.apply_schedules(
            [{"schedule_name": name, "workflow_fn": tick, "schedule": "* * * * *"} for name, tick in ticks.items()]
        )


def _add_queues(engine: "Engine", polls: Mapping[str, float]) -> set[str]:
    """Store the queues that the database does not have, and return them: DBOS looks into those that it finds when it
    is launched, and into others up to a second later."""
    from dbos import DBOS
    from sqlalchemy.exc import DBAPIError

    client = _open_client(engine)
    try:
        known = {queue.name for queue in client.list_queues()}
    except DBAPIError:  # DBOS has no tables yet
        DBOS.migrate(engine.url.render_as_string(hide_password=False))
        known = set()
    added = polls.keys() - known
    for queue in added:
        client.register_queue(queue, **_LIMITS, polling_interval_sec=polls[queue])
    return added


def _open_client(engine: "Engine") -> "DBOSClient":
    """Return what reads and writes the tables of DBOS, without its threads, and without its retries for hours."""
    from dbos import DBOSClient

    return DBOSClient(
        system_database_url=engine.url.render_as_string(hide_password=False),
        system_database_engine=engine,
        application_name=_APPLICATION,
        lazy=True,
        retry_connection_errors=False,
    )


def destroy_dbos(engine: "Engine", ended: Sequence[str], drain_seconds: int = 0) -> None:
    """End DBOS. What is at work has some seconds to end; what is interrupted is continued by the next process. `ended`
    are workflows whose functions have returned: how they have ended is stored first, so that they are not continued."""
    from dbos import DBOS

    _wait_for_outcomes(engine, ended)
    logging.getLogger("dbos").setLevel(logging.CRITICAL + 1)
    DBOS.destroy(workflow_completion_timeout_sec=drain_seconds)


def _wait_for_outcomes(engine: "Engine", workflow_ids: Sequence[str]) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    client, ids = _open_client(engine), list(workflow_ids)
    for _ in range(_MOST_LOOKS if ids else 0):
        try:
            found = client.list_workflows(workflow_ids=ids, status="PENDING", load_input=False, load_output=False)
        except SQLAlchemyError:  # the database is away
            return
        if not found:
            return
        time.sleep(_LOOK_SECONDS)
