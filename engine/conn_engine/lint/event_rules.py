"""Rules over unified events: each can be made, and some recorded delivery tells of it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from conn_engine.config import MISSING, EventName, Path_, UnifiedEvent, lookup, singular
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import format_path, read
from conn_engine.errors import ConfigurationError, ConnError
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
    """WHK106: a unified event that cannot be made. REF102: it names no operation. MAP302: its record has no schema.
    EXP103: it reads of `event` what events do not have."""
    told = get_webhooks(target)
    for name, own in get_unified_events(target):
        if told is None or told.events is None:
            what = "`webhooks`" if told is None else "`webhooks.events`"
            hint = "say in connector.yaml how deliveries are proved, and which events they hold"
            yield build_finding(
                target, "WHK106", name.path, f"the connector has no {what}: no delivery tells of it", hint
            )
            continue
        yield from _check_event_mapping(target, name, own)
        said = {key for key in _OF_EVENT if key in _ALWAYS or getattr(told.events, key) is not None}
        if own.record is None and own.fetch is None and "record" not in said:
            hint = "say `record`, or `fetch: event.record_id`; or `record` under webhooks.events"
            yield build_finding(target, "WHK106", name.path, f"{format_event(name)} has no record to map", hint)
        for key in ("when", "record", "fetch"):
            yield from _check_event_names(target, name, key, getattr(own, key), said)


def check_events_are_recorded(target: "LintTarget") -> Iterator[Diagnostic]:
    """REC102: a unified event that no recorded delivery tells of."""
    effective = target.effective
    if effective.account is not None or not effective.events:
        return
    told = _find_recorded_types(
        target.workspace.root / "connectors" / effective.connector_name / "expected" / "deliveries"
    )
    for name, own in get_unified_events(target):
        kind = f"{name.model}.{_find_record_name(target, name, own)}.{name.action}"
        if kind not in told:
            hint = "conn webhook record NAME FILE --account ACCOUNT; then conn test webhooks NAME --update"
            yield build_finding(target, "REC102", name.path, f"no recorded delivery tells of {kind}", hint)


def _find_recorded_types(folder: Path) -> set[str]:
    """The types of the events in goldens."""
    found: set[str] = set()
    for path in sorted(folder.glob("*.json")):
        try:
            golden = read(path, path.name).data
        except ConfigurationError:
            continue  # the test says so
        told = golden.get("events") if isinstance(golden, Mapping) else None
        found |= (
            {str(event.get("type")) for event in told if isinstance(event, Mapping)}
            if isinstance(told, list)
            else set()
        )
    return found


def _find_mapping_method(target: "LintTarget", name: EventName, own: UnifiedEvent) -> str | None:
    """The method that maps the record; None when there is none."""
    methods = (own.method,) if own.method is not None else ("get", "list")
    said = (lookup(target.effective.data, (*name.path[:3], method)) for method in methods)
    return next((method for method, one in zip(methods, said, strict=True) if one not in (MISSING, None)), None)


def _find_record_name(target: "LintTarget", name: EventName, own: UnifiedEvent) -> str:
    method = _find_mapping_method(target, name, own)
    operation = target.effective.get_unified(name.model, name.resource, method) if method is not None else None
    return (operation.record if operation is not None else None) or singular(name.resource)


def _check_event_mapping(target: "LintTarget", name: EventName, own: UnifiedEvent) -> Iterator[Diagnostic]:
    effective = target.effective
    methods = (own.method,) if own.method is not None else ("get", "list")
    if _find_mapping_method(target, name, own) is None:
        text = f"{format_event(name)} needs the unified operation {name.model}.{name.resource}.{methods[0]}"
        known = [one.method for one in effective.operations() if one.path[:3] == name.path[:3]]
        near = did_you_mean(methods[0], known) or f"there are: {', '.join(known) or 'none'}"
        at = (*name.path, "method") if own.method is not None else name.path
        yield build_finding(target, "REF102", at, text, near)
        return
    record = _find_record_name(target, name, own)
    if effective.schemas.find_record(name.model, record) is None:
        text = f"there is no schema for {name.model}.{record}, the record of {format_event(name)}"
        hint = f"write models/{name.model}/{record}.schema.json, or set `record` in the unified mapping"
        yield build_finding(target, "MAP302", name.path, text, hint)


def _check_event_names(
    target: "LintTarget", name: EventName, key: str, text: str | None, said: set[str]
) -> Iterator[Diagnostic]:
    read = find_paths(text) if text is not None else None
    for word in sorted({path[1] for path in read or () if path[0] == "event" and len(path) > 1} - said):
        at = (*name.path, key)
        if word not in _OF_EVENT:
            hint = did_you_mean(word, _OF_EVENT) or f"it has {', '.join(_OF_EVENT)}"
            yield build_finding(target, "EXP103", at, f'nothing is called "event.{word}" here', hint)
        elif key != "when":
            text = f"{format_event(name)} reads event.{word}, and webhooks.events does not say where it is"
            yield build_finding(target, "WHK106", at, text, f"say `{word}` under webhooks.events")


def get_webhooks(target: "LintTarget") -> Webhooks | None:
    """What the connector says of webhooks; None when it says nothing, or wrongly."""
    try:
        return target.effective.webhooks
    except ConnError:
        return None  # reported by the schema


def get_unified_events(target: "LintTarget") -> list[tuple[EventName, UnifiedEvent]]:
    """The unified events; none when one is wrong."""
    try:
        return list(target.effective.events)
    except ConnError:
        return []  # reported by the schema


def format_event(name: EventName) -> str:
    """Its place, as people read it."""
    return f"{name.model}.{name.resource}.events.{name.action}"


def build_finding(target: "LintTarget", code: str, path: Path_, message: str, hint: str) -> Diagnostic:
    """A finding at the place of a path."""
    return diagnostic(code, message, target.effective.span(path), path=format_path(path), hint=hint)
