"""The formats that can be imported: one module each, in one table. A new one is a module and its name here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conn_import.contract import Contract, FinishedConnector, Options

__all__ = ["Format", "formats"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format. `recognizes` checks parsed data. `import_document` returns the contract, or a finished connector if the
    document has more details than a contract; it raises ConfigurationError if it can return neither. `entries` returns
    the keys of a document with several connectors, for `Options.entry`. `takes` names the options that apply to such
    documents, in addition to the name and the base URL."""

    label: str
    recognizes: Callable[[Any], bool]
    import_document: Callable[[Any, Options], Contract | FinishedConnector]
    entries: Callable[[Any], list[str]] = lambda _: []
    takes: frozenset[str] = frozenset()


def formats() -> tuple[Format, ...]:
    """Return all formats, in the order in which they are tried."""
    from conn_import import airbyte, bruno, har, nango, openapi, postman

    rows = (
        (openapi, "only security samples models"),
        (postman, "only samples models"),
        (bruno, "only samples models"),
        (har, "only samples models"),
        (airbyte, "only"),
    )
    plain = tuple(
        Format(one.LABEL, one.recognizes, one.import_document, takes=frozenset(takes.split())) for one, takes in rows
    )
    return (*plain, Format(nango.LABEL, nango.recognizes, nango.import_document, nango.list_keys))
