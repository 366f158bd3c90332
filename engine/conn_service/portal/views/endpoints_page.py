"""The endpoints of the service: how each responds, what it got, a test event, and enabling one that was disabled."""

from collections.abc import Mapping
from typing import Any, Final, cast, get_args
from urllib.parse import quote

from conn_engine.errors import UsageError
from conn_service.delivery import (
    DeliveryStatus,
    DeliveryStore,
    EndpointEntry,
    EndpointSecrets,
    find_deliveries,
    find_endpoint,
    list_endpoints,
    name_endpoint,
    send_test_event,
)
from conn_service.portal.views.page_values import MOST_ROWS, choose, format_time, read_number, take_page
from conn_service.portal.views.portal_view import PortalForm, PortalView, ViewRequest

__all__ = ["ENABLE", "ENDPOINT", "ENDPOINTS", "REDELIVER", "TEST"]

_STATUSES: Final = get_args(DeliveryStatus)
_CLASSES: Final = {"enabled": "good", "resting": "unknown", "delivered": "good", "waiting": "unknown"}


def _show_all(request: ViewRequest) -> Mapping[str, Any]:
    after = request.query.get("after", "")
    page, last = take_page([entry for entry in _list_entries(request) if entry.name > after][: MOST_ROWS + 1])
    return {"rows": [_describe(entry) for entry in page], "more": None if last is None else last.name}


def _show_one(request: ViewRequest) -> Mapping[str, Any]:
    entry = _find_entry(request)
    status = choose(request, "status", _STATUSES)
    found = find_deliveries(
        request.parts.engine,
        endpoint=entry.key,
        status=status or None,
        before=read_number(request, "before"),
        limit=MOST_ROWS + 1,
    )
    page, last = take_page(found)
    return {
        **_describe(entry),
        "status": status,
        "statuses": _STATUSES,
        "done": request.query.get("done", ""),
        "more": None if last is None else last.number,
        "rows": [
            {
                "number": row.number,
                "type": row.type,
                "account": row.account,
                "id": row.event_id,
                "status": row.status,
                "class": _CLASSES.get(row.status, "bad" if row.status == "dead" else "unknown"),
                "attempts": row.attempts,
                "at": format_time(row.done_at or row.due),
                "error": row.last_error,
            }
            for row in page
        ],
    }


def _send_test(request: ViewRequest) -> Mapping[str, Any]:
    entry = _find_entry(request)
    workspace = request.parts.callers.source.get_current()[1]
    secrets = _open_secrets(request)
    endpoint = find_endpoint(workspace, entry.key, environ=secrets.environ, stored=secrets.find)
    done = send_test_event(workspace, endpoint, request.parts.clock)
    request.record("test", f"endpoints/{entry.name}", account=entry.account)
    return {
        "name": entry.name,
        "event_id": done.event_id,
        "status": done.status,
        "milliseconds": done.milliseconds,
        "problem": done.problem,
    }


def _enable(request: ViewRequest) -> str:
    entry = _find_entry(request)
    DeliveryStore(request.parts.engine).set_disabled(entry.key, "", request.parts.clock.now())
    request.record("enable", f"endpoints/{entry.name}", account=entry.account)
    return f"/endpoints/one?name={quote(entry.name)}&done=enabled"


def _send_again(request: ViewRequest) -> str:
    """Enable an endpoint, and send it what it has not received."""
    entry, store, now = _find_entry(request), DeliveryStore(request.parts.engine), request.parts.clock.now()
    again = store.retry_dead(now, endpoint=entry.key, also_waiting=True)
    store.set_disabled(entry.key, "", now)
    request.record("redeliver", f"endpoints/{entry.name}", account=entry.account)
    return f"/endpoints/one?name={quote(entry.name)}&done={again}"


def _open_secrets(request: ViewRequest) -> EndpointSecrets:
    return EndpointSecrets(request.parts.engine, request.parts.environ, request.parts.clock)


def _list_entries(request: ViewRequest) -> list[EndpointEntry]:
    workspace = request.parts.callers.source.get_current()[1]
    entries = list_endpoints(request.parts.engine, workspace, _open_secrets(request))
    return sorted(entries, key=lambda entry: entry.name)


def _find_entry(request: ViewRequest) -> EndpointEntry:
    name = name_endpoint(request.require("name", "the endpoint"))
    for entry in _list_entries(request):
        if entry.name == name:
            return entry
    raise UsageError("there is no such endpoint", hint="open the list of endpoints")


def _describe(entry: EndpointEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "place": entry.place,
        "url": entry.url,
        "account": entry.account,
        "events": entry.events,
        "state": entry.state,
        "class": _CLASSES.get(entry.state, "bad"),
        "problem": entry.problem,
        "since": format_time(entry.since),
        "next": format_time(entry.next_attempt),
        "counts": {
            status: entry.counts[status] for status in cast("tuple[str, ...]", _STATUSES) if entry.counts.get(status)
        },
    }


ENDPOINTS = PortalView("/endpoints", "endpoints", _show_all, "Endpoints")
ENDPOINT = PortalView("/endpoints/one", "endpoint", _show_one)
TEST = PortalForm("/endpoints/test", "editor", _send_test, "endpoint_test")
ENABLE = PortalForm("/endpoints/enable", "editor", _enable)
REDELIVER = PortalForm("/endpoints/redeliver", "editor", _send_again)
