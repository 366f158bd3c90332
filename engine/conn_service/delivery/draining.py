"""Deliver what is due for an endpoint: signed, in order per record, and again over three days if it fails."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from conn_engine.errors import ConnError
from conn_engine.runtime.drive import Sender
from conn_engine.wire import Clock, Response
from conn_service.delivery.claims import ClaimStore, ClaimStoreError, StoredData
from conn_service.delivery.endpoints import ResolvedEndpoint
from conn_service.delivery.health import RETRY_SECONDS, EndpointHealth
from conn_service.delivery.requests import build_request
from conn_service.delivery.store import DeliveryAttempt, DeliveryRow, DeliveryStore

__all__ = ["DrainResult", "drain"]

MARK_EVERY = 10
"""The number of events that are sent before that is stored. After a crash, at most this many are delivered twice, with
the same ID."""
_BATCH = 200
_LONGEST_RETRY_AFTER = 86400.0
_GONE: Final = 410
_WAITS: Final = (429, 503)
"""With `Retry-After`, these mean the endpoint, and not only an event."""
_REFUSALS: Final = (400, 406, 409, 413, 415, 422)
"""The endpoint responds, but refuses this event."""


@dataclass(slots=True)
class DrainResult:
    """What was delivered. `next_due` is when the next event is due, in Unix seconds; None if none waits."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    unwanted: int = 0
    next_due: float | None = None
    disabled: str = ""


@dataclass(frozen=True, slots=True)
class _Reply:
    """What an endpoint has answered: the status, 0 if it did not, and how long it wants to be left alone."""

    row: DeliveryRow
    status: int = 0
    error: str = ""
    seconds: float = 0.0

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def drain(
    store: DeliveryStore,
    endpoint: ResolvedEndpoint,
    sender: Sender,
    clock: Clock,
    *,
    seconds: float = 30.0,
    goes_on: Callable[[], bool] = lambda: True,
    claims: ClaimStore | None = None,
) -> DrainResult:
    """Deliver events that are due for about so many seconds at most.

    Each is sent as a POST with a Standard Webhooks signature. 410 disables the endpoint; anything but 2xx is a failed
    attempt, and redirects are not followed. An endpoint that fails again and again rests, and its events wait without
    being sent; if nothing reaches it for 75 hours, it is disabled. `goes_on` is called before each batch: a worker that
    was stopped sends no more of what another one may have sent meanwhile. `claims` stores the data of large events.
    """
    drainer = _Drainer(store, endpoint, sender, clock, claims)
    end = clock.now() + seconds
    with ThreadPoolExecutor(MARK_EVERY, thread_name_prefix="conn-delivery") as pool:
        while drainer.is_ready() and clock.now() < end and goes_on():
            limit = 1 if drainer.health.is_failing else _BATCH
            heads = store.find_heads(endpoint.key, clock.now(), limit)
            if not heads:
                break
            heads = drainer.drop_unwanted(heads)
            for start in range(0, len(heads), MARK_EVERY):
                if not drainer.is_ready() or not goes_on():
                    break
                drainer.record(list(pool.map(drainer.send, heads[start : start + MARK_EVERY])))
    return drainer.finish()


