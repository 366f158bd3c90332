"""Make the events of stored deliveries, and pass them on: to endpoints, and to syncs that they start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from conn_engine.config import Workspace
from conn_engine.diagnostics import join_words
from conn_engine.errors import ConnError, CredentialError, TransportError, VendorError
from conn_engine.runtime.webhooks import Event, Receiver, VerifiedDelivery
from conn_engine.secrets import Vault
from conn_engine.syncs import OutgoingEvent
from conn_engine.syncs.events import to_iso
from conn_engine.wire import Clock
from conn_service.delivery import RETRY_SECONDS, add_deliveries, find_subscribed_endpoints
from conn_service.inbox.current_receiver import CurrentReceiver
from conn_service.inbox.store import InboxRow, InboxStore
from conn_service.syncs.receiving import list_requests
from conn_service.syncs.requests import add_requests

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation

__all__ = ["InboxExpander", "InboxOutcome"]

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class InboxOutcome:
    """What came of a delivery. `seconds` is the pause before the next attempt, None if there is none, and `endpoints`
    have something to deliver now."""

    endpoints: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(slots=True)
class InboxExpander:
    """Expands deliveries with the configuration that `get_current` returns, as `(release, workspace)`."""

    store: InboxStore
    get_current: Callable[[], tuple[str, Workspace]]
    environ: Mapping[str, str] = field(repr=False)
    vault: Vault | None
    clock: Clock
    isolation: "Isolation | None" = None
    _receiver: CurrentReceiver = field(init=False)

    def __post_init__(self) -> None:
        self._receiver = CurrentReceiver(self.environ, self.vault, self.clock, self.isolation)

    def expand(self, number: int, *, is_replay: bool = False) -> InboxOutcome:
        """Make the events of a delivery, and store what they lead to. One that needs a vendor that does not respond is
        tried again over three days. One that waits no longer is left as it is."""
        row = self.store.get(number)
        if row.status != "waiting":
            return InboxOutcome()
        _, workspace = self.get_current()
        receiver = self._receiver.find(workspace)
        is_last = row.attempts >= len(RETRY_SECONDS)
        events, error = _make_events(receiver, row.read(), is_last=is_last)
        if error is not None and _may_pass(error) and not is_last:
            seconds = RETRY_SECONDS[row.attempts]
            self.store.postpone(row, error.message, self.clock.now() + seconds)
            return InboxOutcome(seconds=seconds)
        endpoints = self._pass_on(row, workspace, events, is_replay=is_replay or row.is_replay)
        if error is not None:
            self.store.fail(row, error.message, error.hint, self.clock.now())
        return InboxOutcome(tuple(endpoints))

    def _pass_on(self, row: InboxRow, workspace: Workspace, events: Sequence[Event], *, is_replay: bool) -> list[str]:
        now = self.clock.now()
        endpoints: dict[str, None] = {}

        def pass_on(connection: Connection, fresh: Sequence[Event]) -> str:
            unwanted: dict[str, None] = {}
            for event in fresh:
                found = find_subscribed_endpoints(workspace, event.type, account=event.account)
                if found:
                    add_deliveries(connection, found, f"inbox:{row.number}", [_to_outgoing(event, row)], now)
                requests = list_requests(workspace, [event], self.clock)
                add_requests(connection, requests)
                endpoints.update(dict.fromkeys(found))
                if not found and not requests:
                    unwanted[event.type] = None
            names = join_words(list(unwanted), most=_MOST_NAMED)
            return f"no endpoint takes {names}, and no sync starts on it" if unwanted else ""

        self.store.finish(row, events, now, pass_on, is_replay=is_replay)
        return list(endpoints)


def _make_events(
    receiver: Receiver, verified: VerifiedDelivery, *, is_last: bool
) -> tuple[list[Event], ConnError | None]:
    """Return the events of a delivery and the first error. One event that cannot be made does not keep the others
    from being passed on. While a vendor does not respond, none is, except at the last attempt."""
    try:
        receipt = receiver.expand(verified)
    except ConnError as error:  # such as of an account that was removed
        return [], error
    waits = receipt.error is not None and _may_pass(receipt.error) and not is_last
    if receipt.error is None or waits or len(verified.events) == 1:
        return list(receipt.events), receipt.error
    found: list[Event] = []
    first: ConnError | None = None
    for number in range(len(verified.events)):
        events, problem = _make_events(receiver, verified.select(number), is_last=is_last)
        found += events
        first = first or problem
        if problem is not None and _may_pass(problem) and not is_last:
            return found, problem
    return found, first


def _may_pass(error: ConnError) -> bool:
    """Return whether an error may be gone later without a change of the configuration."""
    return isinstance(error, TransportError | CredentialError) or (
        isinstance(error, VendorError) and error.kind in ("vendor_unavailable", "rate_limited", "bad_response")
    )


def _to_outgoing(event: Event, row: InboxRow) -> OutgoingEvent:
    """Return an event as endpoints receive it. Events of one record are delivered in order."""
    record = event.data.get("id") if isinstance(event.data, Mapping) else None
    record_id = event.vendor.get("record_id", record)
    subject = event.type.rpartition(".")[0] or event.connector
    body = {**event.plain(), "timestamp": event.occurred_at or to_iso(row.received_at)}
    key = event.id if record_id is None else f"{subject}:{record_id}"
    return OutgoingEvent(event.id, event.type, key, "upsert", body)
