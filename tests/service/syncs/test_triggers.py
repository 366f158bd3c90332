"""A run of another sync, or an event of the connector, starts a run; the request is stored with what causes it."""

import time
from dataclasses import replace
from io import StringIO
from typing import Any

import duckdb
import pytest
from sync_bench import CONNECTOR, ENVIRON, SYNC, Bench
from test_worker import transcript, worker_of

from conn_cli.commands.webhook_listen import _open_requests
from conn_cli.console import App
from conn_cli.delivery_listener import DeliveryListener, EventWriter
from conn_cli.delivery_options import DeliveryOwner
from conn_engine.config import load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_engine.runtime.webhooks import Event, Receiver
from conn_engine.webhooks import Delivery
from conn_engine.wire import FrozenClock, Headers
from conn_service.store import DEFAULT_FILE, open_engine
from conn_service.syncs.receiving import receive_events
from conn_service.syncs.requests import find_requests, forget_events, request_retry
from conn_service.syncs.starting import start_requested
from conn_service.syncs.store import RunRow

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
AFTER = f"{SYNC}trigger: {{ sync: people }}\n"
HOOKS = "webhooks: { verify: { format: none }, events: { type: body.type } }\n"
UNIFIED = """\
resources:
  contacts:
    list: { response_mapping: { id: response.id, name: response.name } }
    delete: { response_mapping: { id: id } }
    events:
      deleted: { when: 'event.type = "gone"', record: event.item, method: delete }
"""


def start(bench: Bench) -> list[RunRow]:
    """Run what is requested, until nothing is."""
    runs = []
    while started := start_requested(runner := bench.runner(), runner._releases):
        runs += [bench.run(run_id, run_id.split(":")[0]) for run_id in started]
    return runs


def send(bench: Bench, *events: Event) -> None:
    receive_events(bench.store.engine, load_workspace(bench.root), events, FrozenClock(1_795_000_000))


def event(name: str = "shop:contact.changed", data: Any = None, number: int = 1, account: str = "acme") -> Event:
    kind = name.rpartition(":")[2]
    return Event(f"evt_{number}", name, account, "shop", None, data or {"id": 7}, {"type": kind})


@pytest.mark.parametrize("is_full", [False, True])
def test_a_retry_is_requested_once_and_reads_as_much_also_while_the_schedule_is_paused(
    bench: Bench, is_full: bool
) -> None:
    failed = bench.run("r1", is_full=is_full)
    bench.store.streams.pause("people", "acme")
    engine = bench.store.engine
    assert request_retry(engine, failed, 1_795_000_000.0) is True
    assert request_retry(engine, failed, 1_795_000_001.0) is False
    [run] = start(bench)
    assert (run.cause, run.is_full, run.status) == ("retry", is_full, "complete")
    assert find_requests(engine) == []
    assert request_retry(engine, failed, 1_795_000_002.0) is True


