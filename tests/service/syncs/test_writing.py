"""Records that a run writes, all records as one event, and records that were set aside and are retried."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from sync_bench import ENVIRON, SYNC, Bench, Releases
from vendor import Arrived

from conn_engine.releases.store_location import StoreLocation
from conn_service.delivery import DeliveryStore
from conn_service.syncs.requests import find_partial_retries, find_requests, request_partial_retry
from conn_service.syncs.run_log import read_all
from conn_service.syncs.worker import SyncWorker
from conn_service.syncs.workflows import tick

WRITE = """\
steps:
  - { action: fetch_resource, connector: shop, resource: contacts }
  - { action: write_resource, resource: contacts.create, body: { label: record.name }, on_error: set_aside }
"""
TO_ENDPOINT = '  - { action: deliver_webhook, endpoint: "https://app.example.com/in", event: contact.written }\n'


class Written:
    """The vendor's side of writes: what arrived, with its idempotency key, and what it refuses."""

    def __init__(self, bench: Bench) -> None:
        self.bodies: list[Any] = []
        self.keys: list[str] = []
        self.refused: dict[str, Any] = {}
        self.list = bench.contacts.answer
        bench.arriving.answer = self.answer

    def answer(self, arrived: Arrived) -> Any:
        if arrived.method != "POST":
            return self.list(arrived)
        self.bodies.append(arrived.data)
        self.keys.append(arrived.headers["idempotency-key"])
        return self.refused.pop(arrived.data["label"], {"id": "new"})


@pytest.fixture
def written(bench: Bench) -> Written:
    bench.write({"syncs/people.yaml": WRITE})
    return Written(bench)


def retry(bench: Bench, run_id: str = "r1") -> None:
    runner = bench.runner()
    runner.retry_set_aside(run_id)
    bench.delivered = runner.deliver(run_id)


class TestWrites:
    def test_each_record_is_written_once_with_its_own_key(self, bench: Bench, written: Written) -> None:
        run = bench.run()
        assert (run.status, run.counts["written"]) == ("complete", 10)
        assert written.bodies == [{"label": f"N{n}"} for n in range(10)]
        assert len(set(written.keys)) == 10
        assert all(key.startswith("evt_") for key in written.keys)
        assert bench.store.spool.count("r1") == 0

    def test_a_crash_repeats_only_what_was_not_marked_with_the_same_key(self, bench: Bench, written: Written) -> None:
        written.refused = {"N4": OSError("gone")}

        def answer(arrived: Arrived) -> Any:
            reply = written.answer(arrived)
            if isinstance(reply, OSError):
                raise reply
            return reply

        bench.arriving.answer = answer
        run = bench.run()
        assert run.status == "waiting"
        runner = bench.runner()
        seq = run.seq
        while runner.advance("r1", seq).kind == "page":
            seq += 1
        run = runner.finish("r1")
        assert (run.status, run.counts["written"]) == ("complete", 10)
        labels = [body["label"] for body in written.bodies]
        assert labels == ["N0", "N1", "N2", "N3", "N4", "N4", "N5", "N6", "N7", "N8", "N9"]
        assert written.keys[4] == written.keys[5]

    def test_a_refused_record_is_set_aside_and_retried_with_the_same_key(self, bench: Bench, written: Written) -> None:
        written.refused = {"N2": (400, {}, {"message": "no"})}
        run = bench.run()
        assert (run.status, run.counts["written"], run.counts["set_aside"]) == ("complete", 9, 1)
        [row] = bench.store.set_aside.find(run_id="r1")
        assert (row.stage, json.loads(row.record)["name"]) == ("write", "N2")
        written.refused = {"N2": (400, {}, {"message": "never"})}
        retry(bench)
        [row] = bench.store.set_aside.find(run_id="r1")
        assert "never" in row.message
        assert bench.store.get_run("r1").counts["set_aside"] == 1
        retry(bench)
        assert bench.store.set_aside.find(run_id="r1") == []
        counts = bench.store.get_run("r1").counts
        assert (counts["written"], counts["set_aside"], counts["spooled"]) == (10, 0, 10)
        pairs = list(zip(written.keys, written.bodies, strict=True))
        keys = [key for key, body in pairs if body["label"] == "N2"]
        assert (len(keys), len(set(keys))) == (3, 1)

    def test_a_refused_record_stops_a_run_that_stops_then(self, bench: Bench, written: Written) -> None:
        bench.write({"syncs/people.yaml": WRITE.replace("set_aside", "stop")})
        written.refused = {"N2": (400, {}, {"message": "no"})}
        bench.run()
        assert bench.last is not None
        assert (bench.last.kind, "the record 2 cannot be written" in bench.last.reason) == ("failed", True)

    def test_a_rate_limit_is_waited_for(self, bench: Bench, written: Written) -> None:
        written.refused = {"N2": (429, {"Retry-After": "40"}, {})}
        bench.run()
        assert bench.last is not None
        assert (bench.last.kind, bench.last.seconds) == ("wait", 40)
        assert bench.store.set_aside.find(run_id="r1") == []

    def test_events_follow_what_was_written(self, bench: Bench, written: Written) -> None:
        bench.write({"syncs/people.yaml": WRITE + TO_ENDPOINT})
        written.refused = {"N2": (400, {}, {"message": "no"})}
        deliveries = DeliveryStore(bench.store.engine)
        bench.run()
        assert deliveries.count(run_id="r1")["waiting"] == 9
        retry(bench)
        assert deliveries.count(run_id="r1")["waiting"] == 10

    def test_a_retry_that_a_page_requests_is_performed_by_a_worker_once(self, bench: Bench, written: Written) -> None:
        written.refused = {"N2": (400, {}, {"message": "no"}), "N4": (400, {}, {"message": "no"})}
        run, engine = bench.run("people:acme:0001"), bench.store.engine
        assert request_partial_retry(engine, run, 1.0) is True
        assert request_partial_retry(engine, run, 2.0) is False
        assert find_requests(engine) == [], "it is not a run"
        written.refused = {"N4": (400, {}, {"message": "never"})}
        with SyncWorker(
            StoreLocation(file=bench.root.parent / "store.sqlite3"), Releases(bench.root), environ=ENVIRON
        ) as worker:
            for minute in (1, 2):
                tick(datetime.fromtimestamp(minute * 60, UTC), None)
            deadline = time.monotonic() + 60
            while find_partial_retries(engine):
                assert time.monotonic() < deadline
                worker.wait_for_change()
        assert [body["label"] for body in written.bodies[10:]] == ["N2", "N4"]
        assert [json.loads(row.record)["name"] for row in bench.store.set_aside.find(run_id=run.id)] == ["N4"]
        assert [line.text for line in read_all(engine, run.id) if line.kind == "retry"] == [
            "ended: 1 record still set aside"
        ]


