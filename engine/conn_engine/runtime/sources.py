"""Where partitions come from: given values, values of an expression, the records of other operations; joined, combined,
batched. Each is passed to `each` as soon as it is known, so a long listing of parents is never in memory.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from conn_engine.diagnostics import did_you_mean
from conn_engine.documents import dotted, texts
from conn_engine.errors import ConfigurationError, ExpressionError, UsageError
from conn_engine.expressions import UNDEFINED, expression, template
from conn_engine.listing.flows import Parents, ParentSource
from conn_engine.listing.pagination.placement import integer
from conn_engine.runtime.call import Call
from conn_engine.runtime.endings import endings_of
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Listing, Place, foreign_cursor
from conn_engine.runtime.records import identity, keep
from conn_engine.runtime.state_tracking import get_parents_state, note_parents_state
from conn_engine.runtime.steps import rendered
from conn_engine.settings import Names, Scope, ask
from conn_engine.wire import Flow

__all__ = ["Each", "Part", "add_partition", "find_values", "run_combinations"]


@dataclass(frozen=True, slots=True)
class Part:
    """One partition: name to value, and name to the parent's record.

    `place` finds it again in a later call, `following` the one after it: None when there is known to be none. `single`:
    the caller gave this one value, so the answer is one thing if it is without parents.
    """

    values: Names
    parents: Names
    place: Any
    following: Any
    single: bool = False


Each: TypeAlias = Callable[[Part], Flow[None]]

_MOST_HELD = 200_000
"""Combinations of parents in memory at once."""
_DEEPEST = 20
"""Levels of parents, and names that are run_combinations: each takes its share of Python's stack."""


def add_partition(scope: Scope, part: Part) -> Names:
    """What a partition adds to the names of `scope`: each value by its name, `partition`, `parent`, and `params`."""
    return {
        **part.values,
        "partition": {**(scope.get("partition") or {}), **part.values},
        "parent": {**(scope.get("parent") or {}), **part.parents},
        "params": {**(scope.get("params") or {}), **part.values},
    }


# --- several names: every combination ---


def run_combinations(
    listing: Listing, scope: Scope, parents: Sequence[Parents], start: Sequence[Any], each: Each
) -> Flow[None]:
    """Every combination of the values of several names, the first name's slowest. `start` has a place per name.

    Values of a later name are asked for once, and held, unless they depend on an earlier name's.
    """
    if len(parents) > _DEEPEST:
        raise ConfigurationError(
            f"{listing.name} is repeated for {len(parents)} parents: more than {_DEEPEST} cannot be run_combinations",
            hint="name fewer `parents`",
        )
    head, tail = parents[0], parents[1:]
    held: list[Part] | None = None
    begin: Sequence[Any] = start[1:]

    def outer(part: Part) -> Flow[None]:
        nonlocal held, begin
        here, begin = begin, ()
        after = None if part.following is None else [part.following]

        def both(inner: Part) -> Flow[None]:
            own = {head.as_: part.values[head.as_]}  # goes before a name that parents of a later name's parents have
            record = {head.as_: part.parents[head.as_]}
            yield from each(
                Part(
                    {**part.values, **inner.values, **own},
                    {**part.parents, **inner.parents, **record},
                    [part.place, *inner.place],
                    [part.place, *inner.following] if inner.following is not None else after,
                    part.single and inner.single,
                )
            )

        if not tail:
            yield from each(replace(part, place=[part.place], following=after))
        elif _is_dependent(tail, part):
            yield from run_combinations(listing, scope | add_partition(scope, part), tail, here, both)
        else:
            if held is None:
                held = yield from _collect_parts(listing, scope, tail)
            first = _find(held, here)
            for inner, following in zip(held[first:], [*held[first + 1 :], None], strict=False):
                yield from both(replace(inner, following=None if following is None else following.place))

    yield from _run_name(listing, scope, head, _object(start[0]) if start else {}, outer)


def _find(held: Sequence[Part], here: Sequence[Any]) -> int:
    """The position of the combination at a place, or of the one with the same values if they have moved.

    Raises UsageError when it is gone: beginning again would deliver the same records twice.
    """
    if not here:
        return 0
    for same in (list.__eq__, _same_values):
        for at, part in enumerate(held):
            if same(part.place, list(here)):
                return at
    raise UsageError("the parent that the cursor names is no longer there", hint="leave the cursor out to begin again")


def _same_values(place: list[Any], here: list[Any]) -> bool:
    values = [one.get("is") if isinstance(one, dict) else None for one in here]
    return None not in values and values == [one.get("is") for one in place]


