"""Insert what a page, or a record that is retried, leads to, in the transaction of the caller."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_service.store import RowInsertion
from conn_service.syncs import tables
from conn_service.syncs.store.rows import RunRow, SetAside, SpoolRow

__all__ = ["KNOWN", "SPOOLED", "build_known", "build_spooled", "insert_set_aside"]

SPOOLED: Final = RowInsertion(tables.spool, ("run_id", "seq", "n", "key", "change", "event_id", "payload"))
KNOWN: Final = RowInsertion(tables.known, ("stream", "key", "digest", "seen"), key=("stream", "key"))


def build_spooled(run_id: str, seq: int, rows: Sequence[SpoolRow], *, first: int = 0) -> list[tuple[Any, ...]]:
    """Return the rows of `SPOOLED` for records of a page, numbered from `first` on."""
    return [(run_id, seq, n, row.key, row.change, row.event_id, row.payload) for n, row in enumerate(rows, first)]


def build_known(stream: int, run_id: str, known: Mapping[str, str]) -> list[tuple[Any, ...]]:
    """Return the rows of `KNOWN`: which run has read records, with the digests of what it delivers."""
    return [(stream, key, digest, run_id) for key, digest in sorted(known.items())]


def insert_set_aside(connection: Connection, run: RunRow, rows: Sequence[SetAside], now: float) -> None:
    """Store records of a run that failed."""
    owner = {"run_id": run.id, "sync": run.sync, "account": run.account, "at": now, "is_open": True}
    names = SetAside.__slots__
    connection.execute(
        sa.insert(tables.set_aside), [owner | {name: getattr(row, name) for name in names} for row in rows]
    )
