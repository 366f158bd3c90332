"""Rules for unified events: each can be created, and a recorded delivery contains it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from conn_engine.config import MISSING, EventName, OperationName, Path_, UnifiedEvent, format_place, lookup, singular
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import read_document
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.lint.reference_rules import build_disabled_finding
from conn_engine.lint.webhook_verification import find_paths
from conn_engine.webhooks import VendorEvents, Webhooks

if TYPE_CHECKING:
    from conn_engine.lint.target import LintTarget

__all__ = [
    "build_finding",
    "check_events",
    "check_events_are_recorded",
    "format_event",
    "get_unified_events",
    "get_webhooks",
]

_OF_EVENT = (*(key for key in VendorEvents.__struct_fields__ if key != "each"), "item")
_ALWAYS = frozenset({"type", "item"})


def check_events(target: "LintTarget") -> Iterator[Diagnostic]:
    """WHK106: a unified event cannot be created. REF102: no operation maps its record. MAP302: its record has no
    schema. EXP103: it reads an unknown name of `event`."""
    webhooks = get_webhooks(target)
    for name, event in get_unified_events(target):
        if webhooks is None or webhooks.events is None:
            missing = "`webhooks`" if webhooks is None else "`webhooks.events`"
            hint = f"add {missing} to connector.yaml, with the events that a delivery contains"
            yield build_finding(
                target, "WHK106", name.path, f"the connector has no {missing}, so no delivery contains this event", hint
            )
            continue
        yield from _check_event_mapping(target, name, event)
        defined = {key for key in _OF_EVENT if key in _ALWAYS or getattr(webhooks.events, key) is not None}
        if event.record is None and event.fetch is None and "record" not in defined:
            hint = "set `record` or `fetch: event.record_id`, or set `record` under webhooks.events"
            yield build_finding(target, "WHK106", name.path, f"{format_event(name)} has no record to map", hint)
        for key in ("when", "record", "fetch"):
            yield from _check_event_names(target, name, key, getattr(event, key), defined)


def check_events_are_recorded(target: "LintTarget") -> Iterator[Diagnostic]:
    """REC102: no recorded delivery contains a unified event."""
    effective = target.effective
    if effective.account is not None or not effective.events:
        return
    recorded = _find_recorded_types(
        target.workspace.root / "connectors" / effective.connector_name / "expected" / "deliveries"
    )
    for name, event in get_unified_events(target):
        kind = f"{name.model}.{_find_record_name(target, name, event)}.{name.action}"
        if kind not in recorded:
            hint = (
                "record one: conn webhook record NAME FILE --account ACCOUNT, or for an example without an account "
                f"-c {effective.connector_name} --contract, then conn test webhooks NAME --update"
            )
            yield build_finding(target, "REC102", name.path, f"no recorded delivery contains {kind}", hint)


def _find_recorded_types(folder: Path) -> set[str]:
    """Return the types of the events in the goldens."""
    types: set[str] = set()
    for path in sorted(folder.glob("*.json")):
        try:
            golden = read_document(path, path.name).data
        except ConfigurationError:
            continue  # reported by the test
        events = golden.get("events") if isinstance(golden, Mapping) else None
        types |= (
            {str(event.get("type")) for event in events if isinstance(event, Mapping)}
            if isinstance(events, list)
            else set()
        )
    return types


def _find_mapping_method(target: "LintTarget", name: EventName, event: UnifiedEvent) -> str | None:
    """Return the method whose operation maps the record, or None if there is no such operation."""
    methods = (event.method,) if event.method is not None else ("get", "list")
    operations = (lookup(target.effective.data, (*name.path[:3], method)) for method in methods)
    return next(
        (method for method, operation in zip(methods, operations, strict=True) if operation not in (MISSING, None)),
        None,
    )


def _find_record_name(target: "LintTarget", name: EventName, event: UnifiedEvent) -> str:
    method = _find_mapping_method(target, name, event)
    operation = target.effective.get_unified(name.model, name.resource, method) if method is not None else None
    return (operation.record if operation is not None else None) or singular(name.resource)


def _check_event_mapping(target: "LintTarget", name: EventName, event: UnifiedEvent) -> Iterator[Diagnostic]:
    effective = target.effective
    methods = (event.method,) if event.method is not None else ("get", "list")
    if _find_mapping_method(target, name, event) is None:
        text = f"{format_event(name)} needs {name.model}.{name.resource}.{methods[0]}, which is not defined"
        mapped = [operation.method for operation in effective.operations() if operation.path[:3] == name.path[:3]]
        near = did_you_mean(methods[0], mapped) or (
            f"add it, or set `method` to one of: {', '.join(mapped)}" if mapped else "add its mapping"
        )
        place = (*name.path, "method") if event.method is not None else name.path
        yield build_finding(target, "REF102", place, text, near)
        return
    if event.fetch is not None:
        fetching = OperationName("unified", name.model, name.resource, str(_find_mapping_method(target, name, event)))
        if (disabled := effective.explain_disabled(fetching)) is not None:
            hint = "enable the operation, or map the record that the event contains, with `record` instead of `fetch`"
            place = (*name.path, "fetch")
            message = f"{format_event(name)} fetches records, but {disabled.message}"
            yield build_disabled_finding(target, disabled, place, message, hint)
    record = _find_record_name(target, name, event)
    if effective.schemas.find_record(name.model, record) is None:
        text = f"there is no schema for {name.model}.{record}, the record of {format_event(name)}"
        hint = f"write models/{name.model}/{record}.schema.json, or set `record` in the unified mapping"
        yield build_finding(target, "MAP302", name.path, text, hint)


def _check_event_names(
    target: "LintTarget", name: EventName, key: str, text: str | None, defined: set[str]
) -> Iterator[Diagnostic]:
    paths = find_paths(text) if text is not None else None
    for word in sorted({path[1] for path in paths or () if path[0] == "event" and len(path) > 1} - defined):
        place = (*name.path, key)
        if word not in _OF_EVENT:
            hint = did_you_mean(word, _OF_EVENT) or f"use one of: {', '.join(_OF_EVENT)}"
            yield build_finding(target, "EXP103", place, f'unknown name "event.{word}"', hint)
        elif key != "when":
            text = f"{format_event(name)} reads event.{word}, which webhooks.events does not define"
            yield build_finding(target, "WHK106", place, text, f"set `{word}` under webhooks.events")


def get_webhooks(target: "LintTarget") -> Webhooks | None:
    """Return the connector's webhooks, or None if they are missing or invalid."""
    try:
        return target.effective.webhooks
    except ConnError:
        return None  # reported by the schema


def get_unified_events(target: "LintTarget") -> list[tuple[EventName, UnifiedEvent]]:
    """Return the unified events, or an empty list if one is invalid."""
    try:
        return list(target.effective.events)
    except ConnError:
        return []  # reported by the schema


def format_event(name: EventName) -> str:
    """Return the event's path for messages: `crm.contacts.events.created`."""
    return f"{name.model}.{name.resource}.events.{name.action}"


def build_finding(target: "LintTarget", code: str, path: Path_, message: str, hint: str) -> Diagnostic:
    """Build a finding at a path of the effective configuration."""
    return diagnostic(code, message, target.effective.span(path), path=format_place(path), hint=hint)
