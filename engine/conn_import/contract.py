"""`Contract`: the content of a vendor's document in any format, and what could not be imported.

A format's reader fills a contract; naming, guessing and writing use only the contract. Nothing here accesses files.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from conn_engine.analysis.drift.contract import Endpoint
from conn_engine.analysis.drift.endpoints import normalize_path
from conn_import.neighbor_files import NeighborFiles
from conn_import.webhook_draft import WebhookDraft

__all__ = ["Contract", "FinishedConnector", "Losses", "Options", "Where", "index_endpoints"]

Where = tuple[str, ...]
"""The path of a key in connector.yaml."""


@dataclass(frozen=True, slots=True)
class Options:
    """The caller's options. `name` is the connector's name. `only` has globs for a path, tag or operation name.
    `security` selects a security scheme by its name in the document. `base_url` replaces the document's server. `entry`
    is the key of one connector in a document with several. `neighbors` gives access to files next to the document.
    `models` maps each model to propose mappings for to the schemas of its records.
    """

    name: str
    only: tuple[str, ...] = ()
    base_url: str = ""
    security: str = ""
    samples: bool = False
    entry: str = ""
    neighbors: NeighborFiles = field(default_factory=lambda: NeighborFiles(None))
    models: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)


class Losses:
    """What could not be imported: each item once, with all its places, in the order they were found."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, None]] = {}
        self._fixes: dict[str, str] = {}

    def add(self, text: str, where: str = "", *, fix: str = "") -> None:
        """Note that `what` (a short clause) was not imported at `where` (such as `POST /files`). `fix` is what to write
        instead."""
        if fix:
            self._fixes[text] = fix
        places = self._rows.setdefault(text, {})
        if where:
            places[where] = None

    def forget(self, left: Callable[[str], bool]) -> None:
        """Drop the items that occur only in excluded operations. `left` says whether a place is in one."""
        for what, places in list(self._rows.items()):
            kept = {place: None for place in places if not left(place.partition(" (")[0])}
            if places and not kept:
                del self._rows[what]
            else:
                self._rows[what] = kept

    def find_fix(self, text: str) -> str:
        """Return what to write instead, or "" if it is unknown."""
        return self._fixes.get(text, "")

    def __iter__(self) -> Iterator[tuple[str, list[str]]]:
        return ((what, list(places)) for what, places in self._rows.items())

    def __len__(self) -> int:
        return len(self._rows)


@dataclass(slots=True)
class Contract:
    """A vendor's document as data. `fields`, `credentials` and `authorization` are in the language of connectors.

    `base_url` is a template that reads `fields`; `context` has sample values for them. `source` is the value of
    `Recording.source` in its samples. `observed` is set if its examples are real responses. `authorization_loss` is the
    text to report if nothing says how to authorize requests. `webhooks` has what is known of the vendor's webhooks.
    """

    format: str
    title: str = ""
    description: str = ""
    docs_url: str = ""
    base_url: str = ""
    fields: list[dict[str, Any]] = field(default_factory=list)
    context: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, Any] | None = None
    authorization: dict[str, Any] | None = None
    hosts: list[str] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
    found: int = 0
    source: Literal["contract", "har"] = "contract"
    authorization_loss: str = ""
    observed: bool = False
    webhooks: WebhookDraft | None = None


@dataclass(slots=True)
class FinishedConnector:
    """A connector that is ready to be written. `build` creates it from a contract; formats with more details create it
    themselves.

    `data` is the content of connector.yaml, and `notes` are comments for its keys, by path. `operations` has the names
    (`contacts.list`) and requests (`GET /contacts`) in the document's order. `files` are additional files by name.
    `left` counts the operations that `only` excluded, and `unused` has those that no proposed mapping uses, like
    `operations`. `bare` is set if documents of this format have no operations.
    `supplied` maps names of the document's settings to their place in an account: ("context" or "credential", name).
    `observed` and `webhooks` are as in `Contract`, `proposed` as in `ImportedConnector`.
    """

    format: str
    title: str
    data: dict[str, Any]
    notes: dict[Where, str] = field(default_factory=dict)
    operations: list[tuple[str, str]] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
    found: int = 0
    left: int = 0
    unused: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    supplied: dict[str, tuple[str, str]] = field(default_factory=dict)
    bare: bool = False
    observed: bool = False
    proposed: dict[str, int] = field(default_factory=dict)
    webhooks: WebhookDraft | None = None

    @property
    def resources(self) -> int:
        """How many resources there are."""
        return len(self.data["resources"])


def index_endpoints(contract: Contract) -> dict[tuple[str, str], Endpoint]:
    """Return the endpoints of a document by method and normalized path, with the path of its base URL."""
    base = normalize_path(contract.base_url.partition("://")[2].partition("/")[2]) if contract.base_url else ""
    base = "" if base in ("", "/") else f"/{base.strip('/')}"
    return {
        (endpoint.method.upper(), normalize_path(base + endpoint.path)): endpoint for endpoint in contract.endpoints
    }
