"""The store of syncs: runs, what they deliver, and where the next run begins. Every method is one transaction.

A page is stored at once: its records, its deliveries, and the place where the run goes on. The run's number of pages
guards it, so that two workers never store the same page.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, Row

from conn_engine.errors import UsageError
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.store import prepare_tables
from conn_service.syncs import tables
from conn_service.syncs.run_log import LogKind, add_line, describe_page

__all__ = [
    "LONGEST_FIELD",
    "PageRows",
    "RunRow",
    "RunStatus",
    "SetAside",
    "SpoolRow",
    "StreamRow",
    "SyncStore",
    "name_run",
    "name_target",
    "to_run",
]

RunStatus: TypeAlias = Literal[
    "queued",
    "running",
    "waiting",
    "login",
    "delivering",
    "undelivered",
    "complete",
    "incomplete",
    "unknown",
    "failed",
    "cancelled",
]
OPEN: tuple[RunStatus, ...] = ("queued", "running", "waiting", "login")
"""The states of a run that has not read everything yet. A sync has one such run per account."""
LONGEST_FIELD = 300
BACKFILL = "backfill"
"""The cause of runs that read a range of time again."""
_CHUNK = 500
_DIALECTS: Mapping[str, Any] = {"postgresql": postgresql, "sqlite": sqlite}
_UNDELIVERED = "undelivered"
"""The digest of a record whose last change was not delivered: it equals no other."""

# The statements of a page are built once: building one takes longer than its execution.
_STORE_PLACE = (
    sa.update(tables.run)
    .where(
        tables.run.c.id == sa.bindparam("run_id"),
        tables.run.c.seq == sa.bindparam("before"),
        tables.run.c.status.in_(OPEN),
    )
    .values({name: sa.bindparam(name) for name in ("seq", "phase", "place", "counts")})
)
_INSERT_PAGE = sa.insert(tables.page)
_INSERT_SPOOL = sa.insert(tables.spool)
_UPSERT_KNOWN: Mapping[str, Any] = {
    name: (insert := dialect.insert(tables.known)).on_conflict_do_update(
        index_elements=["stream", "key"], set_={"digest": insert.excluded.digest, "seen": insert.excluded.seen}
    )
    for name, dialect in _DIALECTS.items()
}
_RUN = sa.select(tables.run).where(tables.run.c.id == sa.bindparam("id"))
_SEEN_PLACE = (
    sa.select(tables.page.c.seq)
    .where(
        tables.page.c.run_id == sa.bindparam("run_id"),
        tables.page.c.place_digest == sa.bindparam("digest"),
        tables.page.c.seq <= sa.bindparam("seq"),
    )
    .limit(1)
)
_KNOWN = sa.select(tables.known.c.key, tables.known.c.digest, tables.known.c.seen).where(
    tables.known.c.stream == sa.bindparam("stream"), tables.known.c.key.in_(sa.bindparam("keys", expanding=True))
)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run. Times are in Unix seconds; `since` is the `last_run_at` that the run sees, and `resumes_at` the end of
    a wait. `plan` is the digest of the sync that it began with, "" if that may change."""

    id: str
    sync: str
    account: str
    release: str
    cause: str
    is_full: bool
    status: RunStatus
    reason: str
    began: float
    ended: float | None
    since: str | None
    settings: Mapping[str, Any]
    phase: str
    seq: int
    place: Mapping[str, Any]
    counts: Mapping[str, int]
    report: Mapping[str, Any]
    resumes_at: float | None = None
    plan: str = ""

    @property
    def target_digest(self) -> str:
        """What identifies a destination that replaces that of the sync, "" for its own. Each knows where it begins."""
        return name_target(self.settings)


@dataclass(frozen=True, slots=True)
class StreamRow:
    """Where the next run of a sync for an account begins. `number` identifies it in the table of known records."""

    sync: str
    account: str
    number: int
    state: Any
    last_run_at: float | None
    is_paused: bool
    next_due: float | None = None