class TestAnotherSync:
    @pytest.fixture(autouse=True)
    def two_syncs(self, bench: Bench) -> None:
        bench.write({"syncs/after.yaml": AFTER})

    def test_a_complete_run_starts_the_next_sync_for_its_account(self, bench: Bench) -> None:
        bench.run("people:acme:0001")
        [run] = start(bench)
        assert (run.sync, run.account, run.cause, run.status) == ("after", "acme", "sync", "complete")

    def test_the_request_is_stored_before_the_end_is_known(self, bench: Bench) -> None:
        runner = bench.runner()
        runner.create_run("people:acme:0001", "people", "acme")
        for seq in range(6):
            runner.advance("people:acme:0001", seq)
        assert find_requests(bench.store.engine) == []
        runner.finish("people:acme:0001")  # and the process dies before anything is delivered
        assert find_requests(bench.store.engine) == [], "stdout is delivered first"
        bench.runner().deliver("people:acme:0001")
        assert [request.sync for request in find_requests(bench.store.engine)] == ["after"]

    def test_the_list_of_syncs_names_what_starts_them(self, bench: Bench) -> None:
        bench.write({"syncs/last.yaml": f"{SYNC}trigger: {{ webhook: contact.changed }}\n"})
        lines = transcript.conn(bench.root, "sync", "list").out.splitlines()
        started = [line.partition("  contacts  ")[2].split("  ")[0] for line in lines]
        assert started == ["after sync people", "after event contact.changed", "manual"]

    def test_a_run_that_fails_starts_nothing(self, bench: Bench) -> None:
        bench.contacts.fail_at = {2: (400, {}, {})}
        bench.run("people:acme:0001")
        bench.runner().fail("people:acme:0001", "the vendor refuses")
        assert start(bench) == []

    def test_a_backfill_starts_nothing(self, bench: Bench) -> None:
        bench.run("people:acme:0001", settings={"keeps_state": True})
        assert start(bench) == []

    def test_several_runs_are_followed_by_one(self, bench: Bench) -> None:
        for number in (1, 2, 3):
            bench.run(f"people:acme:000{number}")
        assert len(start(bench)) == 1

    def test_a_chain_goes_on(self, bench: Bench) -> None:
        bench.write({"syncs/last.yaml": AFTER.replace("people", "after")})
        bench.run("people:acme:0001")
        assert [run.sync for run in start(bench)] == ["after", "last"]

    def test_syncs_in_a_circle_do_not_start_each_other(self, bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}trigger: {{ sync: after }}\n"})
        bench.run("people:acme:0001")
        assert start(bench) == []
        assert "people -> after" in caplog.text

    @pytest.mark.parametrize(("policy", "later"), [("skip", 0), ("queue", 1)])
    def test_an_open_run_is_waited_for_or_the_request_dropped(self, bench: Bench, policy: str, later: int) -> None:
        bench.write({"syncs/after.yaml": f"{AFTER}overlap: {policy}\n"})
        bench.runner().create_run("after:acme:0001", "after", "acme")
        bench.run("people:acme:0001")
        assert start(bench) == []
        bench.run("after:acme:0001", "after")
        assert len(start(bench)) == later

    def test_a_paused_sync_runs_when_it_is_resumed(self, bench: Bench) -> None:
        bench.store.streams.pause("after", "acme")
        bench.run("people:acme:0001")
        assert start(bench) == []
        bench.store.streams.pause("after", "acme", is_paused=False)
        assert len(start(bench)) == 1

    def test_a_request_for_a_sync_that_is_disabled_is_dropped(self, bench: Bench) -> None:
        bench.run("people:acme:0001")
        bench.write({"syncs/after.yaml": f"{AFTER}enabled: false\n"})
        assert (start(bench), find_requests(bench.store.engine)) == ([], [])

    def test_a_request_for_a_sync_that_is_gone_is_dropped(self, bench: Bench) -> None:
        bench.run("people:acme:0001")
        (bench.root / "syncs/after.yaml").unlink()
        assert (start(bench), find_requests(bench.store.engine)) == ([], [])

    def test_a_request_for_a_sync_with_a_mistake_waits_until_it_is_corrected(self, bench: Bench) -> None:
        bench.run("people:acme:0001")
        bench.write({"syncs/after.yaml": AFTER.replace("contacts", "nothing")})
        assert start(bench) == []
        bench.write({"syncs/after.yaml": AFTER})
        assert len(start(bench)) == 1


def test_a_worker_starts_what_follows_by_itself(bench: Bench) -> None:
    bench.write({"syncs/after.yaml": AFTER})
    with worker_of(bench) as worker:
        worker.wait([worker.start("people", "acme").id], 60)
        deadline = time.monotonic() + 60
        while not (found := worker.store.find_runs(sync="after", statuses=("complete",))):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert [run.cause for run in found] == ["sync"]


def test_work_once_ends_with_the_chain_that_it_starts(bench: Bench) -> None:
    bench.write({"syncs/after.yaml": AFTER, "syncs/last.yaml": AFTER.replace("people", "after")})
    bench.run("people:acme:0001")
    store = bench.root.parent / "store.sqlite3"
    done = transcript.conn(bench.root, "sync", "work", "--once", "--store", str(store))
    assert (done.code, done.out) == (0, "2 started, 0 continued\n")
    assert {run.sync: run.status for run in bench.store.find_runs()} == dict.fromkeys(
        ("people", "after", "last"), "complete"
    )


