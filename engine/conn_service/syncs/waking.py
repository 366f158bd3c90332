"""Let runs that wait for a login continue at once: the service has just stored one."""

import logging

from sqlalchemy.engine import Engine

from conn_service.syncs.store import SyncStore

__all__ = ["wake_waiting_runs"]

_LOG = logging.getLogger(__name__)


def wake_waiting_runs(engine: Engine, account: str) -> int:
    """End the pauses of the runs that wait for a login of an account. Return how many continue.

    A worker looks after a minute in any case, so a failure is only logged.
    """
    waiting = SyncStore(engine).find_runs(account=account, statuses=("login",), limit=1000)
    if not waiting:
        return 0
    try:
        return _end_pauses(engine, [f"{run.id}~" for run in waiting])
    except Exception as error:  # DBOS is not installed, or has no tables here, or the database is away
        _LOG.warning("runs that wait for a login of %s continue within a minute: %s", account, type(error).__name__)
        return 0


def _end_pauses(engine: Engine, prefixes: list[str]) -> int:
    from dbos import DBOSClient

    url = engine.url.render_as_string(hide_password=False)
    client = DBOSClient(
        system_database_url=url, system_database_engine=engine, lazy=True, retry_connection_errors=False
    )
    legs = client.list_workflows(status="DELAYED", workflow_id_prefix=prefixes, load_input=False, load_output=False)
    for leg in legs:
        client.set_workflow_delay(leg.workflow_id, delay_seconds=0.0)
    return len(legs)