def _collect_parts(listing: Listing, scope: Scope, parents: Sequence[Parents]) -> Flow[list[Part]]:
    found: list[Part] = []

    def add(part: Part) -> Flow[None]:
        found.append(part)
        if len(found) > _MOST_HELD:
            raise ConfigurationError(
                f"the parents of {listing.name} have more than {_MOST_HELD:,} combinations after the first name's",
                hint="give some of the values (--param), or name the one with the most values first",
            )
        yield from ()

    yield from run_combinations(listing, scope, parents, (), add)
    return found


def _is_dependent(later: Sequence[Parents], part: Part) -> bool:
    """Whether sources read what an earlier partition brings into scope."""
    brought = {*part.values, "partition", "parent", "params"}
    for source in (source for named in later for source in (named, *named.sources)):
        for _, text in texts([source.values, source.query, source.params]):
            if any(_reads(part, brought) for part, _ in template(text).expressions):
                return True
        if isinstance(source.values, str) and _reads(source.values, brought):
            return True
    return False


def _reads(text: str, names: set[str]) -> bool:
    """Whether an expression reads one of the names, as far as can be told."""
    roots = expression(text).roots()
    return roots is None or not roots.isdisjoint(names)


# --- one name ---


def _run_name(listing: Listing, scope: Scope, parents: Parents, start: Place, each: Each) -> Flow[None]:
    """The values of one name: those the caller gave, else those of its sources. One that comes again is left out."""
    seen: set[str] = set()
    held: list[Part] = []

    def once(part: Part) -> Flow[None]:
        mark = json.dumps(part.values, sort_keys=True, default=str)
        if mark not in seen:
            seen.add(mark)
            yield from (batch(part) if parents.batch else each(part))

    def batch(part: Part) -> Flow[None]:
        if held and _outside(held[0], parents.as_) != _outside(part, parents.as_):
            yield from flush()
        held.append(part)
        if len(held) == parents.batch:
            yield from flush()

    def flush() -> Flow[None]:
        group = list(held)
        held.clear()
        name, first = parents.as_, group[0]
        values = {**first.values, name: [part.values[name] for part in group]}
        records = {**first.parents, name: [part.parents[name] for part in group]}
        yield from each(Part(values, records, first.place, group[-1].following))

    given = _find_given(listing.call, parents.as_)
    if given is not None:
        values, single = (given, False) if isinstance(given, list) else ([given], not parents.batch)
        yield from _run_values(parents.as_, values, start, once, single=single)
    else:
        yield from _run_sources(listing, scope, parents, start, once)
    if held:
        yield from flush()


def _outside(part: Part, name: str) -> Names:
    return {key: value for key, value in part.values.items() if key != name}


def _find_given(call: Call, name: str) -> Any:
    value = call.params.get(name)
    return call.id if value is None and name == "id" else value


def _run_sources(listing: Listing, scope: Scope, parents: Parents, start: Place, each: Each) -> Flow[None]:
    """The values of the sources, one source after the other."""
    values = find_values(listing, parents, scope)
    if values or not (parents.from_ or parents.union):
        yield from _run_values(parents.as_, values, start, each)
        return
    sources = parents.sources
    first = _position(start, "of")

    def mark(at: int) -> dict[str, Any]:
        """Which source a place is of, if there are several. The place after a value is written like the value's own."""
        return {"of": at} if len(sources) > 1 else {}

    for at, source in enumerate(sources):
        if at < first:
            continue

        def tagged(part: Part, at: int = at) -> Flow[None]:
            after = part.following
            if after is not None:
                after = {**mark(at), **after}
            elif at + 1 < len(sources):
                after = mark(at + 1)
            yield from each(replace(part, place={**mark(at), **part.place}, following=after))

        own = find_values(listing, source, scope) if source is not parents else []
        here = start if at == first else {}
        if own or source.from_ is None:
            yield from _run_values(parents.as_, own, here, tagged)
        else:
            yield from _run_records(listing, scope, parents.as_, source, here, tagged)


def _run_values(name: str, values: Sequence[Any], start: Place, each: Each, *, single: bool = False) -> Flow[None]:
    for at in range(_position(start, "at"), len(values)):
        after = {"at": at + 1} if at + 1 < len(values) else None
        yield from each(Part({name: values[at]}, {name: values[at]}, {"at": at}, after, single))


