"""Faults while webhooks are received and passed on: each ends in a clear state, and nothing is lost."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from inbox_bench import InboxBench, changed

from conn_engine.errors import TransportError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.wire import FrozenClock, Request, Response
from conn_service.delivery import RETRY_SECONDS, DeliveryStore, ResolvedEndpoint, add_deliveries, drain
from conn_service.inbox import ArrivalWriter, InboxQueue, InboxStore
from conn_service.store import open_engine

sys.path.append(str(Path(__file__).resolve().parents[1] / "syncs"))

from delivery_bench import make_event
from test_arrivals import deliver
from test_store_faults import limit_pages


class TimingOut:
    """An application that takes the request and never answers."""

    sent = 0

    def send(self, _request: Request) -> Response:
        self.sent += 1
        raise TransportError("e.test did not respond within 30 s")


@pytest.mark.slow
def test_an_endpoint_that_times_out_for_three_days_is_disabled_and_gets_everything_later(tmp_path: Path) -> None:
    store = DeliveryStore(open_engine(StoreLocation(file=tmp_path / "d.sqlite3")))
    clock, sender, endpoint = FrozenClock(1_700_000_000.0), TimingOut(), ResolvedEndpoint("e", "https://e.test/")
    with store.engine.begin() as connection:
        add_deliveries(connection, ["e"], "r", [make_event(str(n), n) for n in range(20)], clock.now())
    began = clock.now()
    result = drain(store, endpoint, sender, clock)
    while result.next_due is not None and not store.find_disabled_reason("e"):
        clock.sleep(max(result.next_due - clock.now(), 0.2))
        result = drain(store, endpoint, sender, clock)
    assert clock.now() - began <= sum(RETRY_SECONDS)
    assert "nothing was delivered for 75 hours" in store.find_disabled_reason("e")
    assert sender.sent < 500, "one event at a time is tried"
    assert set(store.count()) <= {"waiting", "dead"} and sum(store.count().values()) == 20, "nothing is lost"
    store.set_disabled("e", "", clock.now())
    store.retry_dead(clock.now(), endpoint="e", also_waiting=True)

    class Well:
        def send(self, _request: Request) -> Response:
            return Response(200)

    assert drain(store, endpoint, Well(), clock).delivered == 20
    store.engine.dispose()


def test_ten_thousand_pending_events_survive_a_restart_and_cost_no_more_statements(tmp_path: Path) -> None:
    """A drain that finds nothing due costs the same for two thousand events as for ten thousand, and then the worker
    sleeps until one is."""
    location = StoreLocation(file=tmp_path / "d.sqlite3")
    engine = open_engine(location)
    DeliveryStore(engine)
    clock = FrozenClock(1_700_000_000.0)
    costs = []
    for count in (2_000, 10_000):
        endpoint = f"e{count}"
        with engine.begin() as connection:
            events = [make_event(f"{count}-{n}", n) for n in range(count)]
            add_deliveries(connection, [endpoint], "r", events, clock.now() + 75 * 3600)
        engine.dispose()  # the process ends
        engine = open_engine(location)
        store = DeliveryStore(engine)
        assert store.count(endpoint=endpoint) == {"waiting": count}
        statements: list[str] = []
        sa.event.listen(engine, "before_cursor_execute", lambda *arguments, to=statements: to.append(arguments[2]))
        result = drain(store, ResolvedEndpoint(endpoint, "https://e.test/"), TimingOut(), clock)
        costs.append(len(statements))
        assert result.next_due == clock.now() + 75 * 3600, "the worker sleeps until then"
        assert store.find_waiting_endpoints() == sorted({"e2000", endpoint})
    assert costs[0] == costs[1] <= 10
    engine.dispose()


def test_a_full_disk_refuses_deliveries_until_there_is_room(inbox: InboxBench) -> None:
    engine = inbox.store.engine
    writer = ArrivalWriter(engine, lambda *_: None)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    stored = 0
    with limit_pages(engine, pages + 8):
        error = None
        for number in range(100):
            error = writer.add("shop", deliver(f"e{number}", size=4_000), 1.0).exception(30)
            if error is not None:
                break
            stored += 1
    assert isinstance(error, sa.exc.OperationalError) and "full" in str(error.orig)
    assert 0 < stored < 100
    assert InboxStore(engine).count() == {"waiting": stored}, "what was accepted is there"
    assert writer.add("shop", deliver("later"), 2.0).result(30), "there is room again"
    writer.close()


def test_a_store_that_is_down_is_503_and_what_was_accepted_is_expanded_later(inbox: InboxBench) -> None:
    assert inbox.send(changed(id_="e1")).status_code == 200
    with inbox.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE conn_inbox RENAME TO conn_inbox_away")
    reply = inbox.send(changed(id_="e2"))
    assert (reply.status_code, reply.json()["kind"]) == (503, "store"), "the vendor delivers it again"
    with inbox.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE conn_inbox_away RENAME TO conn_inbox")
    assert inbox.send(changed(id_="e2")).status_code == 200
    for number in (1, 2):
        inbox.expander.expand(number)
    assert [body["vendor"]["id"] for _, _, body in inbox.find_deliveries()] == ["e1", "e2"]


def test_a_postgres_that_restarts_is_503_and_then_used_again(postgres: Callable[[], str]) -> None:
    """Its connections are cut, as by a restart; the next delivery is stored over a new one."""
    engine = open_engine(StoreLocation(url=sa.engine.make_url(postgres())))
    store = InboxStore(engine)
    writer = ArrivalWriter(engine, lambda *_: None)
    assert writer.add("shop", deliver("e1"), 1.0).result(30)
    with engine.connect() as one, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
        own = one.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        other.execute(sa.text(f"{query} pg_backend_pid()"))
        with pytest.raises(sa.exc.DBAPIError):
            one.execute(sa.text(f"SELECT {own}"))
    assert writer.add("shop", deliver("e2"), 2.0).result(30)
    assert store.count() == {"waiting": 2}
    writer.close()
    engine.dispose()


def test_what_arrives_is_enqueued_once_for_each_account_on_postgres(postgres: Callable[[], str]) -> None:
    from dbos import DBOS

    location = StoreLocation(url=sa.engine.make_url(postgres()))
    engine = open_engine(location)
    store, queue = InboxStore(engine), InboxQueue(engine)
    DBOS.migrate(engine.url.render_as_string(hide_password=False))
    writer = ArrivalWriter(engine, queue.enqueue_all)
    accounts = ["acme", "globex", "acme"]
    stored = [
        writer.add("shop", replace(deliver(f"e{number}"), account=account), 1.0)
        for number, account in enumerate(accounts * 5)
    ]
    assert all(future.result(30) for future in stored)
    store.start_again(store.get(1), 2.0, partial(queue.start_again, moment=2.0), is_replay=True)
    writer.close()
    query = "SELECT queue_partition_key FROM dbos.workflow_status WHERE queue_name = 'conn_inbox' ORDER BY 1"
    with engine.connect() as connection:
        assert connection.execute(sa.text(query)).scalars().all() == ["acme", "globex"]
    assert store.find_due("globex", 1.0, 100) == [2, 5, 8, 11, 14]
    engine.dispose()
