"""A sync with `kind: drift` compares the vendor with the recordings, operation by operation, and reports it."""

import json
import sys
from pathlib import Path

import pytest
from sync_bench import CONNECTOR, ENVIRON, Bench, Releases
from test_releases import make_runner, promote

from conn_engine.errors import ConfigurationError
from conn_engine.releases import ReleaseSource
from conn_engine.wire import MACHINE_CLOCK, Clock, FrozenClock
from conn_service.syncs.run_log import read_log
from conn_service.syncs.runner import SyncRunner
from conn_service.syncs.store import RunRow

sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

import transcript

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
DRIFT = "kind: drift\nemit: { type: stdout }\n"
MAPPING = "resources: { contacts: { list: { response_mapping: { id: response.id, name: response.name } } } }\n"
KEY = {"CONN_PERSONAL_DATA_KEY": "the key of every test"}


@pytest.fixture
def recorded(bench: Bench) -> Bench:
    """A connector with two recorded operations, of which one is read by a mapping, and others without a recording."""
    bench.write({"connectors/shop/unified/crm.yaml": MAPPING, "syncs/drift.yaml": DRIFT})
    for operation in ("contacts.list", "companies.list"):
        done = transcript.conn(bench.root, "record", operation, "--raw", "-a", "acme")
        assert done.code == 0, done.err
    bench.contacts.asked.clear()
    return bench


def check(
    bench: Bench, run_id: str = "r1", environ: dict[str, str] | None = None, clock: Clock = MACHINE_CLOCK
) -> RunRow:
    runner = SyncRunner(bench.store, Releases(bench.root), environ={**ENVIRON, **(environ or {})}, clock=clock)
    bench.runners.append(runner)
    return bench.run(run_id, "drift", runner=runner)


def rename(bench: Bench) -> None:
    """Let the vendor call a field differently that the mapping reads."""
    bench.contacts.records = [{"id": row["id"], "full_name": row["name"]} for row in bench.contacts.records]


def read_recording(bench: Bench, operation: str = "contacts.list") -> str:
    return (bench.root / f"connectors/shop/recordings/{operation}.json").read_text()


def test_without_a_change_only_the_summary_is_delivered(recorded: Bench) -> None:
    run = check(recorded)
    assert (run.status, run.counts["compared"], run.counts["not_compared"]) == ("complete", 2, 3)
    [summary] = recorded.spooled()
    assert (summary["kind"], summary["verdict"], summary["connector"]) == ("summary", "unchanged", "shop")
    assert summary["compared"] == ["companies.list", "contacts.list"]
    assert {row["operation"]: row["reason"] for row in summary["not_compared"]} == {
        "crm.contacts.list": "there is no recording",
        "contacts.gone": "there is no recording",
        "contacts.create": "there is no recording",
    }
    assert len(recorded.contacts.asked) == 2, "one page of each"


def test_a_changed_operation_is_delivered_with_what_reads_it(recorded: Bench) -> None:
    rename(recorded)
    run = check(recorded)
    changed, summary = recorded.spooled()
    assert (run.status, run.counts["changed"]) == ("complete", 1)
    assert (changed["kind"], changed["operation"], changed["verdict"]) == ("operation", "contacts.list", "breaks")
    gone = next(row for row in changed["differences"] if row["kind"] == "gone")
    assert (gone["path"], gone["tier"]) == ("results.name", "breaks")
    assert gone["readers"][0]["file"] == "connectors/shop/unified/crm.yaml"
    assert (summary["verdict"], summary["breaks"], summary["unchanged"]) == ("breaks", 1, 1)
    assert "N7" not in json.dumps([changed, summary]), "no value of a response"


def test_filter_and_transform_shape_the_messages(recorded: Bench) -> None:
    rename(recorded)
    shaped = 'filter: record.verdict = "breaks" and record.kind = "operation"\n'
    recorded.write({"syncs/drift.yaml": f"{DRIFT}{shaped}transform: {{ id: record.id, text: record.operation }}\n"})
    check(recorded)
    assert recorded.spooled() == [{"id": "acme/contacts.list", "text": "contacts.list"}]


def test_each_operation_is_a_page_that_is_not_read_again_after_a_crash(recorded: Bench) -> None:
    rename(recorded)
    runner = recorded.runner()
    runner.create_run("r1", "drift", "acme")
    runner.advance("r1", 0)
    assert [one["path"] for one in recorded.contacts.asked] == ["/companies"]
    check(recorded)  # another worker
    assert [one["path"] for one in recorded.contacts.asked] == ["/companies", "/contacts"]
    assert [row["kind"] for row in recorded.spooled()] == ["operation", "summary"]


