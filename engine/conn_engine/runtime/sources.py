"""Produce the partitions that a fanned-out operation runs for.

Values come from the caller, from an expression, or from the records of other operations. Partitions are passed to
`each` one at a time, so that a long listing of parents is never held in memory.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from conn_engine.documents import format_path, iterate_texts
from conn_engine.errors import ConfigurationError, ExpressionError, UsageError
from conn_engine.expressions import UNDEFINED, expression, template
from conn_engine.listing.flows import Parents, ParentSource
from conn_engine.runtime.call import Call
from conn_engine.runtime.layers import Listing, Place, foreign_cursor
from conn_engine.runtime.parent_records import run_records
from conn_engine.runtime.partition import Each, Partition, add_partition, read_position
from conn_engine.runtime.steps import render_at
from conn_engine.settings import Names, Scope, ask
from conn_engine.wire import Flow

__all__ = ["find_values", "run_combinations"]


_MOST_HELD = 200_000
"""The most combinations of parents in memory at once."""
_DEEPEST = 20
"""The most names that are combined. Each name uses some of Python's stack."""


# --- several names: every combination ---


def run_combinations(
    listing: Listing, scope: Scope, parents: Sequence[Parents], start: Sequence[Any], each: Each
) -> Flow[None]:
    """Call `each` for every combination of the values of several names; the first name changes slowest.

    `start` has one place per name, or is empty to start from the beginning. Values of a later name are fetched once,
    unless they depend on an earlier name. Raises ConfigurationError for too many names or combinations.
    """
    if len(parents) > _DEEPEST:
        raise ConfigurationError(
            f"{listing.name} has {len(parents)} parents, but at most {_DEEPEST} can be combined",
            hint="remove some of its `parents`",
        )
    head, tail = parents[0], parents[1:]
    inner_parts: list[Partition] | None = None
    begin: Sequence[Any] = start[1:]

    def outer(part: Partition) -> Flow[None]:
        nonlocal inner_parts, begin
        position, begin = begin, ()
        after = None if part.following is None else [part.following]

        def combine(inner: Partition) -> Flow[None]:
            values = {head.as_: part.values[head.as_]}  # overrides the same name from parents of a later name's parents
            record = {head.as_: part.parents[head.as_]}
            yield from each(
                Partition(
                    {**part.values, **inner.values, **values},
                    {**part.parents, **inner.parents, **record},
                    [part.place, *inner.place],
                    [part.place, *inner.following] if inner.following is not None else after,
                    part.single and inner.single,
                )
            )

        if not tail:
            yield from each(replace(part, place=[part.place], following=after))
        elif _is_dependent(tail, part):
            yield from run_combinations(listing, scope | add_partition(scope, part), tail, position, combine)
        else:
            if inner_parts is None:
                inner_parts = yield from _collect_parts(listing, scope, tail)
            first = _find(inner_parts, position)
            for inner, following in zip(inner_parts[first:], [*inner_parts[first + 1 :], None], strict=False):
                yield from combine(replace(inner, following=None if following is None else following.place))

    yield from _run_name(listing, scope, head, _read_object(start[0]) if start else {}, outer)


def _find(parts: Sequence[Partition], position: Sequence[Any]) -> int:
    """Return the index of the combination at a place, or of the one with the same values if it has moved.

    Raises UsageError when it is gone: starting again would deliver the same records twice.
    """
    if not position:
        return 0
    for same in (list.__eq__, _same_values):
        for index, part in enumerate(parts):
            if same(part.place, list(position)):
                return index
    raise UsageError("the parent in the cursor no longer exists", hint="leave the cursor out to start again")


def _same_values(place: list[Any], position: list[Any]) -> bool:
    values = [entry.get("is") if isinstance(entry, dict) else None for entry in position]
    return None not in values and values == [entry.get("is") for entry in place]


def _collect_parts(listing: Listing, scope: Scope, parents: Sequence[Parents]) -> Flow[list[Partition]]:
    parts: list[Partition] = []

    def add(part: Partition) -> Flow[None]:
        parts.append(part)
        if len(parts) > _MOST_HELD:
            raise ConfigurationError(
                f"the parents of {listing.name} have more than {_MOST_HELD:,} combinations after the first name's",
                hint="pass some of the values (--param), or put the name with the most values first in `parents`",
            )
        yield from ()

    yield from run_combinations(listing, scope, parents, (), add)
    return parts


def _is_dependent(later: Sequence[Parents], part: Partition) -> bool:
    """Return whether sources read names that an earlier partition adds to the scope."""
    names = {*part.values, "partition", "parent", "params"}
    for source in (source for parents in later for source in (parents, *parents.sources)):
        for _, text in iterate_texts([source.values, source.query, source.params]):
            if any(_reads(part, names) for part, _ in template(text).expressions):
                return True
        if isinstance(source.values, str) and _reads(source.values, names):
            return True
    return False