class TestEvents:
    BY_EVENT = """\
source: { connector: shop, resource: contacts, params: { of: "{{ event.data.id }}" } }
transform: { id: record.id, cause: event.id }
emit: { event: contact.updated, type: stdout }
trigger: { webhook: contact.changed }
overlap: queue
"""

    @pytest.fixture(autouse=True)
    def hooked(self, bench: Bench) -> None:
        connector = f"{CONNECTOR.format(url=bench.arriving.url)}{HOOKS}"
        bench.write({"connectors/shop/connector.yaml": connector, "syncs/people.yaml": self.BY_EVENT})

    def test_parameters_and_expressions_see_the_event(self, bench: Bench) -> None:
        send(bench, event())
        [run] = start(bench)
        assert (run.cause, run.status) == ("event", "complete")
        assert bench.contacts.asked[0]["of"] == "7"
        assert bench.spooled(run.id)[0] == {"id": 0, "cause": "evt_1"}

    def test_each_event_has_a_run_of_its_own(self, bench: Bench) -> None:
        send(bench, *(event(number=number, data={"id": number}) for number in (1, 2, 3)))
        assert len(start(bench)) == 3
        assert [query["of"] for query in bench.contacts.asked if "after" not in query] == ["1", "2", "3"]

    @pytest.mark.parametrize(
        "stamp", [{"occurred_at": "2026-01-02T03:04:05Z"}, {"vendor": {"type": "contact.changed", "id": "e1"}}]
    )
    def test_an_event_that_the_vendor_sends_again_starts_one_run(self, bench: Bench, stamp: dict[str, Any]) -> None:
        first = replace(event(), **stamp)
        send(bench, first, first)
        assert len(start(bench)) == 1
        send(bench, first)
        assert start(bench) == [], "also after the run"
        send(bench, replace(first, id="evt_2"))
        assert len(start(bench)) == 1

    def test_an_event_without_an_id_or_a_time_may_be_another_one(self, bench: Bench) -> None:
        send(bench, event())
        send(bench, event())
        assert len(start(bench)) == 1, "a run that waits reads what the next one would"
        send(bench, event())
        assert len(start(bench)) == 1, "the record may have changed since"

    def test_events_are_forgotten_with_what_was_delivered(self, bench: Bench) -> None:
        send(bench, replace(event(), occurred_at="2026-01-02T03:04:05Z"))
        assert forget_events(bench.store.engine, 1_795_000_000) == 0
        assert forget_events(bench.store.engine, 1_795_000_001) == 1

    def test_a_run_about_one_event_does_not_move_the_place_of_the_sync(self, bench: Bench) -> None:
        send(bench, event())
        [run] = start(bench)
        assert run.report["moved"] is False
        assert bench.store.streams.get("people", "acme").last_run_at is None

    def test_a_run_that_reads_everything_new_moves_it(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}trigger: {{ webhook: contact.changed }}\n"})
        send(bench, event())
        [run] = start(bench)
        assert run.report["moved"] is True

    @pytest.mark.parametrize("other", [event("shop:deal.changed"), event(account="nobody")])
    def test_other_events_start_nothing(self, bench: Bench, other: Event) -> None:
        send(bench, other)
        assert start(bench) == []

    def test_without_an_event_the_parameter_is_left_out(self, bench: Bench) -> None:
        text = self.BY_EVENT.replace("event.data.id", "event ? event.data.id : null")
        bench.write({"syncs/people.yaml": text})
        assert bench.run("people:acme:0001").status == "complete"
        assert "of" not in bench.contacts.asked[0]
        assert "cause" not in bench.spooled("people:acme:0001")[0]