class TestWhatCannotBeCompared:
    def test_a_connector_without_recordings_is_not_unchanged(self, bench: Bench) -> None:
        bench.write({"syncs/drift.yaml": DRIFT})
        run = check(bench)
        assert (run.status, run.report["moved"]) == ("incomplete", False)
        assert run.reason == "nothing was compared: contacts.list: there is no recording"
        [summary] = bench.spooled()
        assert (summary["verdict"], summary["compared"]) == ("not_compared", [])
        assert bench.contacts.asked == []

    def test_an_account_without_a_credential_is_reported_and_asked_once(self, recorded: Bench) -> None:
        text = CONNECTOR.format(url=recorded.arriving.url)
        recorded.write({"connectors/shop/connector.yaml": f"{text}credentials: {{ format: bearer }}\n"})
        run = check(recorded)
        assert run.status == "incomplete"
        assert "nothing was compared: companies.list" in run.reason
        assert run.counts["not_compared"] == 5
        [summary] = recorded.spooled()
        assert all("credential" in row["reason"] for row in summary["not_compared"][:2])
        assert recorded.contacts.asked == []

    def test_a_rate_limit_lets_the_run_wait_at_the_operation(self, recorded: Bench) -> None:
        recorded.contacts.fail_at = {2: (429, {"Retry-After": "120"}, {})}
        run = check(recorded)
        assert (run.status, recorded.last and recorded.last.seconds) == ("waiting", 120.0)
        assert check(recorded).status == "complete"
        assert [one["path"] for one in recorded.contacts.asked] == ["/companies", "/contacts", "/contacts"]

    def test_a_vendor_that_fails_each_time_is_a_difference(self, recorded: Bench) -> None:
        recorded.write({"syncs/drift.yaml": f"{DRIFT}drift: {{ operations: [contacts.*] }}\n"})
        recorded.contacts.fail_at = dict.fromkeys(range(1, 60), (500, {}, {}))
        recorded.runner().create_run("r1", "drift", "acme")
        recorded.store.add_count("r1", "failures", 5)  # it has waited for it as often as it does
        run = check(recorded, clock=FrozenClock(1_795_000_000))
        assert run.status == "complete"
        assert recorded.spooled()[0]["differences"][0]["kind"] == "endpoint_failing"

    def test_the_log_and_the_report_name_each_operation(self, recorded: Bench) -> None:
        check(recorded, "drift:acme:1")
        lines = [line.text for line in read_log(recorded.store.engine, "drift:acme:1") if line.kind == "drift"]
        assert lines[0] == "companies.list: unchanged"
        assert "contacts.create: not compared: there is no recording" in lines
        store = str(recorded.root.parent / "store.sqlite3")
        done = transcript.conn(recorded.root, "sync", "show", "--store", store)
        shown = done.out
        assert done.err == ""
        assert "compared   2 operations, 3 not compared" in shown
        assert "contacts.gone      not compared: there is no recording" in shown

    def test_a_release_is_compared_with_its_own_recordings(self, recorded: Bench) -> None:
        store = recorded.root.parent / "releases.sqlite3"
        promote(recorded)
        recorded.write({"syncs/drift.yaml": f"{DRIFT}drift: {{ record: all }}\n"})
        for path in recorded.root.glob("connectors/shop/recordings/*"):
            path.unlink()  # the folder has others than the release
        rename(recorded)
        with ReleaseSource(store, "production", check_milliseconds=0) as source:
            runner = make_runner(recorded, source)
            run = recorded.run("r1", "drift", runner=runner)
            assert (run.status, run.counts["compared"], run.counts["changed"]) == ("complete", 2, 1)
            assert [row["kind"] for row in recorded.spooled()] == ["operation", "summary"]
            promote(recorded)
            with pytest.raises(ConfigurationError, match="the recordings of a release do not change"):
                runner.create_run("r2", "drift", "acme")


def test_a_worker_runs_it_and_shows_what_has_changed(recorded: Bench) -> None:
    rename(recorded)
    store = str(recorded.root.parent / "store.sqlite3")
    done = transcript.conn(recorded.root, "sync", "run", "drift", "--account", "acme", "--store", store)
    lines = done.out.splitlines()
    assert [json.loads(line)["kind"] for line in lines[:2]] == ["operation", "summary"]
    assert "  compared   2 operations, 1 with differences, 3 not compared" in lines
    assert "    contacts.list      2 differences, which break mappings" in lines
    assert (done.code, lines[2]) == (0, "drift for acme: complete")


