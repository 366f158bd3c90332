"""What `conn sync` shows of runs, waits and failures, and how they are sent again."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sync_bench import Bench
from vendor import Arrived, start_vendor

from conn_cli.commands.sync.progress import describe_progress
from conn_cli.report.sync_status import draw_status
from conn_engine.syncs.report import SyncAccountStatus
from conn_service.delivery import DeliveryStore, name_endpoint
from conn_service.delivery.health import EndpointHealth
from conn_service.revisions import Revision, RevisionStore, Subject
from conn_service.syncs import tables
from conn_service.syncs.overview import read_overview

sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

import transcript

EVENTS = """\
source: { connector: shop, resource: contacts }
transform: { id: record.id, name: '$number($substring(record.name, 1))' }
on_error: set_aside
emit: { type: webhook, event: contact.updated }
"""
TABLE = EVENTS.replace("type: webhook", "type: duckdb, to: people.duckdb")


@dataclass
class Application:
    """Receives events, and answers with a status."""

    url: str = ""
    status: int = 204
    keys: list[Any] = field(default_factory=list)

    def answer(self, arrived: Arrived) -> Any:
        self.keys.append(json.loads(arrived.body)["data"]["id"])
        return (self.status, {}, {})


@pytest.fixture
def application(bench: Bench) -> Iterator[Application]:
    """An application at the endpoint of a sync of which one record fails."""
    made = Application()
    bench.contacts.records[4]["name"] = "ada@example.com"
    with start_vendor(made.answer) as receiver:
        made.url = receiver.url
        bench.write(
            {
                "conn.yaml": f"version: 1\ntrusted_hosts: ['{bench.arriving.host}', '{receiver.host}']\n"
                f"endpoints: {{ default: {{ url: '{receiver.url}/in' }} }}\n",
                "syncs/people.yaml": EVENTS,
            }
        )
        yield made


@pytest.fixture(autouse=True)
def _deliveries(bench: Bench) -> None:
    """The tables that every worker creates."""
    DeliveryStore(bench.store.engine)


def run(bench: Bench, line: str, **environ: str) -> transcript.Run:
    return transcript.conn(
        bench.root, "sync", *line.split(), CONN_SYNC_STORE=str(bench.root.parent / "store.sqlite3"), **environ
    )


def redeliver(bench: Bench, name: str) -> transcript.Run:
    store = str(bench.root.parent / "store.sqlite3")
    return transcript.conn(bench.root, "endpoint", "redeliver", name, CONN_SYNC_STORE=store)


def give_up(bench: Bench) -> None:
    """End the attempts of all events."""
    with bench.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE conn_delivery SET status = 'dead', last_error = 'it answered 500'")


class TestStatus:
    def test_says_what_each_account_waits_for(self, bench: Bench) -> None:
        for name in ("globex", "initech", "umbrella"):
            bench.write({f"accounts/{name}.yaml": "connector: shop\n"})
        bench.write(
            {"syncs/people.yaml": bench.root.joinpath("syncs/people.yaml").read_text() + "schedule: '@hourly'\n"}
        )
        runner = bench.runner()
        for name in ("acme", "globex", "initech"):
            runner.create_run(f"people:{name}:1", "people", name)
        bench.store.set_status("people:acme:1", "waiting", "429 from GET /contacts", resumes_at=1_795_000_090)
        bench.store.set_status("people:globex:1", "login", "no token; to continue the run: conn auth login globex")
        bench.store.set_status("people:initech:1", "complete")
        bench.store.streams.pause("people", "initech")
        done = run(bench, "status")
        assert [line.split("  ")[0] for line in done.out.splitlines()] == [
            f"people {name}" for name in ("acme", "globex", "initech", "umbrella")
        ]
        acme, globex, initech, umbrella = done.out.splitlines()
        assert acme.endswith("page 0, 0 records; waits until 11:08:10Z; 429 from GET /contacts")
        assert globex.endswith("to continue the run: conn auth login globex")
        assert "complete" in initech and "paused" in initech
        assert "never run" in umbrella and "next 2026-11-18 12:00Z" in umbrella
        assert run(bench, "status --account globex").out.split() == globex.split()

    def test_fits_a_terminal(self, bench: Bench) -> None:
        bench.write({"accounts/a-customer-with-quite-a-long-name-in-the-north-of-europe.yaml": "connector: shop\n"})
        runner = bench.runner()
        for name in ("acme", "a-customer-with-quite-a-long-name-in-the-north-of-europe"):
            runner.create_run(f"people:{name}:1", "people", name)
        bench.store.set_status("people:acme:1", "login", "no token; to continue the run: conn auth login acme")
        report = json.loads(run(bench, "status --format json").out)
        rows = msgspec.convert(report["accounts"], list[SyncAccountStatus])
        rows = [msgspec.structs.replace(row, began="2026-11-28T03:54:11.000Z") for row in rows]
        lines = list(draw_status(rows, [], 80, today="2026-11-28"))
        assert lines == [
            "people a-customer-with-quite-a-long-name-in-the-north-of-europe  queued  03:54Z",
            "    page 0, 0 records",
            "people acme                                                      login   03:54Z",
            "    page 0, 0 records; no token; to continue the run: conn auth login acme",
        ]
        assert max(map(len, draw_status(rows, [], 60, today="2026-11-29"))) < 80
        assert "2026-11-28 03:54Z" in "\n".join(draw_status(rows, [], 80, today="2026-11-29"))

    def test_names_what_was_not_delivered(self, bench: Bench, application: Application) -> None:
        assert bench.run("people:acme:1").status == "complete", bench.last
        give_up(bench)
        DeliveryStore(bench.store.engine).set_disabled("default", "the endpoint answered 410 Gone", 1_795_000_000)
        done = run(bench, "status")
        assert "9 events given up; 1 record set aside" in done.out
        assert done.out.splitlines()[1:] == [
            "the endpoint default is disabled since 2026-11-18 11:06Z: the endpoint answered 410 Gone",
            "  fix: correct the endpoint, then: conn endpoint redeliver default",
            "next: see what failed, and send it again: conn sync failures",
        ]
        [row] = json.loads(run(bench, "status --format json").out)["accounts"]
        assert (row["dead"], row["set_aside"], row["records"], row["status"]) == (9, 1, 10, "complete")

    def test_names_an_endpoint_that_rests(self, bench: Bench, application: Application) -> None:
        bench.run("people:acme:1")
        health = EndpointHealth(
            failures=10, rests=1, rests_until=1_795_000_500, failing_since=1_794_000_000, problem="500"
        )
        DeliveryStore(bench.store.engine).set_health("default", health)
        assert run(bench, "status").out.splitlines()[1:3] == [
            "the endpoint default has been failing since 2026-11-06 21:20Z: 500, 9 events waiting",
            "  it is tried again at 2026-11-18 11:15Z",
        ]

    def test_fits_a_screen_with_many_accounts(self, bench: Bench) -> None:
        runner = bench.runner()
        for number in range(60):
            bench.write({f"accounts/a{number:02}.yaml": "connector: shop\n"})
            runner.create_run(f"people:a{number:02}:1", "people", f"a{number:02}")
            bench.store.set_status(f"people:a{number:02}:1", "failed" if number % 2 else "complete", "as it is")
        lines = run(bench, "status", COLUMNS="80").out.splitlines()
        assert lines[0] == "people: 61 accounts: 30 complete, 30 failed, 1 never run"
        assert len(lines) == 22 and lines[-1] == "… and 10 more accounts: add --all"
        assert max(map(len, lines)) <= 80
        assert len(run(bench, "status --all", COLUMNS="80").out.splitlines()) == 61

    def test_asks_the_store_as_often_for_many_accounts_as_for_few(self, bench: Bench) -> None:
        runner = bench.runner()
        counts = []
        for few in (2, 30):
            for number in range(few):
                bench.write({f"accounts/a{number:02}.yaml": "connector: shop\n"})
                runner.create_run(f"people:a{number:02}:{few}", "people", f"a{number:02}")
            counts.append(count_statements(bench, lambda: read_overview(bench.store)))
        assert counts[0] == counts[1] < 8

    def test_changes_nothing(self, bench: Bench) -> None:
        for line in ("list", "status"):
            assert run(bench, line).code == 0
        with bench.store.engine.connect() as connection:
            assert connection.execute(sa.select(tables.stream)).all() == []


def count_statements(bench: Bench, act: Callable[[], object]) -> int:
    seen: list[str] = []
    sa.event.listen(bench.store.engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
    act()
    return len(seen)


class TestFailures:
    def test_lists_records_and_events(self, bench: Bench, application: Application) -> None:
        assert bench.run("people:acme:1").status == "complete", bench.last
        give_up(bench)
        lines = run(bench, "failures --limit 2").out.splitlines()
        assert lines[0] == "1 record set aside, 9 events given up"
        assert lines[1].split("  ")[:3] == ["people:acme:1", "record 4", "transform"]
        assert lines[1].count("name: ") == 1 and "number" in lines[1]
        assert [part.strip() for part in lines[2].split("  ") if part.strip()] == [
            "people:acme:1", "event 0", "default", "it answered 500"
        ]  # fmt: skip
        assert lines[3] == "… and 8 more: add --limit, or name a sync, an account or a run"
        assert lines[4].endswith("conn sync retry people:acme:1")
        [record, *events] = json.loads(run(bench, "failures people --run people:acme:1 --format json").out)["failures"]
        assert (record["kind"], record["key"], record["field"]) == ("record", "4", "name")
        assert len(events) == 9 and events[0]["event"]

    def test_says_that_there_is_none(self, bench: Bench) -> None:
        bench.write({"accounts/globex.yaml": "connector: shop\n"})
        assert run(bench, "failures people --account globex").out == "nothing is set aside, and no event was given up\n"

    @pytest.mark.parametrize("command", ["failures", "runs", "status"])
    def test_an_unknown_sync_or_account_is_an_error(self, bench: Bench, command: str) -> None:
        assert 'did you mean "people"' in run(bench, f"{command} poeple").err
        assert 'did you mean "acme"' in run(bench, f"{command} --account amce").err

    def test_an_endpoint_is_enabled_and_gets_what_it_did_not_take(self, bench: Bench, application: Application) -> None:
        assert bench.run("people:acme:1").status == "complete", bench.last
        give_up(bench)
        DeliveryStore(bench.store.engine).set_disabled("default", "the endpoint answered 410 Gone", 1.0)
        done = redeliver(bench, "default")
        assert (done.code, done.out) == (0, "default: 9 events again; 9 delivered\n")
        assert sorted(application.keys) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
        done = redeliver(bench, "defualt")
        assert done.code == 2 and 'did you mean "default"?' in done.err

    def test_what_follows_the_host_of_a_url_is_never_shown(self, bench: Bench, application: Application) -> None:
        url = f"{application.url}/hook/PATH-SECRET?token=QUERY-SECRET#FRAGMENT-SECRET"
        assert bench.run("people:acme:1", settings={"to": url}).status == "complete", bench.last
        application.status = 410
        shown = [redeliver(bench, url)]
        shown += [run(bench, f"{name}{form}") for name in ("status", "show", "logs") for form in ("", " --format json")]
        assert "is disabled" in shown[1].out
        give_up(bench)
        application.status = 204
        shown += [run(bench, f"failures{form}") for form in ("", " --format json")]
        name = name_endpoint(url)
        shown += [redeliver(bench, name), redeliver(bench, f"{url}x")]
        assert f'did you mean "{name}"?' in shown[-1].err and f"{name}: 9 events again; 9 delivered" in shown[-2].out
        assert not [one for one in shown if "SECRET" in one.out + one.err]

    def test_a_run_that_failed_is_started_again(self, bench: Bench) -> None:
        bench.run("people:acme:0000000000001")
        runner = bench.runner()
        runner.create_run("people:acme:0000000000002", "people", "acme", is_full=True)
        runner.fail("people:acme:0000000000002", "the vendor does not respond")
        done = run(bench, "retry people:acme:0000000000002 --format json")
        [again] = json.loads(done.out)["runs"]
        assert (again["cause"], again["status"], again["counts"]["records"]) == ("retry", "complete", 10)
        assert again["id"] != "people:acme:0000000000002" and again["since"] is None

    def test_only_a_run_that_a_person_starts_suggests_another_destination(self, bench: Bench) -> None:
        settings = (bench.root / "conn.yaml").read_text()
        endpoint = "endpoints: { default: { url: 'https://a.example.com/in', secret: '{{env.INGEST}}' } }\n"
        bench.write({"conn.yaml": settings + endpoint, "syncs/people.yaml": EVENTS})
        fix = "set INGEST in the environment of the worker and of the service"
        assert f"{fix}; or pass --to" in run(bench, "run people").out
        test = transcript.conn(bench.root, "endpoint", "test", "default")
        assert fix in test.err and "--to" not in test.err

    def test_a_retry_that_fails_again_exits_with_1(self, bench: Bench) -> None:
        bench.contacts.records[4]["name"] = "ada@example.com"
        bench.write({"syncs/people.yaml": TABLE.replace("set_aside", "stop")})
        runner = bench.runner()
        runner.create_run("people:acme:1", "people", "acme")
        runner.fail("people:acme:1", "the vendor does not respond")
        done = run(bench, "retry people:acme:1")
        assert done.code == 1 and done.out.startswith("people for acme: failed (transform fails")

    def test_the_report_of_a_run_has_what_a_retry_has_delivered(self, bench: Bench) -> None:
        bench.contacts.records[4]["name"] = "ada@example.com"
        bench.write({"syncs/people.yaml": TABLE})
        assert bench.run("people:acme:1").counts["set_aside"] == 1
        bench.write({"syncs/people.yaml": TABLE.replace("$number($substring(record.name, 1))", "record.name")})
        done = run(bench, "retry people:acme:1")
        assert done.code == 0 and "delivered  10 of 10" in done.out and "set aside" not in done.out

    def test_an_account_of_the_store_takes_part(self, bench: Bench) -> None:
        document = (bench.root / "accounts/acme.yaml").read_text()
        revision = Revision(Subject("account", "hooli"), 1, {"accounts/hooli.yaml": document})
        RevisionStore(bench.store.engine).add(revision, {}, "create", seen=0)
        (listed,) = [
            row for row in json.loads(run(bench, "list --format json").out)["syncs"] if row["name"] == "people"
        ]
        assert listed["accounts"] == ["acme", "hooli"]
        done = run(bench, "run people --to file:people.jsonl --format json", CONN_HOOLI_API_KEY="k")
        runs = json.loads(done.out)["runs"]
        assert [(one["account"], one["status"]) for one in runs] == [("acme", "complete"), ("hooli", "complete")], (
            done.err
        )
        assert run(bench, "plan people --account hooli").code == 0
        assert "hooli" in run(bench, "status --account hooli").out
        assert run(bench, "pause people --account hooli").code == 0
        assert run(bench, "reset people --account hooli").code == 0

    @pytest.mark.parametrize("line", ["run people", "plan people", "backfill people --from 2025-01-01 --to 2025-01-02"])
    def test_an_account_that_the_sync_does_not_select_is_refused(self, bench: Bench, line: str) -> None:
        path = bench.root / "syncs/people.yaml"
        bench.write(
            {
                "syncs/people.yaml": f"{path.read_text()}accounts: [globex]\n",
                "accounts/globex.yaml": "connector: shop\n",
            }
        )
        done = run(bench, f"{line} --account acme")
        assert (done.code, done.err.splitlines()[0]) == (
            2,
            'error: the sync "people" does not run for the account "acme"',
        )
        assert bench.contacts.asked == []

    def test_a_password_in_the_url_of_an_endpoint_is_refused_and_not_stored(self, bench: Bench) -> None:
        done = run(bench, "run people --to https://bob:hunter2secret@example.com/in")
        assert (done.code, "cannot have a user and a password" in done.err) == (3, True)
        bench.write(
            {"conn.yaml": (bench.root / "conn.yaml").read_text() + "endpoints: { default: { url: '{{env.URL}}' } }\n"}
        )
        bench.write({"syncs/people.yaml": EVENTS})
        done = run(bench, "run people", URL="https://bob:hunter2secret@example.com/in")
        assert done.code == 1 and "cannot have a user and a password" in done.out
        stored = bench.root.parent.joinpath("store.sqlite3").read_bytes()
        assert "hunter2secret" not in done.out + done.err and b"hunter2secret" not in stored
        assert bench.contacts.asked == []


class TestLogs:
    @pytest.mark.parametrize("option", ["", " --follow"])
    def test_shows_each_page(self, bench: Bench, option: str) -> None:
        bench.run("people:acme:1")
        lines = run(bench, f"logs people:acme:1{option}").out.splitlines()
        assert [line.partition("  ")[2] for line in lines] == [
            "started (manual): reads everything",
            "page 1: 3 records",
            "running",
            "page 2: 3 records",
            "page 3: 3 records",
            "page 4: 1 record",
            "read: complete",
            "delivered: complete",
        ]

    def test_follows_a_run_to_its_end(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        runner = bench.runner()
        runner.create_run("people:acme:1", "people", "acme")
        pauses = iter([lambda: runner.advance("people:acme:1", 0), lambda: runner.fail("people:acme:1", "it ends")])
        monkeypatch.setattr("time.sleep", lambda _: next(pauses)())
        report = json.loads(run(bench, "logs people:acme:1 --follow --format json").out)
        assert [line["text"] for line in report["lines"]][-3:] == ["3 records", "running", "failed"]
        assert (report["run"], report["status"]) == ("people:acme:1", "failed")


class TestShow:
    @pytest.fixture
    def steps(self, bench: Bench) -> Bench:
        """A run that repeats for each company, had to wait twice, and lacks a page."""
        loop = "- { action: for_each, resource: companies }\n- { action: fetch_resource, resource: contacts }\n"
        bench.write({"syncs/people.yaml": f"steps:\n{loop}- {{ action: deliver, type: stdout }}\n"})
        bench.contacts.fail_at = dict.fromkeys((3, 4), (429, {"Retry-After": "60"}, {}))
        runner = bench.runner()
        runner.create_run("people:acme:1", "people", "acme")
        assert [bench.run("people:acme:1", runner=runner).status for _ in range(3)] == [
            "waiting",
            "waiting",
            "complete",
        ]
        with bench.store.engine.begin() as connection:
            columns, page = tables.run_log.c, tables.page.c
            connection.execute(sa.update(tables.run_log).values(at=1_795_000_000 + 60 * columns.number))
            connection.execute(sa.delete(tables.page).where(page.seq.in_([3, 4])))
        return bench

    def test_has_requests_phases_waits_and_gaps(self, steps: Bench) -> None:
        brief = run(steps, "show people:acme:1").out
        lines = run(steps, "show people:acme:1 -v").out.splitlines()
        assert lines[: len(brief.splitlines())] == brief.splitlines()
        assert lines[len(brief.splitlines()) :] == [
            "",
            "  requests   11 sent",
            "  listings   2 read to the end, 2 items to repeat for",
            "  phase      pages  records",
            "  loop       1      2",
            "  fetch      8      14",
            "  waits      times  in total  for",
            "  waiting    1      60 s      429 from GET /contacts",
            "  gaps       pages 3, 4",
        ]
        assert max(map(len, lines)) <= 80

    def test_json_has_everything(self, steps: Bench) -> None:
        [row] = json.loads(run(steps, "show people:acme:1 --format json").out)["runs"]
        assert row["details"]["missing_pages"] == [3, 4]
        [wait] = row["details"]["waits"]
        assert (wait["state"], wait["times"]) == ("waiting", 1)
        [row] = json.loads(run(steps, "runs --format json").out)["runs"]
        assert row["details"] is None

    def test_pages_that_were_removed_are_no_gaps(self, steps: Bench) -> None:
        with steps.store.engine.begin() as connection:
            connection.execute(sa.delete(tables.page))
        lines = run(steps, "show people:acme:1 -v").out.splitlines()
        assert lines[-1] == "  gaps       none"
        assert "  phase      pages are removed some time after the end" in lines


class TestProgress:
    def test_has_pages_rate_and_the_wait(self, bench: Bench) -> None:
        runner = bench.runner()
        bench.write({"accounts/globex.yaml": "connector: shop\n"})
        created = [runner.create_run(f"people:{name}:1", "people", name) for name in ("acme", "globex")]
        reading = replace(created[0], counts={"records": 1000, "pages": 1}, status="running")
        waiting = replace(created[1], counts={"pages": 30}, status="waiting", reason="429", resumes_at=100.0)
        ended = replace(reading, status="complete", ended=9.0)
        assert list(describe_progress([reading], 10.0, 200.0)) == ["1 page", "200 records/s"]
        assert list(describe_progress([waiting], 10.0, 0.0)) == ["30 pages", "waiting 90 s: 429"]
        assert list(describe_progress([ended, waiting], 10.0, 0.0)) == [
            "31 pages", "1 of 2 runs read", "waiting 90 s: globex: 429"
        ]  # fmt: skip


class TestPlan:
    def test_has_the_runs_of_a_day_and_their_requests(self, bench: Bench) -> None:
        sync = bench.root / "syncs/people.yaml"
        sync.write_text(sync.read_text() + "schedule: '@hourly'\n")
        assert run(bench, "plan people").out.splitlines()[-1] == "  @hourly: 24 runs a day"
        bench.run("people:acme:1")
        path = bench.root / "connectors/shop/connector.yaml"  # after the run, which would wait
        path.write_text(path.read_text() + "rate_limit: { budget: [{ requests: 3, per_seconds: 10 }] }\n")
        assert run(bench, "plan people").out.splitlines()[-3:] == [
            "  @hourly: 24 runs a day: about 96 requests",
            "  about 4 requests, as in the last run",
            "  rate limit: 4 of 3 requests per 10 s: a run waits at least 10 s",
        ]

    @pytest.mark.parametrize(
        ("schedule", "message"), [("0 0 31 2 *", "is not a cron expression"), ("0 0 30 2 *", "never comes")]
    )
    def test_names_a_schedule_that_does_not_work(self, bench: Bench, schedule: str, message: str) -> None:
        sync = bench.root / "syncs/people.yaml"
        sync.write_text(sync.read_text() + f"schedule: '{schedule}'\n")
        done = run(bench, "plan people")
        assert done.code == 3 and 'the schedule of "people" for acme: ' in done.err and "fix:" in done.err
        for line in ("list", "status"):
            assert schedule in run(bench, line).out
