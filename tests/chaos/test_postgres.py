"""Several workers on Postgres: killed, stopped and continued, cut off from the database; nothing is lost."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).resolve().parents[1]))
sys.path.append(str(Path(__file__).resolve().parents[1] / "service" / "syncs"))

from postgres_server import PostgresServer
from sync_bench import create_two_runs_at_once
from tenants import Tenants, WorkerProcess, start_tenants, wait_for

from conn_engine.releases.store_location import StoreLocation
from conn_service.store import SlotLease, open_engine
from conn_service.store.slots import SlotLostError, work_without_slot
from conn_service.syncs.background import run_in_background
from conn_service.syncs.folders import FolderReleases
from conn_service.syncs.store import name_run
from conn_service.syncs.worker import SyncWorker
from conn_service.syncs.workflows import enqueue_leg

WORKERS = 3
LEASES = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'conn-slot'"


@pytest.fixture
def server(postgres_server: PostgresServer) -> PostgresServer:
    """A server that the test may restart."""
    return postgres_server


class Cluster:
    """The workers, and what happens to them."""

    def __init__(self, tenants: Tenants, server: PostgresServer, folder: Path, seconds: float) -> None:
        self.tenants, self.server, self.seconds = tenants, server, seconds
        self.workers = [WorkerProcess(tenants, folder / f"worker{n}.log") for n in range(WORKERS)]
        self.interruptions = 0

    def wait_for(self, is_reached: Callable[[], bool]) -> None:
        wait_for(is_reached, self.workers, self.seconds, self.tenants)

    def make_progress(self, steps: int) -> None:
        after = self.tenants.progress + self.tenants.random.randint(steps // 3, steps)
        self.wait_for(lambda: self.tenants.progress >= after)

    def kill_one(self) -> None:
        self.tenants.random.choice(self.workers).kill()
        self.interruptions += 1

    def restart_server(self) -> None:
        self.server.stop()
        self.server.start()
        self.interruptions += WORKERS

    def stop_one(self, steps: int) -> None:
        """Stop a worker, let it lose its slot, and continue it when others have gone on."""
        worker = self.tenants.random.choice(self.workers)
        worker.signal(signal.SIGSTOP)
        cut_leases(sa.engine.make_url(self.tenants.store))  # the others end, and are started again
        self.interruptions += WORKERS
        self.make_progress(steps)
        worker.signal(signal.SIGCONT)
        self.wait_for(lambda: True)

    def finish(self) -> None:
        self.wait_for(lambda: self.tenants.progress >= sum(self.tenants.sizes.values()))
        self.wait_for(lambda: not self.tenants.find_unfinished())
        for worker in self.workers:
            worker.kill()
        self.tenants.check(self.interruptions)
        logs = [worker.log.read_text(errors="replace") for worker in self.workers]
        assert any("the connection to the store is lost: this process ends with exit code 4" in log for log in logs)

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()


def interrupt(
    server: PostgresServer, folder: Path, sizes: dict[str, int], *, kills: int, restarts: int, seconds: float
) -> None:
    store = server.url
    with start_tenants(folder, sizes, 7, store.render_as_string(hide_password=False)) as tenants:
        tenants.create_runs()
        cluster = Cluster(tenants, server, folder, seconds)
        steps = sum(sizes.values()) // (kills + restarts + 2)
        what = [cluster.kill_one] * kills + [cluster.restart_server] * restarts + [lambda: cluster.stop_one(steps)]
        tenants.random.shuffle(what)
        try:
            for interruption in what:
                cluster.make_progress(steps)
                interruption()
            cluster.finish()
        finally:
            cluster.close()


def test_a_slot_is_one_worker_s_until_its_connection_is_lost(server: PostgresServer) -> None:
    url = server.url
    lost = Event()
    first, second = SlotLease(url, on_lost=lost.set), SlotLease(url, on_lost=lost.set)
    with second.borrow(first.executor) as is_free:
        assert not is_free
    first.close()
    assert not lost.is_set(), "a slot that is given back is not lost"
    with second.borrow(first.executor) as is_free:
        assert is_free
    assert second.is_fresh()
    engine = open_engine(StoreLocation(url=url))
    second.guard(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE written (number int)")
    with pytest.raises(SlotLostError), engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO written VALUES (1)")
        cut_leases(url)
        assert lost.wait(20)
    assert not second.is_fresh()
    with pytest.raises(SlotLostError), engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO written VALUES (2)")
    with work_without_slot(), engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM written").scalar_one() == 0
    engine.dispose()
    with pytest.raises(SlotLostError):
        engine.connect()
    second.close()


def cut_leases(url: sa.engine.URL) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql(LEASES)
    engine.dispose()


def test_another_worker_of_the_same_process_continues_after_the_slot_is_lost(
    server: PostgresServer, tmp_path: Path
) -> None:
    url = server.url
    with start_tenants(tmp_path, {"a": 400}, 3, url.render_as_string(hide_password=False)) as tenants:
        tenants.create_runs()
        opened: list[SyncWorker] = []

        def open_worker() -> SyncWorker:
            environ = {"CONN_NO_KEYRING": "1"}
            releases = FolderReleases(tenants.root)
            opened.append(SyncWorker(StoreLocation(url=url), releases, environ=environ, ends_process=False))
            return opened[-1]

        with run_in_background(open_worker, lambda: False):
            wait_for(lambda: tenants.progress >= 60, [], 60, tenants)
            cut_leases(url)
            wait_for(lambda: not tenants.find_unfinished(), [], 300, tenants)
        tenants.check(1)
        assert len(opened) == 2


def test_two_workers_that_create_a_run_at_once_create_one(server: PostgresServer) -> None:
    url = server.url
    assert create_two_runs_at_once(StoreLocation(url=url)) == (["r0"], [None, "r0"])


def test_what_a_worker_did_is_continued_by_another_if_it_is_not_replaced(
    server: PostgresServer, tmp_path: Path
) -> None:
    url = server.url
    sizes = {"a": 300, "b": 300}
    with start_tenants(tmp_path, sizes, 3, url.render_as_string(hide_password=False)) as tenants:
        tenants.create_runs()
        gone = WorkerProcess(tenants, tmp_path / "gone.log")
        wait_for(lambda: tenants.progress >= 60, [gone], 60, tenants)
        gone.kill()
        lease = SlotLease(url)
        worker = SyncWorker(StoreLocation(url=url), FolderReleases(tenants.root), environ={"CONN_NO_KEYRING": "1"})
        with worker:
            lease.close()
            assert worker.resume_unfinished()
            wait_for(lambda: not tenants.find_unfinished(), [], 300, tenants)
        tenants.check(1)


def test_what_a_stopped_worker_takes_up_after_it_was_replaced_is_continued(
    server: PostgresServer, tmp_path: Path
) -> None:
    url = server.url
    with start_tenants(tmp_path, {"a": 10}, 3, url.render_as_string(hide_password=False)) as tenants:
        replaced = SlotLease(url)
        replaced.close()
        worker = SyncWorker(StoreLocation(url=url), FolderReleases(tenants.root), environ={"CONN_NO_KEYRING": "1"})
        with worker:
            run = worker.runner.create_run(name_run("people", "a", 1_800_000_000), "people", "a")
            enqueue_leg(run.id, seconds=3600)
            engine = sa.create_engine(url)
            with engine.begin() as connection:
                taken = "UPDATE dbos.workflow_status SET status = 'PENDING', executor_id = %s WHERE status = 'DELAYED'"
                assert connection.exec_driver_sql(taken, (replaced.executor,)).rowcount == 1
            engine.dispose()
            worker.resume_unfinished()
            wait_for(lambda: not tenants.find_unfinished(), [], 60, tenants)
        tenants.check(0)


def test_a_worker_that_is_stopped_in_a_transaction_does_not_hold_up_the_others(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conn_service.store.database.IDLE_SECONDS", 1)
    url = server.url
    stopped, other = open_engine(StoreLocation(url=url)), open_engine(StoreLocation(url=url))
    with other.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE held (number int)")
        connection.exec_driver_sql("INSERT INTO held VALUES (1)")
    with pytest.raises(sa.exc.DBAPIError), stopped.begin() as connection:
        connection.exec_driver_sql("UPDATE held SET number = 2")
        with other.begin() as waiting:
            waiting.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
            waiting.exec_driver_sql("UPDATE held SET number = number + 10")
        connection.exec_driver_sql("SELECT 1")
    with other.connect() as connection:
        assert connection.exec_driver_sql("SELECT number FROM held").scalar_one() == 11
    stopped.dispose()
    other.dispose()


def test_three_workers(server: PostgresServer, tmp_path: Path) -> None:
    interrupt(server, tmp_path, {"noisy": 1500, "a": 150, "b": 150, "c": 150}, kills=3, restarts=1, seconds=300)


@pytest.mark.nightly
def test_three_workers_for_long(server: PostgresServer, tmp_path: Path) -> None:
    sizes = {"noisy": 15_000, **{f"quiet{n}": 300 for n in range(11)}}
    interrupt(server, tmp_path, sizes, kills=20, restarts=4, seconds=900)
