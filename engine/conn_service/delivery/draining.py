"""Deliver what is due for an endpoint: signed, in order per record, and again over three days if it fails."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from conn_engine.errors import ConnError
from conn_engine.runtime.drive import Sender
from conn_engine.wire import Clock, Headers, Request, Response
from conn_service.delivery.endpoints import ResolvedEndpoint, sign
from conn_service.delivery.store import DeliveryAttempt, DeliveryRow, DeliveryStore

__all__ = ["RETRY_SECONDS", "DrainResult", "drain"]

RETRY_SECONDS: Final = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""The pauses between attempts: together more than 75 hours."""
MARK_EVERY = 10
"""The number of events that are sent before that is stored. After a crash, at most this many are delivered twice, with
the same ID."""
_BATCH = 200
_TIMEOUT = 15.0
_LONGEST_RETRY_AFTER = 86400.0
_GONE = 410


@dataclass(slots=True)
class DrainResult:
    """What was delivered. `next_due` is when the next event is due, in Unix seconds; None if none waits."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    next_due: float | None = None
    disabled: str = ""


def drain(
    store: DeliveryStore,
    endpoint: ResolvedEndpoint,
    sender: Sender,
    clock: Clock,
    *,
    seconds: float = 30.0,
    goes_on: Callable[[], bool] = lambda: True,
) -> DrainResult:
    """Deliver events that are due for about so many seconds at most.

    Each is sent as a POST with a Standard Webhooks signature. 410 disables the endpoint; anything but 2xx is a failed
    attempt, and redirects are not followed. `goes_on` is called before each batch: a worker that was stopped sends no
    more of what another one may have sent meanwhile.
    """
    result = DrainResult(disabled=store.find_disabled_reason(endpoint.key))
    end = clock.now() + seconds
    with ThreadPoolExecutor(MARK_EVERY, thread_name_prefix="conn-delivery") as pool:
        while not result.disabled and clock.now() < end and goes_on():
            heads = store.find_heads(endpoint.key, clock.now(), _BATCH)
            if not heads:
                break
            for start in range(0, len(heads), MARK_EVERY):
                if not goes_on():
                    break
                part = heads[start : start + MARK_EVERY]
                outcomes = list(pool.map(lambda row: _deliver(row, endpoint, sender, clock), part))
                store.record([outcome for outcome, _ in outcomes], clock.now())
                _count(result, outcomes)
                if any(status == _GONE for _, status in outcomes):
                    result.disabled = "the endpoint answered 410 Gone"
                    store.set_disabled(endpoint.key, result.disabled, clock.now())
                    break
    result.next_due = None if result.disabled else store.find_next_due(endpoint.key)
    return result


def _count(result: DrainResult, outcomes: list[tuple[DeliveryAttempt, int]]) -> None:
    for outcome, _ in outcomes:
        if outcome.is_delivered:
            result.delivered += 1
        elif outcome.due is None:
            result.dead += 1
        else:
            result.failed += 1


def _deliver(row: DeliveryRow, endpoint: ResolvedEndpoint, sender: Sender, clock: Clock) -> tuple[DeliveryAttempt, int]:
    if not endpoint.wants(row.type):
        return DeliveryAttempt(row.number, row.attempts, True), 0
    try:
        response = sender.send(_build_request(row, endpoint, int(clock.now())))
    except ConnError as error:  # the endpoint does not respond, or its address is refused
        return _plan_retry(row, error.message, clock), 0
    except Exception as error:  # one event does not hold back the others
        return _plan_retry(row, f"internal error: {type(error).__name__}", clock), 0
    if 200 <= response.status < 300:
        return DeliveryAttempt(row.number, row.attempts, True), response.status
    if response.status == _GONE:
        return DeliveryAttempt(row.number, row.attempts, False, "410 Gone", clock.now()), _GONE
    message = f"the endpoint answered {response.status}"
    return _plan_retry(row, message, clock, _read_retry_after(response, clock.now())), response.status


def _build_request(row: DeliveryRow, endpoint: ResolvedEndpoint, timestamp: int) -> Request:
    body = row.body.encode()
    headers = [
        ("Content-Type", "application/json"),
        ("User-Agent", "conn"),
        ("webhook-id", row.event_id),
        ("webhook-timestamp", str(timestamp)),
    ]
    if endpoint.secret is not None:
        headers.append(("webhook-signature", sign(endpoint.secret, row.event_id, timestamp, body)))
    return Request(
        "POST",
        endpoint.url,
        Headers(headers),
        body,
        label=f"the endpoint {endpoint.key}",
        writes=True,
        idempotent=False,
        timeout_seconds=_TIMEOUT,
    )


def _plan_retry(row: DeliveryRow, error: str, clock: Clock, retry_after: float = 0.0) -> DeliveryAttempt:
    if row.attempts >= len(RETRY_SECONDS):
        return DeliveryAttempt(row.number, row.attempts, False, error)
    pause = max(RETRY_SECONDS[row.attempts], retry_after)
    return DeliveryAttempt(row.number, row.attempts, False, error, clock.now() + pause)


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
