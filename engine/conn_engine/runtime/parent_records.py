"""Produce partitions from the records of another operation, page by page."""

from collections.abc import Sequence
from typing import Any

from conn_engine.diagnostics import did_you_mean
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.expressions import UNDEFINED
from conn_engine.listing.flows import ParentSource
from conn_engine.runtime.call import Call
from conn_engine.runtime.endings import endings_of
from conn_engine.runtime.fetched import Fetched
from conn_engine.runtime.layers import Listing, Place
from conn_engine.runtime.partition import Each, Partition, add_partition, read_position
from conn_engine.runtime.records import identity, keep
from conn_engine.runtime.state_tracking import get_parents_state, note_parents_state
from conn_engine.runtime.steps import render_at
from conn_engine.settings import Scope
from conn_engine.wire import Flow

__all__ = ["run_records"]

_DEEPEST = 20
"""The most levels of parents. Each level uses some of Python's stack."""


def run_records(  # noqa: PLR0917
    listing: Listing, scope: Scope, name: str, source: ParentSource, start: Place, each: Each
) -> Flow[None]:
    """Call `each` for the key of each record of the source's operation, page by page.

    Raises ConfigurationError if the parents lead back to themselves or nest too deeply.
    """
    resource, _, method = (source.from_ or "").partition(".")
    chain = (*listing.chain, listing.name)
    if len(chain) > _DEEPEST:
        raise ConfigurationError(
            f"the parents of {chain[0]} are nested more than {_DEEPEST} levels deep",
            hint="use fewer levels of `parents`, or `recurse` for records inside records",
        )
    if source.from_ in chain:
        raise ConfigurationError(
            f"the parents of {chain[0]} lead back to {source.from_}: {' <- '.join((*chain, str(source.from_)))}",
            hint="use `recurse` to run an operation for its own records",
        )
    try:
        operation = listing.effective.vendor(resource, method)
    except UsageError as error:  # the author's fault here, not the caller's
        message = f'the parents of {listing.name} are from "{source.from_}": {error}'
        raise ConfigurationError(message, hint=error.hint) from error
    where = format_path(listing.operation.get_path("parents"))
    params = {**listing.call.params, **(render_at(source.params, scope, f"{where}.params") or {})}
    identifier = params.pop("id", None)
    call = Call(
        query={k: v for k, v in (render_at(source.query, scope, f"{where}.query") or {}).items() if v is not None},
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
        outer = Partition(dict(page.partition), dict(page.scope.get("parent") or {}), None, None)
        records = page.records
        if source.when:
            records = keep(source.when, records, scope | add_partition(scope, outer))
        parents = [(record, value) for record in records for value in _find_keys(source, record, scope)]
        first = _find_start(resume, parents) if resume else 0
        resume = None
        for index, (record, value) in enumerate(parents[first:], first):
            after = (
                _locate(page.here, index + 1, parents) if index + 1 < len(parents) else _locate_page(page.next_state)
            )
            values = {**outer.values, name: value}
            yield from each(
                Partition(values, {**outer.parents, name: record}, _locate(page.here, index, parents), after)
            )

    yield from listing.fetch(listing.run, operation, call, emit, state=start.get("here"), purpose="step", chain=chain)


def _locate(position: Any, index: int, parents: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
    """Return the place of a value in a page of parents: its index, and the value itself in case the page changes."""
    value = parents[index][1]
    value_part = {"is": value} if isinstance(value, str | int) and len(str(value)) <= 100 else {}
    return {**({} if position is None else {"here": position}), "at": index, **value_part}


def _locate_page(state: Any) -> dict[str, Any] | None:
    return None if state is None else {"here": state}


def _find_start(start: Place, parents: Sequence[tuple[Any, Any]]) -> int:
    stored_index = read_position(start, "at")
    if "is" not in start or (stored_index < len(parents) and parents[stored_index][1] == start["is"]):
        return stored_index
    return next((index for index, (_, value) in enumerate(parents) if value == start["is"]), stored_index)


def _find_keys(source: ParentSource, record: Any, scope: Scope) -> list[Any]:
    """Return the keys of one parent. A path that finds nothing has none, but a plain field must exist.

    Raises ConfigurationError for a missing field.
    """
    value = identity(record, source.key, scope)
    if value is UNDEFINED:
        if isinstance(record, dict) and (source.key or "id").isidentifier():
            key = source.key or "id"
            names = [str(name) for name in record]
            raise ConfigurationError(
                f'a record of {source.from_} has no "{key}", the key of `parents`',
                hint=did_you_mean(key, names) or f"set `key`; the record has {', '.join(names[:8]) or 'no fields'}",
            )
        return []
    items = value if isinstance(value, list) else [value]
    return [item for item in items if item is not None]