class TestDeletes:
    @pytest.fixture(autouse=True)
    def hooked(self, bench: Bench) -> None:
        bench.write(
            {
                "connectors/shop/connector.yaml": f"{CONNECTOR.format(url=bench.arriving.url)}{HOOKS}",
                "connectors/shop/unified/crm.yaml": UNIFIED,
                "syncs/people.yaml": SYNC.replace("contacts", "crm.contacts") + "deletes: { by: webhook }\n",
            }
        )

    def gone(self, number: int) -> Event:
        return event("crm.contact.deleted", {"id": number}, number)

    def test_an_event_becomes_a_delete_at_the_destination(self, bench: Bench) -> None:
        bench.run("people:acme:0001")
        before = bench.store.streams.get("people", "acme")
        send(bench, self.gone(3))
        [run] = start(bench)
        assert (run.cause, run.status, run.counts["deletes"]) == ("deletes", "complete", 1)
        assert bench.spooled(run.id) == ["-3"]
        assert len(bench.contacts.asked) == 4, "nothing is requested of the vendor"
        assert bench.store.streams.get("people", "acme") == before

    def test_deletes_that_wait_are_delivered_together(self, bench: Bench) -> None:
        bench.run("people:acme:0001")
        send(bench, self.gone(1), self.gone(2))
        send(bench, self.gone(3))
        [run] = start(bench)
        assert bench.spooled(run.id) == ["-1", "-2", "-3"]
        assert find_requests(bench.store.engine) == []

    def test_an_event_that_comes_twice_is_delivered_once(self, bench: Bench) -> None:
        bench.run("people:acme:0001")
        send(bench, self.gone(3))
        start(bench)
        send(bench, self.gone(3))
        [again] = start(bench)
        assert bench.spooled(again.id) == []

    def test_a_delete_waits_for_an_open_run_and_is_never_dropped(self, bench: Bench) -> None:
        bench.runner().create_run("people:acme:0001", "people", "acme")  # overlap is skip
        send(bench, self.gone(3))
        assert start(bench) == []
        bench.run("people:acme:0001")
        [run] = start(bench)
        assert bench.spooled(run.id) == ["-3"]

    def test_the_vendor_may_name_the_event_and_the_id_be_elsewhere(self, bench: Bench) -> None:
        deletes = "deletes: { by: webhook, event: contact.deletion, id: record.object }\n"
        bench.write({"syncs/people.yaml": f"{SYNC}{deletes}"})
        send(bench, event("shop:contact.deletion", {"object": 5}))
        [run] = start(bench)
        assert bench.spooled(run.id) == ["-5"]

    def test_a_table_loses_the_row(self, bench: Bench) -> None:
        text = (bench.root / "syncs/people.yaml").read_text()
        bench.write({"syncs/people.yaml": text.replace("type: stdout", "type: duckdb, to: people.duckdb")})
        bench.run("people:acme:0001")
        send(bench, self.gone(3))
        start(bench)
        with duckdb.connect(str(bench.root / "people.duckdb"), read_only=True) as connection:
            rows = connection.execute("select id from conn.contacts order by id").fetchall()
        assert [row[0] for row in rows] == [0, 1, 2, 4, 5, 6, 7, 8, 9]


class TestListening:
    """The listener of `conn webhook listen --syncs`, called as its server calls it."""

    def listen(self, bench: Bench, body: str) -> int:
        bench.write(
            {
                "connectors/shop/connector.yaml": f"{CONNECTOR.format(url=bench.arriving.url)}{HOOKS}",
                "syncs/people.yaml": f"{SYNC}trigger: {{ webhook: contact.changed }}\n",
            }
        )
        app = App(folder=bench.root, environ=ENVIRON, stdin=StringIO(), stdout=StringIO(), stderr=StringIO())
        receiver = Receiver(app.workspace, ENVIRON, clock=app.clock)
        with _open_requests(app) as start_syncs:
            owner, writer = DeliveryOwner("acme", None), EventWriter(app, [])
            listener = DeliveryListener(app, receiver, owner, writer, start_syncs=start_syncs)
            headers = Headers({"content-type": "application/json"})
            delivery = Delivery("POST", "https://hooks.example.com/", headers, body.encode())
            return listener.take(delivery, "/").status

    def requests(self, bench: Bench) -> list[str]:
        engine = open_engine(StoreLocation(file=bench.root / DEFAULT_FILE))
        found = [request.sync for request in find_requests(engine)]
        engine.dispose()
        return found

    def test_the_request_is_stored_before_the_vendor_gets_its_reply(self, bench: Bench) -> None:
        assert 200 <= self.listen(bench, '{"type": "contact.changed"}') < 300
        assert self.requests(bench) == ["people"]

    def test_a_store_that_cannot_be_written_makes_the_vendor_send_again(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError("disk full")

        monkeypatch.setattr("conn_service.syncs.receiving.add_requests", fail)
        assert self.listen(bench, '{"type": "contact.changed"}') == 503
