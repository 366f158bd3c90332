"""The tables of syncs, next to those of DBOS in the same database."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_service.store import Migration, add_columns

__all__ = [
    "MIGRATIONS",
    "enrichment",
    "known",
    "loop_item",
    "page",
    "received_event",
    "run",
    "run_log",
    "set_aside",
    "spool",
    "start_request",
    "stream",
    "tombstone",
]

metadata = sa.MetaData()
_Name = sa.String(100)
_RunId = sa.String(300)
_Key = sa.String(600)

run = sa.Table(
    "conn_sync_run",
    metadata,
    sa.Column("id", _RunId, primary_key=True),
    sa.Column("sync", _Name, nullable=False),
    sa.Column("account", _Name, nullable=False),
    sa.Column("release", sa.String(64), nullable=False),
    sa.Column("cause", sa.String(32), nullable=False),
    sa.Column("is_full", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("began", sa.Float, nullable=False),
    sa.Column("ended", sa.Float),
    sa.Column("since", sa.String(40)),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("phase", sa.String(16), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("counts", sa.Text, nullable=False),
    sa.Column("report", sa.Text, nullable=False),
    sa.Column("resumes_at", sa.Float),
    sa.Column("plan", sa.String(64), nullable=False, server_default=""),
    sa.Column("connector", sa.String(32), nullable=False, server_default=""),
    sa.Index("conn_sync_run_by_stream", "sync", "account", "began"),
)
"""One run of a sync for one account. `place` is where it continues (JSON), and `seq` the number of pages stored.
`resumes_at` is the end of a wait."""

page = sa.Table(
    "conn_sync_page",
    metadata,
    sa.Column("run_id", _RunId, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("phase", sa.String(16), nullable=False),
    sa.Column("place_digest", sa.String(64), nullable=False),
    sa.Column("records", sa.Integer, nullable=False),
    sa.Index("conn_sync_page_by_place", "run_id", "place_digest", "seq"),
)

loop_item = sa.Table(
    "conn_sync_loop_item",
    metadata,
    sa.Column("run_id", _RunId, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("item", sa.Text, nullable=False),
)

spool = sa.Table(
    "conn_sync_spool",
    metadata,
    sa.Column("run_id", _RunId, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("key", _Key, nullable=False),
    sa.Column("change", sa.String(8), nullable=False),
    sa.Column("event_id", sa.String(40), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("done_at", sa.Float),
)
"""What a run delivers. A row whose `seq` is above that of its run belongs to a page that was not finished."""

stream = sa.Table(
    "conn_sync_stream",
    metadata,
    sa.Column("sync", _Name, primary_key=True),
    sa.Column("account", _Name, primary_key=True),
    sa.Column("target", sa.String(64), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("last_run_at", sa.Float),
    sa.Column("is_paused", sa.Boolean, nullable=False),
    sa.Column("next_due", sa.Float),
)
"""Where the next run of a sync for an account begins. `target` is the digest of a destination that replaces the sync's
own, "" for that. `state` is that of an incremental operation (JSON)."""

known = sa.Table(
    "conn_sync_known",
    metadata,
    sa.Column("stream", sa.Integer, primary_key=True),
    sa.Column("key", _Key, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("seen", _RunId, nullable=False),
    sa.Index("conn_sync_known_by_run", "stream", "seen"),
)
"""The records of a stream by key: the digest of what was last delivered, empty for a deleted one, and the last run that
contained it."""

tombstone = sa.Table(
    "conn_sync_tombstone",
    metadata,
    sa.Column("stream", sa.Integer, primary_key=True),
    sa.Column("key", _Key, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
)
"""How the vendor listed a record as deleted when its deletion was delivered: the digest of that, empty if it only has
the ID."""

enrichment = sa.Table(
    "conn_sync_enrichment",
    metadata,
    sa.Column("run_id", _RunId, primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("result", sa.Text, nullable=False),
)
"""The results of calls (JSON) that complete the records of a page which is not stored yet, by the digest of the
call."""

set_aside = sa.Table(
    "conn_sync_set_aside",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("run_id", _RunId, nullable=False, index=True),
    sa.Column("sync", _Name, nullable=False),
    sa.Column("account", _Name, nullable=False),
    sa.Column("key", _Key, nullable=False),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.Column("field", sa.String(300), nullable=False, server_default=""),
)

run_log = sa.Table(
    "conn_sync_log",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("run_id", _RunId, nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("conn_sync_log_by_run", "run_id", "number"),
)


start_request = sa.Table(
    "conn_sync_start_request",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("sync", _Name, nullable=False),
    sa.Column("account", _Name, nullable=False),
    sa.Column("cause", sa.String(32), nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("moment", sa.Float, nullable=False),
    sa.Column("event_id", sa.String(100), nullable=False, server_default=""),
    sa.Index("conn_sync_start_request_by_stream", "sync", "account", "cause"),
    sqlite_autoincrement=True,  # a number is never used again: it is part of the run's ID
)
"""A run that something other than the schedule wants: another run, an event, or a backfill."""

received_event = sa.Table(
    "conn_sync_received_event",
    metadata,
    sa.Column("sync", _Name, primary_key=True),
    sa.Column("account", _Name, primary_key=True),
    sa.Column("cause", sa.String(32), primary_key=True),
    sa.Column("event_id", sa.String(100), primary_key=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
)
"""The events that have started a run. One that a vendor sends again starts nothing again."""


def _create_tables(connection: Connection) -> None:
    metadata.create_all(connection)


def _index_places(connection: Connection) -> None:
    index = next(index for index in page.indexes if index.name == "conn_sync_page_by_place")
    index.create(connection, checkfirst=True)


def _add_log(connection: Connection) -> None:
    """Add the log of runs, the end of their waits, and the field that failed to a store without them."""
    run_log.create(connection, checkfirst=True)
    for table in (run, set_aside):
        add_columns(connection, table)


def _add_plan(connection: Connection) -> None:
    """Add the digest of the plan of a run."""
    add_columns(connection, run)


def _add_start_requests(connection: Connection) -> None:
    start_request.create(connection, checkfirst=True)


def _add_tombstones(connection: Connection) -> None:
    tombstone.create(connection, checkfirst=True)


def _add_received_events(connection: Connection) -> None:
    received_event.create(connection, checkfirst=True)
    add_columns(connection, start_request)


def _add_connector(connection: Connection) -> None:
    """Add the digest of what a connector does for a run."""
    add_columns(connection, run)


def _add_enrichments(connection: Connection) -> None:
    enrichment.create(connection, checkfirst=True)


MIGRATIONS: tuple[Migration, ...] = (
    _create_tables,
    _index_places,
    _add_log,
    _add_plan,
    _add_start_requests,
    _add_tombstones,
    _add_received_events,
    _add_connector,
    _add_enrichments,
)
