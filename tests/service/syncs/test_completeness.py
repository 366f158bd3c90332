"""The completeness report: the vendor's total against the IDs that were read, gaps, and what a rule skipped."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from sync_bench import CONNECTOR, Bench
from vendor import Arrived

from conn_service.delivery import DeliveryStore

sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

import transcript

WITH_TOTAL = CONNECTOR.replace("cursor_param: after }}", "cursor_param: after, total_field: total }}")
SWEEPING = """\
source: { connector: shop, resource: contacts }
deletes: { by: sweep }
emit: { type: stdout }
"""


@pytest.fixture
def counting(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A vendor that reports how many records it has."""
    contacts, answer = bench.contacts, bench.contacts.answer

    def count(arrived: Arrived) -> Any:
        reply = answer(arrived)
        return reply | {"total": len(contacts.records)} if isinstance(reply, dict) else reply

    monkeypatch.setattr(bench.arriving, "answer", count)
    bench.write({"connectors/shop/connector.yaml": WITH_TOTAL.format(url=bench.arriving.url)})
    return bench


def show(bench: Bench, run_id: str = "r1") -> dict[str, Any]:
    DeliveryStore(bench.store.engine)
    done = transcript.conn(
        bench.root, "sync", "show", run_id, "--format", "json", "--store", str(bench.root.parent / "store.sqlite3")
    )
    return dict(json.loads(done.out)["runs"][0])


def test_the_vendors_total_is_compared_with_the_ids(counting: Bench) -> None:
    assert counting.run().status == "complete"
    report = show(counting)
    assert (report["total"], report["ids"], report["gaps"], report["counts"]["duplicates"]) == (10, 10, 0, 0)


def test_a_record_that_came_twice_stands_for_one_that_did_not_come(counting: Bench) -> None:
    counting.contacts.records[9] = counting.contacts.records[0]
    run = counting.run()
    assert (run.status, run.reason) == ("incomplete", "9 of 10 records arrived: 1 came more than once")
    assert counting.store.streams.get("people", "acme").last_run_at is None, "the next run reads everything again"


def test_records_that_become_one_are_not_missing(counting: Bench) -> None:
    counting.write(
        {
            "syncs/people.yaml": "source: { connector: shop, resource: contacts }\nkey: name\neach: page\n"
            'transform: \'{"name": "all"}\'\nemit: { type: stdout }\n'
        }
    )
    run = counting.run()
    assert (run.status, run.counts["duplicates"]) == ("complete", 3)


def test_a_run_that_was_resumed_has_no_total(counting: Bench) -> None:
    counting.contacts.fail_at = {3: (429, {"Retry-After": "90"}, {})}
    assert counting.run().status == "waiting"
    assert counting.run().status == "complete"
    assert show(counting)["total"] is None


def test_without_a_total_nothing_is_compared(bench: Bench) -> None:
    bench.contacts.records[9] = bench.contacts.records[0]
    assert bench.run().status == "complete"
    report = show(bench)
    assert (report["total"], report["ids"], report["counts"]["duplicates"]) == (None, 9, 1)


def test_a_page_that_is_not_in_the_store_is_a_gap(bench: Bench) -> None:
    runner = bench.runner()
    run = runner.create_run("r1", "people", "acme")
    seq = run.seq
    while runner.advance("r1", seq).kind == "page":
        seq += 1
    with bench.store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM conn_sync_page WHERE seq = 2")
    run = runner.finish("r1")
    assert run.report["verdict"] == "incomplete"
    assert run.reason == "1 page of the run is not in the store"
    assert show(bench)["gaps"] == 1


@pytest.mark.parametrize("transform", ["$.resluts.{'id': id}", "$[false]"])
def test_a_transformation_that_gives_nothing_is_not_complete(bench: Bench, transform: str) -> None:
    bench.write({"syncs/people.yaml": SWEEPING})
    bench.run()
    bench.write({"syncs/people.yaml": f'{SWEEPING}transform: "{transform}"\n'})
    run = bench.run("r2")
    assert (run.status, run.counts.get("deletes", 0)) == ("incomplete", 0)
    assert run.reason == "transform gives nothing for 10 records: to leave records out, use filter"
    assert bench.store.streams.get("people", "acme").last_run_at == bench.store.get_run("r1").began


def test_a_record_without_a_result_is_counted_and_not_deleted(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": SWEEPING})
    bench.run()
    bench.write({"syncs/people.yaml": f"{SWEEPING}each: record\ntransform: 'record.id > 3 ? record'\n"})
    run = bench.run("r2")
    assert (run.status, run.counts["empty"], run.counts.get("deletes", 0)) == ("complete", 4, 0)


def test_nothing_is_deleted_that_a_rule_left_out(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": SWEEPING})
    bench.run()
    path = bench.root / "connectors/shop/connector.yaml"
    path.write_text(path.read_text() + "errors: [{ when: status = 403, then: skip }]\n")
    bench.contacts.fail_at = {len(bench.contacts.asked) + 1: (403, {}, {})}
    run = bench.run("r2")
    assert run.counts.get("deletes", 0) == 0
    assert run.reason == "deleted records were not searched: a rule skipped 1 response, whose records may exist"
    assert show(bench, "r2")["counts"]["skipped_by_rule"] == 1


def test_the_table_has_everything(counting: Bench) -> None:
    counting.run("people:acme:1")
    DeliveryStore(counting.store.engine)
    done = transcript.conn(
        counting.root, "sync", "show", "people:acme:1", "--store", str(counting.root.parent / "store.sqlite3")
    )
    lines = [line for line in done.out.splitlines() if not line.startswith(("  time ", "  since "))]
    assert lines == [
        "people for acme: complete",
        "  run        people:acme:1, manual",
        "  pages      4, no gaps",
        "  records    10, 10 IDs; the vendor reports 10",
        "  repeated   0 listed twice, 0 read again",
        "  left out   0 by the filter, 0 without a result of transform, 0 unchanged",
        "  skipped    0 records that failed, 0 responses by a rule",
        "  set aside  0",
        "  deleted    0",
        "  delivered  10 of 10",
        "  state      null -> null",
        "  verdict    complete",
        "  next run   begins after this one",
    ]
