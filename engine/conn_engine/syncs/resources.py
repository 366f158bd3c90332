"""What a sync fetches: the resources that its document names, and their operations."""

from conn_engine.config import Effective, OperationName
from conn_engine.config.sync_models import SyncDocument, SyncSource

__all__ = ["find_connectors", "find_operation", "find_sources"]


def find_sources(document: SyncDocument) -> list[SyncSource]:
    """Return what a document fetches, in order, in both of its forms."""
    if document.source is not None:
        return [document.source]
    return [
        SyncSource(connector=step.connector, resource=step.resource, params=step.params, pagination=step.pagination)
        for step in document.steps
        if step.resource is not None and step.action in ("fetch_resource", "for_each")
    ]


def find_connectors(document: SyncDocument) -> list[str | None]:
    """Return the connector that each part of a document names, or None for each part that names none."""
    if document.kind == "drift":
        return [document.drift.connector if document.drift is not None else None]
    return [source.connector for source in find_sources(document)]


def find_operation(effective: Effective, resource: str, *, method: str = "list") -> OperationName:
    """Return the operation that a sync means by a resource: the vendor's own (`contacts`, `contacts.list`), or a
    unified one (`crm.contacts`, `crm.contacts.list`).

    Raises UsageError when the connector does not have it.
    """
    names = {name.text for name in effective.operations()}
    for text in (f"{resource}.{method}", resource):
        if text in names:
            return effective.resolve(text, raw=text.count(".") == 1)
    return effective.resolve(f"{resource}.{method}" if "." not in resource else resource, raw="." not in resource)
