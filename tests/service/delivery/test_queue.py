"""The queue of deliveries, on both databases: one content for all endpoints of an event, stored while it is needed."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa

from conn_engine.syncs import OutgoingEvent, build_event
from conn_service.delivery import DeliveryStore, RedeliveredEvents, add_deliveries, find_deliveries, tables
from conn_service.delivery.store import DeliveryAttempt, DeliveryRow

FIVE = ["a", "b", "c", "d", "e"]


@pytest.fixture
def queue(engine: sa.Engine) -> DeliveryStore:
    return DeliveryStore(engine)


def make_event(key: str, value: int = 1, account: str = "acme") -> OutgoingEvent:
    data = {"id": key, "value": value}
    return build_event(sync="s", account=account, type_="x.updated", key=key, data=data, version=str(value), began=0.0)


def add(queue: DeliveryStore, endpoints: list[str], *events: OutgoingEvent, now: float = 1.0, **more: bool) -> None:
    with queue.engine.begin() as connection:
        add_deliveries(connection, endpoints, "r", events, now, **more)


def deliver(queue: DeliveryStore, endpoint: str, now: float = 2.0) -> list[DeliveryRow]:
    """Deliver what is due for an endpoint, and return it."""
    delivered: list[DeliveryRow] = []
    while rows := queue.find_heads(endpoint, now, 100):
        queue.record(
            [DeliveryAttempt(row.number, row.attempts, True, is_secret=bool(row.is_secret)) for row in rows], now
        )
        delivered += rows
    return delivered


def count_events(queue: DeliveryStore) -> int:
    with queue.engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(tables.event)).scalar_one()


def count_statements(queue: DeliveryStore, work: Callable[[], None]) -> list[str]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    sa.event.listen(queue.engine, "before_cursor_execute", note)
    work()
    sa.event.remove(queue.engine, "before_cursor_execute", note)
    return statements


def test_the_content_of_an_event_is_stored_once_for_all_endpoints(queue: DeliveryStore) -> None:
    statements = count_statements(queue, lambda: add(queue, FIVE, *(make_event(str(n)) for n in range(20))))
    assert len(statements) == 1 + len(FIVE), "however many events there are"
    assert count_events(queue) == 20
    assert queue.count() == {"waiting": 100}
    bodies = [[(row.event_id, row.body) for row in deliver(queue, endpoint)] for endpoint in FIVE]
    assert all(one == bodies[0] for one in bodies)
    assert [json.loads(body)["data"]["id"] for _, body in bodies[0]] == [str(n) for n in range(20)]


def test_endpoints_of_an_event_do_not_wait_for_each_other(queue: DeliveryStore) -> None:
    for value in range(3):
        add(queue, FIVE, make_event("k", value))
    [first] = queue.find_heads("a", 2.0, 10)
    queue.record([DeliveryAttempt(first.number, 0, False, "500", 60.0)], 2.0)
    assert queue.find_heads("a", 2.0, 10) == [], "what is later about the record waits"
    values = [[json.loads(row.body)["data"]["value"] for row in deliver(queue, name)] for name in FIVE[1:]]
    assert values == [[0, 1, 2]] * 4
    assert [json.loads(row.body)["data"]["value"] for row in deliver(queue, "a", 60.0)] == [0, 1, 2]


def test_a_content_is_removed_with_the_last_delivery(queue: DeliveryStore) -> None:
    add(queue, ["a", "b"], make_event("k"))
    deliver(queue, "a", 2.0)
    assert queue.remove_delivered(5.0) == 1
    assert count_events(queue) == 1
    assert len(deliver(queue, "b", 6.0)) == 1
    assert (queue.remove_delivered(7.0), count_events(queue)) == (1, 0)


def test_a_secret_is_removed_as_soon_as_no_endpoint_waits_for_it(queue: DeliveryStore) -> None:
    add(queue, ["a", "b", "c"], make_event("link"), is_secret=True)
    add(queue, ["a"], make_event("usual"))
    deliver(queue, "a")
    assert count_events(queue) == 2, "others wait for it"
    deliver(queue, "b")
    queue.set_unwanted([row.number for row in queue.find_heads("c", 2.0, 10)], 2.0)
    assert count_events(queue) == 1
    assert queue.count() == {"delivered": 3, "unwanted": 1}


def test_a_secret_is_removed_if_its_last_endpoints_get_it_at_the_same_time(queue: DeliveryStore) -> None:
    add(queue, ["a", "b"], make_event("link"), is_secret=True)
    together = threading.Barrier(2)

    def wait(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM conn_delivery_event"):
            with suppress(threading.BrokenBarrierError):  # the other one waits until this one is done
                together.wait(0.3)

    rows = [queue.find_heads(endpoint, 2.0, 10)[0] for endpoint in "ab"]
    for when in ("before_cursor_execute", "after_cursor_execute"):
        sa.event.listen(queue.engine, when, wait)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda row: queue.record([DeliveryAttempt(row.number, 0, True, is_secret=True)], 2.0), rows))
    assert (queue.count(), count_events(queue)) == ({"delivered": 2}, 0)


def test_an_event_that_is_added_again_has_its_new_content(queue: DeliveryStore) -> None:
    event = make_event("k")
    add(queue, ["a"], event)
    changed = OutgoingEvent(event.id, event.type, event.key, event.change, {**event.body, "data": {"id": "corrected"}})
    add(queue, ["a", "b"], changed, now=2.0)
    assert count_events(queue) == 1
    assert {json.loads(row.body)["data"]["id"] for row in [*deliver(queue, "a"), *deliver(queue, "b")]} == {"corrected"}


class TestRedelivery:
    """Events again, also those that an endpoint has received."""

    def add_days(self, queue: DeliveryStore) -> None:
        """A record that changes on three days, and one that changes on the second: all delivered to two endpoints."""
        add(queue, ["a", "b"], make_event("k", 1), now=100.0)
        add(queue, ["a", "b"], make_event("k", 2), make_event("m", 2), now=200.0)
        add(queue, ["a", "b"], make_event("k", 3), now=300.0)
        for endpoint in "ab":
            deliver(queue, endpoint, 400.0)

    def read_again(self, queue: DeliveryStore, endpoint: str) -> list[str]:
        rows = deliver(queue, endpoint, 500.0)
        return [f"{row.key}={json.loads(row.body)['data']['value']}" for row in rows]

    def test_all_since_a_time_in_their_order(self, queue: DeliveryStore) -> None:
        self.add_days(queue)
        assert queue.redeliver("a", 450.0, since=200.0) == RedeliveredEvents(3, 0)
        assert self.read_again(queue, "a") == ["acme/k=2", "acme/m=2", "acme/k=3"]
        assert self.read_again(queue, "b") == []

    def test_what_a_later_event_has_replaced_is_left_out(self, queue: DeliveryStore) -> None:
        self.add_days(queue)
        assert queue.redeliver("a", 450.0, since=200.0, until=300.0) == RedeliveredEvents(1, 1)
        assert self.read_again(queue, "a") == ["acme/m=2"]

    def test_one_event_is_sent_whatever_came_later(self, queue: DeliveryStore) -> None:
        self.add_days(queue)
        event = make_event("k", 1)
        assert queue.redeliver("a", 450.0, event_id=event.id) == RedeliveredEvents(1, 0)
        assert [row.event_id for row in deliver(queue, "a", 500.0)] == [event.id]
        assert queue.redeliver("c", 450.0, event_id=event.id) == RedeliveredEvents(0, 0)

    def test_an_event_that_was_given_up_or_not_wanted(self, queue: DeliveryStore) -> None:
        add(queue, ["a"], make_event("k"), make_event("m"))
        first, second = queue.find_heads("a", 2.0, 10)
        queue.record([DeliveryAttempt(first.number, 0, False, "500")], 2.0)
        queue.set_unwanted([second.number], 2.0)
        assert queue.redeliver("a", 3.0, since=1.0) == RedeliveredEvents(2, 0)
        assert [row.attempts for row in queue.find_heads("a", 3.0, 10)] == [0, 0]

    def test_without_its_content_an_event_stays(self, queue: DeliveryStore) -> None:
        add(queue, ["a"], make_event("link"), is_secret=True)
        deliver(queue, "a")
        assert queue.redeliver("a", 3.0) == RedeliveredEvents(0, 0)
        assert queue.count() == {"delivered": 1}

    def test_a_day_takes_few_statements_however_many_events_it_has(self, queue: DeliveryStore) -> None:
        add(queue, ["a"], *(make_event(str(n)) for n in range(3000)))
        statements = count_statements(queue, lambda: queue.redeliver("a", 3.0, since=0.0, until=2.0))
        assert len(statements) < 10
        assert queue.count() == {"waiting": 3000}


def test_deliveries_are_listed_by_account_without_those_of_similar_names(queue: DeliveryStore) -> None:
    for account in ("acme", "acme-2", "acme.eu", "other"):
        add(queue, ["a", "b"], make_event("k", account=account))
    found = find_deliveries(queue.engine, accounts=["acme"])
    assert [(entry.account, entry.endpoint, entry.status) for entry in found] == [
        ("acme", "b", "waiting"), ("acme", "a", "waiting"),
    ]  # fmt: skip
    assert len(find_deliveries(queue.engine)) == 8
    assert find_deliveries(queue.engine, accounts=[]) == []
    assert [entry.number for entry in find_deliveries(queue.engine, before=3, limit=1)] == [2]
    assert len(find_deliveries(queue.engine, endpoint="a", status="waiting")) == 4
