"""A list that is too long for one request: each page is asked for once per piece, and the answers are merged."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conn_engine.errors import ConfigurationError
from conn_engine.expressions import UNDEFINED
from conn_engine.listing.flows import Chunk, Parents, Source, place
from conn_engine.runtime.exchange import exchange
from conn_engine.runtime.fetched import Fetched, read_all_rows
from conn_engine.runtime.layers import Below, Emit, Frame, Listing
from conn_engine.runtime.records import identity
from conn_engine.runtime.sources import Part, combined
from conn_engine.settings import Draft
from conn_engine.wire import Flow

__all__ = ["chunked", "exchange_chunks", "merge_records"]

_NAME = "chunk"


def chunked(listing: Listing, frame: Frame, emit: Emit, below: Below) -> Flow[None]:
    """Run the layers below with the pieces that each page is asked for with."""
    settings = listing.operation.chunk
    if settings is None:
        yield from below(frame, emit)
        return
    key = json.dumps(frame.scope.get("partition"), sort_keys=True, default=str)
    known = listing.memory.get(_NAME)
    if known is None or known[0] != key:  # partitions come one after the other: an earlier one's are not needed again
        values = yield from _values(listing, settings, frame)
        known = listing.memory[_NAME] = (key, tuple(settings.cut(values)))
    yield from below(replace(frame, chunks=known[1]), emit)


def _values(listing: Listing, settings: Chunk, frame: Frame) -> Flow[list[Any]]:
    told = settings.values
    source = told if isinstance(told, Source) else Source(values=told)
    named = Parents(
        as_=_NAME,
        values=source.values,
        from_=source.from_,
        key=source.key,
        where=source.where,
        query=source.query,
        params=source.params,
    )
    found: list[Any] = []

    def add(part: Part) -> Flow[None]:
        found.append(part.values[_NAME])
        yield from ()

    yield from combined(listing, frame.scope, (named,), (), add)
    return found


def exchange_chunks(
    listing: Listing, frame: Frame, page: Callable[[Draft], None], *, restarts: int | None = None
) -> Flow[Fetched]:
    """Ask for one page, once or once per piece, and merge the answers into the first."""
    settings = listing.operation.chunk
    pieces: tuple[list[Any] | None, ...] = frame.chunks if settings is not None else (None,)
    merged: Fetched | None = None
    for piece in pieces:

        def placed(draft: Draft, piece: list[Any] | None = piece) -> None:
            frame.put(draft)
            if settings is not None and piece:
                place(settings, draft, piece)
            page(draft)

        scope = frame.scope if piece is None else {**frame.scope, _NAME: piece}
        got = yield from exchange(
            listing.effective,
            listing.operation,
            listing.call,
            listing.session,
            scope,
            placed,
            listing.purpose if merged is None else "step",
            restarts=restarts,
        )
        if got.again is not None:
            return got
        if piece is not None:
            got = read_all_rows(got, listing.operation)
        if merged is None or settings is None:
            merged = got
            continue
        merged = replace(merged, skipped=merged.skipped or got.skipped)
        records = merge_records(merged.answer.records, got.answer.records, settings.key, whole=got.whole)
        merged = replace(merged, answer=replace(merged.answer, records=records), headers=got.headers)
    assert merged is not None  # noqa: S101  there is one piece at least
    return merged


def merge_records(first: list[Any], more: list[Any], key: str | None, *, whole: bool = False) -> list[Any]:
    """The records of two answers, those of the same key laid over each other. One thing (`whole`) needs no key."""
    if whole and len(first) == len(more) == 1:
        return [_laid(first[0], more[0])]
    made = list(first)
    places = {_key(record, key): at for at, record in enumerate(first)}
    for record in more:
        at = places.get(_key(record, key))
        if at is None:
            places[_key(record, key)] = len(made)
            made.append(record)
        else:
            made[at] = _laid(made[at], record)
    return made


def _key(record: Any, key: str | None) -> str:
    value = identity(record, key)
    if value is UNDEFINED or value is None:
        raise ConfigurationError(
            "a record has no key by which the pieces of `chunk` could be merged",
            hint="say `key` in `chunk`, and see that every request asks for it",
        )
    return json.dumps(value, sort_keys=True, default=str)


def _laid(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{name: _laid(below[name], value) if name in below else value for name, value in above.items()}}
