"""Split a list that is too long for one request: request each page once per piece, and merge the responses."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conn_engine.config import VendorOperation
from conn_engine.errors import ConfigurationError
from conn_engine.expressions import UNDEFINED
from conn_engine.listing.flows import Chunk, Parents, ParentSource, place
from conn_engine.runtime.exchange import exchange
from conn_engine.runtime.fetched import Fetched, read_all_rows
from conn_engine.runtime.layers import Frame, Listing, ListingLayer
from conn_engine.runtime.partition import Partition
from conn_engine.runtime.records import identity
from conn_engine.runtime.sources import run_combinations
from conn_engine.settings import Draft, Scope
from conn_engine.wire import Flow

__all__ = ["ChunkLayer", "exchange_chunks", "merge_records"]

_NAME = "chunk"


class ChunkLayer(ListingLayer):
    """Runs the layers below with the pieces that each page is requested for."""

    @staticmethod
    def is_used(operation: VendorOperation) -> bool:
        """Return whether the operation has a `chunk`."""
        return operation.chunk is not None

    def start(self, frame: Frame) -> Flow[None]:
        """Run the layers below once."""
        settings, memory = self.listing.operation.chunk, self.listing.memory
        assert settings is not None  # noqa: S101  else the layer is not used
        key = json.dumps(frame.scope.get("partition"), sort_keys=True, default=str)
        remembered = memory.get(_NAME)
        if (
            remembered is None or remembered[0] != key
        ):  # partitions run one after the other: only the current one is remembered
            values = yield from self._find_values(settings, frame)
            remembered = memory[_NAME] = (key, tuple(settings.cut(values)))
        yield from self.below(replace(frame, chunks=remembered[1]), self.emit)

    def _find_values(self, settings: Chunk, frame: Frame) -> Flow[list[Any]]:
        values = settings.values
        source = values if isinstance(values, ParentSource) else ParentSource(values=values)
        parents = Parents(
            as_=_NAME,
            values=source.values,
            from_=source.from_,
            key=source.key,
            when=source.when,
            query=source.query,
            params=source.params,
        )
        collected: list[Any] = []

        def add(part: Partition) -> Flow[None]:
            collected.append(part.values[_NAME])
            yield from ()

        yield from run_combinations(self.listing, frame.scope, (parents,), (), add)
        return collected


def exchange_chunks(
    listing: Listing, frame: Frame, page: Callable[[Draft], None], *, restarts: int | None = None
) -> Flow[Fetched]:
    """Request one page, once or once per piece, and merge the responses into the first."""
    settings = listing.operation.chunk
    pieces: tuple[list[Any] | None, ...] = frame.chunks if settings is not None else (None,)
    merged: Fetched | None = None
    for piece in pieces:

        def place_page(draft: Draft, piece: list[Any] | None = piece) -> None:
            frame.put(draft)
            if settings is not None and piece:
                place(settings, draft, piece)
            page(draft)

        scope = frame.scope if piece is None else frame.scope | {_NAME: piece}
        fetched = yield from exchange(
            listing.run,
            listing.operation,
            listing.call,
            scope,
            place_page,
            listing.purpose if merged is None else "step",
            restarts=restarts,
        )
        if fetched.again is not None:
            return fetched
        if piece is not None:
            fetched = read_all_rows(fetched, listing.operation)
        if merged is None or settings is None:
            merged = fetched
            continue
        records = merge_records(
            merged.answer.records, fetched.answer.records, settings.key, frame.scope, whole=fetched.whole
        )
        answer = replace(merged.answer, records=records)
        skipped = merged.skipped or fetched.skipped
        merged = replace(merged, answer=answer, headers=fetched.headers, skipped=skipped)
    assert merged is not None  # noqa: S101  there is at least one piece
    return merged


def merge_records(
    first: list[Any], more: list[Any], key: str | None, scope: Scope, *, whole: bool = False
) -> list[Any]:
    """Return the records of two responses, merged by key. A single object (`whole`) needs no key."""
    if whole and len(first) == len(more) == 1:
        return [_merge(first[0], more[0])]
    merged = list(first)
    places = {_read_key(record, key, scope): index for index, record in enumerate(first)}
    for record in more:
        index = places.get(_read_key(record, key, scope))
        if index is None:
            places[_read_key(record, key, scope)] = len(merged)
            merged.append(record)
        else:
            merged[index] = _merge(merged[index], record)
    return merged


def _read_key(record: Any, key: str | None, scope: Scope) -> str:
    value = identity(record, key, scope)
    if value is UNDEFINED or value is None:
        raise ConfigurationError(
            "a record has no key, so the pieces of `chunk` cannot be merged",
            hint="set `key` in `chunk` to a field that every response has",
        )
    return json.dumps(value, sort_keys=True, default=str)


def _merge(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{name: _merge(below[name], value) if name in below else value for name, value in above.items()}}