class _Drainer:
    """Delivers to one endpoint. `health` is what is stored of it."""

    def __init__(
        self,
        store: DeliveryStore,
        endpoint: ResolvedEndpoint,
        sender: Sender,
        clock: Clock,
        claims: ClaimStore | None,
    ) -> None:
        self._store, self._endpoint, self._sender, self._clock = store, endpoint, sender, clock
        self._claims = claims
        self._result = DrainResult(disabled=store.find_disabled_reason(endpoint.key))
        self.health = store.get_health(endpoint.key)

    def is_ready(self) -> bool:
        """Return whether the endpoint is enabled and does not rest."""
        return not self._result.disabled and self.health.rests_until <= self._clock.now()

    def drop_unwanted(self, rows: Sequence[DeliveryRow]) -> list[DeliveryRow]:
        """Return the events that the endpoint wants; the others wait no longer."""
        unwanted = [row.number for row in rows if not self._endpoint.wants(row.type)]
        if unwanted:
            self._store.set_unwanted(unwanted, self._clock.now())
            self._result.unwanted += len(unwanted)
        return [row for row in rows if self._endpoint.wants(row.type)]

    def send(self, row: DeliveryRow) -> _Reply:
        """Send an event, and return what the endpoint answers."""
        try:
            now = self._clock.now()
            request = build_request(self._endpoint, row.event_id, _build_body(row, self._claims, now), int(now))
            response = self._sender.send(request)
        except ClaimStoreError as error:  # this says nothing about the endpoint
            return _Reply(row, _REFUSALS[0], error.message)
        except ConnError as error:  # the endpoint does not respond, or its address is refused
            return _Reply(row, error=_explain_failure(error, self._endpoint.label))
        except Exception as error:  # one event does not hold back the others
            return _Reply(row, _REFUSALS[0], f"internal error: {type(error).__name__}")
        message = "410 Gone" if response.status == _GONE else f"the endpoint answered {response.status}"
        return _Reply(row, response.status, message, _read_retry_after(response, self._clock.now()))

    def record(self, replies: Sequence[_Reply]) -> None:
        """Store what came of events that were sent together, and how the endpoint is."""
        now = self._clock.now()
        attempts = [self._judge(reply, now) for reply in replies]
        was_failing, health = self.health.is_failing, self._find_health(replies, now)
        self._store.record(attempts, now)
        for attempt in attempts:
            if attempt.is_delivered:
                self._result.delivered += 1
            elif attempt.due is None:
                self._result.dead += 1
            else:
                self._result.failed += 1
        if health != self.health:
            self.health = health
            self._store.set_health(self._endpoint.key, health)
        if any(reply.status == _GONE for reply in replies):
            self._disable("the endpoint answered 410 Gone", now)
        elif was_failing and health.has_given_up(now):
            self._disable(f"nothing was delivered for 75 hours: {health.problem}", now)

    def finish(self) -> DrainResult:
        """Return what was delivered, and when to continue."""
        if not self._result.disabled:
            due = self._store.find_next_due(self._endpoint.key)
            self._result.next_due = None if due is None else max(due, self.health.rests_until)
        return self._result

    def _judge(self, reply: _Reply, now: float) -> DeliveryAttempt:
        row = reply.row
        if reply.is_success:
            return DeliveryAttempt(row.number, row.attempts, True, is_secret=bool(row.is_secret))
        if reply.status == _GONE or self.health.is_failing:
            return DeliveryAttempt(row.number, row.attempts, False, reply.error, now, counts=False)
        if row.attempts >= len(RETRY_SECONDS):
            return DeliveryAttempt(row.number, row.attempts, False, reply.error)
        due = now + max(RETRY_SECONDS[row.attempts], reply.seconds)
        return DeliveryAttempt(row.number, row.attempts, False, reply.error, due)

    def _find_health(self, replies: Sequence[_Reply], now: float) -> EndpointHealth:
        failures = [reply for reply in replies if not reply.is_success and reply.status not in _REFUSALS]
        health = self.health
        if len(failures) < len(replies):
            health = health.after_success()
        elif failures:
            health = health.after_failures(len(failures), failures[-1].error, now)
        waits = [reply.seconds for reply in failures if reply.status in _WAITS and reply.seconds]
        return health.after_request_to_wait(now + max(waits)) if waits else health

    def _disable(self, reason: str, now: float) -> None:
        self._result.disabled = reason
        self._store.set_disabled(self._endpoint.key, reason, now)


def _build_body(row: DeliveryRow, claims: ClaimStore | None, now: float) -> bytes:
    """Return the body of an event, with a reference instead of data that is large. Raises ClaimStoreError."""
    body = row.body.encode()
    if row.stored_data:
        if claims is None:
            raise ClaimStoreError(
                "the data of the event is stored elsewhere, and its endpoint has no claim_check any more",
                hint="set claim_check of the endpoint as it was",
            )
        return claims.add_reference(row.event_id, json.loads(body), StoredData(**json.loads(row.stored_data)), now)
    if claims is None or len(body) <= claims.above:
        return body
    return claims.replace_data(row.event_id, body, now)


def _explain_failure(error: ConnError, label: str) -> str:
    """Return why nothing reaches an endpoint, without its name; of a refused host also how to allow it."""
    message = error.message.removeprefix(f"{label}: ")
    if message.startswith(f"{label} "):
        message = f"it{message.removeprefix(label)}"
    return f"{message}; {error.hint}" if error.category == "host" else message


def _read_retry_after(response: Response, now: float) -> float:
    """Return the seconds that an endpoint wants as a number or as a date, 0 without them."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:12]), _LONGEST_RETRY_AFTER))
    try:
        seconds = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError, OSError):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)
