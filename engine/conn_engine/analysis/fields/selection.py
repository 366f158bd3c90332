"""Find the operations whose recordings show the records of a resource."""

from collections.abc import Iterator

from conn_engine.config import Effective, OperationName, VendorOperation
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import ConnError, UsageError
from conn_engine.runtime.unified import find_operation_behind

__all__ = ["DESCRIBE", "find_behind", "find_reading_operations"]

DESCRIBE = "describe"
"""The name of an operation of the vendor whose records are the fields of a resource."""


def find_reading_operations(effective: Effective, text: str) -> list[OperationName]:
    """Return the operations that read the records of a resource, unified ones first: `contacts`, `crm.contacts`, or one
    operation, such as `contacts.list`.

    A unified resource takes precedence over the vendor's of the same name. Its vendor operations are included, as are
    the unified operations that use those of a vendor resource: their records are the same. Raises UsageError if there
    is no such resource.
    """
    names = effective.operations()
    models = sorted({name.model for name in names if name.kind == "unified" and text in _list_names(name)})
    if len(models) > 1:
        places = [f"{model}.{text}" for model in models]
        raise UsageError(f'"{text}" is a resource of several models', hint=f"name one: {', '.join(places)}")
    unified = [name for name in names if name.kind == "unified" and text in _list_names(name)]
    vendor = [name for name in names if name.kind == "vendor" and name.resource == text]
    chosen = unified or vendor
    if not chosen and "." in text:
        chosen = [effective.resolve(text)]
    if not chosen:
        resources = sorted({name.resource for name in names})
        hint = did_you_mean(text, resources) or f"name one of {', '.join(resources[:12])}"
        raise UsageError(f'connector "{effective.connector_name}" has no resource "{text}"', hint=hint)
    return list(dict.fromkeys(_with_equals(effective, chosen)))


def _list_names(name: OperationName) -> tuple[str, str]:
    return name.resource, f"{name.model}.{name.resource}"


def _with_equals(effective: Effective, chosen: list[OperationName]) -> Iterator[OperationName]:
    """Yield the operations that read, and those with the same records."""
    reading = [name for name in chosen if _reads(effective, name)]
    yield from (name for name in reading if name.kind == "unified")
    vendor = {(name.resource, name.method) for name in reading if name.kind == "vendor"}
    for name in effective.operations() if vendor else ():
        behind = find_behind(effective, name) if name.kind == "unified" and name not in reading else None
        if behind is not None and not behind.writes and (behind.resource, behind.name) in vendor:
            yield name
    yield from (name for name in reading if name.kind == "vendor")
    for name in reading:
        behind = find_behind(effective, name) if name.kind == "unified" else None
        if behind is not None:
            yield OperationName("vendor", "", behind.resource, behind.name)


def _reads(effective: Effective, name: OperationName) -> bool:
    if name.kind == "vendor" and name.method == DESCRIBE:
        return False
    behind = find_behind(effective, name)
    return name.method in ("list", "get") if behind is None else not behind.writes


def find_behind(effective: Effective, name: OperationName) -> VendorOperation | None:
    """Return the vendor operation behind a name; None if it is only known at run time, or invalid."""
    try:
        return find_operation_behind(effective, name)
    except ConnError:  # lint reports it
        return None
