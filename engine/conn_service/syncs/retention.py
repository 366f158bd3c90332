"""Remove what nobody needs any more: events that were delivered, the pages of runs that ended, finished workflows."""

from datetime import UTC, datetime
from typing import Final

from dbos import DBOS

from conn_service.delivery import DeliveryStore
from conn_service.syncs.requests import forget_events
from conn_service.syncs.store import SyncStore

__all__ = ["remove_old"]

_FINISHED: Final = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_CHUNK = 500
_MOST_CHUNKS = 200


def remove_old(store: SyncStore, deliveries: DeliveryStore, before: float) -> dict[str, int]:
    """Remove what was finished before a moment, in Unix seconds. Return how much of each kind.

    Runs stay, with their reports. So does what still has to be delivered, and what was given up.
    """
    return {
        "deliveries": deliveries.remove_delivered(before),
        "runs": store.clear_ended_runs(before),
        "events": forget_events(store.engine, before),
        "workflows": _remove_workflows(before),
    }


def _remove_workflows(before: float) -> int:
    moment = datetime.fromtimestamp(before, UTC).isoformat()
    removed = 0
    for _ in range(_MOST_CHUNKS):
        found = DBOS.list_workflows(
            status=_FINISHED, completed_before=moment, load_input=False, load_output=False, limit=_CHUNK
        )
        if not found:
            break
        DBOS.delete_workflows([workflow.workflow_id for workflow in found])
        removed += len(found)
    return removed
