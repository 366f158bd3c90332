"""Make events of a delivery's items: first in the vendor's terms, then with an account's unified mappings.

`Event` is the same contract for all vendors. `accepting` verifies the delivery.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from conn_engine.conditions import Conditions
from conn_engine.config import Effective, EventName, OperationName, UnifiedEvent, format_place
from conn_engine.errors import ConfigurationError, ExpressionError, VendorError
from conn_engine.expressions import UNDEFINED, is_true
from conn_engine.responses.waits.time_values import to_seconds_away
from conn_engine.runtime.call import Call, Run
from conn_engine.runtime.field_problems import merge_problems
from conn_engine.runtime.operation import perform
from conn_engine.runtime.unified import mapped_record
from conn_engine.settings import Scope, ask
from conn_engine.webhooks import Delivery, VendorEvents
from conn_engine.wire import FieldProblem, Flow, Page

__all__ = ["Event", "VendorEvent", "moment_of", "record_behind", "unified_events", "vendor_events"]

MAX_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class VendorEvent:
    """One event in the vendor's terms. `occurred_at` is ISO 8601 in UTC, `item` the part of the delivery that it was
    made of. `routes` is the value that identifies its account, or None if the delivery's address does."""

    type: str
    id: str | None
    occurred_at: str | None
    record: Any
    record_id: str | None
    item: Any
    routes: Any = None

    def to_data(self) -> dict[str, Any]:
        """Return the event as JSON data, from which it can be made again."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def plain(self) -> dict[str, Any]:
        """Return the event for expressions, without unknown fields."""
        names = {
            "type": self.type,
            "id": self.id,
            "occurred_at": self.occurred_at,
            "record": self.record,
            "record_id": self.record_id,
            "item": self.item,
        }
        return {name: value for name, value in names.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Event:
    """An event for an application, with the same contract for all vendors.

    `type` is `<model>.<record>.<action>`, such as `crm.contact.updated`, and `data` is the unified record. If no
    unified mapping accepts the event, `type` is `<connector>:<the vendor's type>` and `data` is the vendor's. `id` is
    the same if the vendor delivers the event again. `data` is None if the vendor has deleted the record. `problems` has
    the fields of `data` that are empty because their expressions fail; it is not part of the contract.
    """

    id: str
    type: str
    account: str | None
    connector: str
    occurred_at: str | None
    data: Any
    vendor: Mapping[str, Any] = field(default_factory=dict)
    remote_data: Any = None
    problems: tuple[FieldProblem, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return the event as JSON data."""
        row: dict[str, Any] = {
            "id": self.id,
            "type": self.type,
            "account": self.account,
            "connector": self.connector,
            "occurred_at": self.occurred_at,
            "data": self.data,
            "vendor": dict(self.vendor),
        }
        return row if self.remote_data is None else {**row, "remote_data": self.remote_data}


# --- in the vendor's terms ---


def vendor_events(
    effective: Effective, delivery: Delivery, claims: Mapping[str, Any], conditions: Conditions
) -> list[VendorEvent]:
    """Return the events of a verified delivery, in the vendor's terms.

    Raises ExpressionError when an expression fails, and ConfigurationError for items that are not events.
    """
    settings = effective.webhooks
    if settings is None or settings.events is None:
        return []
    events = settings.events
    scope = Scope({"context": effective.context, **({"claims": dict(claims)} if claims else {})}, conditions)
    items_found = _evaluate_on_delivery(events.each, delivery, scope, "webhooks.events.each")
    items = items_found if isinstance(items_found, list) else [] if items_found is None else [items_found]
    if len(items) > MAX_EVENTS:
        raise ConfigurationError(f"the delivery has {len(items)} events, more than {MAX_EVENTS}")
    routing = settings.account.value if settings.account is not None else None
    return [_vendor_event(events, delivery, scope | {"item": item}, routing) for item in items]


def _vendor_event(events: VendorEvents, delivery: Delivery, scope: Scope, routing: str | None) -> VendorEvent:
    def value(name: str) -> Any:
        text = getattr(events, name)
        return None if text is None else _evaluate_on_delivery(text, delivery, scope, f"webhooks.events.{name}")

    kind = value("type")
    parts = kind if isinstance(kind, list) else [kind]
    if not parts or any(isinstance(part, bool) or not isinstance(part, str | int | float) for part in parts):
        raise ConfigurationError(
            f"webhooks.events.type ({events.type}) gives no type for an item of this delivery",
            hint="return text or a list of text values, or exclude such items with `each`",
        )
    return VendorEvent(
        type=".".join(str(part) for part in parts),
        id=_text(value("id")),
        occurred_at=moment_of(value("occurred_at")),
        record=value("record"),
        record_id=_text(value("record_id")),
        item=scope["item"],
        routes=None if routing is None else _evaluate_on_delivery(routing, delivery, scope, "webhooks.account.value"),
    )


def _evaluate_on_delivery(text: str, delivery: Delivery, scope: Scope, location: str) -> Any:
    try:
        value = ask(text, delivery.build_names(text, scope))
    except ExpressionError as error:
        error.at = location
        raise
    return None if value is UNDEFINED else value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def moment_of(value: Any) -> str | None:
    """Return a time as ISO 8601 in UTC, to the millisecond; None if the value is not a time."""
    seconds = None if isinstance(value, bool) else to_seconds_away(value, "auto", 0.0)
    if seconds is None or not 1e9 < seconds < 1e11:
        return None
    text = datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


