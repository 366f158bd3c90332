"""Define a partition: a value for each name of the parents, and its place in a cursor."""

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
    """One combination of parent values, and the records they come from, both by name.

    A later call resumes at `place`, or after it at `following` (None for the last partition). `single` means that the
    caller chose exactly one value, so the operation may return a single record and not a list.
    """

    values: Names
    parents: Names
    place: Any
    following: Any
    single: bool = False


Each: TypeAlias = Callable[[Partition], Flow[None]]
"""Receives a partition, and lists it."""


def add_partition(scope: Scope, part: Partition) -> Names:
    """Return what a partition adds to `scope`: each value by its name, `partition`, `parent`, and `params`."""
    return {
        **part.values,
        "partition": {**(scope.get("partition") or {}), **part.values},
        "parent": {**(scope.get("parent") or {}), **part.parents},
        "params": {**(scope.get("params") or {}), **part.values},
    }


def read_position(place: Place, name: str) -> int:
    """Return a number in a place, 0 if it is missing. Raises UsageError if it is not a number."""
    position = read_integer(place, name)
    if position < 0:
        raise foreign_cursor()
    return position
