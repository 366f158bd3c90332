"""Find records of a run that a newer run has delivered since, so that an older version is not written over a newer
one."""

import json

from conn_engine.syncs import compute_digest
from conn_service.syncs.store import RunRow, SpoolRow, SyncStore

__all__ = ["SUPERSEDED", "drop_superseded"]

SUPERSEDED = "superseded"
"""The count of records that were not delivered because a newer run has delivered a newer version."""


def drop_superseded(run: RunRow, store: SyncStore) -> int:
    """Remove what a run has spooled and a newer run has delivered differently. Return how many rows."""
    if store.find_newer_run(run) is None:
        return 0
    stream = store.streams.get(run.sync, run.account, run.target_digest)
    dropped, after = 0, (0, -1)
    while rows := store.spool.read(run, after):
        newer = store.known.find_seen_later(stream, run, [row.key for row in rows])
        stale = [row for row in rows if newer.get(row.key, digest := _compute_digest(row)) != digest]
        for row in stale:
            store.spool.drop_row(run, row, None, 0.0)
        dropped += len(stale)
        after = (rows[-1].seq, rows[-1].n)
    if dropped:
        store.add_count(run.id, SUPERSEDED, dropped)
    return dropped


def _compute_digest(row: SpoolRow) -> str:
    return "" if row.change == "delete" else compute_digest(json.loads(row.payload))
