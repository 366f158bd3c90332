"""What the layers of one listing pass to each other, and what each of them is. `listing` has their table and runs them.

A layer divides a frame into steps (a partition, a window): `start` runs the layer below for each, with further names in
the scope, with what the step puts into its requests, and with the place to resume at. Pages of a step come to `next`,
which passes them on, changed, to the layer above. A layer knows only the one below. The lowest has none: it reads the
pages.
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
"""The names that layers add to every scope, in addition to those that an author chooses."""

Put: TypeAlias = Callable[[Draft], None]
Place: TypeAlias = Mapping[str, Any]
"""Where a listing stands, one JSON value per layer: `{"partition": …, "window": …, "page": …}`. A layer that is missing
starts at its first step."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What stays the same through one listing. `chain` are the operations whose parents it lists, the outermost first;
    `fetch` is `listing.fetch_pages`, which lists another operation as a source of parents; `memory` is what a layer
    remembers for its later steps."""

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
        """The session that its requests are sent in."""
        return self.run.session

    @property
    def name(self) -> str:
        """The operation's name: `resource.method`."""
        return f"{self.operation.resource}.{self.operation.name}"


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the layers above stand: their names, what they put into each request, and where to resume.

    `resume` is the place to start at; a layer takes its own value and passes the rest to its first step only. `chunks`
    are the pieces of a long list that each page is requested with; empty: there is no such list.
    """

    scope: Scope
    puts: tuple[Put, ...] = ()
    resume: Place = field(default_factory=dict)
    chunks: tuple[list[Any], ...] = ()

    def extend(self, names: Names, put: Put | None = None, *, resume: Place | None = None) -> "Frame":
        """The frame of one step: further names (they win), and what goes into its requests."""
        puts = (*self.puts, put) if put else self.puts
        return Frame(self.scope | names, puts, resume or {}, self.chunks)

    def resume_without(self, *names: str) -> Place:
        """The place to resume at for the layers below the one that takes these names."""
        return {name: value for name, value in self.resume.items() if name not in names}

    def put(self, draft: Draft) -> None:
        """Everything that the layers put into a request, the outermost first."""
        for put in self.puts:
            put(draft)


Emit: TypeAlias = Callable[[Fetched], Flow[Any]]
"""Receives each page. Returning True ends the pages of the current step."""

Below: TypeAlias = Callable[[Frame, Emit], Flow[None]]
"""Runs the next layer for a frame; its pages go to what is passed as the second argument."""


class ListingLayer:
    """One layer. A new one is made for each frame that it starts with."""

    place_names: ClassVar[tuple[str, ...]] = ()
    """Its names in a `Place`; the first is the name of its step."""

    def __init__(self, listing: Listing, below: Below, emit: Emit) -> None:
        self.listing, self.below, self.emit = listing, below, emit

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Whether the operation has this layer."""
        raise NotImplementedError

    @staticmethod
    def find_obstacles(operation: VendorOperation) -> Iterator[str]:
        """Why a listing with this layer cannot resume; nothing: it can (see `resuming`)."""
        yield from ()

    @staticmethod
    def enter(listing: Listing, place: Place) -> Place:
        """Take out of the place to resume at what holds for the whole listing."""
        return place

    @staticmethod
    def leave(listing: Listing, page: Fetched) -> Fetched:
        """The page as it leaves the listing: what has to be said at the end of all steps, and in every cursor."""
        return page

    def start(self, frame: Frame) -> Flow[None]:
        """Run the layer below for each step of the frame."""
        raise NotImplementedError

    def next(self, page: Fetched) -> Flow[Any]:
        """Pass a page of the current step on."""
        return self.emit(page)


def add_step(page: Fetched, layer: str, step: Any, following: Any = None) -> Fetched:
    """The page with the place of its step in `layer`. `following` is the place of the layer's next step: it comes
    after the last page of this one (None: there is none)."""

    def add_layer(place: Place | None) -> Place | None:
        return None if place is None else {layer: step, **place}

    after = add_layer(page.next_state)
    if page.last and following is not None:
        after = {layer: following}
    return replace(page, next_state=after, prev_state=add_layer(page.prev_state), here=add_layer(page.here))


def foreign_cursor() -> UsageError:
    """What is raised when a cursor's state is not one of this operation."""
    return UsageError(
        "the cursor does not belong to this operation",
        hint="pass a next_cursor that this operation returned, or leave it out to begin again",
    )
