"""Run a listing: the table of its layers, and the functions that run them.

`layers` defines what the layers pass to each other. Each layer has its own module.
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
from conn_engine.runtime.tokens import TokenLayer
from conn_engine.runtime.windows import WindowLayer
from conn_engine.settings import Names
from conn_engine.wire import Flow, Page, Purpose

__all__ = ["LAYERS", "fetch_pages", "find_layers", "page_state", "perform_partitions"]

Layers: TypeAlias = Sequence[type[ListingLayer]]

LAYERS: Layers = (PartitionLayer, ChunkLayer, RecursionLayer, WindowLayer, TokenLayer, JobLayer, PageLayer)
"""All layers, the outermost first. One of the last two reads the records; the others are optional."""


def find_layers(operation: VendorOperation) -> Layers:
    """Return the layers that a listing of the operation uses."""
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

    It starts at the call's cursor, or at `state`, the content of an earlier page's cursor. For `purpose` and `chain`,
    see `layers.Listing`. The last page has the verdict. It has no records if the page before it could not know that it
    was the last.
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
        after, before, current = _to_state(page.next_state), _to_state(page.prev_state), _to_state(page.here)
        return emit(replace(page, number=number, next_state=after, prev_state=before, here=current))

    resume = {} if state is None else _check_place(layers, _to_place(state))
    for layer in layers:
        resume = layer.enter(listing, resume)
    frame = Frame(call_scope(run.effective, call, run.session.conditions) | (extra or {}), resume=resume)
    yield from _run_layers(listing, layers, frame, deliver)
    raise_failures(listing)
    if not has_ended:
        yield from deliver(Fetched.close_listing(frame.scope))


def _run_layers(listing: Listing, layers: Layers, frame: Frame, emit: Emit) -> Flow[None]:
    """Run the first layer for a frame; it runs the other layers for each of its steps."""
    below = partial(_run_layers, listing, layers[1:])
    return layers[0](listing, below, emit).start(frame)


def _check_place(layers: Layers, place: Place) -> Place:
    """Return the place. Raises UsageError if it has other layers: the listing would then start at a wrong place."""
    if not place.keys() <= {name for layer in layers for name in layer.place_names}:
        raise foreign_cursor()
    return place


def _to_place(state: Any) -> Place:
    """Return the place in a cursor's state. A listing without other layers has only the page's state."""
    if isinstance(state, dict) and state.keys() == {"place"} and isinstance(state["place"], dict):
        return dict(state["place"])
    return {"page": state}


def _to_state(place: Place | None) -> Any:
    if place is None:
        return None
    return place["page"] if place.keys() == {"page"} else {"place": dict(place)}


def perform_partitions(run: Run, operation: VendorOperation, call: Call) -> Flow[None]:
    """Yield a page for each partition of an operation, with its values as the record, without running the operation.

    Raises UsageError when the operation has no parents.
    """
    name = operation.text
    if not operation.parents:
        raise UsageError(
            f"{name} has no `parents`, so it has no partitions",
            hint="omit --partitions, or name an operation with `parents`",
        )
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
    """Return the page's state in a cursor's state: the vendor's own value."""
    return _to_place(state).get("page")
