"""The formats that can be imported: one module each, in one table. A new one is a module and its name here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conn_import.contract import Contract, FinishedConnector, Options

__all__ = ["Format", "formats"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: `recognises` looks at parsed data, `read` makes the contract of it, or the finished connector of a
    document that says more than a contract holds. It raises ConfigurationError where it can make neither. `entries` are
    the keys of the connectors in a document of several, which `Options.entry` chooses from. `takes` names the options
    that mean something for such a document, besides its name and base URL."""

    label: str
    recognises: Callable[[Any], bool]
    read: Callable[[Any, Options], Contract | FinishedConnector]
    entries: Callable[[Any], list[str]] = lambda _: []
    takes: frozenset[str] = frozenset()


def formats() -> tuple[Format, ...]:
    """All formats, in the order in which they are tried."""
    from conn_import import airbyte, har, nango, openapi, postman

    rows = (
        (openapi, "only security samples models"),
        (postman, "only samples models"),
        (har, "only samples models"),
        (airbyte, "only"),
    )
    plain = tuple(Format(one.LABEL, one.recognises, one.read, takes=frozenset(takes.split())) for one, takes in rows)
    return (*plain, Format(nango.LABEL, nango.recognises, nango.read, nango.list_keys))
