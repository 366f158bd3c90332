"""A store of releases: contents by digest, releases, channels, and every move of a channel. It runs no checks.

Stored content is never changed or removed. Only channels move, and only if the caller knows a channel's current
revision.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import UsageError
from conn_engine.releases import tables
from conn_engine.releases.content import DIGEST, Manifest, build_damaged_error, compute_digest
from conn_engine.releases.faults import ChannelMovedError
from conn_engine.releases.model import Channel, ChannelMove, Pin, Release, Rollout, shorten
from conn_engine.releases.opening import Database
from conn_engine.releases.store_location import StoreLocation

__all__ = ["LATEST", "Store"]

T = TypeVar("T")
LATEST = "latest"
"""The name of the most recent release."""
_CHUNK = 400
_CHUNK_BYTES = 8_000_000
_SHORTEST_ID = 4


class Store:
    """An open store. Every method is one transaction and thread-safe. Use it as a context manager, or `close` it.

    Each method raises StoreUnreachableError, StoreRefusedError or StoreFault if the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, address: StoreLocation | str | Path, *, create: bool = False) -> "Store":
        """Open the store at an address. `create` creates a missing store; without it, StoreFault is raised."""
        location = address if isinstance(address, StoreLocation) else StoreLocation.read(str(address), Path.cwd())
        return cls(Database(location, create=create))

    @property
    def address(self) -> StoreLocation:
        """The location of the store."""
        return self._database.address

    def close(self) -> None:
        """Give back the connections."""
        self._database.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- releases ---

    def add(self, release: Release, manifest: Manifest, blobs: Mapping[str, bytes]) -> bool:
        """Store a release with its contents, atomically. Return False if it already exists; it is not changed then."""
        contents = {**blobs, manifest.id: manifest.content}
        with self._database.begin_write() as connection:
            have = set(
                _split_chunks(connection, sa.select(tables.blob.c.digest), tables.blob.c.digest, sorted(contents))
            )
            for piece in _pieces([contents[digest] for digest in sorted(contents.keys() - {row[0] for row in have})]):
                rows = [_blob_row(content) for content in piece]
                connection.execute(self._build_insert(tables.blob).on_conflict_do_nothing(), rows)
            values = {
                "id": manifest.id,
                "message": release.message,
                "made_by": release.made_by,
                "made_at": release.made_at,
                "engine": release.engine,
                "verdict": json.dumps(release.verdict, sort_keys=True),
            }
            return self._insert_if_absent(connection, tables.release, values)

    def release(self, release: str) -> Release:
        """Return the release with a complete ID. Raises UsageError if there is none."""
        with self._database.begin_read() as connection:
            row = connection.execute(sa.select(tables.release).where(tables.release.c.id == release)).first()
        if row is None:
            raise self._unknown(release)
        return _release(row)

    def releases(self, limit: int | None = None) -> list[Release]:
        """Return the releases, newest first."""
        query = sa.select(tables.release).order_by(tables.release.c.number.desc())
        with self._database.begin_read() as connection:
            return [_release(row) for row in connection.execute(query.limit(limit))]

    def resolve(self, text: str) -> str:
        """Return the release ID for a channel (the release that it serves), `latest`, or the start of an ID.

        Raises UsageError if it is unknown or ambiguous.
        """
        serving = self.channel(text)
        if serving.revision:
            return serving.release
        if text == LATEST:
            newest = self.releases(1)
            if not newest:
                raise UsageError("the store has no release yet", hint="create one: conn release")
            return newest[0].id
        if not text or DIGEST.fullmatch(text.ljust(64, "0")) is None:
            raise self._unknown(text)
        if len(text) < _SHORTEST_ID:
            raise UsageError(
                f'"{text}" is too short for the ID of a release',
                hint=f"pass its first {_SHORTEST_ID} characters or more; conn history lists the releases",
            )
        column = tables.release.c.id
        with self._database.begin_read() as connection:
            query = sa.select(column).where(column.startswith(text, autoescape=True)).order_by(column).limit(3)
            ids = [row[0] for row in connection.execute(query)]
        if not ids:
            raise self._unknown(text)
        if len(ids) > 1:
            raise UsageError(f'"{text}" matches several releases', hint="pass more characters of the ID")
        return str(ids[0])

    def _unknown(self, text: str) -> UsageError:
        channels = [channel.name for channel in self.channels()]
        recent = [shorten(release.id) for release in self.releases(5)]
        names = ", ".join([*channels, *recent])
        listed = f"use one of: {names}" if names else "create one: conn release"
        return UsageError(f'the store has no release "{text}"', hint=did_you_mean(text, [*channels, LATEST]) or listed)

    # --- contents ---

    def manifest(self, release: str) -> Manifest:
        """Return the file list of a release, verified by its ID. Raises UsageError for an unknown ID."""
        contents = dict(self.contents([release], check=False))
        if release not in contents:
            self.release(release)
            raise build_damaged_error(f"the file list of release {shorten(release)} is missing; it")
        return Manifest.read(contents[release], release)

    def contents(self, digests: Iterable[str], *, check: bool = True) -> Iterator[tuple[str, bytes]]:
        """Yield (digest, bytes) for each requested content, verified by its digest.

        Raises StoreFault for missing or changed content. Without `check`, missing content is left out.
        """
        unique = list(dict.fromkeys(digests))
        missing = set(unique)
        for chunk in _split_into_batches(unique, _CHUNK):
            query = sa.select(tables.blob).where(tables.blob.c.digest.in_(chunk))
            with self._database.begin_read() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                missing.discard(row.digest)
                yield row.digest, _unpack(row)
        if missing and check:
            raise build_damaged_error(f"content {shorten(min(missing))} is missing; it")

    # --- channels ---

    def channel(self, name: str) -> Channel:
        """Return what a channel serves. Its revision is 0 if it has never moved."""
        with self._database.begin_poll() as connection:
            row = connection.execute(_CHANNELS.where(tables.channel.c.name == name)).first()
        return Channel(name) if row is None else _channel(row)

    def channels(self) -> list[Channel]:
        """Return every channel that has moved, by name."""
        with self._database.begin_read() as connection:
            return [_channel(row) for row in connection.execute(_CHANNELS.order_by(tables.channel.c.name))]

    def history(self, channel: str | None = None, limit: int | None = None) -> list[ChannelMove]:
        """Return the moves of one channel or of all, newest first."""
        table = tables.event
        query = _with_parts(table, table.c.channel).order_by(table.c.number.desc()).limit(limit)
        if channel is not None:
            query = query.where(table.c.channel == channel)
        with self._database.begin_read() as connection:
            return [_event(row) for row in connection.execute(query)]

    def move(self, event: ChannelMove) -> Channel:
        """Let a channel serve `event.release`, and store the event. `event.revision` is the new revision.

        Raises ChannelMovedError, without writing anything, if the channel no longer has the previous revision. Raises
        UsageError for an unknown release.
        """
        self.release(event.release)
        revision = event.revision - 1
        try:
            with self._database.begin_write() as connection:
                if not self._swap(connection, event, revision):
                    raise self._build_moved_error(connection, event)
                row = {name: getattr(event, name) for name in ("channel", "revision", "kind", "release", "reason")}
                row |= {"done_by": event.done_by, "done_at": event.done_at, "previous": event.previous or None}
                row["checks"] = json.dumps(event.checks, sort_keys=True)
                connection.execute(sa.insert(tables.event), row)
                if event.rollout is not None or event.pins:
                    content = json.dumps(msgspec.to_builtins(_ChannelPart(event.rollout, event.pins)))
                    part = {"channel": event.channel, "revision": event.revision, "content": content}
                    connection.execute(sa.insert(tables.part), part)
        except IntegrityError:  # unreachable as long as the swap above decides; the tables' keys guarantee the same
            raise ChannelMovedError(
                f"{event.channel} has moved in the meantime", hint="check it: conn history"
            ) from None
        return Channel(event.channel, event.release, event.revision, event.rollout, event.pins)

    def _swap(self, connection: Connection, event: ChannelMove, revision: int) -> bool:
        table = tables.channel
        new = {"release": event.release, "revision": event.revision}
        if revision == 0:
            return self._insert_if_absent(connection, table, {"name": event.channel, **new})
        swap = sa.update(table).where(table.c.name == event.channel, table.c.revision == revision).values(**new)
        return connection.execute(swap).rowcount == 1

    def _build_moved_error(self, connection: Connection, event: ChannelMove) -> ChannelMovedError:
        table = tables.event
        query = sa.select(table).where(table.c.channel == event.channel).order_by(table.c.revision.desc()).limit(1)
        last = connection.execute(query).first()
        if last is None:
            return ChannelMovedError(f"{event.channel} no longer serves a release", hint="check it: conn history")
        return ChannelMovedError(
            f"{event.channel} has moved in the meantime: it serves {shorten(last.release)} ({last.kind} by "
            f"{last.done_by}), "
            f"not {shorten(event.previous) or 'nothing'}",
            hint=f"nothing was changed; check it (conn history --channel {event.channel}), then decide again",
        )

    def _insert_if_absent(self, connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> bool:
        """Insert a row unless its key exists. Return whether it was inserted."""
        insert = self._build_insert(table).on_conflict_do_nothing()
        options = {"preserve_rowcount": True}
        return bool(connection.execute(insert, values, execution_options=options).rowcount == 1)

    def _build_insert(self, table: sa.Table) -> Any:
        return sqlite.insert(table) if self.address.file is not None else postgresql.insert(table)


def _blob_row(content: bytes) -> dict[str, Any]:
    return {"digest": compute_digest(content), "size": len(content), "content": zlib.compress(content, 6)}


def _unpack(row: Row[Any]) -> bytes:
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(row.content, max(row.size, 0) + 1)
    except zlib.error:
        content = b""
    if len(content) != row.size or compute_digest(content) != row.digest:
        raise build_damaged_error(f"content {shorten(row.digest)}")
    return content


def _split_chunks(
    connection: Connection, query: sa.Select[Any], column: sa.Column[Any], values: Sequence[str]
) -> Iterator[Row[Any]]:
    for chunk in _split_into_batches(values, _CHUNK):
        yield from connection.execute(query.where(column.in_(chunk)))


def _pieces(contents: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Split contents into lists for single statements, to limit memory."""
    piece: list[bytes] = []
    size = 0
    for content in contents:
        if piece and (size + len(content) > _CHUNK_BYTES or len(piece) >= _CHUNK):
            yield piece
            piece, size = [], 0
        piece.append(content)
        size += len(content)
    if piece:
        yield piece


def _split_into_batches(values: Iterable[T], number: int) -> Iterator[list[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, number)):
        yield chunk


@dataclass(frozen=True, slots=True)
class _ChannelPart:
    """What a revision of a channel has in addition to its release."""

    rollout: Rollout | None = None
    pins: tuple[Pin, ...] = ()


def _with_parts(table: sa.Table, name: sa.Column[Any]) -> sa.Select[Any]:
    """Select the rows of a table with the rollout and the pins of their revision."""
    part = tables.part
    is_same = sa.and_(part.c.channel == name, part.c.revision == table.c.revision)
    return sa.select(table, part.c.content).select_from(table.outerjoin(part, is_same))


_CHANNELS = _with_parts(tables.channel, tables.channel.c.name)


def _read_part(row: Row[Any]) -> _ChannelPart:
    try:
        return msgspec.json.decode(row.content or "{}", type=_ChannelPart)
    except msgspec.DecodeError:
        raise build_damaged_error(f"the rollout of revision {row.revision} of a channel") from None


def _channel(row: Row[Any]) -> Channel:
    part = _read_part(row)
    return Channel(row.name, row.release, row.revision, part.rollout, part.pins)


def _release(row: Row[Any]) -> Release:
    return Release(row.id, row.message, row.made_by, row.made_at, row.engine, _counts(row.verdict))


def _event(row: Row[Any]) -> ChannelMove:
    part = _read_part(row)
    return ChannelMove(
        row.channel, row.revision, row.kind, row.release, row.previous or "", row.done_by, row.done_at, row.reason,
        _counts(row.checks), part.rollout, part.pins,
    )  # fmt: skip


def _counts(text: str) -> dict[str, Any]:
    """Parse the stored results of checks. Raises StoreFault if they are damaged."""
    try:
        counts = json.loads(text)
    except ValueError:
        counts = None
    if not isinstance(counts, dict):
        raise build_damaged_error("the checks of a release or a promotion")
    return counts