class TestRecording:
    def write(self, bench: Bench, which: str) -> None:
        bench.write({"syncs/drift.yaml": f"{DRIFT}drift: {{ record: {which} }}\n"})

    def test_what_has_changed_is_recorded_again_without_personal_data(self, recorded: Bench) -> None:
        self.write(recorded, "changed")
        before = read_recording(recorded, "companies.list")
        recorded.contacts.records = [{"id": n, "mail": f"ada{n}@customer.example"} for n in range(10)]
        run = check(recorded, environ=KEY)
        assert (run.status, run.counts["recorded"]) == ("complete", 1)
        text = read_recording(recorded)
        assert '"mail"' in text
        assert "customer.example" not in text
        assert read_recording(recorded, "companies.list") == before
        assert recorded.spooled()[-1]["recorded"] == ["connectors/shop/recordings/contacts.list.json"]
        recorded.contacts.asked.clear()
        assert check(recorded, "r2", KEY).counts.get("changed") is None, "the next check compares with the new one"

    def test_what_has_changed_is_stored_before_it_is_recorded(self, recorded: Bench) -> None:
        self.write(recorded, "changed")
        rename(recorded)
        before = read_recording(recorded)
        runner = SyncRunner(recorded.store, Releases(recorded.root), environ={**ENVIRON, **KEY})
        recorded.runners.append(runner)
        runner.create_run("r1", "drift", "acme")
        for seq in range(2):
            runner.advance("r1", seq)
        assert (len(recorded.spooled()), read_recording(recorded)) == (1, before)
        check(recorded, environ=KEY)  # another worker, after a crash
        assert [row["kind"] for row in recorded.spooled()] == ["operation", "summary"]
        assert read_recording(recorded) != before

    def test_all_operations_can_be_recorded_again(self, recorded: Bench) -> None:
        self.write(recorded, "all")
        assert check(recorded, environ=KEY).counts["recorded"] == 2

    def test_a_failed_call_leaves_the_recording_and_is_reported(self, recorded: Bench) -> None:
        self.write(recorded, "changed")
        before = read_recording(recorded)
        recorded.contacts.fail_at = dict.fromkeys(range(2, 60), (404, {}, {}))
        run = check(recorded, environ=KEY)
        assert read_recording(recorded) == before
        assert run.status == "incomplete"
        assert "contacts.list was not recorded: the recording stays as it is" in run.reason

    def test_pseudonyms_that_would_differ_each_time_are_refused(self, recorded: Bench) -> None:
        self.write(recorded, "all")
        before = read_recording(recorded)
        run = check(recorded)
        assert "CONN_VAULT_KEY" in run.reason
        assert read_recording(recorded) == before


class TestPlan:
    def test_plan_and_list_say_what_is_compared(self, recorded: Bench) -> None:
        lines = transcript.conn(recorded.root, "sync", "plan", "drift").out
        assert "acme: drift\n" in lines
        assert "  compares companies.list and contacts.list, about 2 requests\n" in lines
        assert "there is no recording" in lines
        assert "drift of each connector" in transcript.conn(recorded.root, "sync", "list").out
        assert recorded.contacts.asked == []

    def test_patterns_select_operations(self, recorded: Bench) -> None:
        recorded.write({"syncs/drift.yaml": f"{DRIFT}drift: {{ operations: [contacts.*] }}\n"})
        check(recorded)
        assert recorded.spooled()[0]["compared"] == ["contacts.list"]

    def test_an_account_overrides_the_schedule_and_the_filter(self, recorded: Bench) -> None:
        rename(recorded)
        recorded.write(
            {"accounts/acme.yaml": 'connector: shop\nsyncs: { drift: { filter: "record.kind = \\"summary\\"" } }\n'}
        )
        check(recorded)
        assert [row["kind"] for row in recorded.spooled()] == ["summary"]

    @pytest.mark.parametrize(
        "command", [("try", "drift", "-a", "acme"), ("backfill", "drift", "--from", "2025-01-01", "--to", "2025-01-02")]
    )
    def test_commands_about_records_refuse_it(self, recorded: Bench, command: tuple[str, ...]) -> None:
        done = transcript.conn(recorded.root, "sync", *command)
        assert (done.code, 'the sync "drift" has kind: drift' in done.err) == (2, True)

    def test_it_has_no_recorded_cases(self, recorded: Bench) -> None:
        done = transcript.conn(recorded.root, "test", "sync:drift", "-a", "acme")
        assert "has kind: drift" in done.err
