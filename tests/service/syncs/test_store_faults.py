"""A store that cannot be used ends a command with a reason and a fix, never with a traceback, and loses nothing."""

import io
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sync_bench import ENVIRON, Bench, Releases

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.main import execute
from conn_engine.errors import ConnError
from conn_engine.releases.faults import StoreFault, StoreUnreachableError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.wire import FrozenClock
from conn_service.store import DATABASE_RETRIES, ServiceStoreError, StoreWatch, open_engine, translate_errors
from conn_service.syncs.store import SyncStore
from conn_service.syncs.worker import SyncWorker


@contextmanager
def limit_pages(engine: sa.engine.Engine, pages: int) -> Iterator[None]:
    """Let the disk be full: SQLite refuses to make the file larger."""

    def limit(connection: Any, *_: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    sa.event.listen(engine, "checkout", limit)
    try:
        yield
    finally:
        sa.event.remove(engine, "checkout", limit)
        pages = 1_000_000
        sa.event.listen(
            engine, "checkout", lambda connection, *_: connection.execute(f"PRAGMA max_page_count = {pages}")
        )


@pytest.mark.slow
def test_a_full_disk_ends_the_worker_and_the_run_goes_on_when_there_is_room(bench: Bench) -> None:
    bench.contacts.records = [{"id": n, "name": "N" * 2000} for n in range(60)]
    location = StoreLocation(file=bench.root.parent / "store.sqlite3")
    with SyncWorker(location, Releases(bench.root), environ=ENVIRON) as worker:
        with worker.store.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        with limit_pages(worker.store.engine, pages + 10), pytest.raises(StoreUnreachableError) as caught:
            run = worker.start("people", "acme")
            worker.wait([run.id], 60)
            worker.watch.check()
    assert "the disk is full" in caught.value.message
    run_id = bench.store.find_runs()[0].id
    assert bench.store.get_run(run_id).status in ("queued", "running")
    with SyncWorker(location, Releases(bench.root), environ=ENVIRON) as worker:
        worker.resume_unfinished()
        [done] = worker.wait([run_id], 60)
    assert (done.status, done.counts["records"]) == ("complete", 60)


def test_a_step_is_not_repeated_for_a_minute_while_the_disk_is_full(tmp_path: Path) -> None:
    engine = open_engine(StoreLocation(file=tmp_path / "s.sqlite3"))
    watch = StoreWatch(engine, StoreLocation(file=tmp_path / "s.sqlite3"))
    store = SyncStore(engine)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with limit_pages(engine, pages), pytest.raises(sa.exc.OperationalError) as caught:
        for number in range(2000):
            store.streams.get("s", f"a{number}")
    assert not DATABASE_RETRIES["should_retry"](caught.value)
    with pytest.raises(StoreUnreachableError, match="disk is full"):
        watch.check()
    engine.dispose()


def explain(location: StoreLocation) -> ConnError:
    """The error of a command that opens a store."""
    with pytest.raises(ConnError) as caught, translate_errors(location):
        engine = open_engine(location)
        try:
            SyncStore(engine)
        finally:
            engine.dispose()
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    return caught.value


def test_a_server_that_is_down_at_the_start_is_named_without_the_password() -> None:
    location = StoreLocation.read("postgresql://joe:hunter2@127.0.0.1:9/x", Path())
    error = explain(location)
    assert isinstance(error, StoreUnreachableError)
    assert "127.0.0.1" in error.message and "does not respond" in error.message
    assert "hunter2" not in error.message


def test_a_file_that_is_not_a_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.sqlite3").write_text("no database" * 100)
    error = explain(StoreLocation(file=tmp_path / "s.sqlite3"))
    assert isinstance(error, StoreFault) and "s.sqlite3" in error.message


def test_a_store_that_another_process_has_locked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conn_service.store.database.BUSY_SECONDS", 0.1)
    SyncStore(open_engine(StoreLocation(file=tmp_path / "s.sqlite3"))).engine.dispose()
    other = sqlite3.connect(tmp_path / "s.sqlite3", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnreachableError, match="is busy"), translate_errors(StoreLocation(file=tmp_path / "s")):
        engine = open_engine(StoreLocation(file=tmp_path / "s.sqlite3"))
        SyncStore(engine).pause_stream("s", "a")
    engine.dispose()
    other.close()


def test_a_store_of_a_newer_format_is_refused(bench: Bench) -> None:
    with bench.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE conn_service_format SET format = 99 WHERE part = 'syncs'")
    with pytest.raises(ServiceStoreError, match="format 99 for syncs") as caught:
        SyncStore(bench.store.engine)
    assert "upgrade conn-engine" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_command_ends_with_the_reason(bench: Bench) -> None:
    stream = io.StringIO()
    app = App(
        folder=bench.root, environ=ENVIRON, stdin=io.StringIO(), stdout=stream, stderr=stream, clock=FrozenClock()
    )
    arguments = ["sync", "runs", "--store", "postgresql://joe:hunter2@127.0.0.1:9/x"]
    assert execute(arguments, app) == Exit.VENDOR
    assert "does not respond" in stream.getvalue()
    assert "Traceback" not in stream.getvalue() and "hunter2" not in stream.getvalue()
