"""What events of connectors mean for syncs: a run that an event triggers, or a record that was deleted."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from sqlalchemy.engine import Engine

from conn_engine.conditions import Conditions, Scope
from conn_engine.config import Effective, Workspace
from conn_engine.config.sync_models import SyncTrigger
from conn_engine.errors import ConnError
from conn_engine.runtime.webhooks import Event
from conn_engine.runtime.wiring import make_conditions
from conn_engine.syncs import SyncPlan, compile_sync, find_accounts, load_sync
from conn_engine.syncs.event_names import list_event_names
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.syncs.requests import BY_EVENT, DELETES, StartRequest, add_requests

__all__ = ["list_requests", "receive_events"]

_LOGGER = logging.getLogger(__name__)


def receive_events(
    engine: Engine, workspace: Workspace, events: Sequence[Event], clock: Clock = MACHINE_CLOCK
) -> list[StartRequest]:
    """Store what events lead to, in one transaction: call it before the reply to the vendor. Return the requests for
    runs, which a worker starts within a minute. An event that was received before leads to none."""
    requests = list_requests(workspace, events, clock)
    if not requests:
        return []
    with engine.begin() as connection:
        return add_requests(connection, requests)


def list_requests(workspace: Workspace, events: Iterable[Event], clock: Clock = MACHINE_CLOCK) -> list[StartRequest]:
    """Return what events lead to, for `add_requests`."""
    return [request for event in events for request in _read_event(workspace, event, clock)]


def _read_event(workspace: Workspace, event: Event, clock: Clock) -> Iterator[StartRequest]:
    if event.account is None:
        return
    for name in _find_listening(workspace):
        try:
            if event.account not in find_accounts(workspace, name):
                continue
            plan = compile_sync(workspace, load_sync(workspace, name, event.account))
            effective = workspace.effective(account=event.account)
            # No isolation: accounts set neither the key of a sync nor its `deletes`.
            yield from _request_runs(plan, effective, event, make_conditions(effective, clock))
        except ConnError as error:  # one that cannot run must not keep the others from it
            _LOGGER.error('the event "%s" does not reach the sync "%s": %s', event.type, name, error.message)


def _find_listening(workspace: Workspace) -> Iterable[str]:
    """Return the syncs that events matter to."""
    for name in workspace.syncs():
        try:
            document = workspace.sync(name)
        except ConnError:  # `conn lint` reports it
            continue
        by_event = isinstance(document.trigger, SyncTrigger) and document.trigger.webhook is not None
        if by_event or (document.deletes is not None and document.deletes.by == "webhook"):
            yield name


def _request_runs(plan: SyncPlan, effective: Effective, event: Event, conditions: Conditions) -> Iterator[StartRequest]:
    names = list_event_names(effective, event)
    is_unique = event.occurred_at is not None or "id" in event.vendor
    request = partial(
        StartRequest, plan.name, plan.account, moment=conditions.clock.now(), event_id=event.id, is_unique=is_unique
    )
    if plan.trigger is not None and plan.trigger.webhook in names:
        yield request(cause=BY_EVENT, settings={"event": event.plain()})
    if plan.deletes is not None and plan.deletes.by == "webhook" and plan.deleted_event in names:
        scope = Scope({"event": event.plain(), "account": plan.account}, conditions)
        key = plan.read_deleted(event.data, scope)
        if key:
            yield request(cause=DELETES, settings={"deleted": [key], "keeps_state": True})
        else:
            _LOGGER.error('the event %s does not have the ID of the deleted record for "%s"', event.id, plan.name)