@dataclass(frozen=True, slots=True)
class SpoolRow:
    """One record to deliver. `payload` is JSON text."""

    key: str
    event_id: str
    payload: str
    change: str = "upsert"
    seq: int = 0
    n: int = 0


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that failed. `record` is JSON text, and `field` the one whose expression failed, if that is known."""

    key: str
    stage: str
    record: str
    message: str
    field: str = ""


@dataclass(slots=True)
class PageRows:
    """What a page stores."""

    spool: list[SpoolRow] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    loop_items: list[tuple[str, str]] = field(default_factory=list)
    records: int = 0
    place_digest: str = ""


class SyncStore:
    """The store on an engine of `open_engine`. Threads and processes may share the database."""

    def __init__(self, engine: Engine, clock: Clock = MACHINE_CLOCK) -> None:
        self.engine = engine
        self._clock = clock
        prepare_tables(engine, "syncs", tables.MIGRATIONS)

    # --- runs ---

    def create_run(self, row: RunRow, *, unless_open: bool = False, more: "Sequence[PageHook]" = ()) -> str | None:
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
            statement = self._insert(tables.run).values(values).on_conflict_do_nothing()
            if connection.execute(statement).rowcount > 0:
                add_line(connection, (row.id, 0), "start", _describe_start(row), row.began)
                for hook in more:
                    hook(connection, row.seq)
        return None

    def _lock_stream(self, connection: Connection, row: RunRow) -> None:
        """Let others wait who create a run of the same sync for the same account, until the transaction ends."""
        columns = tables.stream.c
        connection.execute(self._of_stream(row.sync, row.account).values(is_paused=columns.is_paused))

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
        limit: int = 100,
    ) -> list[RunRow]:
        """Return runs, the newest first."""
        columns = tables.run.c
        query = sa.select(tables.run).order_by(columns.began.desc(), columns.id.desc()).limit(limit)
        query = query.where(columns.sync == sync) if sync is not None else query
        query = query.where(columns.account == account) if account is not None else query
        query = query.where(columns.status.in_(statuses)) if statuses else query
        with self.engine.connect() as connection:
            return [to_run(row) for row in connection.execute(query)]

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

    def adopt_plan(self, run: RunRow, digest: str, phase: str) -> None:
        """Let a run that has read nothing begin with the sync as it is now."""
        columns = tables.run.c
        with self.engine.begin() as connection:
            statement = sa.update(tables.run).where(columns.id == run.id, columns.seq == 0)
            connection.execute(statement.values(plan=digest, phase=phase))

    def release_plan(self, run_id: str) -> None:
        """Let a run use its sync as it is now."""
        with self.engine.begin() as connection:
            connection.execute(sa.update(tables.run).where(tables.run.c.id == run_id).values(plan=""))

    def set_report(self, run_id: str, report: Mapping[str, Any]) -> None:
        """Replace the report of a run."""
        with self.engine.begin() as connection:
            statement = sa.update(tables.run).where(tables.run.c.id == run_id)
            connection.execute(statement.values(report=json.dumps(report)))

    def cancel_run(self, run_id: str) -> bool:
        """Cancel a run that still reads. Return False if it has ended. Raises UsageError if there is none."""
        run = self.get_run(run_id)
        ended = tuple(status for status in get_args(RunStatus) if status not in OPEN)
        is_cancelled = self.set_status(run_id, "cancelled", "cancelled", unless=ended)
        if is_cancelled:
            self.drop_undelivered(run)
        return is_cancelled

    def add_count(self, run_id: str, name: str, amount: int = 1) -> None:
        """Add to one of the counts of a run, outside of a page."""
        columns = tables.run.c
        with self.engine.begin() as connection:
            counts = json.loads(connection.execute(sa.select(columns.counts).where(columns.id == run_id)).scalar_one())
            counts[name] = counts.get(name, 0) + amount
            connection.execute(sa.update(tables.run).where(columns.id == run_id).values(counts=json.dumps(counts)))

    def commit_page(
        self,
        run: RunRow,
        rows: PageRows,
        *,
        stream: StreamRow,
        place: Mapping[str, Any],
        counts: Mapping[str, int],
        phase: str,
        now: float,
        more: "Sequence[PageHook]" = (),
    ) -> bool:
        """Store a page and where the run goes on. Return False if another worker has stored it, or the run has ended;
        nothing is changed then. `more` run in the same transaction, such as one that adds deliveries."""
        seq = run.seq + 1
        values = {"run_id": run.id, "before": run.seq, "seq": seq, "phase": phase}
        values |= {"place": json.dumps(place), "counts": json.dumps(counts)}
        with self.engine.begin() as connection:
            if connection.execute(_STORE_PLACE, values).rowcount == 0:
                return False
            self._insert_page(connection, run, rows, seq, now)
            text = describe_page(run.phase, run.counts, counts, rows.records)
            if text:
                add_line(connection, (run.id, seq), "page", text, now)
            self._upsert_known(connection, stream.number, run.id, rows.known)
            for hook in more:
                hook(connection, seq)
        return True

    def _insert_page(self, connection: Connection, run: RunRow, rows: PageRows, seq: int, now: float) -> None:
        page = {"run_id": run.id, "seq": seq, "phase": run.phase, "place_digest": rows.place_digest}
        connection.execute(_INSERT_PAGE, page | {"records": rows.records})
        if rows.spool:
            self._insert_spool(connection, run.id, seq, rows.spool)
        if rows.set_aside:
            self._insert_set_aside(connection, run, rows.set_aside, now)
        if rows.loop_items:
            first = int(connection.execute(_count(tables.loop_item, run.id)).scalar() or 0)
            items = [
                {"run_id": run.id, "number": first + n, "id": item_id, "item": item}
                for n, (item_id, item) in enumerate(rows.loop_items)
            ]
            connection.execute(sa.insert(tables.loop_item), items)

    def _insert_spool(
        self, connection: Connection, run_id: str, seq: int, rows: Sequence[SpoolRow], *, first: int = 0
    ) -> None:
        values = [
            {
                "run_id": run_id,
                "seq": seq,
                "n": n,
                "key": row.key,
                "change": row.change,
                "event_id": row.event_id,
                "payload": row.payload,
            }
            for n, row in enumerate(rows, first)
        ]
        connection.execute(_INSERT_SPOOL, values)

    def _insert_set_aside(self, connection: Connection, run: RunRow, rows: Sequence[SetAside], now: float) -> None:
        owner = {"run_id": run.id, "sync": run.sync, "account": run.account, "at": now, "is_open": True}
        names = SetAside.__slots__
        connection.execute(
            sa.insert(tables.set_aside), [owner | {name: getattr(row, name) for name in names} for row in rows]
        )

    def count_pages(self, run_id: str) -> int:
        """Return how many pages of a run are stored."""
        with self.engine.connect() as connection:
            return int(connection.execute(_count(tables.page, run_id)).scalar() or 0)

    def has_seen_place(self, run: RunRow, digest: str) -> bool:
        """Return whether a run has been at a place before."""
        values = {"run_id": run.id, "digest": digest, "seq": run.seq}
        with self.engine.connect() as connection:
            return connection.execute(_SEEN_PLACE, values).first() is not None

    def get_loop_item(self, run_id: str, number: int) -> tuple[Any, Any] | None:
        """Return the ID and the record of an item of a loop, None behind the last one."""
        columns = tables.loop_item.c
        query = sa.select(columns.id, columns.item).where(columns.run_id == run_id, columns.number == number)
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (json.loads(row.id), json.loads(row.item))

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
        more: "Sequence[PageHook]" = (),
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
            for chunk in _split(names, _CHUNK):
                for table in (tables.page, tables.run_log, tables.loop_item, tables.spool):
                    connection.execute(sa.delete(table).where(table.c.run_id.in_(chunk)))
        return len(names)

    # --- streams ---

    def get_stream(self, sync: str, account: str, target: str = "") -> StreamRow:
        """Return a stream, which is created by its first use."""
        columns = tables.stream.c
        query = sa.select(tables.stream).where(
            columns.sync == sync, columns.account == account, columns.target == target
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            with self.engine.begin() as connection:
                highest = sa.select(sa.func.coalesce(sa.func.max(columns.number), 0) + 1).scalar_subquery()
                values: dict[str, Any] = {"sync": sync, "account": account, "target": target, "number": highest}
                values |= {"state": "null", "is_paused": False}
                connection.execute(self._insert(tables.stream).values(values).on_conflict_do_nothing())
                row = connection.execute(query).first()
        if row is None:  # another worker took the number for another stream at the same moment
            return self.get_stream(sync, account, target)
        return _to_stream(row)

    def find_stream(self, sync: str, account: str) -> StreamRow | None:
        """Return a stream, None if nothing has used it. Nothing is created."""
        columns = tables.stream.c
        query = sa.select(tables.stream).where(columns.sync == sync, columns.account == account, columns.target == "")
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else _to_stream(row)

    def find_streams(self) -> dict[tuple[str, str], StreamRow]:
        """Return the streams of all syncs by sync and account, without those of other destinations."""
        query = sa.select(tables.stream).where(tables.stream.c.target == "")
        with self.engine.connect() as connection:
            return {(row.sync, row.account): _to_stream(row) for row in connection.execute(query)}

    def reset_stream(self, sync: str, account: str) -> None:
        """Forget where the next run begins, and which records have been delivered.

        Raises UsageError while a run is open: its end would set both again.
        """
        streams, runs = tables.stream.c, tables.run.c
        numbers = sa.select(streams.number).where(streams.sync == sync, streams.account == account)
        unfinished = sa.select(runs.id).where(runs.sync == sync, runs.account == account, runs.status.in_(OPEN))
        with self.engine.begin() as connection:
            open_run = connection.execute(unfinished.limit(1)).scalar()
            if open_run is not None:
                raise UsageError(
                    f'the sync "{sync}" is still running for "{account}": {open_run}',
                    hint=f"wait for it, or end it: conn sync cancel {open_run}",
                )
            for table in (tables.known, tables.tombstone):
                connection.execute(sa.delete(table).where(table.c.stream.in_(numbers)))
            connection.execute(self._of_stream(sync, account).values(state="null", last_run_at=None))

    def pause_stream(self, sync: str, account: str, *, is_paused: bool = True) -> None:
        """Pause or resume the schedule of a sync for an account."""
        self.get_stream(sync, account)
        with self.engine.begin() as connection:
            connection.execute(self._of_stream(sync, account).values(is_paused=is_paused))

    def set_next_due(self, moments: Mapping[tuple[str, str], float]) -> None:
        """Set when syncs are due, by sync and account. Streams that are missing are created."""
        known = self.find_streams() if len(moments) > 1 else {}
        self._create_streams([pair for pair in moments if pair not in known])
        columns = tables.stream.c
        statement = sa.update(tables.stream).where(
            columns.sync == sa.bindparam("of_sync"), columns.account == sa.bindparam("of_account")
        )
        rows = [{"of_sync": sync, "of_account": account, "due": due} for (sync, account), due in moments.items()]
        if rows:
            with self.engine.begin() as connection:
                connection.execute(statement.values(next_due=sa.bindparam("due")), rows)

    def _create_streams(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Create streams at once. What another worker takes the number of is created by itself."""
        if len(pairs) > 1:
            values = {"target": "", "state": "null", "is_paused": False}
            with self.engine.begin() as connection:
                first = int(connection.execute(sa.select(sa.func.max(tables.stream.c.number))).scalar() or 0) + 1
                rows = [
                    {"sync": sync, "account": account, "number": number, **values}
                    for number, (sync, account) in enumerate(pairs, first)
                ]
                connection.execute(self._insert(tables.stream).on_conflict_do_nothing(), rows)
            known = self.find_streams()
            pairs = [pair for pair in pairs if pair not in known]
        for sync, account in pairs:
            self.get_stream(sync, account)

    def find_due(self, moment: float) -> list[tuple[str, str, float]]:
        """Return the syncs and accounts that are due, and since when. Paused ones are left out."""
        columns = tables.stream.c
        query = sa.select(columns.sync, columns.account, columns.next_due).where(
            columns.target == "", columns.next_due <= moment, sa.not_(columns.is_paused)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(columns.next_due, columns.sync, columns.account)).all()
        return [(row.sync, row.account, row.next_due) for row in rows]

    def _of_stream(self, sync: str, account: str) -> sa.Update:
        columns = tables.stream.c
        return sa.update(tables.stream).where(columns.sync == sync, columns.account == account)

    # --- known records ---

    def find_known(self, stream: StreamRow, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return the digest and the last run of each of these records that a run has delivered."""
        found: dict[str, tuple[str, str]] = {}
        with self.engine.connect() as connection:
            for chunk in _split(keys, _CHUNK):
                rows = connection.execute(_KNOWN, {"stream": stream.number, "keys": chunk})
                found.update({key: (digest, seen) for key, digest, seen in rows})
        return found

    def find_tombstones(self, stream: StreamRow, keys: Sequence[str]) -> dict[str, str]:
        """Return how these records were listed as deleted, for those whose deletion was delivered."""
        columns, found = tables.tombstone.c, {}
        with self.engine.connect() as connection:
            for chunk in _split(keys, _CHUNK):
                query = sa.select(columns.key, columns.digest)
                query = query.where(columns.stream == stream.number, columns.key.in_(chunk))
                found.update({row.key: row.digest for row in connection.execute(query)})
        return found

    def add_tombstones(self, connection: Connection, stream: StreamRow, digests: Mapping[str, str]) -> None:
        """Store how records are listed as deleted, in the transaction of a page."""
        statement = self._insert(tables.tombstone)
        statement = statement.on_conflict_do_update(
            index_elements=["stream", "key"], set_={"digest": statement.excluded.digest}
        )
        rows = [{"stream": stream.number, "key": key, "digest": digest} for key, digest in sorted(digests.items())]
        if rows:
            connection.execute(statement, rows)

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

    def find_seen_later(self, stream: StreamRow, run: RunRow, keys: Sequence[str]) -> dict[str, str]:
        """Return the digest of those records that a run has read which began later than this one."""
        known, runs = tables.known.c, tables.run.c
        found: dict[str, str] = {}
        with self.engine.connect() as connection:
            for chunk in _split(keys, _CHUNK):
                query = sa.select(known.key, known.digest).join(tables.run, runs.id == known.seen)
                query = query.where(known.stream == stream.number, known.key.in_(chunk), runs.began > run.began)
                found.update({row.key: row.digest for row in connection.execute(query)})
        return found

    def find_unseen(self, stream: StreamRow, run_id: str, limit: int) -> list[str]:
        """Return up to `limit` keys of records that are not deleted and that neither a run nor a later one had. A run
        that was still reading when this one began counts as later: a backfill may read next to it."""
        columns, runs, this = tables.known.c, tables.run.c, tables.run.alias("this_run")
        later = (
            sa.select(runs.id)
            .join(this, this.c.id == run_id)
            .where(runs.sync == stream.sync, runs.account == stream.account)
            .where(sa.or_(runs.began >= this.c.began, runs.ended.is_(None), runs.ended >= this.c.began))
        )
        query = (
            sa.select(columns.key)
            .where(columns.stream == stream.number, columns.seen.not_in(later), columns.digest != "")
            .order_by(columns.key)
            .limit(limit)
        )
        with self.engine.connect() as connection:
            return [row.key for row in connection.execute(query)]

    def _upsert_known(self, connection: Connection, stream: int, run_id: str, known: Mapping[str, str]) -> None:
        if not known:
            return
        rows = [
            {"stream": stream, "key": key, "digest": digest, "seen": run_id} for key, digest in sorted(known.items())
        ]
        connection.execute(_UPSERT_KNOWN[connection.dialect.name], rows)

    # --- spool ---

    def read_spool(self, run: RunRow, after: tuple[int, int] = (0, -1), limit: int = 1000) -> list[SpoolRow]:
        """Return rows of finished pages behind a place `(seq, n)`, in order."""
        return self._read_spool(run, after, limit)

    def read_unwritten(self, run: RunRow, after: tuple[int, int], limit: int) -> list[SpoolRow]:
        """Return rows behind a place `(seq, n)` that are not written yet, in order. Deletions are not written."""
        columns = tables.spool.c
        return self._read_spool(run, after, limit, columns.change == "upsert", columns.done_at.is_(None))

    def _read_spool(
        self, run: RunRow, after: tuple[int, int], limit: int, *conditions: sa.ColumnElement[bool]
    ) -> list[SpoolRow]:
        columns = tables.spool.c
        place = sa.tuple_(columns.seq, columns.n)  # compared as a row, so that the index leads to it
        query = (
            sa.select(*(columns[name] for name in SpoolRow.__slots__))
            .where(columns.run_id == run.id, columns.seq <= run.seq, place > sa.tuple_(*after), *conditions)
            .order_by(columns.seq, columns.n)
            .limit(limit)
        )
        with self.engine.connect() as connection:
            return [SpoolRow(*row) for row in connection.execute(query)]

    def finish_row(self, run: RunRow, row: SpoolRow, now: float, *, more: "Sequence[PageHook]" = ()) -> None:
        """Mark a row as written. `more` run in the same transaction, such as one that adds a delivery."""
        with self.engine.begin() as connection:
            connection.execute(sa.update(tables.spool).where(*_is_row(run, row)).values(done_at=now))
            for hook in more:
                hook(connection, run.seq)

    def drop_row(self, run: RunRow, row: SpoolRow, fault: SetAside | None, now: float) -> None:
        """Remove a row that cannot be written, and keep its record if it is set aside."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(tables.spool).where(*_is_row(run, row)))
            if fault is not None:
                self._insert_set_aside(connection, run, [fault], now)

    def count_written(self, run_id: str) -> dict[str, int]:
        """Return how many records of a run are written, and how many are set aside."""
        columns = tables.spool.c
        written = _count(tables.spool, run_id).where(columns.done_at.is_not(None))
        with self.engine.connect() as connection:
            counts = {
                "written": int(connection.execute(written).scalar() or 0),
                "set_aside": int(connection.execute(_count(tables.set_aside, run_id)).scalar() or 0),
            }
        return {name: count for name, count in counts.items() if count}

    def hand_over(
        self, run: RunRow, report: Mapping[str, Any], *, clears: bool = True, more: "Sequence[PageHook]" = ()
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

    def clear_spool(self, run_id: str) -> None:
        """Remove what a run has delivered."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(tables.spool).where(tables.spool.c.run_id == run_id))

    def count_spool(self, run_id: str) -> int:
        """Return how many rows a run has spooled."""
        with self.engine.connect() as connection:
            return int(connection.execute(_count(tables.spool, run_id)).scalar() or 0)

    def drop_undelivered(self, run: RunRow) -> None:
        """Remove what a run has spooled and will not deliver. These records count as changed in the next run."""
        spooled = sa.select(tables.spool.c.key).where(tables.spool.c.run_id == run.id)
        known, stream = tables.known.c, self.get_stream(run.sync, run.account, run.target_digest)
        mine = (known.stream == stream.number, known.seen == run.id, known.key.in_(spooled))
        with self.engine.begin() as connection:
            connection.execute(sa.update(tables.known).where(*mine).values(digest=_UNDELIVERED))
            connection.execute(sa.delete(tables.spool).where(tables.spool.c.run_id == run.id))

    # --- records set aside ---

    def find_set_aside(self, *, sync: str | None = None, run_id: str | None = None, limit: int = 100) -> list[Row[Any]]:
        """Return open records that were set aside, the oldest first."""
        columns = tables.set_aside.c
        query = sa.select(tables.set_aside).where(columns.is_open).order_by(columns.number).limit(limit)
        query = query.where(columns.sync == sync) if sync is not None else query
        query = query.where(columns.run_id == run_id) if run_id is not None else query
        with self.engine.connect() as connection:
            return list(connection.execute(query))

    def close_set_aside(
        self,
        run: RunRow,
        number: int,
        rows: Sequence[SpoolRow],
        *,
        stream: StreamRow,
        known: Mapping[str, str],
        more: "Sequence[PageHook]" = (),
    ) -> None:
        """Mark a record as handled, and spool what it led to. `more` run in the same transaction.

        Nothing is changed if it is handled already.
        """
        columns, spooled = tables.set_aside.c, tables.spool.c
        with self.engine.begin() as connection:
            statement = sa.update(tables.set_aside).where(columns.number == number, columns.is_open)
            if connection.execute(statement.values(is_open=False)).rowcount == 0:
                return
            if rows:  # page 0: before all others
                query = sa.select(sa.func.coalesce(sa.func.max(spooled.n), -1) + 1)
                query = query.where(spooled.run_id == run.id, spooled.seq == 0)
                self._insert_spool(connection, run.id, 0, rows, first=int(connection.execute(query).scalar_one()))
            self._upsert_known(connection, stream.number, run.id, known)
            for hook in more:
                hook(connection, run.seq)

    def explain_set_aside(self, number: int, message: str, field: str = "") -> None:
        """Change why a record is set aside."""
        with self.engine.begin() as connection:
            statement = sa.update(tables.set_aside).where(tables.set_aside.c.number == number)
            connection.execute(statement.values(message=message, field=field[:LONGEST_FIELD]))

    def _insert(self, table: sa.Table) -> Any:
        return _DIALECTS[self.engine.dialect.name].insert(table)


PageHook = Any
"""`(connection, seq) -> None`: writes more rows in the transaction of a page."""


def _describe_start(row: RunRow) -> str:
    release = f", release {row.release}" if row.release else ""
    since = f"changes since {row.since}" if row.since else "everything"
    return f"started ({row.cause}): reads {since}{release}"


def _is_row(run: RunRow, row: SpoolRow) -> tuple[Any, ...]:
    columns = tables.spool.c
    return columns.run_id == run.id, columns.seq == row.seq, columns.n == row.n


def name_run(sync: str, account: str, moment: float) -> str:
    """Return the ID of a run. IDs of one sync and account sort by time."""
    return f"{sync}:{account}:{int(moment * 1000):013d}"


def name_target(settings: Mapping[str, Any]) -> str:
    """Return what identifies the destination that the settings of a run name, "" if they name none."""
    text = settings.get("to")
    return hashlib.sha256(str(text).encode()).hexdigest() if text else ""


def _count(table: sa.Table, run_id: str) -> Any:
    return sa.select(sa.func.count()).select_from(table).where(table.c.run_id == run_id)


def _split(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _to_stream(row: Row[Any]) -> StreamRow:
    values = {name: getattr(row, name) for name in StreamRow.__slots__}
    return StreamRow(**(values | {"state": json.loads(row.state)}))


def to_run(row: Row[Any]) -> RunRow:
    """Return a run from a row of its table."""
    values = {name: getattr(row, name) for name in RunRow.__slots__}
    return RunRow(**(values | {name: json.loads(values[name]) for name in ("settings", "place", "counts", "report")}))
