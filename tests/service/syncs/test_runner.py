"""A run stores each page once, goes on where it was, and says whether it is complete."""

from typing import Any

import pytest
from sync_bench import SYNC, Bench

from conn_service.syncs.paging import store_next_page
from conn_service.syncs.runner import Advance

ALL = [{"id": n, "name": f"N{n}"} for n in range(10)]


def shorten_pauses(bench: Bench) -> None:
    """Let a request be tried again as often as by default, and at once."""
    path = bench.root / "connectors/shop/connector.yaml"
    rule = "{ when: status = 503, then: { retry: { times: 2, backoff_seconds: 0.01 } } }"
    path.write_text(f"{path.read_text()}errors: [{rule}]\n")


def test_a_run_reads_everything_and_is_complete(bench: Bench) -> None:
    run = bench.run()
    assert bench.spooled() == ALL
    assert (run.status, run.report["verdict"], run.report["pages"], run.report["records"]) == (
        "complete",
        "complete",
        4,
        10,
    )
    assert bench.store.streams.get("people", "acme").last_run_at == run.began


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_new_worker_goes_on_at_the_stored_page(bench: Bench, at: int) -> None:
    runner = bench.runner()
    runner.create_run("r1", "people", "acme")
    for seq in range(at):
        assert runner.advance("r1", seq).kind == "page"
    run = bench.run()
    assert bench.spooled() == ALL
    assert run.status == "complete"
    assert len(bench.contacts.asked) == 4, "no page is read twice"


def test_a_step_that_is_repeated_changes_nothing(bench: Bench) -> None:
    runner = bench.runner()
    runner.create_run("r1", "people", "acme")
    assert [runner.advance("r1", 0).kind for _ in range(3)] == ["page"] * 3
    assert bench.store.get_run("r1").seq == 1
    assert len(bench.spooled()) == 3


def test_a_worker_that_was_overtaken_stores_nothing(bench: Bench) -> None:
    slow, fast = bench.runner(), bench.runner()
    slow.create_run("r1", "people", "acme")
    slow.advance("r1", 0)
    run = bench.store.get_run("r1")
    opened = slow._open.get(run)
    fast.advance("r1", 1)
    assert (
        store_next_page(run, opened, bench.store, 0.0) is None
    )  # it was stopped in the middle of the page, and continues
    assert len(bench.spooled()) == 6
    assert bench.run().status == "complete"
    assert bench.spooled() == ALL


class TestFaults:
    def test_a_rate_limit_ends_the_step_with_the_time_to_wait(self, bench: Bench) -> None:
        bench.contacts.fail_at = {2: (429, {"Retry-After": "90"}, {})}
        run = bench.run()
        assert run.status == "waiting"
        assert bench.last is not None
        assert (bench.last.kind, round(bench.last.seconds)) == ("wait", 90)
        assert bench.run().status == "complete"
        assert bench.spooled() == ALL

    def test_a_refused_credential_waits_for_a_login(self, bench: Bench) -> None:
        bench.write({"accounts/acme.yaml": "connector: shop\n"})
        bench.contacts.fail_at = {3: (401, {}, {})}
        run = bench.run()
        assert run.status == "login"
        assert bench.run().status == "complete"
        assert bench.spooled() == ALL

    def test_a_vendor_that_is_down_is_asked_again_and_in_the_end_given_up(self, bench: Bench) -> None:
        shorten_pauses(bench)
        bench.contacts.fail_at = dict.fromkeys(range(2, 100), (503, {}, {}))
        pauses = []
        for _ in range(10):
            run = bench.run()
            assert bench.last is not None
            if bench.last.kind == "failed":
                break
            pauses.append(bench.last.seconds)
        assert pauses == sorted(pauses) and len(pauses) == 5
        bench.runner().fail("r1", bench.last.reason)
        run = bench.store.get_run("r1")
        assert (run.status, run.report["moved"]) == ("failed", False)
        assert bench.store.streams.get("people", "acme").last_run_at is None

    def test_only_failures_without_a_page_in_between_count(self, bench: Bench) -> None:
        shorten_pauses(bench)
        bench.contacts.fail_at = dict.fromkeys((2, 3, 4, 6, 7, 8, 10, 11, 12), (503, {}, {}))
        runs = [bench.run() for _ in range(10)]
        assert runs[-1].status == "complete"
        assert bench.spooled() == ALL

    def test_a_run_that_failed_reads_no_more(self, bench: Bench) -> None:
        runner = bench.runner()
        runner.create_run("r1", "people", "acme")
        runner.fail("r1", "it cannot go on")
        assert runner.advance("r1", 0) == Advance("failed", reason="it cannot go on")
        assert bench.contacts.asked == []

    def test_a_cancelled_run_stops(self, bench: Bench) -> None:
        runner = bench.runner()
        runner.create_run("r1", "people", "acme")
        runner.advance("r1", 0)
        bench.store.set_status("r1", "cancelled")
        assert runner.advance("r1", 1).reason == "cancelled"
        assert len(bench.contacts.asked) == 1

    @pytest.mark.parametrize("restarts", [False, True])
    def test_a_vendor_that_repeats_its_pages_is_noticed(self, bench: Bench, restarts: bool) -> None:
        pages = [{"results": ALL[n : n + 1], "next": str(n)} for n in range(3)]
        bench.contacts.fail_at = {n + 1: pages[n % 3] for n in range(100)}
        runner = bench.runner()
        runner.create_run("r1", "people", "acme")
        for seq in range(10):
            done = (bench.runner() if restarts else runner).advance("r1", seq)
            if done.kind != "page":
                break
        assert done.kind == "failed" or bench.store.get_run("r1").place["verdict"] == "incomplete"
        assert len(bench.contacts.asked) <= 6


