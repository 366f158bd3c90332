"""The windows of a listing: one step per stretch of time or of numbers. An operation that names none has one step."""

from conn_engine.runtime.layers import Below, Emit, Frame, Listing
from conn_engine.wire import Flow

__all__ = ["windows"]


def windows(listing: Listing, frame: Frame, emit: Emit, below: Below) -> Flow[None]:
    """Run the pages of each window."""
    yield from below(frame, emit)
