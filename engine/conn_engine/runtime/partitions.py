"""The partitions of a listing: one step per parent. An operation that names no parents has one step."""

from conn_engine.runtime.layers import Below, Emit, Frame, Listing
from conn_engine.wire import Flow

__all__ = ["partitions"]


def partitions(listing: Listing, frame: Frame, emit: Emit, below: Below) -> Flow[None]:
    """Run the layers below for each partition."""
    yield from below(frame, emit)