def find_values(listing: Listing, source: ParentSource, scope: Scope) -> list[Any]:
    """What a source's `values` give: nulls and nothing left out, one value as a list of one."""
    where = f"{dotted(listing.operation.get_path('parents'))}.values"
    if isinstance(source.values, str):
        try:
            found = ask(source.values, scope)
        except ExpressionError as error:
            error.at = error.at or where
            raise
    else:
        found = rendered(source.values or [], scope, where)
    items = found if isinstance(found, list) else [found]
    return [item for item in items if item is not None and item is not UNDEFINED]


# --- the records of another operation ---


def _run_records(  # noqa: PLR0917
    listing: Listing, scope: Scope, name: str, source: ParentSource, start: Place, each: Each
) -> Flow[None]:
    """A value for each key of each record of the source's operation, page by page."""
    resource, _, method = (source.from_ or "").partition(".")
    chain = (*listing.chain, listing.name)
    if len(chain) > _DEEPEST:
        raise ConfigurationError(f"the parents of {chain[0]} have parents more than {_DEEPEST} levels up")
    if source.from_ in chain:
        raise ConfigurationError(
            f"the parents of {chain[0]} lead back to {source.from_}: {' <- '.join((*chain, str(source.from_)))}",
            hint="an operation that repeats itself for its own records says `recurse`",
        )
    try:
        operation = listing.effective.vendor(resource, method)
    except UsageError as error:  # the author's fault here, not the caller's
        said = f'parents of {listing.name} come from "{source.from_}": {error}'
        raise ConfigurationError(said, hint=error.hint) from error
    where = dotted(listing.operation.get_path("parents"))
    params = {**listing.call.params, **(rendered(source.params, scope, f"{where}.params") or {})}
    identifier = params.pop("id", None)
    call = Call(
        query={k: v for k, v in (rendered(source.query, scope, f"{where}.query") or {}).items() if v is not None},
        id=None if identifier is None else str(identifier),
        params=params,
        state=get_parents_state(listing, operation) if source.incremental else None,
    )
    resume: Place | None = start

    def emit(page: Fetched) -> Flow[None]:
        nonlocal resume
        if page.completeness is not None:
            endings_of(listing).add_values(page.completeness, operation.text)
        if source.incremental:
            note_parents_state(listing, operation, page.state)
        outer = Part(dict(page.partition), dict(page.scope.get("parent") or {}), None, None)
        records = page.records
        if source.where:
            records = keep(source.where, records, scope | add_partition(scope, outer))
        found = [(record, value) for record in records for value in _keys(source, record)]
        first = _first(resume, found) if resume else 0
        resume = None
        for at, (record, value) in enumerate(found[first:], first):
            after = _point(page.here, at + 1, found) if at + 1 < len(found) else _next(page.next_state)
            values = {**outer.values, name: value}
            yield from each(Part(values, {**outer.parents, name: record}, _point(page.here, at, found), after))

    yield from listing.fetch(
        listing.effective, operation, call, listing.session, emit, state=start.get("here"), purpose="step", chain=chain
    )


def _point(here: Any, at: int, found: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
    """The place of a value in a page of parents: by its number, and by itself in case the page has changed since."""
    value = found[at][1]
    known = {"is": value} if isinstance(value, str | int) and len(str(value)) <= 100 else {}
    return {**({} if here is None else {"here": here}), "at": at, **known}


def _next(state: Any) -> dict[str, Any] | None:
    return None if state is None else {"here": state}


def _first(start: Place, found: Sequence[tuple[Any, Any]]) -> int:
    at = _position(start, "at")
    if "is" not in start or (at < len(found) and found[at][1] == start["is"]):
        return at
    return next((index for index, (_, value) in enumerate(found) if value == start["is"]), at)


def _keys(source: ParentSource, record: Any) -> list[Any]:
    """The values of one parent. None when a path inside of it leads nowhere; a missing name is a mistake."""
    value = identity(record, source.key)
    if value is UNDEFINED:
        if isinstance(record, dict) and (source.key or "id").isidentifier():
            key = source.key or "id"
            known = [str(name) for name in record]
            raise ConfigurationError(
                f'a record of {source.from_} has no "{key}", which `parents` takes as its key',
                hint=did_you_mean(key, known) or f"set `key`: the record has {', '.join(known[:8]) or 'no keys'}",
            )
        return []
    items = value if isinstance(value, list) else [value]
    return [item for item in items if item is not None]


def _position(place: Place, name: str) -> int:
    position = integer(place, name)
    if position < 0:
        raise foreign_cursor()
    return position


def _object(place: Any) -> Place:
    if not isinstance(place, dict):
        raise foreign_cursor()
    return place
