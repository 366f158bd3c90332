"""Requests to endpoints: a signed POST, and one that only tests an endpoint."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from conn_engine.config import Workspace
from conn_engine.errors import ConnError
from conn_engine.transport.live import Live
from conn_engine.wire import Clock, Headers, Request
from conn_service.delivery.endpoints import ResolvedEndpoint, find_trust
from conn_service.delivery.signatures import sign

__all__ = ["TEST_EVENT", "EndpointTest", "build_request", "send_test_event"]

TEST_EVENT: Final = "endpoint.test"
_TIMEOUT = 15.0


@dataclass(frozen=True, slots=True)
class EndpointTest:
    """What an endpoint answered to a test event: the status, 0 without an answer, and after how long. `problem` is ""
    if it took the event."""

    endpoint: str
    event_id: str
    status: int
    milliseconds: int
    problem: str = ""


def build_request(endpoint: ResolvedEndpoint, event_id: str, body: bytes, timestamp: int) -> Request:
    """Return the request that delivers an event, signed with every key of its endpoint."""
    headers = [
        ("Content-Type", "application/json"),
        ("User-Agent", "conn"),
        ("webhook-id", event_id),
        ("webhook-timestamp", str(timestamp)),
    ]
    if endpoint.signing_keys:
        headers.append(("webhook-signature", sign(endpoint.signing_keys, event_id, timestamp, body)))
    return Request(
        "POST",
        endpoint.url,
        Headers(headers),
        body,
        label=endpoint.label,
        writes=True,
        idempotent=False,
        timeout_seconds=_TIMEOUT,
    )


def send_test_event(workspace: Workspace, endpoint: ResolvedEndpoint, clock: Clock) -> EndpointTest:
    """Send an event that is marked as a test, once, and store nothing. A disabled endpoint gets it too, and whatever
    its `events` are."""
    now = clock.now()
    event_id = f"test_{int(now * 1000)}"
    event = {
        "type": TEST_EVENT,
        "timestamp": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "account": endpoint.account or None,
        "test": True,
        "data": {"endpoint": endpoint.name},
    }
    request = build_request(endpoint, event_id, json.dumps(event).encode(), int(now))
    try:
        with Live(trust=find_trust(workspace, endpoint), clock=clock, max_redirects=0) as sender:
            response = sender.send(request)
    except ConnError as error:  # it does not respond, or its address is refused
        problem = error.message.removeprefix(f"{endpoint.label}: ")
        return EndpointTest(endpoint.name, event_id, 0, int((clock.now() - now) * 1000), problem)
    took = int((clock.now() - now) * 1000)
    problem = "" if 200 <= response.status < 300 else f"the endpoint answered {response.status}"
    return EndpointTest(endpoint.name, event_id, response.status, took, problem)
