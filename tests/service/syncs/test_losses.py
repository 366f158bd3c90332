"""Nothing that the vendor lists is lost, whatever ends a run, and nothing that exists is reported as deleted."""

from dataclasses import replace
from typing import Any

import pytest
from evaluating import usual
from sync_bench import SYNC, Bench

from conn_engine.config import load_workspace
from conn_engine.errors import UsageError
from conn_engine.syncs import OutgoingEvent, TransformStep, compile_sync, load_sync, process_page
from conn_service.syncs.paging import store_next_page

WEBHOOK = SYNC.replace("type: stdout", "endpoint: https://example.com/hook")


def read_pages(bench: Bench, number: int, run_id: str = "r1") -> Any:
    runner = bench.runner()
    runner.create_run(run_id, "people", "acme")
    for seq in range(number):
        assert runner.advance(run_id, seq).kind == "page"
    return runner


class TestUndelivered:
    @pytest.mark.parametrize("ends", ["cancelled", "failed"])
    def test_what_a_run_did_not_deliver_counts_as_changed(self, bench: Bench, ends: str) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}changes_only: true\n"})
        runner = read_pages(bench, 2)
        if ends == "cancelled":
            assert bench.store.cancel_run("r1")
        else:
            runner.fail("r1", "the vendor is gone")
        assert bench.store.spool.count("r1") == 0, "nobody will read it"
        run = bench.run("r2")
        assert (len(bench.spooled("r2")), run.counts.get("unchanged")) == (10, None)
        assert bench.run("r3").counts["unchanged"] == 10

    def test_a_page_that_arrives_after_the_cancellation_is_not_stored(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}changes_only: true\n"})
        runner = read_pages(bench, 1)
        run = bench.store.get_run("r1")
        bench.store.cancel_run("r1")
        assert store_next_page(run, runner._open.get(run), bench.store, 0.0) is None
        assert bench.store.spool.count("r1") == 0
        assert len(bench.run("r2") and bench.spooled("r2")) == 10


