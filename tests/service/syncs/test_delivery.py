"""Events reach their endpoint signed and in order, are retried from rows, and are never lost."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from delivery_bench import Line, Receiver, make_event
from standardwebhooks import Webhook
from sync_bench import ENVIRON, Bench, Releases
from vendor import start_vendor

from conn_engine.config import load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_engine.syncs import DeliverStep, OutgoingRecord, build_event, compile_sync, load_sync
from conn_engine.transport.egress import Trust
from conn_engine.transport.live import Live
from conn_engine.wire import FrozenClock, Headers, Request, Response
from conn_service.delivery import RETRY_SECONDS, DeliveryStore, ResolvedEndpoint, add_deliveries, drain
from conn_service.delivery.endpoints import find_endpoint
from conn_service.delivery.signatures import SigningKey
from conn_service.delivery.store import DeliveryAttempt
from conn_service.store import open_engine
from conn_service.syncs.events import to_events
from conn_service.syncs.worker import SyncWorker

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    receiver = Receiver()
    engine = open_engine(StoreLocation(file=tmp_path / "d.sqlite3"))
    with start_vendor(answer=receiver.answer) as vendor:
        yield Line(DeliveryStore(engine), receiver, vendor, FrozenClock(1_700_000_000.0))
    engine.dispose()


def test_events_are_delivered_once_and_in_order_per_record(line: Line) -> None:
    line.add(*((key, n) for n in range(3) for key in "abcdefghijklmno"))
    result = line.drain()
    assert (result.delivered, result.next_due) == (45, None)
    for key in "abcdefghijklmno":
        assert [data["value"] for data in line.receiver.data() if data["id"] == key] == [0, 1, 2]
    assert line.drain().delivered == 0


def test_a_record_that_fails_holds_back_only_itself(line: Line) -> None:
    line.add(("a", 1))
    line.receiver.replies = [(500, {}, {})]
    line.drain()
    line.add(("a", 2), ("b", 1))
    result = line.drain()
    assert [(data["id"], data["value"]) for data in line.receiver.data()[1:]] == [("b", 1)]
    assert result.next_due == line.clock.now() + RETRY_SECONDS[0]
    line.clock.sleep(RETRY_SECONDS[0])
    line.drain()
    assert [(data["id"], data["value"]) for data in line.receiver.data()[2:]] == [("a", 1), ("a", 2)]


def test_three_days_of_failures_end_in_a_dead_event_that_can_be_sent_again(line: Line) -> None:
    line.add(("a", 1))
    line.receiver.replies = [(503, {}, {})] * 10
    began = line.clock.now()
    result = line.drain()
    while result.next_due is not None:
        line.clock.sleep(result.next_due - line.clock.now())
        result = line.drain()
    assert line.clock.now() - began > 75 * 3600
    assert (result.dead, line.store.count(endpoint="e")) == (1, {"dead": 1})
    ids = {request.headers["webhook-id"] for request in line.receiver.arrived}
    assert len(line.receiver.arrived) == len(RETRY_SECONDS) + 1
    assert len(ids) == 1
    assert line.store.retry_dead(line.clock.now(), endpoint="e") == 1
    line.store.set_disabled("e", "", line.clock.now())
    assert line.drain().delivered == 1


def test_retry_after_is_honored(line: Line) -> None:
    line.add(("a", 1))
    line.receiver.replies = [(429, {"Retry-After": "120"}, {})]
    assert line.drain().next_due == line.clock.now() + 120


def test_a_redirect_is_a_failure_and_is_not_followed(line: Line) -> None:
    line.add(("a", 1))
    line.receiver.replies = [(301, {"Location": f"{line.vendor.url}/other"}, {})]
    assert line.drain().failed == 1
    assert [request.path for request in line.receiver.arrived] == ["/hook"]


def test_gone_disables_the_endpoint_and_its_events_wait(line: Line) -> None:
    line.add(*((str(n), n) for n in range(30)))
    line.receiver.replies = [(410, {}, {})]
    result = line.drain()
    assert "410" in result.disabled
    assert len(line.receiver.arrived) <= 10
    before = len(line.receiver.arrived)
    assert line.drain().delivered == 0
    assert len(line.receiver.arrived) == before
    line.store.set_disabled("e", "", line.clock.now())
    line.drain()
    assert line.store.count(endpoint="e") == {"delivered": 30}


def test_a_receiver_that_is_away_is_tried_again(line: Line) -> None:
    line.add(("a", 1))
    endpoint = ResolvedEndpoint("e", "http://127.0.0.1:9/hook")
    sender = Live(trust=Trust(("127.0.0.1:9",)), max_redirects=0)
    assert drain(line.store, endpoint, sender, line.clock).failed == 1
    sender.close()


def test_an_internal_address_is_refused_without_trust(line: Line) -> None:
    line.add(("a", 1))
    endpoint = ResolvedEndpoint("e", f"{line.vendor.url}/hook")
    sender = Live(max_redirects=0)
    assert drain(line.store, endpoint, sender, line.clock).failed == 1
    sender.close()
    assert line.receiver.arrived == []


def test_only_the_events_that_an_endpoint_wants_are_sent(line: Line) -> None:
    line.add(("a", 1))
    line.drain(events=("y.*",))
    assert line.receiver.arrived == []
    line.add(("a", 2))
    line.drain(events=("y.*", "x.*"))
    assert len(line.receiver.arrived) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("Tue, 14 Nov 2023 22:15:20 GMT", 120.0), ("\u00b2", RETRY_SECONDS[0]), ("9" * 400, 86400.0), ("soon", 5.0)],
)
def test_every_retry_after_is_understood_or_ignored(line: Line, text: str, seconds: float) -> None:
    line.add(("a", 1))
    line.receiver.replies = [(429, {"Retry-After": text}, {})]
    assert line.drain().next_due == line.clock.now() + seconds


def test_an_event_that_cannot_be_sent_does_not_hold_back_the_others(line: Line) -> None:
    class Fragile:
        def send(self, request: Request) -> Response:
            if b'"id":"a"' in (request.body or b""):
                raise ValueError("the record with a secret")
            return Response(200, Headers(()), b"")

    line.add(("b", 1), ("a", 1), ("c", 1))
    result = drain(line.store, ResolvedEndpoint("e", "https://e.test/"), Fragile(), line.clock)
    assert (result.delivered, result.failed) == (2, 1)


def test_records_of_two_accounts_do_not_wait_for_each_other(line: Line) -> None:
    line.receiver.replies = [(500, {}, {})]
    line.add(("1", 1))
    line.drain()
    other = build_event(sync="s", account="b", type_="x", key="1", data={}, version="", began=0.0)
    with line.store.engine.begin() as connection:
        add_deliveries(connection, ["e"], "r", [other], line.clock.now())
    assert line.drain().delivered == 1


def test_many_events_of_one_record_cost_one_part_each(line: Line) -> None:
    line.add(*(("a", n) for n in range(5000)), ("b", 1))
    queries: list[str] = []
    sa.event.listen(line.store.engine, "before_cursor_execute", lambda *arguments: queries.append(arguments[2]))
    [head] = line.store.find_heads("e", line.clock.now(), 200)
    assert (head.key, len(queries)) == ("a/a", 2)
    with line.store.engine.connect() as connection:
        steps = connection.exec_driver_sql(f"explain query plan {queries[0]}", ("e", "waiting", 2000, 0)).all()
    assert "conn_delivery_by_number" in str(steps) and "TEMP B-TREE" not in str(steps)
    line.store.record([DeliveryAttempt(head.number, 0, False, "down", line.clock.now() + 60)], line.clock.now())
    assert [row.key for row in line.store.find_heads("e", line.clock.now(), 200)] == ["a/b"]


def test_batches_of_a_sync_are_in_order(bench: Bench) -> None:
    workspace = load_workspace(bench.root)
    plan = compile_sync(workspace, load_sync(workspace, "people", "acme"))
    step = DeliverStep("webhook", event="x", batch=2)
    run = bench.runner().create_run("r1", "people", "acme")
    records = [OutgoingRecord(key, "", {"id": key}, "") for key in "abc"]
    assert {event.key for event in to_events(run, plan, step, records)} == {"people"}


def test_a_failure_that_another_worker_has_overtaken_does_not_count(line: Line) -> None:
    line.add(("a", 1), ("b", 1))
    first, second = line.store.find_heads("e", line.clock.now(), 10)
    line.store.record([DeliveryAttempt(first.number, 0, True)], line.clock.now())
    late = [DeliveryAttempt(row.number, 0, False, "late", line.clock.now() + 1800) for row in (first, second)]
    line.store.record(late, line.clock.now())
    line.store.record(late, line.clock.now())
    assert line.store.count(endpoint="e") == {"delivered": 1, "waiting": 1}
    line.clock.sleep(1800)
    assert [row.attempts for row in line.store.find_heads("e", line.clock.now(), 10)] == [1]


class TestEndpoints:
    TEXT = "version: 1\nendpoints: { default: { url: 'https://a.test/h', secret: '{{env.S}}' } }\n"

    def test_an_environment_replaces_it(self, tmp_path: Path) -> None:
        (tmp_path / "environments").mkdir()
        (tmp_path / "conn.yaml").write_text(self.TEXT)
        (tmp_path / "environments/staging.yaml").write_text("endpoints: { default: { url: 'https://s.test/h' } }\n")
        workspace = load_workspace(tmp_path)
        production = find_endpoint(workspace, "default", environment="production", environ={"S": SECRET})
        staging = find_endpoint(workspace, "default", environment="staging", environ={})
        assert (production.key, production.url) == ("default", "https://a.test/h")
        assert (staging.key, staging.url) == ("staging/default", "https://s.test/h")
        assert find_endpoint(workspace, staging.key, environ={}).url == staging.url
        assert SECRET not in repr(production)


def test_a_worker_that_may_have_been_replaced_sends_no_more(line: Line) -> None:
    line.add(*((str(n), n) for n in range(25)))
    answers = [True, True, False]
    endpoint = ResolvedEndpoint("e", f"{line.vendor.url}/hook", (SigningKey(b"secret"),))
    sender = Live(trust=Trust((line.vendor.host,)), max_redirects=0)
    result = drain(line.store, endpoint, sender, line.clock, goes_on=lambda: answers.pop(0) if answers else False)
    sender.close()
    assert (result.delivered, len(line.receiver.arrived)) == (10, 10)
    assert line.drain().delivered == 15


@pytest.mark.slow
def test_a_sync_delivers_signed_events(bench: Bench, line: Line) -> None:
    conn = (bench.root / "conn.yaml").read_text().replace("['", f"['{line.vendor.host}', '")
    endpoints = f"endpoints: {{ default: {{ url: '{line.vendor.url}/in', secret: '{{{{env.HOOK}}}}' }} }}\n"
    bench.write(
        {
            "conn.yaml": conn + endpoints,
            "syncs/people.yaml": "source: { resource: contacts }\nemit: { event: contact.updated }\n",
        }
    )
    line.receiver.replies = [(500, {}, {})]
    location = StoreLocation(file=bench.root.parent / "store.sqlite3")
    with SyncWorker(location, Releases(bench.root), environ={**ENVIRON, "HOOK": SECRET}) as worker:
        run = worker.start("people", "acme")
        worker.wait([run.id], 30)
        wait_until(lambda: worker.deliveries.count(run_id=run.id) == {"delivered": 10})
    webhook = Webhook(SECRET)
    bodies = [webhook.verify(request.body, request.headers) for request in line.receiver.arrived]
    assert sorted(body["data"]["id"] for body in bodies[1:]) == list(range(10))
    assert {body["type"] for body in bodies} == {"contact.updated"}


@pytest.mark.slow
def test_a_run_delivers_while_an_earlier_event_waits_to_be_sent_again(bench: Bench, line: Line) -> None:
    conn = (bench.root / "conn.yaml").read_text().replace("['", f"['{line.vendor.host}', '")
    files = {
        "conn.yaml": f"{conn}endpoints: {{ default: {{ url: '{line.vendor.url}/in' }} }}\n",
        "syncs/people.yaml": "source: { resource: contacts }\nemit: { event: contact.updated }\n",
    }
    bench.write(files)
    line.receiver.replies = [(500, {"Retry-After": "3600"}, {})]
    location = StoreLocation(file=bench.root.parent / "store.sqlite3")
    with SyncWorker(location, Releases(bench.root), environ=ENVIRON) as worker:
        for records in (10, 12):
            bench.contacts.records = [{"id": n, "name": f"{records}"} for n in range(records)]
            run = worker.start("people", "acme")
            [done] = worker.wait([run.id], 30)
            assert done.status == "complete"
            wait_until(lambda expected=records: len(line.receiver.arrived) >= expected)
        wait_until(lambda: worker.deliveries.count(run_id=run.id) == {"delivered": 11, "waiting": 1})
        assert worker.sending.find_stalled() == [], "one workflow waits for the event that failed"
        from dbos import DBOS

        def find_unfinished() -> list[str]:
            found = DBOS.list_workflows(workflow_id_prefix="drain:", status=["ENQUEUED", "DELAYED", "PENDING"])
            return [workflow.status for workflow in found]

        wait_until(
            lambda: find_unfinished() == ["DELAYED"]
        )  # the one that has delivered the others may still be ending
        with worker.deliveries.engine.begin() as connection:  # as conn serve does, which runs no workflows
            add_deliveries(connection, ["default"], "later", [make_event("later", 1)], time.time())
        assert worker.sending.find_stalled() == ["default"], "its workflow would come an hour later"
        worker.resume_unfinished()
        wait_until(lambda: worker.deliveries.count(run_id="later") == {"delivered": 1})


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it does not happen")
