"""What the layers of one listing hand each other. `listing` joins them; nothing runs here.

A layer is a generator function `(listing, frame, emit, below)`. For each of its steps (a partition, a window) it runs
`yield from below(frame.within(…), emit)`: with more names in the scope, with what the step puts into the request, and
with an `emit` of its own when it changes pages on their way out. The lowest layer, the pages, has no `below`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from conn_engine.config import Effective, VendorOperation
from conn_engine.errors import UsageError
from conn_engine.runtime.call import Call, Session
from conn_engine.runtime.fetched import Fetched
from conn_engine.settings import Draft, Scope
from conn_engine.wire import Flow, Purpose

__all__ = [
    "LAYER_NAMES",
    "Below",
    "Emit",
    "Frame",
    "Listing",
    "Place",
    "Put",
    "foreign_cursor",
    "stepped",
]

LAYER_NAMES = ("partition", "parent", "window")
"""The names that layers add to every scope, besides those that an author chooses."""

Put: TypeAlias = Callable[[Draft], None]
Place: TypeAlias = Mapping[str, Any]
"""Where a listing stands, one JSON value per layer: `{"partition": …, "window": …, "page": …}`. A layer that is missing
begins at its beginning."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What stays the same through one listing. `chain` are the operations whose parents it lists, the outermost first;
    `fetch` is `listing.fetch_pages`, which lists another operation as a source of parents; `memory` is what a layer
    keeps for its later steps."""

    effective: Effective
    operation: VendorOperation
    call: Call
    session: Session
    fetch: Callable[..., Flow[None]]
    purpose: Purpose = "operation"
    chain: tuple[str, ...] = ()
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The operation's name: `resource.method`."""
        return f"{self.operation.resource}.{self.operation.name}"


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the layers above stand: their names, what they put into each request, and where to go on.

    `resume` is the place to begin at; a layer takes its own value and hands the rest to its first step only. `chunks`
    are the pieces of a long list that each page is asked for with; empty: there is no such list.
    """

    scope: Scope
    puts: tuple[Put, ...] = ()
    resume: Place = field(default_factory=dict)
    chunks: tuple[list[Any], ...] = ()

    def within(self, names: Scope, put: Put | None = None, *, resume: Place | None = None) -> "Frame":
        """The frame of one step: further names (they win), and what goes into its requests."""
        puts = (*self.puts, put) if put else self.puts
        return Frame({**self.scope, **names}, puts, resume or {}, self.chunks)

    def put(self, draft: Draft) -> None:
        """Everything that the layers put into a request, the outermost first."""
        for put in self.puts:
            put(draft)


Emit: TypeAlias = Callable[[Fetched], Flow[Any]]
"""Receives each page. Returning True ends the pages of the current step."""

Below: TypeAlias = Callable[[Frame, Emit], Flow[None]]
"""The next layer, its listing already given."""


def stepped(page: Fetched, layer: str, step: Any, following: Any = None) -> Fetched:
    """The page with the place of its step in `layer`. `following` is the place of the layer's next step: it comes
    after the last page of this one (None: there is none)."""

    def within(place: Place | None) -> Place | None:
        return None if place is None else {layer: step, **place}

    after = within(page.next_state)
    if page.last and following is not None:
        after = {layer: following}
    return replace(page, next_state=after, prev_state=within(page.prev_state), here=within(page.here))


def foreign_cursor() -> UsageError:
    """What is raised when a cursor's state is not one of this operation."""
    return UsageError(
        "the cursor does not belong to this operation",
        hint="pass a next_cursor that this operation returned, or leave it out to begin again",
    )