class TestWorkers:
    def test_a_late_worker_does_not_open_a_run_that_has_ended(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        late = read_pages(bench, 1)
        run = bench.store.get_run("r1")
        bench.store.set_status("r1", "waiting")
        waiting = replace(run, status="waiting")
        bench.store.set_status("r1", "running")
        assert bench.run("r1").status == "complete"
        real = bench.store.get_run
        monkeypatch.setattr(bench.store, "get_run", lambda run_id: waiting)  # it has read the run before
        assert late.advance("r1", 1).kind == "page"
        monkeypatch.setattr(bench.store, "get_run", real)
        assert bench.store.get_run("r1").status == "complete"

    def test_the_fault_of_a_late_worker_does_not_fail_the_run(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        late = read_pages(bench, 1)

        def overtake(*arguments: Any) -> bool:
            monkeypatch.undo()
            assert bench.runner().advance("r1", 1).kind == "page"
            return store_next_page(*arguments)

        monkeypatch.setattr("conn_service.syncs.runner.store_next_page", overtake)
        bench.contacts.fail_at = {len(bench.contacts.asked) + 2: (400, {}, {})}
        assert late.advance("r1", 1).kind == "page"
        assert bench.run("r1").status == "complete"

    def test_a_run_ends_once(self, bench: Bench) -> None:
        bench.run()
        run = replace(bench.store.get_run("r1"), status="running")
        assert not bench.store.end_run(run, "failed", "late", {}, now=0.0)
        assert bench.store.get_run("r1").status == "complete"

    def test_an_unexpected_error_fails_the_run_without_its_text(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runner = read_pages(bench, 1)

        def break_(*_: Any) -> None:
            raise KeyError("a record with a secret")

        monkeypatch.setattr("conn_service.syncs.runner.store_next_page", break_)
        done = runner.advance("r1", 1)
        assert (done.kind, done.reason) == ("failed", "internal error: KeyError")


def test_another_destination_leaves_that_of_the_sync_as_it_is(bench: Bench) -> None:
    text = SYNC.replace("resource: contacts", "resource: contacts, params: { since: '{{ last_run_at }}' }")
    bench.write({"syncs/people.yaml": f"{text}changes_only: true\n"})
    bench.run("r1", settings={"to": "file:out/"})
    assert bench.store.streams.get("people", "acme").last_run_at is None
    run = bench.run("r2")
    assert (run.since, run.counts["spooled"]) == (None, 10), "its destination has none of them"
    again = bench.run("r3", settings={"to": "file:out/"})
    assert again.since is not None and again.counts["unchanged"] == 10
    bench.store.streams.reset("people", "acme")
    assert bench.run("r4", settings={"to": "file:out/"}).since is None


def test_a_reset_waits_for_the_run(bench: Bench) -> None:
    read_pages(bench, 1)
    with pytest.raises(UsageError, match="still running") as error:
        bench.store.streams.reset("people", "acme")
    assert "conn sync cancel r1" in error.value.hint
    bench.store.cancel_run("r1")
    bench.store.streams.reset("people", "acme")
    assert len(bench.run("r2") and bench.spooled("r2")) == 10


class TestRecords:
    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("\ud800", "half of a character"),
            (float("nan"), "such as NaN"),
            (float("inf"), "such as NaN"),
        ],
    )
    def test_a_value_that_is_not_json_is_a_fault(self, bench: Bench, name: Any, message: str) -> None:
        workspace = load_workspace(bench.root)
        plan = compile_sync(workspace, load_sync(workspace, "people", "acme"))
        plan = replace(plan, steps=tuple(step for step in plan.steps if not isinstance(step, TransformStep)))
        result = process_page(plan, [{"id": 1, "name": name}, {"id": 2, "name": None}], usual({}))
        assert [record.key for record in result.records] == ["2"]
        assert message in result.faults[0].fault.message

    @pytest.mark.parametrize(("key", "message"), [('$pad("x", 601)', "601 characters"), ('"a\\u0000b"', "NUL")])
    def test_a_key_that_cannot_be_stored_is_set_aside(self, bench: Bench, key: str, message: str) -> None:
        text = SYNC.replace("id: record.id", f"id: '{key}'")
        bench.write({"syncs/people.yaml": f"{text}on_error: set_aside\n"})
        run = bench.run()
        assert (run.status, run.counts["set_aside"]) == ("complete", 10)
        assert message in bench.store.set_aside.find(sync="people")[0].message

    def test_a_change_back_within_a_run_has_an_id_of_its_own(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.write({"syncs/people.yaml": WEBHOOK})
        events: list[OutgoingEvent] = []
        monkeypatch.setattr(
            "conn_service.syncs.filling.add_deliveries",
            lambda _connection, _key, _run, more, _now: events.extend(more),
        )
        bench.contacts.records = [{"id": 1, "name": name} for name in "ABA"]
        bench.contacts.size = 1
        bench.run()
        assert [event.body["data"]["name"] for event in events] == ["A", "B", "A"]
        assert len({event.id for event in events}) == 3


class TestFalseDeletes:
    SWEEP = f"{SYNC}deletes: {{ by: sweep }}\n"

    @pytest.mark.parametrize("policy", ["set_aside", "skip"])
    def test_a_record_that_fails_is_not_deleted(self, bench: Bench, policy: str) -> None:
        text = self.SWEEP.replace("record.name }", "'$fromMillis(record.at) or true' }")
        bench.write({"syncs/people.yaml": f"{text}on_error: {policy}\n"})
        assert bench.run().counts["spooled"] == 10
        bench.contacts.records[4]["at"] = "yesterday"
        run = bench.run("r2")
        assert run.counts.get("deletes") is None
        assert run.status == "complete" and "not searched: 1 record failed" in run.reason

    def test_a_loop_over_what_has_changed_is_partial(self, bench: Bench) -> None:
        text = """\
steps:
- { action: for_each, connector: shop, resource: companies, params: { since: "{{ last_run_at }}" } }
- { action: fetch_resource, resource: contacts }
- { action: deliver, type: stdout }
deletes: { by: sweep }
"""
        bench.write({"syncs/people.yaml": text})
        assert bench.run().status == "complete"
        del bench.contacts.records[5:]
        assert bench.run("r2").counts.get("deletes") is None

    def test_what_a_later_run_has_seen_is_not_deleted(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": self.SWEEP})
        read_pages(bench, 2)  # it waits, and another run of the stream begins
        assert bench.run("r2").counts.get("deletes") is None
        assert bench.run("r1").counts.get("deletes") is None

    def test_a_record_that_the_run_has_listed_is_not_deleted(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}deletes: {{ by: operation, resource: contacts.gone }}\n"})
        run = bench.run()
        assert "-1" not in bench.spooled()
        assert run.counts["deletes_still_listed"] == 1


class TestEnrichment:
    TEXT = """\
steps:
- { action: fetch_resource, connector: shop, resource: contacts }
- { action: enrich, resource: companies.list, into: company }
- { action: deliver, type: stdout }
on_error: skip
"""

    @pytest.mark.parametrize(("status", "kind"), [(429, "wait"), (401, "login"), (503, "wait")])
    def test_a_pause_of_the_vendor_is_not_a_fault_of_the_record(self, bench: Bench, status: int, kind: str) -> None:
        bench.write({"syncs/people.yaml": self.TEXT})
        bench.contacts.fail_at = dict.fromkeys(range(3, 9), (status, {"Retry-After": "90"}, {}))
        bench.run()
        assert bench.last is not None and bench.last.kind == kind
        bench.contacts.fail_at = {}
        run = bench.run()
        assert (run.status, run.counts.get("skipped"), run.counts["spooled"]) == ("complete", None, 10)
