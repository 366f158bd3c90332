"""`conn run --state`: read when it is there, written whole when the records are out, never lost; against a server."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
import transcript
from transcript import conn

from conn_engine.wire import FrozenClock

CONNECTOR = """\
base_url: {url}
resources:
  events:
    list:
      method: get
      path: /events
      response_path: items
      pagination: {{format: cursor, config: {{cursor_field: next, cursor_param: after}}}}
      incremental:
        format: integer
        config: {{record_cursor: id, start: 0, end: 5, window: 2, granularity: 1, start_param: min, end_param: max}}
  things:
    list: {{method: get, path: /things, response_path: items}}
  exports:
    list:
      method: post
      path: /exports
      writes: false
      job:
        poll: {{path: "/exports/{{{{job.created.body.id}}}}", status: body.state, done: [done], every_seconds: 0.05}}
        download: {{url: job.polled.body.url, response_format: csv}}
"""


def events(got):
    parts = urlsplit(got.target)
    query = dict(parse_qsl(parts.query))
    if parts.path == "/things":
        return 200, {}, {"items": [{"id": 1}]}
    return 200, {}, {"items": [{"id": n} for n in range(int(query["min"]), int(query["max"]) + 1)]}


@pytest.fixture
def log(desk, vendor):
    vendor.answer = events
    (desk / "connectors/log").mkdir()
    (desk / "connectors/log/connector.yaml").write_text(CONNECTOR.format(url=vendor.url))
    (desk / "accounts/work.yaml").write_text("connector: log\n")
    with (desk / "conn.yaml").open("a") as stream:
        stream.write(f'trusted_hosts: ["127.0.0.1:{vendor.port}"]\n')
    return desk


def run(folder, *options):
    return conn(folder, "run", "events.list", "-a", "work", "--state", "state.json", *options)


def kept(folder):
    return json.loads((folder / "state.json").read_text())


def test_a_run_goes_on_where_the_last_one_ended(log, vendor):
    assert run(log).code == 0
    assert kept(log) == {"operation": "events.list", "account": "work", "state": {"cursor": 5}}
    vendor.arrived.clear()
    done = run(log)
    assert done.out == '{"id": 5}\n'
    assert [got.target for got in vendor.arrived] == ["/events?min=5&max=5"]


def test_after_a_failure_it_is_the_state_of_what_came_out(log, vendor):
    vendor.answer = lambda got: (500, {}, {}) if "min=4" in got.target else events(got)
    done = run(log)
    assert done.code == 4
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == [0, 1, 2, 3]
    assert kept(log)["state"] == {"cursor": 3}
    vendor.answer = lambda got: (500, {}, {})
    assert run(log).code == 4
    assert kept(log)["state"] == {"cursor": 3}
    vendor.answer = events
    assert [json.loads(line)["id"] for line in run(log).out.splitlines()] == [3, 4, 5]


def test_a_page_that_was_cut_is_not_kept(log, vendor):
    assert run(log, "--limit", "3").out.count("\n") == 3
    assert kept(log)["state"] == {"cursor": 1}


@pytest.mark.parametrize("output", ["jsonl", "json", "csv", "table"])
def test_every_output_is_out_before_the_state_is_kept(log, vendor, output):
    done = run(log, "-o", output)
    assert done.code == 0
    assert kept(log)["state"] == {"cursor": 5}


def test_a_state_may_be_written_by_hand(log, vendor):
    (log / "state.json").write_text('{"cursor": 4}')
    assert [json.loads(line)["id"] for line in run(log).out.splitlines()] == [4, 5]


def test_a_dry_run_shows_the_window_and_keeps_nothing(log, vendor):
    (log / "state.json").write_text('{"cursor": 3}')
    done = run(log, "--dry-run")
    assert "/events?min=3&max=4" in done.out
    assert (log / "state.json").read_text() == '{"cursor": 3}'
    assert vendor.arrived == []


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ('{"cursor": 4', 3, "state.json"),
        ('{"last": 4}', 2, "the state is not that of an incremental operation"),
        ('{"cursor": "soon"}', 2, "the cursor in the state does not belong to this operation"),
        (
            '{"operation": "deals.list", "state": {}}',
            2,
            'has the state of the operation "deals.list", not of "events.list"',
        ),
        ('{"account": "home", "state": {}}', 2, 'has the state of the account "home", not of "work"'),
    ],
)
def test_a_foreign_or_broken_state_is_refused_and_stays(log, vendor, content, code, said):
    (log / "state.json").write_text(content)
    done = run(log)
    assert done.code == code
    assert said in done.err
    assert (log / "state.json").read_text() == content
    assert vendor.arrived == []


def test_an_operation_without_a_state_says_so(log, vendor):
    done = conn(log, "run", "things.list", "-a", "work", "--state", "state.json")
    assert done.code == 2
    assert '"things.list" has no state, because it is not incremental' in done.err
    assert not (log / "state.json").exists()


def test_a_job_is_recorded_and_replayed(log, vendor):
    states = iter(["running", "done"])

    def export(got):
        if got.method == "POST":
            return 202, {}, {"id": "j1"}
        if got.target == "/exports/j1":
            return 200, {}, {"state": next(states), "url": f"{vendor.url}/r.csv"}
        return 200, {"content-type": "text/csv"}, "id,name\n1,Ada\n"

    vendor.answer = export
    done = conn(log, "record", "exports.list", "-a", "work")
    assert done.code == 0, done.err
    tested = conn(log, "test", "exports.list", "-a", "work", "--update")
    assert tested.code == 0, tested.out + tested.err
    vendor.answer = None
    again = conn(log, "test", "exports.list", "-a", "work")
    assert again.code == 0, again.out + again.err
    golden = json.loads(next((log / "connectors/log/expected").glob("*.json")).read_text())
    assert golden["records"] == [{"id": "1", "name": "Ada"}]
    assert [request["method"] for request in golden["requests"]] == ["POST", "GET", "GET", "GET"]


def test_an_incremental_operation_is_recorded_and_replayed_at_its_moment(log, vendor):
    connector = (log / "connectors/log/connector.yaml").read_text()
    dated = connector.replace("format: integer", "format: datetime").replace(
        "start: 0, end: 5, window: 2, granularity: 1", "start: 2024-01-01, request_format: epoch_ms"
    )
    (log / "connectors/log/connector.yaml").write_text(dated)
    vendor.answer = lambda got: (200, {}, {"items": [{"id": "2024-02-03"}]})
    assert conn(log, "record", "events.list", "-a", "work").code == 0
    vendor.answer = None
    again = conn(log, "test", "events.list", "-a", "work", "--update")
    assert again.code == 0, again.out + again.err
    assert conn(log, "test", "events.list", "-a", "work").code == 0


def test_an_incomplete_listing_fails_and_leaves_the_state(log, vendor):
    file = log / "connectors/log/connector.yaml"
    file.write_text(file.read_text().replace("cursor_param: after}", "cursor_param: after, total_field: total}"))
    vendor.answer = lambda got: (200, {}, {**events(got)[2], "total": 3, "next": None})
    done = run(log)
    assert done.code == 1
    assert len(done.out.splitlines()) == 6
    assert "error PAG110  the listing is incomplete: 2 of 3 records arrived" in done.err
    assert "incomplete: 6 records were written" in done.err
    assert "state.json is unchanged" in done.err
    assert not (log / "state.json").exists()
    text = file.read_text()
    for policy, shown in (("warn", "warning PAG110  the listing is incomplete"), ("ignore", "")):
        file.write_text(text.replace("method: get\n", f"method: get\n      complete: {policy}\n", 1))
        done = run(log)
        assert done.code == 0
        assert ("incomplete" in done.err, shown in done.err) == (bool(shown), True)
        assert kept(log)["state"] == {"cursor": 5}
        (log / "state.json").unlink()


class Interrupting(FrozenClock):
    """A clock at which the user presses Ctrl-C while the command waits."""

    def sleep(self, seconds):
        raise KeyboardInterrupt


@pytest.mark.parametrize(("at", "came"), [("min=4", "4 records"), ("min=0", "0 records")])
def test_ctrl_c_leaves_the_state_and_says_how_many_records_came(log, vendor, monkeypatch, at, came):
    vendor.answer = lambda got: (429, {"retry-after": "9"}, {}) if at in got.target else events(got)
    monkeypatch.setattr(transcript, "FrozenClock", Interrupting)
    done = run(log, "--wait")
    assert done.code == 130
    assert f"{came} arrived before the run ended; written to standard output; state.json is unchanged" in done.err
    assert len(done.out.splitlines()) == int(came[0])
    assert not (log / "state.json").exists()
    recorded = conn(log, "record", "events.list", "-a", "work", "--wait", "--pages", "9")
    assert recorded.code == 130
    assert f"{came} arrived before the run ended; nothing was recorded" in recorded.err
    assert not list(log.glob("connectors/log/recordings/*"))


def test_an_interrupted_run_says_what_came_and_what_was_kept(log, vendor):
    vendor.answer = lambda got: (500, {}, {}) if "min=4" in got.target else events(got)
    done = run(log)
    said = "4 records arrived before the run ended; written to standard output; state.json records where to resume"
    assert said in done.err
    (log / "state.json").unlink()
    saved = run(log, "--output", "all.jsonl")
    assert "4 records arrived before the run ended; all.jsonl was not written; state.json is unchanged" in saved.err


def test_show_reports_whether_a_listing_can_go_on_from_a_cursor(tmp_path):
    operation = {"method": "get", "path": "/rows"}
    resources = {"rows": {"list": operation, "once": {**operation, "distinct": "record.id"}}}
    connector = tmp_path / "connectors" / "shop" / "connector.yaml"
    connector.parent.mkdir(parents=True)
    connector.write_text(json.dumps({"base_url": "https://api.example.com", "resources": resources}), "utf-8")
    (tmp_path / "conn.yaml").write_text("version: 1\n", "utf-8")
    data = json.loads(conn(tmp_path, "show", "rows.list", "--format", "json").out)
    assert (data["settings"]["path"], data["resumable"], data["does_not_resume"]) == ("/rows", True, [])
    data = json.loads(conn(tmp_path, "show", "rows.once", "--format", "json").out)
    assert data["resumable"] is False
    assert "`distinct`" in data["does_not_resume"][0]
    assert "does not resume: rows.once: `distinct`" in conn(tmp_path, "show", "rows.once").out
