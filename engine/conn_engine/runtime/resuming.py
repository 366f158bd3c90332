"""Whether a listing can go on where an earlier one stopped.

The rule: a page's `next_cursor`, passed back with its `state` and the rest of the call unchanged, gives the records
that the uninterrupted listing gives after that page, and in the end the same state.

A cursor has the place of each layer: pages of the parents and of a recursion are requested again and not delivered
again, and so are the rows of a long answer that come before the place. A job is not created again: it is polled, and
asked for its results. `distinct`, `recurse` and an error rule with `restart` need to know what came before; a cursor
has up to `MOST_KNOWN` records for each of them. A place that is no longer there, or that belongs to other layers, is an
error: a listing never restarts silently. What `find_obstacles` names can break the rule.

A cursor may lead to nothing: after the last parent there may be an empty page of parents. The listing then ends with a
page without records, at once and resumed.
"""

from collections.abc import Iterator

from conn_engine.config import Effective, VendorOperation
from conn_engine.errors import UsageError
from conn_engine.listing.known_records import MOST_KNOWN
from conn_engine.runtime.listing import find_layers

__all__ = ["find_obstacles"]


def find_obstacles(effective: Effective, operation: VendorOperation) -> tuple[str, ...]:
    """The settings because of which the operation cannot resume, each with what happens instead; empty: it can.

    Those of the operations whose records it is repeated for count too.
    """
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = [operation]
    while waiting:
        one = waiting.pop(0)
        seen.add(one.text)
        found |= dict.fromkeys(_obstacles(one))
        for name in _sources(one):
            if name in seen:
                continue
            resource, _, method = name.partition(".")
            try:
                waiting.append(effective.vendor(resource, method))
            except UsageError:  # lint reports it
                continue
    return tuple(found)


def _obstacles(operation: VendorOperation) -> Iterator[str]:
    at = f"{operation.text}: "
    for layer in find_layers(operation):
        yield from (at + obstacle for obstacle in layer.find_obstacles(operation))
    if operation.distinct is not None and operation.recurse is not None:
        yield at + "`distinct` with `recurse` knows only the records of its own run, so some may come again"
    elif operation.distinct is not None:
        known = f"`distinct` knows at most {MOST_KNOWN:,} records from before a cursor"
        yield at + f"{known}; after more, some may come again"


def _sources(operation: VendorOperation) -> Iterator[str]:
    """The operations whose records parents and chunks are."""
    named = [source for parents in operation.parents for source in (parents, *parents.sources)]
    values = operation.chunk.values if operation.chunk is not None else None
    for source in (*named, values):
        name = getattr(source, "from_", None)
        if name:
            yield name
