"""A listing: the table of its layers, and what runs them.

What the layers pass to each other is in `layers`; each has a module of its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from conn_engine.config import VendorOperation
from conn_engine.errors import UsageError
from conn_engine.runtime.call import Call, Run, decode_cursor
from conn_engine.runtime.chunks import ChunkLayer
from conn_engine.runtime.endings import endings_of
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.jobs import JobLayer
from conn_engine.runtime.layers import Emit, Frame, Listing, ListingLayer, Place, foreign_cursor
from conn_engine.runtime.pages import PageLayer
from conn_engine.runtime.part_failures import raise_failures
from conn_engine.runtime.partition import Partition
from conn_engine.runtime.partitions import PartitionLayer
from conn_engine.runtime.recursion import RecursionLayer
from conn_engine.runtime.request import call_scope
from conn_engine.runtime.sources import run_combinations
from conn_engine.runtime.windows import WindowLayer
from conn_engine.settings import Names
from conn_engine.wire import Flow, Page, Purpose

__all__ = ["LAYERS", "fetch_pages", "find_layers", "page_state", "perform_partitions"]

Layers: TypeAlias = Sequence[type[ListingLayer]]

LAYERS: Layers = (PartitionLayer, ChunkLayer, RecursionLayer, WindowLayer, JobLayer, PageLayer)
"""The outermost first. One of the last two reads the records; of the others an operation has those that it uses."""


def find_layers(operation: VendorOperation) -> Layers:
    """The layers that a listing of the operation has."""
    return [layer for layer in LAYERS if layer.is_used(operation)]


def fetch_pages(
    run: Run,
    operation: VendorOperation,
    call: Call,
    emit: Emit,
    extra: Names | None = None,
    *,
    state: Any = None,
    purpose: Purpose = "operation",
    chain: tuple[str, ...] = (),
) -> Flow[None]:
    """Send a vendor operation page by page. `extra` adds names to its scope (`before`, `raw_query`).

    It starts at the call's cursor, or at `state`: what an earlier page's cursor has. `purpose` and `chain` say for
    whom it is listed (see `layers.Listing`). The last page has the verdict. If no page before it
    could know that none follows, it has no records.
    """
    listing = Listing(run, operation, call, fetch_pages, purpose, chain)
    layers = find_layers(operation)
    state = state if call.cursor is None else decode_cursor(call.cursor)
    number = 0
    has_ended = False

    def deliver(page: Fetched) -> Flow[Any]:
        nonlocal number, has_ended
        number += 1
        for layer in layers:
            page = layer.leave(listing, page)
        if page.last:
            has_ended = True
            page = endings_of(listing).finish(listing, page)
        after, before, here = _to_state(page.next_state), _to_state(page.prev_state), _to_state(page.here)
        return emit(replace(page, number=number, next_state=after, prev_state=before, here=here))

    resume = {} if state is None else _check_place(layers, _to_place(state))
    for layer in layers:
        resume = layer.enter(listing, resume)
    frame = Frame(call_scope(run.effective, call, run.session.conditions) | (extra or {}), resume=resume)
    yield from _run_layers(listing, layers, frame, deliver)
    raise_failures(listing)
    if not has_ended:
        yield from deliver(Fetched.close_listing(frame.scope))


def _run_layers(listing: Listing, layers: Layers, frame: Frame, emit: Emit) -> Flow[None]:
    """Run the first layer for a frame; the others are what it runs for each of its steps."""
    below = partial(_run_layers, listing, layers[1:])
    return layers[0](listing, below, emit).start(frame)


def _check_place(layers: Layers, place: Place) -> Place:
    """The place. Raises UsageError when it is one of other layers: the listing would start again, or anywhere."""
    if not place.keys() <= {name for layer in layers for name in layer.place_names}:
        raise foreign_cursor()
    return place


def _to_place(state: Any) -> Place:
    """The place that a cursor's state names. A listing without other layers keeps the page's bare state."""
    if isinstance(state, dict) and state.keys() == {"place"} and isinstance(state["place"], dict):
        return dict(state["place"])
    return {"page": state}


def _to_state(place: Place | None) -> Any:
    if place is None:
        return None
    return place["page"] if place.keys() == {"page"} else {"place": dict(place)}


def perform_partitions(run: Run, operation: VendorOperation, call: Call) -> Flow[None]:
    """The generator of an operation's partitions alone: a page for each, its record the values by name.

    Raises UsageError when the operation has no parents.
    """
    name = operation.text
    if not operation.parents:
        raise UsageError(f"{name} has no `parents`: there is nothing it is repeated for")
    number = 0

    def emit_partition(part: Partition) -> Flow[None]:
        nonlocal number
        number += 1
        yield Page(records=[dict(part.values)], raw=[], number=number, partition=part.values)

    listing = Listing(run, operation, call, fetch_pages)
    yield from run_combinations(
        listing, call_scope(run.effective, call, run.session.conditions), operation.parents, (), emit_partition
    )


def page_state(state: Any) -> Any:
    """The state of the page within a cursor's state: what the vendor itself gave."""
    return _to_place(state).get("page")
