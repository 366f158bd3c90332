"""Where the next run of each sync begins, for each account."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from conn_engine.errors import UsageError
from conn_service.syncs import tables
from conn_service.syncs.store.rows import OPEN, StreamRow, to_stream
from conn_service.syncs.store.statements import build_insert

__all__ = ["StreamStore", "update_stream"]


class StreamStore:
    """The streams of a database: one for each sync, account and destination."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, sync: str, account: str, target: str = "") -> StreamRow:
        """Return a stream, which is created by its first use."""
        columns = tables.stream.c
        query = sa.select(tables.stream).where(
            columns.sync == sync, columns.account == account, columns.target == target
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            with self._engine.begin() as connection:
                highest = sa.select(sa.func.coalesce(sa.func.max(columns.number), 0) + 1).scalar_subquery()
                values: dict[str, Any] = {"sync": sync, "account": account, "target": target, "number": highest}
                values |= {"state": "null", "is_paused": False}
                connection.execute(build_insert(self._engine, tables.stream).values(values).on_conflict_do_nothing())
                row = connection.execute(query).first()
        if row is None:  # another worker took the number for another stream at the same moment
            return self.get(sync, account, target)
        return to_stream(row)

    def find(self, sync: str, account: str) -> StreamRow | None:
        """Return a stream, None if nothing has used it. Nothing is created."""
        columns = tables.stream.c
        query = sa.select(tables.stream).where(columns.sync == sync, columns.account == account, columns.target == "")
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else to_stream(row)

    def find_all(self) -> dict[tuple[str, str], StreamRow]:
        """Return the streams of all syncs by sync and account, without those of other destinations."""
        query = sa.select(tables.stream).where(tables.stream.c.target == "")
        with self._engine.connect() as connection:
            return {(row.sync, row.account): to_stream(row) for row in connection.execute(query)}

    def reset(self, sync: str, account: str) -> None:
        """Forget where the next run begins, and which records have been delivered.

        Raises UsageError while a run is open: its end would set both again.
        """
        streams, runs = tables.stream.c, tables.run.c
        numbers = sa.select(streams.number).where(streams.sync == sync, streams.account == account)
        unfinished = sa.select(runs.id).where(runs.sync == sync, runs.account == account, runs.status.in_(OPEN))
        with self._engine.begin() as connection:
            open_run = connection.execute(unfinished.limit(1)).scalar()
            if open_run is not None:
                raise UsageError(
                    f'the sync "{sync}" is still running for "{account}": {open_run}',
                    hint=f"wait for it, or end it: conn sync cancel {open_run}",
                )
            for table in (tables.known, tables.tombstone):
                connection.execute(sa.delete(table).where(table.c.stream.in_(numbers)))
            connection.execute(update_stream(sync, account).values(state="null", last_run_at=None))

    def pause(self, sync: str, account: str, *, is_paused: bool = True) -> None:
        """Pause or resume the schedule of a sync for an account."""
        self.get(sync, account)
        with self._engine.begin() as connection:
            connection.execute(update_stream(sync, account).values(is_paused=is_paused))

    def set_next_due(self, moments: Mapping[tuple[str, str], float]) -> None:
        """Set when syncs are due, by sync and account. Streams that are missing are created."""
        known = self.find_all() if len(moments) > 1 else {}
        self._create_streams([pair for pair in moments if pair not in known])
        columns = tables.stream.c
        statement = sa.update(tables.stream).where(
            columns.sync == sa.bindparam("of_sync"), columns.account == sa.bindparam("of_account")
        )
        rows = [{"of_sync": sync, "of_account": account, "due": due} for (sync, account), due in moments.items()]
        if rows:
            with self._engine.begin() as connection:
                connection.execute(statement.values(next_due=sa.bindparam("due")), rows)

    def _create_streams(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Create streams at once. What another worker takes the number of is created by itself."""
        if len(pairs) > 1:
            values = {"target": "", "state": "null", "is_paused": False}
            with self._engine.begin() as connection:
                first = int(connection.execute(sa.select(sa.func.max(tables.stream.c.number))).scalar() or 0) + 1
                rows = [
                    {"sync": sync, "account": account, "number": number, **values}
                    for number, (sync, account) in enumerate(pairs, first)
                ]
                connection.execute(build_insert(self._engine, tables.stream).on_conflict_do_nothing(), rows)
            known = self.find_all()
            pairs = [pair for pair in pairs if pair not in known]
        for sync, account in pairs:
            self.get(sync, account)

    def find_due(self, moment: float) -> list[tuple[str, str, float]]:
        """Return the syncs and accounts that are due, and since when. Paused ones are left out."""
        columns = tables.stream.c
        query = sa.select(columns.sync, columns.account, columns.next_due).where(
            columns.target == "", columns.next_due <= moment, sa.not_(columns.is_paused)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(columns.next_due, columns.sync, columns.account)).all()
        return [(row.sync, row.account, row.next_due) for row in rows]


def update_stream(sync: str, account: str) -> sa.Update:
    """Return the update of the streams of a sync for an account."""
    columns = tables.stream.c
    return sa.update(tables.stream).where(columns.sync == sync, columns.account == account)
