"""Decide whether a listing can resume where an earlier one stopped.

The rule: if a caller passes back a page's `next_cursor` and `state` with the rest of the call unchanged, the listing
gives the records that the uninterrupted listing gives after that page, and in the end the same state.

A cursor has the place of each layer. Pages of parents and of a recursion are requested again but not delivered again,
and so are the rows of a long response before the place. A job is not created again: it is polled, and its results are
located again. `distinct`, `recurse` and an error rule with `restart` need the earlier records; a cursor stores up to
`MOST_KNOWN` of them for each. A place that no longer exists, or that belongs to other layers, is an error: a listing
never restarts silently. The settings that `find_obstacles` returns can break the rule.

A cursor may lead to nothing, because an empty page of parents may follow the last parent. The listing then ends with a
page without records, whether resumed or not.
"""

from collections.abc import Iterator
from typing import Any

from conn_engine.config import Effective, VendorOperation
from conn_engine.errors import UsageError
from conn_engine.listing.flows import ParentSource
from conn_engine.listing.known_records import MOST_KNOWN
from conn_engine.runtime.listing import find_layers

__all__ = ["find_obstacles"]


def find_obstacles(effective: Effective, operation: VendorOperation) -> tuple[str, ...]:
    """Find the settings that prevent an operation from resuming, each with what happens instead.

    The settings of its parent operations count too. The result is empty if the operation can resume.
    """
    obstacles: dict[str, None] = {}
    visited: set[str] = set()
    waiting = [operation]
    while waiting:
        operation_now = waiting.pop(0)
        visited.add(operation_now.text)
        obstacles |= dict.fromkeys(_obstacles(operation_now))
        for name in _sources(operation_now):
            if name in visited:
                continue
            resource, _, method = name.partition(".")
            try:
                waiting.append(effective.vendor(resource, method))
            except UsageError:  # lint reports it
                continue
    return tuple(obstacles)


def _obstacles(operation: VendorOperation) -> Iterator[str]:
    prefix = f"{operation.text}: "
    for layer in find_layers(operation):
        yield from (prefix + obstacle for obstacle in layer.find_obstacles(operation))
    if operation.distinct is not None and operation.recurse is not None:
        yield prefix + "`distinct` with `recurse` knows only the records of the current run, so some may come again"
    elif operation.distinct is not None:
        limit = f"`distinct` knows at most {MOST_KNOWN:,} records from before a cursor"
        yield prefix + f"{limit}; after more, some may come again"


def _sources(operation: VendorOperation) -> Iterator[str]:
    """Yield the operations that provide parents and chunks."""
    sources: list[Any] = [source for parents in operation.parents for source in parents.sources]
    if operation.chunk is not None:
        sources.append(operation.chunk.values)
    for source in sources:
        if isinstance(source, ParentSource) and source.from_:
            yield source.from_