class TestOneEvent:
    def test_all_records_of_a_run_are_one_event(self, bench: Bench) -> None:
        spool = "  - { action: spool, event: contacts.read }\n"
        bench.write({"syncs/people.yaml": "".join([*WRITE.splitlines(keepends=True)[:2], spool, TO_ENDPOINT])})
        deliveries = DeliveryStore(bench.store.engine)
        run = bench.run()
        assert run.status == "complete"
        [row] = deliveries.find_heads("https://app.example.com/in", time.time() + 60, 10)
        body = json.loads(row.body)
        assert (row.type, [record["id"] for record in body["data"]]) == ("contacts.read", list(range(10)))
        assert bench.store.spool.count("r1") == 0
        bench.runner().deliver("r1")
        assert deliveries.count(run_id="r1")["waiting"] == 1

    def test_an_endpoint_that_is_gone_loses_nothing(self, bench: Bench) -> None:
        spool = "  - { action: spool, event: contacts.read }\n"
        conn = (bench.root / "conn.yaml").read_text()
        gone = TO_ENDPOINT.replace("https://app.example.com/in", "gone")
        bench.write(
            {
                "conn.yaml": f"{conn}endpoints: {{ gone: {{ url: 'https://app.example.com/in' }} }}\n",
                "syncs/people.yaml": "".join([*WRITE.splitlines(keepends=True)[:2], spool, gone]),
            }
        )
        DeliveryStore(bench.store.engine)
        runner = bench.runner()
        runner.create_run("r1", "people", "acme")
        seq = 0
        while runner.advance("r1", seq).kind == "page":
            seq += 1
        runner.finish("r1")
        bench.write({"conn.yaml": conn})
        assert "gone" in runner.deliver("r1").reason
        assert (bench.store.get_run("r1").status, bench.store.spool.count("r1")) == ("undelivered", 10)


class TestRetries:
    FAILING = f"{SYNC}on_error: set_aside\n".replace("record.name", "$fromMillis(record.at)")

    def test_todays_transform_is_used(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": self.FAILING})
        bench.contacts.records[3]["at"] = "text"
        assert bench.run(settings={"to": "duckdb:p.duckdb"}).counts["set_aside"] == 1
        retry(bench)
        assert len(bench.store.set_aside.find(run_id="r1")) == 1
        bench.write({"syncs/people.yaml": SYNC})
        retry(bench)
        run = bench.store.get_run("r1")
        assert (run.status, run.report["delivered"], bench.store.set_aside.find(run_id="r1")) == ("complete", 10, [])

    def test_the_worker_delivers_them(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": self.FAILING})
        bench.contacts.records[3]["at"] = "text"
        bench.run(settings={"to": "duckdb:p.duckdb"})
        bench.write({"syncs/people.yaml": SYNC})
        location = StoreLocation(file=bench.root.parent / "store.sqlite3")
        worker = SyncWorker(location, Releases(bench.root), environ=ENVIRON)
        assert worker.retry("r1").report["delivered"] == 10
        worker.close()
