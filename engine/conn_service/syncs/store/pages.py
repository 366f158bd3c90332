"""The pages of runs. A page is stored at once: its records, its deliveries, and the place where the run continues. The
run's number of pages guards it, so that two workers never store the same page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from conn_service.store import RowInsertion, insert_together
from conn_service.syncs import tables
from conn_service.syncs.run_log import LINES, build_line, describe_page
from conn_service.syncs.store.insertions import KNOWN, SPOOLED, build_known, build_spooled, insert_set_aside
from conn_service.syncs.store.rows import OPEN, PageHook, PageRows, RunRow, StreamRow
from conn_service.syncs.store.statements import count_rows

__all__ = ["PageStore", "has_seen_place"]

# The statements of a page are built once: building one takes longer than its execution.
_STORE_PLACE = (
    sa.update(tables.run)
    .where(
        tables.run.c.id == sa.bindparam("run_id"),
        tables.run.c.seq == sa.bindparam("before"),
        tables.run.c.status.in_([sa.literal_column(f"'{status}'") for status in OPEN]),  # part of the text
    )
    .values({name: sa.bindparam(name) for name in ("seq", "phase", "place", "counts")})
)
_PAGE = RowInsertion(tables.page, ("run_id", "seq", "phase", "place_digest", "records"))
_SEEN_PLACE = (
    sa.select(tables.page.c.seq)
    .where(
        tables.page.c.run_id == sa.bindparam("run_id"),
        tables.page.c.place_digest == sa.bindparam("digest"),
        tables.page.c.seq <= sa.bindparam("seq"),
    )
    .limit(1)
)


class PageStore:
    """The pages that runs have stored, in a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def commit(
        self,
        run: RunRow,
        rows: PageRows,
        *,
        stream: StreamRow,
        place: Mapping[str, Any],
        counts: Mapping[str, int],
        phase: str,
        now: float,
        more: Sequence[PageHook] = (),
    ) -> RunRow | None:
        """Store a page and where the run continues, and return the run behind it.

        None if another worker has stored it, or the run has ended; nothing is changed then. `more` run in the same
        transaction, such as one that adds deliveries."""
        seq = run.seq + 1
        values = {"run_id": run.id, "before": run.seq, "seq": seq, "phase": phase}
        values |= {"place": json.dumps(place), "counts": json.dumps(counts)}
        with self._engine.begin() as connection:
            if connection.execute(_STORE_PLACE, values).rowcount == 0:
                return None
            _insert_rows(connection, run, rows, now)
            text = describe_page(run.phase, run.counts, counts, rows.records)
            parts = [
                (_PAGE, [(run.id, seq, run.phase, rows.place_digest, rows.records)]),
                (SPOOLED, build_spooled(run.id, seq, rows.spool)),
                (LINES, [build_line((run.id, seq), "page", text, now)] if text else []),
                (KNOWN, build_known(stream.number, run.id, rows.known)),
            ]
            insert_together(connection, parts)
            for hook in more:
                hook(connection, seq)
        return replace(run, seq=seq, phase=phase, place=place, counts=counts)

    def count(self, run_id: str) -> int:
        """Return how many pages of a run are stored."""
        with self._engine.connect() as connection:
            return int(connection.execute(count_rows(tables.page, run_id)).scalar() or 0)

    def get_loop_item(self, run_id: str, number: int) -> tuple[Any, Any] | None:
        """Return the ID and the record of an item of a loop, None behind the last one."""
        columns = tables.loop_item.c
        query = sa.select(columns.id, columns.item).where(columns.run_id == run_id, columns.number == number)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (json.loads(row.id), json.loads(row.item))


def _insert_rows(connection: Connection, run: RunRow, rows: PageRows, now: float) -> None:
    """Insert what few pages have."""
    if rows.set_aside:
        insert_set_aside(connection, run, rows.set_aside, now)
    if rows.loop_items:
        first = int(connection.execute(count_rows(tables.loop_item, run.id)).scalar() or 0)
        items = [
            {"run_id": run.id, "number": first + n, "id": item_id, "item": item}
            for n, (item_id, item) in enumerate(rows.loop_items)
        ]
        connection.execute(sa.insert(tables.loop_item), items)


def has_seen_place(connection: Connection, run: RunRow, digest: str) -> bool:
    """Return whether a run has been at a place before its last page, in the transaction of the next one."""
    values = {"run_id": run.id, "digest": digest, "seq": run.seq}
    return connection.execute(_SEEN_PLACE, values).first() is not None
