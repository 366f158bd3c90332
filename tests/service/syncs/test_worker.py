"""A worker on DBOS with SQLite: it runs what is enqueued, waits without a thread, and goes on after a crash."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from threading import Event

import launching
import pytest
import sqlalchemy
from sync_bench import ENVIRON, SYNC, Bench, Releases

from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.syncs import OutgoingEvent
from conn_service.delivery import add_deliveries
from conn_service.delivery.store import DeliveryAttempt
from conn_service.syncs.folders import FolderReleases
from conn_service.syncs.runner import Advance
from conn_service.syncs.schedules import Timetable, start_due
from conn_service.syncs.worker import SyncWorker

sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

import transcript

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def worker_of(bench: Bench, **options: bool) -> SyncWorker:
    location = StoreLocation(file=bench.root.parent / "store.sqlite3")
    return SyncWorker(location, Releases(bench.root), environ=ENVIRON, **options)


def test_a_run_ends_and_the_next_one_begins_where_it_did(bench: Bench) -> None:
    with worker_of(bench) as worker:
        run = worker.start("people", "acme")
        with pytest.raises(UsageError, match="still running"):
            worker.start("people", "acme")
        [done] = worker.wait([run.id], 120)
        assert (done.status, worker.store.spool.count(run.id)) == ("complete", 10)
        [again] = worker.wait([worker.start("people", "acme").id], 120)
        assert again.since is not None


class NotedWaits(Event):
    """Waits for long, and notes for each wait whether it was ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[bool] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.ended.append(super().wait(30))
        return self.ended[-1]


