"""Remove what nobody needs any more: events that were delivered, the pages of runs that ended, finished workflows."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from dbos import DBOS

from conn_service.delivery import ClaimStore, DeliveryStore
from conn_service.delivery.claims import ClaimStoreError
from conn_service.syncs.opening import ReleaseLookup
from conn_service.syncs.requests import forget_events
from conn_service.syncs.store import SyncStore

__all__ = ["remove_claims", "remove_old"]

_LOGGER = logging.getLogger(__name__)

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


def remove_claims(releases: ReleaseLookup, deliveries: DeliveryStore, before: float) -> int:
    """Remove the data of large events that was stored before a moment, in Unix seconds, unless an event that is not
    delivered needs it. Return how much. A storage that cannot be reached is logged."""
    removed, needed = 0, None
    for claims in _find_claim_stores(releases):
        needed = deliveries.find_stored_events() if needed is None else needed
        try:
            found = [event_id for event_id in claims.find_stored_before(before) if event_id not in needed]
            claims.remove(found)
        except ClaimStoreError as error:
            _LOGGER.warning("%s", error.message)
            continue
        removed += len(found)
    return removed


def _find_claim_stores(releases: ReleaseLookup) -> Iterator[ClaimStore]:
    """Yield the store of each endpoint that has one, and each of them once."""
    workspace, seen = releases.get_current()[1], set()
    levels = [
        workspace.settings.endpoints,
        *(workspace.environment(name).endpoints for name in workspace.environments()),
    ]
    for endpoint in (endpoint for level in levels for endpoint in level.values()):
        claims = ClaimStore.of_endpoint(endpoint.claim_check, releases.root)
        if claims is not None and claims.address not in seen:
            seen.add(claims.address)
            yield claims


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
