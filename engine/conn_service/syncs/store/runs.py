"""The store of syncs: runs, and what else there is of them. Every method is one transaction."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from conn_engine.errors import UsageError
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.store import prepare_tables
from conn_service.syncs import tables
from conn_service.syncs.run_log import LogKind, add_line
from conn_service.syncs.store.enrichments import EnrichmentStore
from conn_service.syncs.store.known_records import KnownRecordStore
from conn_service.syncs.store.pages import PageStore
from conn_service.syncs.store.rows import BACKFILL, ENDED, OPEN, PageHook, RunRow, RunStatus, name_target, to_run
from conn_service.syncs.store.set_aside import SetAsideStore
from conn_service.syncs.store.spool import SpoolStore
from conn_service.syncs.store.statements import add_counts, build_insert, split_values
from conn_service.syncs.store.streams import StreamStore, update_stream

__all__ = ["SyncStore"]

_RUN = sa.select(tables.run).where(tables.run.c.id == sa.bindparam("id"))


class SyncStore:
    """The store on an engine of `open_engine`. Threads and processes may share the database."""

    def __init__(self, engine: Engine, clock: Clock = MACHINE_CLOCK) -> None:
        self.engine = engine
        self._clock = clock
        prepare_tables(engine, "syncs", tables.MIGRATIONS)
        self.pages = PageStore(engine)
        self.streams = StreamStore(engine)
        self.known = KnownRecordStore(engine)
        self.enrichments = EnrichmentStore(engine)
        self.spool = SpoolStore(engine)
        self.set_aside = SetAsideStore(engine)

    def create_run(self, row: RunRow, *, unless_open: bool = False, more: Sequence[PageHook] = ()) -> str | None:
        """Store a new run. One that exists is not changed. `more` run in the same transaction.

        With `unless_open`, nothing is stored while the sync has an open run for the account, and its ID is returned. A
        backfill does not keep other runs from starting, nor they a backfill.
        """
        values = {name: getattr(row, name) for name in RunRow.__slots__}
        values |= {name: json.dumps(values[name]) for name in ("settings", "place", "counts", "report")}
        columns = tables.run.c
        query = sa.select(columns.id).where(
            columns.sync == row.sync,
            columns.account == row.account,
            columns.status.in_(OPEN),
            (columns.cause == BACKFILL) == (row.cause == BACKFILL),
        )
        with self.engine.begin() as connection:
            if unless_open:
                self._lock_stream(connection, row)
                unfinished = connection.execute(query.limit(1)).scalar()
                if unfinished is not None:
                    return str(unfinished)
            statement = build_insert(self.engine, tables.run).values(values).on_conflict_do_nothing()
            if connection.execute(statement).rowcount > 0:
                add_line(connection, (row.id, 0), "start", _describe_start(row), row.began)
                for hook in more:
                    hook(connection, row.seq)
        return None

    def _lock_stream(self, connection: Connection, row: RunRow) -> None:
        """Let others wait who create a run of the same sync for the same account, until the transaction ends."""
        columns = tables.stream.c
        connection.execute(update_stream(row.sync, row.account).values(is_paused=columns.is_paused))

    def get_run(self, run_id: str) -> RunRow:
        """Return a run. Raises UsageError if there is none."""
        with self.engine.connect() as connection:
            row = connection.execute(_RUN, {"id": run_id}).first()
        if row is None:
            raise UsageError(f'there is no run "{run_id}"', hint="list them: conn sync runs")
        return to_run(row)

    def find_runs(
        self,
        *,
        sync: str | None = None,
        account: str | None = None,
        statuses: Sequence[RunStatus] = (),
        before: RunRow | None = None,
        limit: int = 100,
    ) -> list[RunRow]:
        """Return runs, the newest first; with `before`, those that come after it in this order."""
        columns = tables.run.c
        query = sa.select(tables.run).order_by(columns.began.desc(), columns.id.desc()).limit(limit)
        query = query.where(columns.sync == sync) if sync is not None else query
        query = query.where(columns.account == account) if account is not None else query
        query = query.where(columns.status.in_(statuses)) if statuses else query
        if before is not None:
            same_time = sa.and_(columns.began == before.began, columns.id < before.id)
            query = query.where(sa.or_(columns.began < before.began, same_time))
        with self.engine.connect() as connection:
            return [to_run(row) for row in connection.execute(query)]

    def find_newer_run(self, run: RunRow) -> str | None:
        """Return the ID of a run of the same stream that began later and has delivered, or None."""
        columns = tables.run.c
        query = sa.select(columns.id, columns.settings).where(
            columns.sync == run.sync,
            columns.account == run.account,
            columns.began > run.began,
            columns.status.in_(("complete", "incomplete", "unknown")),
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(columns.began.desc())).all()
        return next((row.id for row in rows if name_target(json.loads(row.settings)) == run.target_digest), None)

    def set_status(
        self,
        run_id: str,
        status: RunStatus,
        reason: str = "",
        *,
        unless: Sequence[RunStatus] = (),
        resumes_at: float | None = None,
    ) -> bool:
        """Change the status of a run. Return False if it has one of the statuses `unless`. `resumes_at` is the end of a
        wait."""
        columns = tables.run.c
        statement = sa.update(tables.run).where(columns.id == run_id, columns.status.not_in(unless))
        statement = statement.values(status=status, reason=reason, resumes_at=resumes_at)
        known = sa.select(columns.status, columns.reason, columns.seq).where(columns.id == run_id)
        with self.engine.begin() as connection:
            before = connection.execute(known).first()
            is_changed = connection.execute(statement).rowcount > 0
            if is_changed and before is not None and (before.status, before.reason) != (status, reason):
                text = f"{status}: {reason}" if reason else status
                add_line(connection, (run_id, before.seq), "status", text, self._clock.now())
            return is_changed

    def add_log_line(self, run: RunRow, kind: LogKind, text: str) -> None:
        """Add a line to the log of a run."""
        with self.engine.begin() as connection:
            add_line(connection, (run.id, run.seq), kind, text, self._clock.now())

    def adopt_plan(self, run: RunRow, plan: str, connector: str, phase: str) -> None:
        """Let a run that has read nothing begin with the sync and the connector as they are now."""
        columns = tables.run.c
        with self.engine.begin() as connection:
            statement = sa.update(tables.run).where(columns.id == run.id, columns.seq == 0)
            connection.execute(statement.values(plan=plan, connector=connector, phase=phase))

    def release_plan(self, run_id: str) -> None:
        """Let a run use its sync and its connector as they are now."""
        statement = sa.update(tables.run).where(tables.run.c.id == run_id).values(plan="", connector="")
        with self.engine.begin() as connection:
            connection.execute(statement)

    def set_report(self, run_id: str, report: Mapping[str, Any]) -> None:
        """Replace the report of a run."""
        with self.engine.begin() as connection:
            statement = sa.update(tables.run).where(tables.run.c.id == run_id)
            connection.execute(statement.values(report=json.dumps(report)))

    def cancel_run(self, run_id: str) -> bool:
        """Cancel a run that still reads. Return False if it has ended. Raises UsageError if there is none."""
        run = self.get_run(run_id)
        is_cancelled = self.set_status(run_id, "cancelled", "cancelled", unless=ENDED)
        if is_cancelled:
            self.spool.drop_undelivered(run)
        return is_cancelled

    def add_count(self, run_id: str, name: str, amount: int = 1) -> None:
        """Add to one of the counts of a run, outside of a page."""
        with self.engine.begin() as connection:
            add_counts(connection, run_id, {name: amount})

    def end_run(
        self,
        run: RunRow,
        status: RunStatus,
        reason: str,
        report: Mapping[str, Any],
        *,
        now: float,
        state: Any = None,
        completed_at: float | None = None,
        log: str = "",
        more: Sequence[PageHook] = (),
    ) -> bool:
        """End the reading of a run. With `completed_at`, the next run begins there, with `state`. `log` is the line for
        the log.

        Return False if it has ended already, or if another worker has stored a page; nothing is changed then.
        """
        columns = tables.run.c
        with self.engine.begin() as connection:
            ended = connection.execute(
                sa.update(tables.run)
                .where(columns.id == run.id, columns.seq == run.seq, columns.status.in_(OPEN))
                .values(status=status, reason=reason, report=json.dumps(report), ended=now, resumes_at=None)
            )
            if ended.rowcount == 0:
                return False
            add_line(connection, (run.id, run.seq), "end", log or status, now)
            if completed_at is not None:
                stream = tables.stream.c
                connection.execute(
                    sa.update(tables.stream)
                    .where(stream.sync == run.sync, stream.account == run.account, stream.target == run.target_digest)
                    .values(state=json.dumps(state), last_run_at=completed_at)
                )
            for hook in more:
                hook(connection, run.seq)
        return True

    def hand_over(
        self, run: RunRow, report: Mapping[str, Any], *, clears: bool = True, more: Sequence[PageHook] = ()
    ) -> None:
        """Give a run that delivers its verdict, remove what it has spooled, and run `more` in the same transaction.
        Nothing is changed if another worker has done so."""
        columns = tables.run.c
        values = {"status": report["verdict"], "reason": report["reason"], "report": json.dumps(report)}
        with self.engine.begin() as connection:
            statement = sa.update(tables.run).where(columns.id == run.id, columns.status == "delivering")
            if connection.execute(statement.values(values)).rowcount == 0:
                return
            if clears:
                connection.execute(sa.delete(tables.spool).where(tables.spool.c.run_id == run.id))
            add_line(connection, (run.id, run.seq), "end", f"delivered: {report['verdict']}", self._clock.now())
            for hook in more:
                hook(connection, run.seq)

    def clear_ended_runs(self, before: float) -> int:
        """Remove the pages, the log, the items of loops and the spool of runs that ended before a moment and have
        delivered what they could. The runs stay. Return how many were cleared."""
        columns = tables.run.c
        unfinished = (*OPEN, "delivering", "undelivered")
        query = (
            sa.select(columns.id)
            .where(columns.ended < before, columns.status.not_in(unfinished))
            .where(
                sa.or_(*(sa.exists().where(table.c.run_id == columns.id) for table in (tables.page, tables.run_log)))
            )
        )
        with self.engine.begin() as connection:
            names = list(connection.execute(query).scalars())
            for chunk in split_values(names):
                for table in (tables.page, tables.run_log, tables.loop_item, tables.spool, tables.enrichment):
                    connection.execute(sa.delete(table).where(table.c.run_id.in_(chunk)))
        return len(names)


def _describe_start(row: RunRow) -> str:
    release = f", release {row.release}" if row.release else ""
    since = f"changes since {row.since}" if row.since else "everything"
    return f"started ({row.cause}): reads {since}{release}"
