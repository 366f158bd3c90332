"""Rules for what starts a sync: other syncs, and events of the connector."""

from collections.abc import Iterator

from conn_engine.config import Effective, Workspace
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import Document, format_path
from conn_engine.errors import ConnError
from conn_engine.syncs import SyncPlan
from conn_engine.syncs.circles import find_circle
from conn_engine.syncs.event_names import list_unified_events, uses_event

__all__ = ["check_cycle", "check_events"]

_Path = tuple[str | int, ...]


def check_cycle(workspace: Workspace, name: str, document: Document) -> Iterator[Diagnostic]:
    """SYN109: syncs start each other in a circle."""
    circle = find_circle(workspace, name)
    if circle:
        yield diagnostic(
            "SYN109",
            f"syncs start each other without an end: {' -> '.join(circle)}",
            document.span(("trigger", "sync")),
            path="trigger.sync",
            hint="start one of them with a schedule instead",
        )


def check_events(document: Document, effective: Effective, plan: SyncPlan) -> Iterator[Diagnostic]:
    """SYN110: no such event arrives. SYN111: events that arrive during a run are dropped."""
    try:
        if plan.trigger is not None and plan.trigger.webhook is not None:
            yield from _check_event(document, effective, plan.trigger.webhook, ("trigger", "webhook"))
            yield from _check_overlap(document, plan)
        if plan.deletes is not None and plan.deletes.by == "webhook":
            path = ("deletes",) if plan.deletes.event is None else ("deletes", "event")
            yield from _check_event(document, effective, plan.deleted_event, path)
    except ConnError:  # a unified event without its operation, which is reported in the connector
        return


def _check_event(document: Document, effective: Effective, event: str, path: _Path) -> Iterator[Diagnostic]:
    unified = list_unified_events(effective)
    known = {name for kind, names in unified.items() for name in (kind, *names)}
    if event in known:
        return
    if effective.webhooks is None or effective.webhooks.events is None:
        message = f'the connector "{effective.connector_name}" receives no events, so "{event}" never arrives'
        hint = "add webhooks to connector.yaml, or use a schedule"
    elif not event:
        message = "no event reports deleted records: the sync fetches the vendor's own resource"
        hint = "name the vendor's type: deletes: { by: webhook, event: contact.deletion }"
    elif event.split(".", maxsplit=1)[0] in {kind.split(".")[0] for kind in unified}:
        message = f'the connector "{effective.connector_name}" has no event "{event}"'
        hint = did_you_mean(event, sorted(known)) or f"use one of: {', '.join(sorted(unified)[:8])}"
    else:
        return  # a type of the vendor, which its documentation lists
    yield diagnostic("SYN110", message, document.span(path), path=format_path(path), hint=hint)


def _check_overlap(document: Document, plan: SyncPlan) -> Iterator[Diagnostic]:
    if plan.drift is None and uses_event([plan.fetch]) and plan.overlap == "skip":
        yield diagnostic(
            "SYN111",
            "the sync fetches what the event is about, but an event that arrives during a run starts none",
            document.span(("trigger",)),
            path="trigger",
            hint="add overlap: queue",
        )
