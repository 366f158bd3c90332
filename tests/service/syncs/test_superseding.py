"""What an older run delivers late is not written over what a newer run has delivered."""

import json

import pytest
from sync_bench import Bench

from conn_engine.syncs import OutgoingEvent, build_event
from conn_service.delivery import DeliveryStore, add_deliveries
from conn_service.delivery.store import DeliveryAttempt
from conn_service.syncs.superseding import drop_superseded

WEBHOOK = """\
source: { connector: shop, resource: contacts }
transform: { id: record.id, name: $uppercase(record.name) }
emit: { event: contact.updated, endpoint: "https://app.example.com/in" }
on_error: set_aside
"""
LOOP = """\
on_error: {policy}
steps:
- {{ action: for_each, connector: shop, resource: companies, id: record.code }}
- {{ action: fetch_resource, resource: contacts, params: {{ company: "{{{{id}}}}" }} }}
- {{ action: deliver, type: stdout }}
"""


def test_a_record_set_aside_is_left_out_if_a_newer_run_has_delivered_it(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": WEBHOOK})
    deliveries = DeliveryStore(bench.store.engine)
    bench.contacts.records[3]["name"] = bench.contacts.records[5]["name"] = 3
    assert bench.run("r1").report["set_aside"] == 2
    bench.contacts.records[3]["name"] = "new"
    bench.contacts.records.pop(5)
    bench.run("r2")
    bench.write({"syncs/people.yaml": WEBHOOK.replace("$uppercase(record.name)", "record.name")})
    bench.runner().retry_set_aside("r1")
    assert deliveries.count(run_id="r1") == {"waiting": 9}, "8 at first, and then the one that no newer run has"
    counts = bench.store.get_run("r1").counts
    assert (counts["superseded"], counts["events"], counts["set_aside"]) == (1, 9, 0)
    assert bench.store.set_aside.find(run_id="r1") == []


def make_event(value: object, key: str = "a") -> OutgoingEvent:
    return build_event(sync="s", account="a", type_="x", key=key, data=value, version=str(value), began=0.0)


def test_an_event_that_was_given_up_is_left_out_if_a_later_one_was_delivered(bench: Bench) -> None:
    deliveries = DeliveryStore(bench.store.engine)
    events = [
        make_event({"v": 1}),
        make_event({"v": 1}, "b"),
        make_event([1], "s"),
        make_event({"v": 2}),
        make_event([2], "s"),
    ]
    with deliveries.engine.begin() as connection:
        add_deliveries(connection, ["e"], "r", events, 0.0)
    for is_delivered in (False, True):
        heads = deliveries.find_heads("e", 1.0, 10)
        wanted = [row for row in heads if is_delivered or row.number <= 3]
        deliveries.record([DeliveryAttempt(row.number, 0, is_delivered) for row in wanted], 1.0)
    assert deliveries.count() == {"dead": 3, "delivered": 2}
    assert deliveries.retry_dead(2.0, run_id="r") == 2, (
        "nothing tells whether a batch has newer versions of its records"
    )
    assert deliveries.count() == {"superseded": 1, "waiting": 2, "delivered": 2}


def test_rows_of_an_older_run_are_left_out_if_a_newer_one_has_changed_them(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": "source: { resource: contacts }\nemit: { type: stdout }\nchanges_only: true\n"})
    bench.run("r1")
    assert drop_superseded(bench.store.get_run("r1"), bench.store) == 0
    bench.contacts.records[3]["name"] = "new"
    bench.run("r2")
    assert drop_superseded(bench.store.get_run("r1"), bench.store) == 1
    assert [record["id"] for record in bench.spooled("r1")] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert drop_superseded(bench.store.get_run("r2"), bench.store) == 0


def test_a_file_of_a_newer_run_is_not_replaced(bench: Bench) -> None:
    target = bench.root / "out.jsonl"
    target.mkdir()
    settings = {"to": "file:out.jsonl"}
    assert bench.run("r1", settings=settings).status == "delivering"
    target.rmdir()
    bench.contacts.records[3]["name"] = "new"
    assert bench.run("r2", settings=settings, is_full=True).status == "complete"
    bench.runner().deliver("r1")
    run = bench.store.get_run("r1")
    assert (run.status, "newer run r2" in run.reason) == ("complete", True)
    assert json.loads(target.read_text().splitlines()[3])["name"] == "new"


@pytest.mark.parametrize("policy", ["stop", "set_aside"])
def test_an_item_of_a_loop_without_an_id_never_asks_for_everything(bench: Bench, policy: str) -> None:
    bench.write({"syncs/people.yaml": LOOP.format(policy=policy)})
    run = bench.run()
    assert [query for query in bench.contacts.asked if query["path"] == "/contacts"] == []
    if policy == "stop":
        assert bench.last is not None and 'no ID: "record.code" has no value' in bench.last.reason
    else:
        assert (run.status, run.counts["set_aside"]) == ("complete", 2)
        assert {row.stage for row in bench.store.set_aside.find(run_id="r1")} == {"for_each"}
        bench.runner().retry_set_aside("r1")
        assert len(bench.store.set_aside.find(run_id="r1")) == 2
