"""What the layers of one listing hand each other. `listing` joins them; nothing runs here.

A layer is a generator function `(listing, frame, emit, below)`. For each of its steps (a partition, a window) it runs
`yield from below(frame.within(…), emit)`: with more names in the scope, with what the step puts into the request, and
with an `emit` of its own when it changes pages on their way out. The lowest layer, the pages, has no `below`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from conn_engine.config import Effective, VendorOperation
from conn_engine.runtime.call import Call, Session
from conn_engine.strategies import Answer, Draft, Scope
from conn_engine.wire import Flow

__all__ = ["Below", "Emit", "Frame", "Listing", "Place", "Put", "VendorPage", "stepped"]

Put: TypeAlias = Callable[[Draft], None]
Place: TypeAlias = Mapping[str, Any]
"""Where a listing stands, one JSON value per layer: `{"partition": …, "window": …, "page": …}`. A layer that is missing
begins at its beginning."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What stays the same through one listing."""

    effective: Effective
    operation: VendorOperation
    call: Call
    session: Session


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the layers above stand: their names, what they put into each request, and where to go on.

    `resume` is the place to begin at; a layer takes its own value and hands the rest to its first step only.
    """

    scope: Scope
    puts: tuple[Put, ...] = ()
    resume: Place = field(default_factory=dict)

    def within(self, names: Scope, put: Put | None = None, *, resume: Place | None = None) -> "Frame":
        """The frame of one step: further names (they win), and what goes into its requests."""
        return Frame({**self.scope, **names}, (*self.puts, put) if put else self.puts, resume or {})

    def put(self, draft: Draft) -> None:
        """Everything that the layers put into a request, the outermost first."""
        for put in self.puts:
            put(draft)


@dataclass(frozen=True, slots=True)
class VendorPage:
    """One answer of a vendor operation with its records. `headers` are the rate limits as every vendor says them.

    Between the layers `next_state` and `prev_state` are a `Place` or None; outside of the listing they are what goes
    into a cursor. `here` is the place of this page itself. `scope` are the names of the layers above it.
    """

    answer: Answer
    records: list[Any]
    whole: bool
    number: int
    next_state: Any
    prev_state: Any
    headers: dict[str, str]
    here: Any = None
    scope: Scope = field(default_factory=dict)


Emit: TypeAlias = Callable[[VendorPage], Flow[Any]]
"""Receives each page. Returning True ends the pages of the current step."""

Below: TypeAlias = Callable[[Frame, Emit], Flow[None]]
"""The next layer, its listing already given."""


def stepped(page: VendorPage, layer: str, step: Any, following: Any = None) -> VendorPage:
    """The page with the place of its step in `layer`. `following` is the place of the layer's next step: it comes
    after the last page of this one (None: there is none)."""

    def within(place: Place | None) -> Place | None:
        return None if place is None else {layer: step, **place}

    after = within(page.next_state)
    if after is None and following is not None:
        after = {layer: following}
    return replace(page, next_state=after, prev_state=within(page.prev_state), here=within(page.here))
