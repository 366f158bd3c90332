"""What a run has spooled, read in batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec.json import decode

from conn_service.syncs.store import RunRow, SpoolRow, SyncStore

__all__ = ["Spooled"]

_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Spooled:
    """The rows of a run. `is_partial` is set if the run may have left out records that exist, such as unchanged ones;
    `key` is the field that identifies a record, "" if it is not a field."""

    store: SyncStore
    run: RunRow
    is_partial: bool
    key: str

    @property
    def count(self) -> int:
        """The number of rows."""
        return self.store.spool.count(self.run.id)

    def read(self) -> Iterator[tuple[SpoolRow, Any]]:
        """Yield every row with its record, in order."""
        after = (0, -1)
        while rows := self.store.spool.read(self.run, after, _CHUNK):
            for row in rows:
                yield row, decode(row.payload)
            after = (rows[-1].seq, rows[-1].n)

    def read_rows(self, after: tuple[int, int], limit: int) -> list[SpoolRow]:
        """Return rows behind a place `(seq, n)` without their records, in order."""
        return self.store.spool.read(self.run, after, limit)

    def read_batches(self, size: int) -> Iterator[list[tuple[SpoolRow, Any]]]:
        """Yield the rows in lists of at most `size`."""
        batch: list[tuple[SpoolRow, Any]] = []
        for row in self.read():
            batch.append(row)
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch
