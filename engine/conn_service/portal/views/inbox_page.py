"""The webhook deliveries that the service has received, with their events, and making the events again. What a delivery
contains is the customers' data, and is not shown."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, cast, get_args

from conn_engine.errors import UsageError
from conn_service.delivery import DeliveryStore
from conn_service.inbox import InboxQueue, InboxRow, InboxStatus, InboxStore
from conn_service.portal.views.page_values import MOST_ROWS, choose, format_time, read_number, take_page
from conn_service.portal.views.portal_view import PortalForm, PortalView, ViewRequest

__all__ = ["DELIVERIES", "DELIVERY", "REPLAY"]

_STATUSES: Final = get_args(InboxStatus)
_CLASSES: Final = {"done": "good", "waiting": "unknown"}


def _show_all(request: ViewRequest) -> Mapping[str, Any]:
    workspace = request.parts.callers.source.get_current()[1]
    inbox = InboxStore(request.parts.engine)
    status = choose(request, "status", _STATUSES)
    connector = choose(request, "connector", workspace.connectors())
    account = request.query.get("account", "").strip()
    found = inbox.find(
        status=cast("InboxStatus | None", status or None),
        connector=connector or None,
        account=account or None,
        below=read_number(request, "below"),
        limit=MOST_ROWS + 1,
    )
    page, last = take_page(found)
    return {
        "rows": [_describe(row) for row in page],
        "more": None if last is None else last.number,
        "counts": inbox.count(),
        "status": status,
        "statuses": _STATUSES,
        "connector": connector,
        "connectors": workspace.connectors(),
        "account": account,
    }


def _show_one(request: ViewRequest) -> Mapping[str, Any]:
    inbox, number = InboxStore(request.parts.engine), _read_number(request)
    row = inbox.get(number)
    return {
        **_describe(row),
        "verified_by": row.verified_by,
        "hint": row.hint,
        "attempts": row.attempts,
        "next": format_time(row.due) if row.status == "waiting" else "",
        "can_replay": row.content != "",
        "replayed": request.query.get("replayed", "") == "1",
        "passed_on": [
            {"id": identifier, "type": kind, "account": account}
            for identifier, kind, account in inbox.find_events(number)
        ],
        "outgoing": DeliveryStore(request.parts.engine).count(run_id=f"inbox:{number}"),
    }


def _replay(request: ViewRequest) -> str:
    """Make the events of a delivery again. Those of one that has failed were never passed on."""
    inbox, queue, now = InboxStore(request.parts.engine), InboxQueue(request.parts.engine), request.parts.clock.now()
    row = inbox.get(_read_number(request))
    inbox.start_again(row, now, partial(queue.start_again, moment=now), is_replay=row.status != "failed")
    request.record("replay", f"inbox/{row.number}", account=row.account)
    return f"/deliveries/{row.number}?replayed=1"


def _read_number(request: ViewRequest) -> int:
    number = read_number(request, "number")
    if number is None:
        raise UsageError("the delivery is missing", hint="choose one of the list")
    return number


def _describe(row: InboxRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "connector": row.connector,
        "account": row.account,
        "received": format_time(row.received_at),
        "status": row.status,
        "class": _CLASSES.get(row.status, "bad"),
        "events": row.events,
        "problem": row.problem,
    }


DELIVERIES = PortalView("/deliveries", "inbox", _show_all, "Deliveries")
DELIVERY = PortalView("/deliveries/{number}", "inbox_delivery", _show_one)
REPLAY = PortalForm("/deliveries/replay", "editor", _replay)
