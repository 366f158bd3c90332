"""Define the layers of a listing and what they pass to each other. `listing` has the table of layers and runs them.

A layer divides a frame into steps (a partition, a window). `start` runs the layer below for each step with more names
in the scope, with values to set in its requests, and with the place to resume at. `next` receives the pages of a step
and passes them to the layer above. A layer knows only the one below. The lowest layer reads the pages.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

from conn_engine.config import Effective, VendorOperation
from conn_engine.errors import UsageError
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.fetched import Fetched
from conn_engine.settings import Draft, Names, Scope
from conn_engine.wire import Flow, Purpose

__all__ = [
    "LAYER_NAMES",
    "Below",
    "Emit",
    "Frame",
    "Listing",
    "ListingLayer",
    "Place",
    "Put",
    "add_step",
    "foreign_cursor",
]

LAYER_NAMES = ("partition", "parent", "window")
"""The names that layers add to every scope, in addition to the author's own."""

Put: TypeAlias = Callable[[Draft], None]
Place: TypeAlias = Mapping[str, Any]
"""A position in a listing, one JSON value per layer: `{"partition": …, "window": …, "page": …}`. A layer that is not in
it starts at its first step."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The constants of one listing.

    `chain` has the operations whose parents it lists, the outermost first. `fetch` is `listing.fetch_pages`, for
    listing another operation as a source of parents. `memory` is where layers remember data for their later steps.
    """

    run: Run
    operation: VendorOperation
    call: Call
    fetch: Callable[..., Flow[None]]
    purpose: Purpose = "operation"
    chain: tuple[str, ...] = ()
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def effective(self) -> Effective:
        """The configuration."""
        return self.run.effective

    @property
    def session(self) -> Session:
        """The session of its requests."""
        return self.run.session

    @property
    def name(self) -> str:
        """The operation's name: `resource.method`."""
        return self.operation.text


@dataclass(frozen=True, slots=True)
class Frame:
    """The current step of the layers above: their names, what they set in each request, and where to resume.

    `resume` is the place to start at; a layer takes its own value and passes the rest to its first step only. `chunks`
    has the pieces of a long list that each page is requested for; it is empty if there is no such list.
    """

    scope: Scope
    puts: tuple[Put, ...] = ()
    resume: Place = field(default_factory=dict)
    chunks: tuple[list[Any], ...] = ()

    def extend(self, names: Names, put: Put | None = None, *, resume: Place | None = None) -> "Frame":
        """Return the frame of one step, with more names (they override) and with what it sets in its requests."""
        puts = (*self.puts, put) if put else self.puts
        return Frame(self.scope | names, puts, resume or {}, self.chunks)

    def resume_without(self, *names: str) -> Place:
        """Return the place to resume at for the layers below the one with these names."""
        return {name: value for name, value in self.resume.items() if name not in names}

    def put(self, draft: Draft) -> None:
        """Set everything that the layers set in a request, the outermost first."""
        for put_names in self.puts:
            put_names(draft)


Emit: TypeAlias = Callable[[Fetched], Flow[Any]]
"""Receives each page. Return True to stop the current step."""

Below: TypeAlias = Callable[[Frame, Emit], Flow[None]]
"""Runs the next layer for a frame, and passes its pages to the second argument."""


class ListingLayer:
    """One layer. An instance is created for each frame."""

    place_names: ClassVar[tuple[str, ...]] = ()
    """The layer's names in a `Place`; the first is the name of its step."""

    def __init__(self, listing: Listing, below: Below, emit: Emit) -> None:
        self.listing, self.below, self.emit = listing, below, emit

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Return whether the operation has this layer."""
        raise NotImplementedError

    @staticmethod
    def find_obstacles(operation: VendorOperation) -> Iterator[str]:
        """Yield why a listing with this layer cannot resume; nothing if it can (see `resuming`)."""
        yield from ()

    @staticmethod
    def enter(listing: Listing, place: Place) -> Place:
        """Restore the listing's shared state from the place to resume at, and return the rest of the place."""
        return place

    @staticmethod
    def leave(listing: Listing, page: Fetched) -> Fetched:
        """Return the page as it leaves the listing, with what every cursor and the very last page must have."""
        return page

    def start(self, frame: Frame) -> Flow[None]:
        """Run the layer below for each step of the frame."""
        raise NotImplementedError

    def next(self, page: Fetched) -> Flow[Any]:
        """Pass on a page of the current step."""
        return self.emit(page)


def add_step(page: Fetched, layer: str, step: Any, following: Any = None) -> Fetched:
    """Return the page with the place of its step in `layer`. `following` is the place of the layer's next step, which
    comes after the last page of this one; None if this is the last step."""

    def add_layer(place: Place | None) -> Place | None:
        return None if place is None else {layer: step, **place}

    after = add_layer(page.next_state)
    if page.last and following is not None:
        after = {layer: following}
    return replace(page, next_state=after, prev_state=add_layer(page.prev_state), here=add_layer(page.here))


def foreign_cursor() -> UsageError:
    """Build the error for a cursor of another operation."""
    return UsageError(
        "the cursor does not belong to this operation",
        hint="pass a next_cursor that this operation returned, or omit it to start from the beginning",
    )