def _reads(text: str, names: set[str]) -> bool:
    """Return whether an expression reads one of the names. True if that is unclear."""
    roots = expression(text).roots()
    return roots is None or not roots.isdisjoint(names)


# --- one name ---


def _run_name(listing: Listing, scope: Scope, parents: Parents, start: Place, each: Each) -> Flow[None]:
    """Call `each` for the values of one name: the caller's, else those of its sources. Repeated values are skipped."""
    visited: set[str] = set()
    parts: list[Partition] = []

    def once(part: Partition) -> Flow[None]:
        mark = json.dumps(part.values, sort_keys=True, default=str)
        if mark not in visited:
            visited.add(mark)
            yield from (batch(part) if parents.batch else each(part))

    def batch(part: Partition) -> Flow[None]:
        if parts and _is_outside(parts[0], parents.as_) != _is_outside(part, parents.as_):
            yield from flush()
        parts.append(part)
        if len(parts) == parents.batch:
            yield from flush()

    def flush() -> Flow[None]:
        group = list(parts)
        parts.clear()
        name, first = parents.as_, group[0]
        values = {**first.values, name: [part.values[name] for part in group]}
        records = {**first.parents, name: [part.parents[name] for part in group]}
        yield from each(Partition(values, records, first.place, group[-1].following))

    caller_values = _find_given(listing.call, parents.as_)
    if caller_values is not None:
        values, single = (
            (caller_values, False) if isinstance(caller_values, list) else ([caller_values], not parents.batch)
        )
        yield from _run_values(parents.as_, values, start, once, single=single)
    else:
        yield from _run_sources(listing, scope, parents, start, once)
    if parts:
        yield from flush()


def _is_outside(part: Partition, name: str) -> Names:
    return {key: value for key, value in part.values.items() if key != name}


def _find_given(call: Call, name: str) -> Any:
    value = call.params.get(name)
    return call.id if value is None and name == "id" else value


def _run_sources(listing: Listing, scope: Scope, parents: Parents, start: Place, each: Each) -> Flow[None]:
    """Call `each` for the values of the sources, one source after the other."""
    values = find_values(listing, parents, scope)
    if values or not (parents.from_ or parents.union):
        yield from _run_values(parents.as_, values, start, each)
        return
    sources = parents.sources
    first = read_position(start, "of")

    def mark(index: int) -> dict[str, Any]:
        """Return the source of a place, if there are several. The place after a value has the same form."""
        return {"of": index} if len(sources) > 1 else {}

    for index, source in enumerate(sources):
        if index < first:
            continue

        def add_source(part: Partition, index: int = index) -> Flow[None]:
            after = part.following
            if after is not None:
                after = {**mark(index), **after}
            elif index + 1 < len(sources):
                after = mark(index + 1)
            yield from each(replace(part, place={**mark(index), **part.place}, following=after))

        source_values = find_values(listing, source, scope) if source is not parents else []
        position = start if index == first else {}
        if source_values or source.from_ is None:
            yield from _run_values(parents.as_, source_values, position, add_source)
        else:
            yield from run_records(listing, scope, parents.as_, source, position, add_source)


def _run_values(name: str, values: Sequence[Any], start: Place, each: Each, *, single: bool = False) -> Flow[None]:
    """Run for each value from a position on. A value that occurred before is skipped, also if that was before the
    position."""
    marks = [json.dumps(value, sort_keys=True, default=str) for value in values]
    firsts = sorted({mark: len(marks) - 1 - index for index, mark in enumerate(reversed(marks))}.values())
    begin = read_position(start, "at")
    positions = [index for index in firsts if index >= begin]
    for index, following in zip(positions, [*positions[1:], None], strict=False):
        after = None if following is None else {"at": following}
        yield from each(Partition({name: values[index]}, {name: values[index]}, {"at": index}, after, single))


def find_values(listing: Listing, source: ParentSource, scope: Scope) -> list[Any]:
    """Evaluate a source's `values`. Nulls are dropped, and a single value becomes a list of one."""
    where = f"{format_path(listing.operation.get_path('parents'))}.values"
    if isinstance(source.values, str):
        try:
            values = ask(source.values, scope)
        except ExpressionError as error:
            error.at = error.at or where
            raise
    else:
        values = render_at(source.values or [], scope, where)
    items = values if isinstance(values, list) else [values]
    return [item for item in items if item is not None and item is not UNDEFINED]


def _read_object(place: Any) -> Place:
    if not isinstance(place, dict):
        raise foreign_cursor()
    return place
