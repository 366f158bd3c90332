"""Whether a listing can go on where an earlier one stopped.

The rule: a page's `next_cursor`, handed back with its `state` and the rest of the call unchanged, gives the records
that the uninterrupted listing gives after that page, and in the end the same state. A `partial` page has no cursor: the
whole answer is requested again. A place that is no longer there is an error; a listing never restarts silently. What
`find_obstacles` names cannot keep the rule.
"""

from collections.abc import Iterator

from conn_engine.config import Effective, VendorOperation
from conn_engine.errors import UsageError
from conn_engine.listing.pagination import NoPagination
from conn_engine.responses.failures import restart_key

__all__ = ["find_obstacles"]

_ROWS = frozenset({"jsonl", "csv", "tsv", "sse"})


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
    if operation.job is not None:
        yield at + "the pages of a `job` have no cursor; another run would begin another job"
    if operation.distinct is not None:
        yield at + "`distinct` knows only the records of its own run, so some may come again"
    if operation.recurse is not None:
        yield at + "`recurse` knows only the parents of its own run, so a record with two parents comes again"
    if restart_key(operation.errors) is not None:
        yield at + "after a cursor, the error rule `restart` is an error: it cannot know what was delivered"
    if operation.response_format in _ROWS and isinstance(operation.paging(), NoPagination) and operation.job is None:
        yield (
            at + f"the rows of its {operation.response_format} answer are one page; resuming requests all of them again"
        )


def _sources(operation: VendorOperation) -> Iterator[str]:
    """The operations whose records parents and chunks are."""
    named = [source for parents in operation.parents for source in (parents, *parents.sources)]
    values = operation.chunk.values if operation.chunk is not None else None
    for source in (*named, values):
        name = getattr(source, "from_", None)
        if name:
            yield name
