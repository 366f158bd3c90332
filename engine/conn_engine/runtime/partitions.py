"""The partitions of a listing: one step per parent. An operation that names no parents has one step.

Where the values come from is in `sources`. An item that a rule skips has no records; its siblings go on.
"""

from conn_engine.config import Effective, VendorOperation
from conn_engine.errors import UsageError, VendorError
from conn_engine.listing.flows import place
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Below, Emit, Frame, Listing, Place, foreign_cursor, stepped
from conn_engine.runtime.part_failures import survive
from conn_engine.runtime.sources import Part, combined, partition_scope
from conn_engine.settings import Draft
from conn_engine.wire import Flow

__all__ = ["partition_names", "partitions"]


def partitions(listing: Listing, frame: Frame, emit: Emit, below: Below) -> Flow[None]:
    """Run the layers below for each partition."""
    parents = listing.operation.parents
    if not parents:
        yield from below(frame, emit)
        return
    rest: Place = {name: value for name, value in frame.resume.items() if name != "partition"}
    start = frame.resume.get("partition") or []
    if not isinstance(start, list):
        raise foreign_cursor()

    def each(part: Part) -> Flow[None]:
        nonlocal rest

        def put(draft: Draft) -> None:
            for source in parents:
                if source.as_ in part.values:
                    place(source, draft, part.values[source.as_])

        def hand_on(page: Fetched) -> Flow[object]:
            made = stepped(page, "partition", part.place, part.following)
            return (yield from emit(made if part.single else made.as_listed()))

        resume, rest = rest, {}
        try:
            yield from below(frame.within(partition_scope(frame.scope, part), put, resume=resume), hand_on)
        except VendorError as error:
            error.partition = error.partition or dict(part.values)
            survive(listing, error)

    yield from combined(listing, frame.scope, parents, start, each)


def partition_names(effective: Effective, operation: VendorOperation) -> tuple[str, ...]:
    """The names by which a caller may choose partitions: the operation's own, then those of its parents' parents.

    What cannot be found is left out: lint tells.
    """
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = [operation]
    while waiting:
        for parents in waiting.pop(0).parents:
            found[parents.as_] = None
            for name in {source.from_ for source in parents.sources if source.from_} - seen:
                seen.add(name)
                try:
                    waiting.append(effective.vendor(*name.split(".")))
                except UsageError:
                    continue
    return tuple(found)
