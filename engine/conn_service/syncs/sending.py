"""Send the events of syncs to their endpoints, as the workspace describes these now."""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from conn_engine.diagnostics import did_you_mean, join_words
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.transport.live import Live
from conn_engine.wire import Clock
from conn_service.delivery import (
    ClaimStore,
    DeliveryStore,
    DrainResult,
    EndpointSecrets,
    RedeliveredEvents,
    drain,
    find_endpoint,
    find_trust,
    has_endpoint,
    name_endpoint,
)
from conn_service.syncs.opening import ReleaseLookup
from conn_service.syncs.transports import TransportPool

__all__ = ["EventSending"]

_MISSING_ENDPOINT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class EventSending:
    """Sends events that wait. `goes_on` tells whether this worker may send, and `note_end` is called with the ID of
    each workflow that has done so."""

    deliveries: DeliveryStore
    releases: ReleaseLookup
    secrets: EndpointSecrets
    clock: Clock
    transports: TransportPool
    goes_on: Callable[[], bool]
    note_end: Callable[[str], None]

    def drain(self, endpoint: str) -> DrainResult:
        """Deliver what is due for an endpoint, for some seconds at most."""
        _, workspace = self.releases.get_current()
        try:
            found = find_endpoint(workspace, endpoint, environ=self.secrets.environ, stored=self.secrets.find)
            claims = ClaimStore.of_endpoint(found.claim_check, self.releases.root)
        except ConfigurationError as error:  # it was removed, or its secret is not set: its events wait
            logging.getLogger(__name__).warning("%s", error.message)
            health = self.deliveries.get_health(endpoint)
            if health.problem != error.message:
                self.deliveries.set_health(endpoint, replace(health, problem=error.message))
            return DrainResult(next_due=self.clock.now() + _MISSING_ENDPOINT_SECONDS)
        trust = find_trust(workspace, found)  # of the workspace as it is now: a host may be trusted no longer
        with closing(self.transports.borrow(("deliveries", trust))) as sender:
            sender.connect(lambda: Live(trust=trust, clock=self.clock, max_redirects=0))
            return drain(self.deliveries, found, sender, self.clock, goes_on=self.goes_on, claims=claims)

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return self.clock.now()

    def retry(self, name: str) -> dict[str, int]:
        """Enable an endpoint, and send it again what it has not received. Return its events by status.

        Raises UsageError for an endpoint without events, and ConfigurationError for one that cannot be used.
        """
        endpoint = self.find_key(name)
        self.deliveries.set_disabled(endpoint, "", self.clock.now())
        self.deliveries.retry_dead(self.clock.now(), endpoint=endpoint, also_waiting=True)
        self.drain(endpoint)
        return self.deliveries.count(endpoint=endpoint)

    def redeliver(
        self, name: str, *, event_id: str | None = None, since: float = 0.0, until: float | None = None
    ) -> RedeliveredEvents:
        """Enable an endpoint, and send it again one event, or those of a time, also what it has received. Raises the
        errors of `retry`."""
        endpoint = self.find_key(name)
        done = self.deliveries.redeliver(endpoint, self.clock.now(), event_id=event_id, since=since, until=until)
        if done.again:
            self.deliveries.set_disabled(endpoint, "", self.clock.now())
            self.drain(endpoint)
        return done

    def find_key(self, name: str) -> str:
        """Return the key of an endpoint that has events. `name` is what `name_endpoint` returns, or its URL.

        Raises UsageError for an endpoint without events, and ConfigurationError for one that cannot be used.
        """
        known = {name_endpoint(key): key for key in self.deliveries.find_endpoints()}
        short = name_endpoint(name)
        if short not in known:
            near = did_you_mean(short, known)
            hint = near or f"use one of {join_words(list(known))}" if known else "run a sync first"
            raise UsageError(f'no event was sent to an endpoint "{short}"', hint=hint)
        endpoint = known[short]
        workspace = self.releases.get_current()[1]
        find_endpoint(workspace, endpoint, environ=self.secrets.environ, stored=self.secrets.find)
        return endpoint

    def retry_waiting(self, run_id: str, find_current_key: Callable[[str], str]) -> None:
        """Send what a run could not deliver. What waits for an endpoint that was renamed is delivered to where the sync
        delivers now, which `find_current_key` returns."""
        self.deliveries.retry_dead(self.clock.now(), run_id=run_id)
        _, workspace = self.releases.get_current()
        for endpoint in self.deliveries.find_waiting_endpoints(run_id=run_id):
            if not has_endpoint(workspace, endpoint):
                self.deliveries.move_waiting(run_id, endpoint, find_current_key(run_id) or endpoint)
        for endpoint in self.deliveries.find_waiting_endpoints(run_id=run_id):
            self.deliveries.set_disabled(endpoint, "", self.clock.now())
            self.drain(endpoint)

    def find_stalled(self) -> list[str]:
        """Return the endpoints with events that no workflow delivers, or that are due while it waits for a later time:
        another process has added them."""
        from conn_service.delivery.workflows import find_drained, is_drained

        waiting = [
            name for name in self.deliveries.find_waiting_endpoints() if not self.deliveries.find_disabled_reason(name)
        ]
        drained = find_drained() if waiting else {}
        sleeping = [name for name in waiting if not is_drained(name, drained, now=True)]
        return [name for name in sleeping if not is_drained(name, drained) or self._is_overdue(name)]

    def _is_overdue(self, endpoint: str) -> bool:
        now = self.clock.now()
        if self.deliveries.get_health(endpoint).rests_until > now:
            return False
        due = self.deliveries.find_next_due(endpoint)
        return due is not None and due <= now
