"""Run a listing once per partition.

`sources` produces the partitions. An item that an error rule skips has no records; the others continue.
"""

from typing import Any

from conn_engine.config import Effective, VendorOperation
from conn_engine.errors import UsageError, VendorError
from conn_engine.listing.flows import place
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Frame, ListingLayer, Place, add_step, foreign_cursor
from conn_engine.runtime.part_failures import survive
from conn_engine.runtime.partition import Partition, add_partition
from conn_engine.runtime.sources import run_combinations
from conn_engine.settings import Draft
from conn_engine.wire import Flow

__all__ = ["PartitionLayer", "find_partition_names"]


class PartitionLayer(ListingLayer):
    """Runs the layers below for each value of the operation's `parents`."""

    place_names = ("partition",)
    _frame: Frame
    _part: Partition
    _rest: Place

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Return whether the operation has parents."""
        return bool(operation.parents)

    def start(self, frame: Frame) -> Flow[None]:
        """Run the layers below for each partition."""
        self._frame, self._rest = frame, frame.resume_without("partition")
        start = frame.resume.get("partition") or []
        if not isinstance(start, list):
            raise foreign_cursor()
        yield from run_combinations(
            self.listing, frame.scope, self.listing.operation.parents, start, self._start_partition
        )

    def _start_partition(self, part: Partition) -> Flow[None]:
        self._part = part
        resume, self._rest = self._rest, {}
        names = add_partition(self._frame.scope, part)
        try:
            yield from self.below(self._frame.extend(names, self._put, resume=resume), self.next)
        except VendorError as error:
            error.partition = error.partition or dict(part.values)
            survive(self.listing, error)

    def _put(self, draft: Draft) -> None:
        for source in self.listing.operation.parents:
            if source.as_ in self._part.values:
                place(source, draft, self._part.values[source.as_])

    def next(self, page: Fetched) -> Flow[Any]:
        """Pass on a page with the place of its partition."""
        page = add_step(page, "partition", self._part.place, self._part.following)
        return self.emit(page if self._part.single else page.as_listed())


def find_partition_names(effective: Effective, operation: VendorOperation) -> tuple[str, ...]:
    """Find the names by which a caller may choose partitions: the operation's own, then those of its parents' parents.

    An operation that does not exist is skipped: lint reports it.
    """
    names: dict[str, None] = {}
    visited: set[str] = set()
    waiting = [operation]
    while waiting:
        for parents in waiting.pop(0).parents:
            names[parents.as_] = None
            for name in {source.from_ for source in parents.sources if source.from_} - visited:
                visited.add(name)
                try:
                    waiting.append(effective.vendor(*name.split(".")))
                except UsageError:
                    continue
    return tuple(names)
