"""The one DBOS of this process, with its queues and schedules."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from conn_engine.errors import UsageError
from conn_service.store import connect_to_read

if TYPE_CHECKING:
    from dbos import DBOSClient, DBOSConfig
    from sqlalchemy.engine import Engine

__all__ = ["APPLICATION_VERSION", "destroy_dbos", "is_working", "launch_dbos", "require_dbos", "silence_dbos"]

APPLICATION_VERSION: Final = "2"
"""Raised only when the order of the steps of a workflow changes: those of another version are replaced by new ones."""
_APPLICATION: Final = "conn-syncs"
_LIMITS: Final[Any] = {"partition_concurrency": 1, "worker_concurrency": 8}
_LOOK_SECONDS: Final = 0.01
_MOST_LOOKS: Final = 200
_WORKFLOW_THREADS: Final = "dbos-executor-"
_LISTEN_SECONDS: Final = 0.05
"""How often DBOS looks for notifications, which no workflow here waits for. Its end waits for that."""
_CONTINUOUS_LISTEN_SECONDS: Final = 0.25


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
    listens = _CONTINUOUS_LISTEN_SECONDS if ticks else _LISTEN_SECONDS
    config: DBOSConfig = {
        "name": _APPLICATION,
        "system_database_url": engine.url.render_as_string(hide_password=False),
        "system_database_engine": engine,
        "application_version": APPLICATION_VERSION,
        "executor_id": executor,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "ERROR",
        "notification_listener_polling_interval_sec": listens,
        "notification_coalesce_sec": listens,
    }
    added = _add_queues(engine, polls)
    DBOS(config=config)
    DBOS.launch()
    _skip_empty_queues(engine)
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


def _skip_empty_queues(engine: "Engine") -> None:
    """Let DBOS look into a queue only if something is enqueued there. It builds its queries again for each look,
    which costs several milliseconds of processor time, many times as much as this query, which is built once."""
    from dbos._dbos import _get_dbos_instance

    database = _get_dbos_instance()._sys_db
    find_scopes = database.dequeue_scopes
    names: list[sa.ColumnClause[str]] = [sa.column("queue_name"), sa.column("status")]
    columns = sa.table("workflow_status", *names, schema="dbos" if engine.dialect.name == "postgresql" else None).c
    query = sa.select(sa.literal(1)).where(columns.queue_name == sa.bindparam("queue"), columns.status == "ENQUEUED")
    query = query.limit(1)

    def find_scopes_with_work(queue_name: str) -> list[str | None]:
        with connect_to_read(engine) as connection:
            is_empty = connection.execute(query, {"queue": queue_name}).first() is None
        return [] if is_empty else find_scopes(queue_name)

    database.dequeue_scopes = find_scopes_with_work  # type: ignore[method-assign]


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
    silence_dbos()
    DBOS.destroy(workflow_completion_timeout_sec=drain_seconds)


def silence_dbos() -> None:
    """Let DBOS log nothing more: what it was doing is interrupted."""
    logging.getLogger("dbos").setLevel(logging.CRITICAL + 1)


def is_working() -> bool:
    """Return whether a thread of a DBOS that was ended still runs a workflow: until a request to a vendor or a pause
    before it tries again is over. It would continue with the next worker of this process."""
    return any(thread.name.startswith(_WORKFLOW_THREADS) for thread in threading.enumerate())


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
