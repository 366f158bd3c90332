"""The names by which a sync may mean an event of its connector: that of the unified event, or the vendor's own."""

from collections.abc import Iterable

from conn_engine.config import Effective
from conn_engine.documents import iterate_texts
from conn_engine.runtime.scope_reads import read_paths
from conn_engine.runtime.webhooks import Event
from conn_engine.runtime.webhooks.events import record_behind
from conn_engine.syncs.planned_steps import FetchStep

__all__ = ["list_event_names", "list_unified_events", "uses_event"]


def list_unified_events(effective: Effective) -> dict[str, frozenset[str]]:
    """Return the unified events by their type, such as `crm.contact.deleted`, each with its other names, such as
    `crm.contacts.deleted` and `contacts.deleted`.

    Raises ConfigurationError for an event without an operation that maps its record.
    """
    found = {}
    for name, settings in effective.events:
        _, record = record_behind(effective, name, settings)
        names = {f"{subject}.{name.action}" for subject in (record, name.resource, f"{name.model}.{name.resource}")}
        found[f"{name.model}.{record}.{name.action}"] = frozenset(names)
    return found


def list_event_names(effective: Effective, event: Event) -> frozenset[str]:
    """Return all names of an event that was received."""
    own = {event.type, *([str(event.vendor["type"])] if "type" in event.vendor else [])}
    return frozenset(own) | list_unified_events(effective).get(event.type, frozenset())


def uses_event(fetches: Iterable[FetchStep]) -> bool:
    """Return whether what is fetched depends on the event that started the run."""
    texts = (text for fetch in fetches for _, text in iterate_texts(dict(fetch.params)) if "{{" in text)
    return any(path[:1] == ("event",) for text in texts for path in read_paths(text))
