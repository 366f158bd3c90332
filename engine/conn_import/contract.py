"""`Contract`: what an import has read of a vendor's document, whichever format it had, and what was left out.

A format's reader fills one; naming, guessing and writing work on it alone. Nothing here reads or writes files.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from conn_engine.analysis.drift.contract import Endpoint
from conn_import.neighbor_files import NeighborFiles

__all__ = ["Contract", "FinishedConnector", "Losses", "Options", "Where"]

Where = tuple[str, ...]
"""The path of a key in connector.yaml."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller asks. `name` is the connector's; `only` are globs on path, tag or operation name;
    `security` prefers a security scheme by its name in the document; `base_url` replaces the document's server;
    `entry` is the key of one connector in a document that holds several; `beside` are the files beside the document.
    `models` (name to the schemas of its records) are those to which unified mappings are proposed.
    """

    name: str
    only: tuple[str, ...] = ()
    base_url: str = ""
    security: str = ""
    samples: bool = False
    entry: str = ""
    beside: NeighborFiles = field(default_factory=lambda: NeighborFiles(None))
    models: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)


class Losses:
    """What could not be carried over: each thing once, with every place where it stood, in the order found."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, None]] = {}
        self._fixes: dict[str, str] = {}

    def add(self, what: str, where: str = "", *, fix: str = "") -> None:
        """Note that `what` (a short clause) was left out at `where` (such as `POST /files`). `fix` is what to write
        instead."""
        if fix:
            self._fixes[what] = fix
        places = self._rows.setdefault(what, {})
        if where:
            places[where] = None

    def forget(self, left: Callable[[str], bool]) -> None:
        """Drop what stood only at operations that nobody asked for; `left` says of a place whether it is in one."""
        for what, places in list(self._rows.items()):
            kept = {place: None for place in places if not left(place.partition(" (")[0])}
            if places and not kept:
                del self._rows[what]
            else:
                self._rows[what] = kept

    def find_fix(self, what: str) -> str:
        """What to write instead of what was left out; empty where nothing is known."""
        return self._fixes.get(what, "")

    def __iter__(self) -> Iterator[tuple[str, list[str]]]:
        return ((what, list(places)) for what, places in self._rows.items())

    def __len__(self) -> int:
        return len(self._rows)


@dataclass(slots=True)
class Contract:
    """A vendor's document as data. `fields`, `credentials` and `authorization` are in the language's own form.

    `base_url` is a template whose names are those of `fields`; `context` are sample values for these.
    `source` is the value of `Recording.source` for samples made from it; `observed` says that its examples are answers
    that somebody was really given. `unauthorised` is the loss where nothing says how requests are authorised.
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


@dataclass(slots=True)
class FinishedConnector:
    """A connector that only needs to be written: `build` makes it of a contract, a format whose documents say more than
    a contract holds makes it itself.

    `data` is connector.yaml's content; `notes` are comments beside keys, by path; `operations` are the names
    (`contacts.list`) with the request as people know it (`GET /contacts`), in the document's order; `files` are further
    files by name; `left` counts what `only` left out; `bare` that such documents hold no operations by their nature;
    `supplied` maps names of the document's own settings to where an account has them: ("context" or "credential",
    name); `observed` is that of the contract, `proposed` that of the import.
    """

    format: str
    title: str
    data: dict[str, Any]
    notes: dict[Where, str] = field(default_factory=dict)
    operations: list[tuple[str, str]] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
    found: int = 0
    left: int = 0
    files: dict[str, str] = field(default_factory=dict)
    supplied: dict[str, tuple[str, str]] = field(default_factory=dict)
    bare: bool = False
    observed: bool = False
    proposed: dict[str, int] = field(default_factory=dict)

    @property
    def resources(self) -> int:
        """How many resources there are."""
        return len(self.data["resources"])