# --- as an account's mappings have them ---


def unified_events(run: Run, delivery: Delivery, event: VendorEvent, *, remote_data: bool = False) -> Flow[list[Event]]:
    """Return a vendor's event as an account's events: one per unified resource that accepts it, else the vendor's own.

    Raises ExpressionError when a mapping fails, and the errors of fetching a record.
    """
    effective, session = run.effective, run.session
    events: list[Event] = []
    scope = Scope({"event": event.plain(), "context": effective.context}, session.conditions)
    for name, settings in effective.events:
        location = format_place(name.path)
        if not _holds(settings.when, delivery, scope, f"{location}.when"):
            continue
        behind, record = record_behind(effective, name, settings)
        kind = f"{name.model}.{record}.{name.action}"
        records, vendor_record, problems = yield from _data(run, behind, settings, event, delivery, scope, location)
        remote = vendor_record if remote_data else None
        for number, data in enumerate(records):
            one = _event(effective, event, kind, data, remote, number)
            events.append(one if number else replace(one, problems=problems))
    if events:
        return events
    vendor_record = event.item if event.record is None else event.record
    return [_event(effective, event, f"{effective.connector_name}:{event.type}", vendor_record, None)]


def _holds(text: str, delivery: Delivery, scope: Scope, location: str) -> bool:
    return is_true(_evaluate_on_delivery(text, delivery, scope, location))


def record_behind(effective: Effective, name: EventName, settings: UnifiedEvent) -> tuple[OperationName, str]:
    """Return the unified operation that maps or fetches an event's record, and the record's name in the model.

    Raises ConfigurationError if there is no such operation.
    """
    operation = _find_mapping_operation(effective, name, settings, format_place(name.path))
    return operation, _record(effective, operation)


def _find_mapping_operation(
    effective: Effective, name: EventName, settings: UnifiedEvent, location: str
) -> OperationName:
    methods = (settings.method,) if settings.method is not None else ("get", "list")
    for method in methods:
        if effective.get_unified(name.model, name.resource, method) is not None:
            return OperationName("unified", name.model, name.resource, method)
    raise ConfigurationError(
        f"{location} needs the unified operation {name.model}.{name.resource}.{methods[0]}, which does not exist",
        hint="set `method` to another operation, or add this one",
    )


def _record(effective: Effective, name: OperationName) -> str:
    operation = effective.get_unified(name.model, name.resource, name.method)
    return operation.record if operation is not None and operation.record is not None else name.resource


def _data(  # noqa: PLR0917
    run: Run,
    name: OperationName,
    settings: UnifiedEvent,
    event: VendorEvent,
    delivery: Delivery,
    scope: Scope,
    location: str,
) -> Flow[tuple[list[Any], Any, tuple[FieldProblem, ...]]]:
    """Return the unified records, the vendor's record, and the fields whose expressions fail."""
    if settings.fetch is None:
        vendor_record = event.record
        if settings.record is not None:
            vendor_record = _evaluate_on_delivery(settings.record, delivery, scope, f"{location}.record")
        if vendor_record is None:
            raise ConfigurationError(
                f"{location} has no record to map: the event does not contain one",
                hint="set `record` to its path, or fetch it with `fetch: event.record_id`",
            )
        mapped, problems = mapped_record(run, name, vendor_record, event.record_id)
        return mapped, vendor_record, problems
    identifier = _text(_evaluate_on_delivery(settings.fetch, delivery, scope, f"{location}.fetch"))
    if identifier is None:
        raise ConfigurationError(
            f"{location}.fetch ({settings.fetch}) does not find the id of the record",
            hint="correct the expression, or exclude such events with `when`",
        )
    try:
        pages = yield from _pages(perform(run, name, Call(id=identifier)))
    except VendorError as error:
        if error.kind != "not_found":
            raise
        return [None], None, ()  # the record is deleted, but the event still happened
    records = [record for page in pages for record in page.records]
    raw = [record for page in pages for record in page.raw]
    problems = merge_problems(*(page.problems for page in pages))
    return records or [None], raw[0] if raw else None, problems


def _pages(flow: Flow[None]) -> Flow[list[Page]]:
    """Run an operation within another flow: return its pages, and pass on all other effects."""
    pages: list[Page] = []
    result: Any = None
    fault: BaseException | None = None
    while True:
        try:
            effect = flow.throw(fault) if fault is not None else flow.send(result)
        except StopIteration:
            return pages
        result, fault = None, None
        if isinstance(effect, Page):
            pages.append(effect)
            continue
        try:
            result = yield effect
        except Exception as error:
            fault = error


def _event(  # noqa: PLR0917
    effective: Effective, event: VendorEvent, kind: str, data: Any, remote: Any, number: int = 0
) -> Event:
    """Build an event. `number` is its index among several records of one vendor event; each has its own id."""
    identity_parts = event.id if event.id is not None else [event.type, event.occurred_at, event.item]
    parts = [effective.connector_name, effective.account, kind, identity_parts, *([number] if number else [])]
    identity = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    vendor = {"type": event.type, **({"id": event.id} if event.id is not None else {})}
    return Event(
        id=f"evt_{hashlib.sha256(identity.encode('utf-8', 'replace')).hexdigest()[:32]}",
        type=kind,
        account=effective.account,
        connector=effective.connector_name,
        occurred_at=event.occurred_at,
        data=data,
        vendor=vendor,
        remote_data=remote,
    )