def test_nothing_waits_for_a_moment_to_pass(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from dbos import DBOS, DBOSClient

    launch, queues = DBOS.launch, []

    def note_queues() -> None:
        client = DBOSClient(system_database_engine=bench.store.engine, application_name="conn-syncs")
        queues.append(sorted(queue.name for queue in client.list_queues()))
        launch()

    monkeypatch.setattr(DBOS, "launch", note_queues)
    for _ in range(2):
        with worker_of(bench) as worker:
            worker.changed = waits = NotedWaits()
            [done] = worker.wait([worker.start("people", "acme").id], 120)
            assert done.status == "complete" and all(waits.ended)
    assert queues == [["conn_deliveries", "conn_syncs"]] * 2, "DBOS looks into others only after a second"


def test_a_pause_ends_the_leg_and_the_next_one_goes_on(bench: Bench) -> None:
    bench.contacts.fail_at = {2: (429, {"Retry-After": "12"}, {})}
    with worker_of(bench) as worker:
        run = worker.start("people", "acme")
        from dbos import DBOS

        [leg] = wait_for_legs(run.id, "DELAYED", 1)
        assert worker.store.get_run(run.id).status == "waiting"
        DBOS.set_workflow_delay(leg, delay_seconds=0.0)
        [done] = worker.wait([run.id], 120)
        assert (done.status, worker.store.spool.count(run.id)) == ("complete", 10)


KILLED = """\
import os, signal, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from sync_bench import Releases
from conn_engine.releases.store_location import StoreLocation
from conn_service.syncs import runner
from conn_service.syncs.worker import SyncWorker
root = Path({root!r})
location = StoreLocation(file=root.parent / "store.sqlite3")
store_next_page = runner.store_next_page
def store_and_die(run, *arguments):
    stored = store_next_page(run, *arguments)
    if run.seq == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return stored
runner.store_next_page = store_and_die
with SyncWorker(location, Releases(root), environ={{"CONN_NO_KEYRING": "1"}}) as worker:
    worker.wait([worker.start("people", "acme").id])
"""


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced_and_nothing_is_read_twice(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": SYNC})
    text = KILLED.format(paths=[str(Path(__file__).parent), *sys.path], root=str(bench.root))
    done = launching.run([sys.executable, "-c", text], env=dict(os.environ), timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    with worker_of(bench) as worker:
        [run] = worker.store.find_runs()
        [ended] = worker.wait([run.id], 120)
        assert (ended.status, worker.store.spool.count(run.id)) == ("complete", 10)
    assert len(bench.contacts.asked) == 4


def test_a_run_without_a_leg_is_enqueued_again(bench: Bench) -> None:
    bench.runner().create_run("people:acme:0000000000001", "people", "acme")
    with worker_of(bench) as worker:
        assert worker.resume_unfinished() == ["people:acme:0000000000001"]
        [done] = worker.wait(["people:acme:0000000000001"], 120)
        assert done.status == "complete"


def break_off(worker: SyncWorker, times: int) -> None:
    advance, left = worker.runner.advance, [None] * times

    def break_or_advance(run_id: str, seq: int, *, most_pages: int) -> Advance:
        if left:
            left.pop()
            raise RuntimeError("a fault of the worker")
        return advance(run_id, seq, most_pages=most_pages)

    worker.runner.advance = break_or_advance  # type: ignore[method-assign]


def wait_for_legs(run_id: str, status: str, count: int) -> list[str]:
    from dbos import DBOS

    for _ in range(1200):
        legs = DBOS.list_workflows(workflow_id_prefix=f"{run_id}~", status=status)
        if len(legs) == count:
            return [leg.workflow_id for leg in legs]
        time.sleep(0.05)
    raise AssertionError(f"the legs are not {status}")


def test_a_caller_that_waits_lets_a_run_continue_whose_leg_broke_off(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conn_service.syncs.worker._STALL_SECONDS", 0.2)
    with worker_of(bench) as worker:
        break_off(worker, 1)
        [done] = worker.wait([worker.start("people", "acme").id], 60)
        assert done.status == "complete"


def test_a_run_whose_leg_broke_off_is_enqueued_again_and_in_the_end_given_up(bench: Bench) -> None:
    with worker_of(bench) as worker:
        break_off(worker, 1)
        run = worker.start("people", "acme")
        wait_for_legs(run.id, "ERROR", 1)
        assert [leg.number for leg in worker.find_stalled_runs()] == [1]
        assert worker.resume_unfinished() == [run.id]
        [done] = worker.wait([run.id], 120)
        assert (done.status, worker.store.spool.count(run.id)) == ("complete", 10)
        break_off(worker, 10)
        run = worker.start("people", "acme")
        for count in range(1, 11):
            wait_for_legs(run.id, "ERROR", count)
            worker.resume_unfinished()
        done = worker.store.get_run(run.id)
        assert (done.status, done.report["moved"]) == ("failed", False)
        assert "broke off 10 times" in done.reason


def test_what_another_version_has_enqueued_is_continued(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.contacts.fail_at = {2: (429, {"Retry-After": "86400"}, {})}
    with monkeypatch.context() as earlier:
        earlier.setattr("conn_service.syncs.dbos_process.APPLICATION_VERSION", "of-last-year")
        with worker_of(bench) as worker:
            run = worker.start("people", "acme")
            wait_for_legs(run.id, "DELAYED", 1)
    with worker_of(bench) as worker:
        assert worker.resume_unfinished() == [run.id]
        [done] = worker.wait([run.id], 120)
        assert (done.status, worker.store.spool.count(run.id)) == ("complete", 10)
    assert len(bench.contacts.asked) == 5, "four pages, and one of them twice"


def test_what_was_finished_long_ago_is_removed(bench: Bench) -> None:
    bench.runner().create_run("people:acme:0000000000001", "people", "acme")
    bench.runner().advance("people:acme:0000000000001", 0)
    bench.store.set_status("people:acme:0000000000001", "undelivered")
    with worker_of(bench) as worker:
        run = worker.start("people", "acme")
        worker.wait([run.id], 120)
        add = [OutgoingEvent(f"e{n}", "x", str(n), "upsert", {"account": "acme"}) for n in range(3)]
        with worker.deliveries.engine.begin() as connection:
            add_deliveries(connection, ["e"], run.id, add, 1.0)
        heads = worker.deliveries.find_heads("e", 2.0, 3)
        worker.deliveries.record([DeliveryAttempt(head.number, 0, True) for head in heads[:2]], 3.0)
        assert worker.remove_old() == {
            "deliveries": 2,
            "runs": 0,
            "events": 0,
            "workflows": 0,
            "budgets": 0,
            "claims": 0,
        }
        worker.keep_days = -1
        removed = worker.remove_old()
        assert (removed["runs"], removed["workflows"] > 0) == (1, True)
        assert worker.deliveries.count() == {"waiting": 1}
        kept = worker.store.get_run(run.id)
        assert (kept.report["pages"], worker.store.spool.count(run.id)) == (4, 0)
        assert worker.store.spool.count("people:acme:0000000000001") == 3, "it can still be delivered"
        assert worker.remove_old() == {
            "deliveries": 0,
            "runs": 0,
            "events": 0,
            "workflows": 0,
            "budgets": 0,
            "claims": 0,
        }


class TestSchedules:
    def test_what_is_due_is_started_once(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}schedule: '*/15 * * * *'\n"})
        runner = bench.runner()
        releases = Releases(bench.root)
        assert start_due(runner, Timetable(releases), 1_700_000_000.0) == [], (
            "the first look only finds the next moment"
        )
        due = bench.store.streams.get("people", "acme").next_due
        assert due is not None and due % 900 == 0
        assert start_due(runner, Timetable(releases), due - 1) == []
        [run_id] = start_due(runner, Timetable(releases), due + 30)
        assert run_id == f"people:acme:{int(due * 1000):013d}"
        assert start_due(runner, Timetable(releases), due + 30) == []
        assert start_due(runner, Timetable(releases), due + 5000) == [], "the earlier run is still open"
        bench.store.set_status(run_id, "cancelled")
        assert len(start_due(runner, Timetable(releases), due + 50_000)) == 1, "several missed moments are one run"

    def test_many_schedules_cost_a_statement_per_tick_and_what_changed_is_compiled(self, bench: Bench) -> None:
        for number in range(50):
            bench.write({f"syncs/s{number}.yaml": f"{SYNC}schedule: '@hourly'\n"})
        runner, releases, statements = bench.runner(), FolderReleases(bench.root, fresh_seconds=0.0), []
        timetable = Timetable(releases)
        start_due(runner, timetable, 1_700_000_000.0)
        assert timetable.compilations == 51, "those of the sync without a schedule too"
        before = releases.get_current()[1]
        sqlalchemy.event.listen(bench.store.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
        assert start_due(runner, timetable, 1_700_000_060.0) == []
        assert (len(statements), timetable.compilations) == (1, 51)
        bench.write({"syncs/s7.yaml": f"{SYNC}schedule: '*/2 * * * *'\n"})
        assert start_due(runner, timetable, 1_700_000_061.0) == []
        assert timetable.compilations == 52
        assert releases.get_current()[1].sync("s8") is before.sync("s8"), "no other document is read again"
        assert start_due(runner, timetable, 1_700_000_170.0) == ["s7:acme:1700000160000"]
        (bench.root / "syncs/s7.yaml").unlink()
        assert start_due(runner, timetable, 1_700_000_400.0) == []
        bench.write({"accounts/acme.yaml": "connector: shop\ndescription: All of them.\n"})
        start_due(runner, timetable, 1_700_000_401.0)
        assert timetable.compilations == 52 + 50
        with worker_of(bench, schedules=True):
            from dbos import DBOS

            assert len(DBOS.list_schedules()) == 1

    def test_a_broken_file_is_read_again_when_it_is_corrected(self, bench: Bench) -> None:
        releases = FolderReleases(bench.root, fresh_seconds=0.0)
        text = (bench.root / "conn.yaml").read_text()
        releases.get_current()
        bench.write({"conn.yaml": "version: ["})
        with pytest.raises(ConfigurationError):
            releases.get_current()
        timetable = Timetable(releases)
        assert (timetable.refresh(), timetable.compilations) == ([], 0)
        bench.write({"conn.yaml": text})
        assert releases.get_current()[1].syncs() == ["people"]

    def test_a_paused_sync_is_not_started(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}schedule: '@hourly'\n"})
        start_due(bench.runner(), Timetable(Releases(bench.root)), 1_700_000_000.0)
        bench.store.streams.pause("people", "acme")
        assert start_due(bench.runner(), Timetable(Releases(bench.root)), 1_800_000_000.0) == []

    def test_a_sync_that_cannot_run_does_not_stop_the_others(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        bench.write(
            {
                "syncs/a_never.yaml": f"{SYNC}schedule: '0 0 30 2 *'\n",
                "syncs/b_broken.yaml": "source: [\n",
                "syncs/c_gone.yaml": f"{SYNC}schedule: '@hourly'\naccounts: [gone]\n",
                "syncs/people.yaml": f"{SYNC}schedule: '@hourly'\n",
            }
        )
        releases = Releases(bench.root)
        start_due(bench.runner(), Timetable(releases), 1_700_000_000.0)
        assert [run.rpartition(":")[0] for run in start_due(bench.runner(), Timetable(releases), 1_700_010_000.0)] == [
            "people:acme"
        ]
        for name in ("a_never", "b_broken", "c_gone"):
            assert name in caplog.text

    def test_a_changed_schedule_counts_at_once(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}schedule: '@yearly'\n"})
        start_due(bench.runner(), Timetable(Releases(bench.root)), 1_700_000_000.0)
        bench.write({"syncs/people.yaml": f"{SYNC}schedule: '@hourly'\n"})
        start_due(bench.runner(), Timetable(Releases(bench.root)), 1_700_000_060.0)
        due = bench.store.streams.get("people", "acme").next_due
        assert due is not None and due < 1_700_004_000.0


def test_a_sync_whose_destination_is_standard_output_prints_its_records(bench: Bench) -> None:
    result = transcript.conn(bench.root, "sync", "run", "people", "--account", "acme")
    records = [json.loads(line) for line in result.out.splitlines() if line.startswith('{"id"')]
    assert [record["id"] for record in records] == list(range(10)), result
