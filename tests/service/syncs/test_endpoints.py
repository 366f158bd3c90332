"""An endpoint that fails rests, is disabled in the end, and loses nothing; events that it does not want are counted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from delivery_bench import Line, Receiver
from sync_bench import ENVIRON, Bench, Releases
from vendor import start_vendor

from conn_cli.commands.sync.results import summarize
from conn_cli.report.sync_runs import draw_run, draw_runs
from conn_engine.releases.store_location import StoreLocation
from conn_engine.transport.egress import check_host
from conn_engine.wire import FrozenClock, Headers, Request, Response
from conn_service.delivery import RETRY_SECONDS, DeliveryStore, DrainResult, ResolvedEndpoint, drain
from conn_service.delivery.health import EndpointHealth
from conn_service.store import open_engine
from conn_service.syncs.worker import SyncWorker

THREE_DAYS = sum(RETRY_SECONDS)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    receiver = Receiver()
    engine = open_engine(StoreLocation(file=tmp_path / "d.sqlite3"))
    with start_vendor(answer=receiver.answer) as vendor:
        yield Line(DeliveryStore(engine), receiver, vendor, FrozenClock(1_700_000_000.0))
    engine.dispose()


def drain_for(line: Line, seconds: float, drain_once: Callable[[], DrainResult] | None = None) -> None:
    """Drain whenever something is due, as a worker does."""
    drain_once = drain_once or line.drain
    end = line.clock.now() + seconds
    result = drain_once()
    while result.next_due is not None and result.next_due <= end:
        line.clock.sleep(max(result.next_due - line.clock.now(), 0.2))
        result = drain_once()


@dataclass
class Failing:
    """A transport to an application that always fails."""

    sent: int = 0

    def send(self, _request: Request) -> Response:
        self.sent += 1
        return Response(500, Headers(()), b"")


class Refusing:
    """A transport that does not send to an internal host."""

    def send(self, request: Request) -> Response:
        check_host(request.url, (), request.label)
        raise AssertionError("the host is internal")


def test_a_refused_host_is_reported_with_how_to_allow_it(line: Line) -> None:
    line.add(("a", 1))
    drain(line.store, ResolvedEndpoint("e", "http://127.0.0.1:9/in", None), Refusing(), line.clock)
    assert line.store.get_health("e").problem == (
        "it would go to http://127.0.0.1:9, an internal address (loopback); if it is meant to be internal, add "
        '"127.0.0.1:9" to trusted_hosts in conn.yaml'
    )


def test_an_endpoint_that_fails_for_three_days_is_disabled_and_its_events_wait(line: Line) -> None:
    line.add(*((str(n), n) for n in range(500)))
    sender, endpoint = Failing(), ResolvedEndpoint("e", "https://e.test/")
    drain_for(line, 12 * 3600, lambda: drain(line.store, endpoint, sender, line.clock))
    assert sender.sent < 10 + 12 * 4 + 5, "one event at a time is sent while it fails"
    health = line.store.get_health("e")
    line.clock.sleep(THREE_DAYS - 12 * 3600)
    line.store.set_health("e", replace(health, failures=health.failures + 250, rests=health.rests + 250))
    drain_for(line, 3600, lambda: drain(line.store, endpoint, sender, line.clock))
    assert line.store.count() == {"waiting": 500}, "none is given up because of the endpoint"
    reason = "nothing was delivered for 75 hours: the endpoint answered 500"
    assert line.store.find_disabled_reason("e") == reason
    assert line.store.find_problems("r") == {"e": f"disabled: {reason}"}
    assert line.drain().next_due is None
    assert line.receiver.arrived == []
    line.store.set_disabled("e", "", line.clock.now())
    drain_for(line, 3600)
    assert line.store.count() == {"delivered": 500}


def test_an_endpoint_that_redirects_for_three_days_is_disabled(line: Line) -> None:
    line.add(*((str(n), n) for n in range(30)))
    line.receiver.usual = (301, {"Location": "https://e.test/"}, {})
    line.store.set_health("e", EndpointHealth(10, 1, 0.0, line.clock.now() - THREE_DAYS, "down"))
    assert "is redirected" in line.drain().disabled
    assert (line.store.count(), len(line.receiver.arrived)) == ({"waiting": 30}, 1)


def test_an_endpoint_that_responds_again_gets_everything_soon(line: Line) -> None:
    line.add(*((str(n), n) for n in range(300)))
    line.receiver.replies = [(503, {}, {})] * 25
    drain_for(line, 6 * 3600)
    assert line.store.count() == {"delivered": 300}
    assert len(line.receiver.arrived) == 325
    assert line.store.get_health("e") == EndpointHealth()


def test_nobody_waits_for_the_first_attempt_at_an_endpoint_that_rests(line: Line) -> None:
    line.add(*((str(n), n) for n in range(30)))
    assert line.store.has_untried("r")
    line.receiver.usual = (500, {}, {})
    line.drain()
    assert not line.store.has_untried("r"), "the other 20 may wait for days"
    line.store.set_disabled("e", "", line.clock.now())
    assert line.store.has_untried("r")
    line.store.set_health("e", EndpointHealth(problem='there is no endpoint "e"'))
    assert not line.store.has_untried("r")


def test_retry_after_lets_the_endpoint_rest(line: Line) -> None:
    line.add(*((str(n), n) for n in range(100)))
    line.receiver.replies = [(429, {"Retry-After": "120"}, {})] * 10
    result = line.drain()
    assert (len(line.receiver.arrived), result.next_due) == (10, line.clock.now() + 120)
    line.add(("later", 1))
    assert (line.drain().delivered, len(line.receiver.arrived)) == (0, 10)
    line.clock.sleep(120)
    drain_for(line, 600)
    assert line.store.count() == {"delivered": 101}


def test_events_that_an_endpoint_refuses_do_not_let_it_rest(line: Line) -> None:
    line.add(*((str(n), n) for n in range(60)))
    line.receiver.replies = [(422, {}, {})] * 40
    result = line.drain()
    assert (result.failed, result.delivered) == (40, 20)
    assert not line.store.get_health("e").is_failing


def test_an_event_that_is_delivered_while_it_is_read_is_not_sent_empty(line: Line) -> None:
    line.add(("a", 1), ("b", 1))
    engine, deliver = line.store.engine, "UPDATE conn_delivery SET status = 'delivered' WHERE key = 'a/a'"

    def overtake(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "conn_delivery_event.body" in statement:
            with engine.connect() as other:
                other.connection.cursor().execute(deliver)
                other.connection.commit()

    sa.event.listen(engine, "before_cursor_execute", overtake)
    assert [row.key for row in line.store.find_heads("e", line.clock.now(), 10)] == ["a/b"]


def test_events_that_an_endpoint_does_not_want_are_not_counted_as_delivered(line: Line) -> None:
    line.add(("a", 1), ("b", 1))
    assert line.drain(events=("y.*",)).unwanted == 2
    assert line.store.count(run_id="r") == {"unwanted": 2}
    assert line.store.remove_delivered(line.clock.now() + 1) == 2


def test_a_queue_of_the_first_format_is_upgraded(line: Line) -> None:
    engine = line.store.engine
    with engine.begin() as connection:
        for name in EndpointHealth.__slots__:
            connection.exec_driver_sql(f"ALTER TABLE conn_endpoint DROP COLUMN {name}")
        connection.exec_driver_sql("DROP TABLE conn_delivery_event")
        connection.exec_driver_sql("DROP INDEX conn_delivery_by_event")
        connection.exec_driver_sql("ALTER TABLE conn_delivery ADD COLUMN body TEXT NOT NULL DEFAULT ''")
        rows = "(endpoint, run_id, event_id, key, type, body, status, attempts, due, last_error) VALUES"
        for endpoint, status, body in (("e", "waiting", "{}"), ("f", "waiting", "{}"), ("e", "delivered", "")):
            values = f"('{endpoint}', 'r', 'evt_{status}', 'a/k', 't', '{body}', '{status}', 0, 5.0, '')"
            connection.exec_driver_sql(f"INSERT INTO conn_delivery {rows} {values}")
        connection.exec_driver_sql("UPDATE conn_service_format SET format = 1 WHERE part = 'delivery'")
        connection.exec_driver_sql("INSERT INTO conn_endpoint (name, disabled_reason) VALUES ('e', '410')")
    store = DeliveryStore(engine)
    assert (store.get_health("e"), store.find_disabled_reason("e")) == (EndpointHealth(), "410")
    found = [(row.endpoint, row.event_id, row.body) for key in "ef" for row in store.find_heads(key, 9.0, 9)]
    assert found == [("e", "evt_waiting", "{}"), ("f", "evt_waiting", "{}")]
    assert store.remove_delivered(9.0) == 0


def test_events_of_a_renamed_endpoint_wait_are_reported_and_can_be_delivered(bench: Bench, line: Line) -> None:
    conn = (bench.root / "conn.yaml").read_text().replace("['", f"['{line.vendor.host}', '")
    endpoints = f"{conn}endpoints: {{ old: {{ url: '{line.vendor.url}/in' }} }}\n"
    sync = "source: { resource: contacts }\nemit: { event: contact.updated, endpoint: old }\n"
    bench.write({"conn.yaml": endpoints, "syncs/people.yaml": sync})
    location = StoreLocation(file=bench.root.parent / "store.sqlite3")
    worker = SyncWorker(location, Releases(bench.root), environ=ENVIRON)
    assert bench.run().status == "complete"
    renamed = {"conn.yaml": endpoints.replace("old:", "new:"), "syncs/people.yaml": sync.replace(": old", ": new")}
    bench.write(renamed)
    try:
        assert worker.sending.drain("old").next_due is not None
        summary = summarize(worker, worker.store.get_run("r1"))
        assert (summary.waiting, summary.problems) == (10, {"old": 'there is no endpoint "old"'})
        assert 'old: there is no endpoint "old"' in "\n".join(draw_run(summary))
        assert "conn sync retry r1" in "\n".join(draw_run(summary))
        assert '10 events waiting for old: there is no endpoint "old"' in "\n".join(draw_runs([summary]))
        worker.retry("r1")
        summary = summarize(worker, worker.store.get_run("r1"))
        assert (summary.delivered, summary.waiting, summary.problems) == (10, 0, {})
    finally:
        worker.close()
    assert len(line.receiver.arrived) == 10


def test_a_retry_enables_the_endpoint(bench: Bench, line: Line) -> None:
    conn = (bench.root / "conn.yaml").read_text().replace("['", f"['{line.vendor.host}', '")
    sync = "source: { resource: contacts }\nemit: { event: contact.updated }\n"
    endpoints = f"endpoints: {{ default: {{ url: '{line.vendor.url}/in' }} }}\n"
    bench.write({"conn.yaml": conn + endpoints, "syncs/people.yaml": sync})
    line.receiver.replies = [(410, {}, {})] * 10
    worker = SyncWorker(StoreLocation(file=bench.root.parent / "store.sqlite3"), Releases(bench.root), environ=ENVIRON)
    bench.run()
    try:
        worker.sending.drain("default")
        summary = summarize(worker, worker.store.get_run("r1"))
        assert (summary.waiting, summary.dead) == (10, 0)
        assert summary.problems == {"default": "disabled: the endpoint answered 410 Gone"}
        worker.retry("r1")
        assert summarize(worker, worker.store.get_run("r1")).delivered == 10
    finally:
        worker.close()


def test_a_worker_trusts_the_hosts_that_conn_yaml_trusts_now(bench: Bench, line: Line) -> None:
    conn = (bench.root / "conn.yaml").read_text()
    trusting = conn.replace("['", f"['{line.vendor.host}', '")
    endpoints = f"endpoints: {{ default: {{ url: '{line.vendor.url}/in' }} }}\n"
    sync = "source: { resource: contacts }\nemit: { event: contact.updated }\n"
    bench.write({"conn.yaml": conn + endpoints, "syncs/people.yaml": sync})
    worker = SyncWorker(StoreLocation(file=bench.root.parent / "store.sqlite3"), Releases(bench.root), environ=ENVIRON)
    assert bench.run().status == "complete"

    def drain_now() -> int:
        worker.deliveries.set_health("default", EndpointHealth())
        worker.deliveries.retry_dead(worker.clock.now(), endpoint="default", also_waiting=True)
        return worker.sending.drain("default").delivered

    try:
        assert (drain_now(), len(line.receiver.arrived)) == (0, 0), "the host is internal"
        assert not worker.deliveries.get_health("default").problem.startswith("the endpoint default: ")
        bench.write({"conn.yaml": trusting + endpoints})
        assert drain_now() == 10
        bench.run("r2", is_full=True)
        bench.write({"conn.yaml": conn + endpoints})
        assert (drain_now(), len(line.receiver.arrived)) == (0, 10), "it is trusted no longer"
    finally:
        worker.close()