class TestRecords:
    def test_a_record_that_fails_is_set_aside(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}on_error: set_aside\nfilter: $fromMillis(record.at) or true\n"})
        bench.contacts.records[4]["at"] = "yesterday"
        run = bench.run()
        assert (run.status, run.report["set_aside"], run.report["spooled"]) == ("complete", 1, 9)
        [row] = bench.store.set_aside.find(sync="people")
        assert (row.key, row.stage) == ("4", "filter")

    def test_or_skipped_or_the_run_stops_and_names_it(self, bench: Bench) -> None:
        text = f"{SYNC}filter: $fromMillis(record.at) or true\n"
        bench.contacts.records[4]["at"] = "yesterday"
        bench.write({"syncs/people.yaml": f"{text}on_error: skip\n"})
        assert bench.run().report["skipped"] == 1
        bench.write({"syncs/people.yaml": text})
        bench.run("r2")
        assert bench.last is not None
        assert bench.last.kind == "failed" and "the record 4" in bench.last.reason

    def test_what_has_not_changed_is_left_out(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}changes_only: true\n"})
        bench.run()
        bench.contacts.records[3]["name"] = "new"
        run = bench.run("r2")
        assert bench.spooled("r2") == [{"id": 3, "name": "new"}]
        assert run.report["unchanged"] == 9

    def test_a_record_that_the_vendor_lists_twice_is_delivered_once(self, bench: Bench) -> None:
        bench.contacts.records.append(dict(ALL[0]))
        run = bench.run()
        assert bench.spooled() == ALL
        assert run.report["duplicates"] == 1


class TestIncremental:
    TEXT = SYNC.replace("resource: contacts", "resource: contacts, params: { since: '{{ last_run_at }}', kind: x }")

    def test_the_time_of_the_last_completed_run(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{self.TEXT}lookback: PT10S\n"})
        first = bench.run()
        assert "since" not in bench.contacts.asked[0]
        assert bench.contacts.asked[0]["kind"] == "x"
        second = bench.run("r2")
        assert second.since is not None and second.since < _iso(first.began)
        assert bench.contacts.asked[-1]["since"] == second.since
        bench.contacts.fail_at = {len(bench.contacts.asked) + 1: (400, {}, {})}
        bench.run("r3")
        assert bench.run("r4").since == _iso(second.began - 10), "a run that failed does not count"
        assert bench.run("r5", is_full=True).since is None


def _iso(moment: float) -> str:
    from conn_engine.syncs import to_iso

    return to_iso(moment)


class TestDeletes:
    def test_a_sweep_after_a_complete_run(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}deletes: {{ by: sweep }}\n"})
        bench.run()
        del bench.contacts.records[2:4]
        run = bench.run("r2")
        assert sorted(bench.spooled("r2")[-2:]) == ["-2", "-3"]
        assert run.report["deletes"] == 2
        assert "deletes" not in bench.run("r3").report, "they are gone already"
        bench.contacts.records.append({"id": 2, "name": "N2"})
        assert {"id": 2, "name": "N2"} in (bench.run("r4") and bench.spooled("r4"))

    def test_too_many_stop_the_sweep(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}deletes: {{ by: sweep, max: 3 }}\n"})
        bench.run()
        del bench.contacts.records[:5]
        run = bench.run("r2")
        assert run.status == "incomplete" and "more than 3" in run.reason
        assert len(bench.spooled("r2")) == 5

    def test_an_operation_that_lists_what_is_deleted(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}deletes: {{ by: operation, resource: contacts.gone }}\n"})
        del bench.contacts.records[1]
        run = bench.run()
        assert bench.spooled()[-1] == "-1"
        assert (run.report["deletes"], run.report["deletes_pages"]) == (1, 1)


def test_a_loop_over_another_resource(bench: Bench) -> None:
    text = """\
steps:
- { action: for_each, connector: shop, resource: companies }
- { action: fetch_resource, resource: contacts, params: { company: "{{id}}" } }
- { action: transform, transform: '$map(results, function($r) { {"id": $r.id & "-" & id} })' }
- { action: deliver, type: stdout }
"""
    bench.write({"syncs/people.yaml": text})
    runner = bench.runner()
    runner.create_run("r1", "people", "acme")
    for seq in range(5):
        runner.advance("r1", seq)
    run = bench.run()
    asked = [query.get("company") for query in bench.contacts.asked if query["path"] == "/contacts"]
    assert asked == ["c1"] * 4 + ["c2"] * 4
    assert [record["id"] for record in bench.spooled()] == [f"{n}-{c}" for c in ("c1", "c2") for n in range(10)]
    assert run.status == "complete"


def test_a_partial_answer_is_read_again_and_delivered_once(bench: Bench) -> None:
    connector = (bench.root / "connectors/shop/connector.yaml").read_text()
    lines = "".join(f'{{"id": {n}}}\n' for n in range(2500))
    bench.write(
        {
            "connectors/shop/connector.yaml": connector + "  lines: {list: {path: /lines, response_format: jsonl}}\n",
            "syncs/people.yaml": "source: { resource: lines }\nemit: { type: stdout }\n",
        }
    )
    bench.contacts.fail_at = dict.fromkeys(range(1, 9), lines)
    runner = bench.runner()
    runner.create_run("r1", "people", "acme")
    runner.advance("r1", 0)
    assert len(bench.spooled()) == 1000
    run: Any = bench.run()
    rows = bench.store.spool.count("r1")
    assert (rows, run.report["read_again"]) == (2500, 1000)
