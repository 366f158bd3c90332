"""One partition: a value for each name of the parents, and its place in a cursor."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from conn_engine.listing.pagination.placement import read_integer
from conn_engine.runtime.layers import Place, foreign_cursor
from conn_engine.settings import Names, Scope
from conn_engine.wire import Flow

__all__ = ["Each", "Partition", "add_partition", "read_position"]


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: name to value, and name to the parent's record.

    `place` finds it again in a later call, `following` the one after it: None when there is known to be none. `single`:
    the caller gave this one value, so the answer is one thing if it is without parents.
    """

    values: Names
    parents: Names
    place: Any
    following: Any
    single: bool = False


Each: TypeAlias = Callable[[Partition], Flow[None]]
"""Receives a partition, and lists it."""


def add_partition(scope: Scope, part: Partition) -> Names:
    """What a partition adds to the names of `scope`: each value by its name, `partition`, `parent`, and `params`."""
    return {
        **part.values,
        "partition": {**(scope.get("partition") or {}), **part.values},
        "parent": {**(scope.get("parent") or {}), **part.parents},
        "params": {**(scope.get("params") or {}), **part.values},
    }


def read_position(place: Place, name: str) -> int:
    """A number in a place, 0 if it is missing. Raises UsageError if it is not a number."""
    position = read_integer(place, name)
    if position < 0:
        raise foreign_cursor()
    return position
