"""`conn run`, `conn record`, `conn auth --verify` and `conn test --live` against a server on loopback."""

import csv
import io
import json
import time

import pytest
from transcript import conn

from conn_cli.console import App
from conn_cli.main import execute

TOKEN = "tok-aVerySecretOne-42"
PEOPLE = [
    {
        "id": number,
        "first_name": f"P{number}",
        "last_name": "Q",
        "email": f"p{number}@ex.com",
        "created_at": "2026-01-01T00:00:00Z",
    }
    for number in range(1, 8)
]


def listing(got):
    """Seven people, three to a page, for a caller with the token."""
    if got.headers.get("authorization") != f"Bearer {TOKEN}":
        return 401, {}, {"message": f"bad token {got.headers.get('authorization')}"}
    path, _, query = got.target.partition("?")
    if got.method == "POST":
        return 201, {}, {**json.loads(got.body), "id": 99, "created_at": "2026-01-01T00:00:00Z"}
    if path != "/contacts":
        return 404, {}, {"message": "no such contact"}
    start = int(dict(pair.split("=") for pair in query.split("&") if pair).get("cursor", "0"))
    more = start + 3 < len(PEOPLE)
    headers = {"set-cookie": f"session={TOKEN}-cookie", "x-request-id": "r1"}
    body = {"data": PEOPLE[start : start + 3], "paging": {"next": str(start + 3) if more else None}, "token": TOKEN}
    return 200, headers, body


@pytest.fixture
def live(desk, vendor):
    """The desk's connector, talking to the vendor on loopback."""
    vendor.answer = listing
    point(desk, vendor.url, f"127.0.0.1:{vendor.port}")
    return desk


def point(desk, url, host):
    file = desk / "connectors/demo/connector.yaml"
    file.write_text(file.read_text().replace("https://api.demo.example/v1", url))
    with (desk / "conn.yaml").open("a") as stream:
        stream.write(f'trusted_hosts: ["{host}"]\n')


def run(desk, *arguments, token=TOKEN, **options):
    done = conn(desk, *arguments, CONN_ME_TOKEN=token, **options)
    for text in (done.out, done.err):
        assert token not in text
    return done


def test_records_come_as_json_lines_page_by_page(live, vendor):
    done = run(live, "run", "contacts.list", "-a", "me")
    assert done.code == 0
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["id"] for row in rows] == [str(person["id"]) for person in PEOPLE]
    assert [got.target for got in vendor.arrived] == ["/contacts", "/contacts?cursor=3", "/contacts?cursor=6"]
    assert "error" not in done.err


def test_a_mistake_of_the_connector_is_shown_on_its_line(live):
    file = live / "connectors/demo/connector.yaml"
    file.write_text(file.read_text().replace("response_path: data", "response_path: dta"))
    done = run(live, "run", "contacts.list", "-a", "me")
    assert (done.code, done.out) == (3, "")
    first, line, caret, *_ = done.err.splitlines()
    assert first.startswith('connectors/demo/connector.yaml:28:28  error MAP101  response_path "dta"')
    assert line[caret.index("^") :].startswith("dta")
    kept = run(live, "record", "contacts.list", "-a", "me", "--force")  # the answer is worth keeping nevertheless
    assert kept.code == 0
    assert "did you mean" in kept.out


@pytest.fixture
def scores(live, vendor):
    """The scores of people 2 and 5 are not numbers, that of 3 is null."""
    given = {2: "n/a", 3: None, 5: "-"}

    def answer(got):
        status, headers, body = listing(got)
        people = [{**person, "score": given.get(person["id"], "1")} for person in body["data"]]
        return status, headers, {**body, "data": people}

    vendor.answer = answer
    file = live / "connectors/demo/unified/crm.yaml"
    fields = "      custom_fields: { score: $number(response.score) }\n      created_at:"
    file.write_text(file.read_text().replace("      created_at:", fields, 1))
    return live


def test_a_field_that_fails_is_a_warning_or_an_error_of_a_strict_run(scores):
    found = 'custom_fields.score fails on 2 of 7 records (first id=2, 5): Unable to cast value to a number: "n/a"'
    for arguments, code, severity in (((), 0, "warning"), (("--strict",), 1, "error")):
        done = run(scores, "run", "contacts.list", "-a", "me", *arguments)
        rows = [json.loads(line) for line in done.out.splitlines()]
        assert [row.get("custom_fields") for row in rows] == [
            {"score": 1},
            *[None] * 2,
            {"score": 1},
            None,
            *[{"score": 1}] * 2,
        ]
        assert done.code == code
        assert f"connectors/demo/unified/crm.yaml:12:31  {severity} MAP204  {found}" in done.err
        assert done.err.count("MAP204") == 1
    file = scores / "connectors/demo/unified/crm.yaml"
    file.write_text(file.read_text().replace("    list:\n", "    on_error: { custom_fields: fail }\n    list:\n", 1))
    done = run(scores, "run", "contacts.list", "-a", "me")
    assert (done.code, done.out) == (3, "")
    assert "EXP301" in done.err
    assert '{"custom_fields": "fail"}' in run(scores, "why", "contacts.list", "on_error", "-a", "me").out


def test_files_have_the_other_fields_of_a_record_with_a_failure(scores):
    run(scores, "run", "contacts.list", "-a", "me", "-o", "people.csv")
    rows = list(csv.DictReader(io.StringIO((scores / "people.csv").read_text())))
    assert [row["id"] for row in rows] == [str(person["id"]) for person in PEOPLE]
    assert [(row["first_name"], row["custom_fields.score"]) for row in rows[:3]] == [
        ("P1", "1"),
        ("P2", ""),
        ("P3", ""),
    ]
    done = run(scores, "run", "contacts.list", "-a", "me", "--limit", "1", "-o", "one.jsonl", "--strict")
    assert done.code == 1
    assert "fails on 1 of 3 records (first id=2)" in done.err  # of the page


def test_record_map_and_test_report_a_field_that_fails(scores):
    recorded = run(scores, "record", "contacts.list", "-a", "me", "--force")
    assert "custom_fields.score fails on 2 of 7 records" in recorded.out + recorded.err
    tested = run(scores, "test", "contacts.list")
    assert tested.code == 1
    assert "error MAP204  custom_fields.score fails on 2 of 7 records (first id=2, 5)" in tested.out
    (scores / "one.json").write_text('[{"id": 1, "score": "x"}, {"id": 2, "score": null}]')
    mapped = run(scores, "map", "contacts.list", "-c", "demo", "-i", "one.json")
    assert json.loads(mapped.out) == [{"id": "1"}, {"id": "2"}]
    assert "warning MAP204  custom_fields.score fails on 1 of 2 records (first id=1)" in mapped.err


def test_a_mistake_of_another_operation_does_not_matter(live):
    file = live / "connectors/demo/connector.yaml"
    file.write_text(file.read_text() + "  deals: { list: { method: fetch, pathh: /deals } }\n")
    assert len(run(live, "run", "contacts.list", "-a", "me").out.splitlines()) == 7
    refused = run(live, "run", "deals.list", "-a", "me")
    assert refused.code == 3
    assert "CFG101" in refused.err
    assert run(live, "test", "contacts.list").code == 0
    every = run(live, "test")
    assert every.code == 1
    assert "connectors/demo/connector.yaml" in every.out
    assert "1 operation failed" in every.out


def test_a_misspelt_cursor_is_told(live):
    file = live / "connectors/demo/connector.yaml"
    file.write_text(file.read_text().replace("paging.next", "paging.nxt"))
    for command in (["run", "contacts.list"], ["record", "contacts.list", "--force"]):
        done = run(live, *command, "-a", "me")
        assert done.code == 0
        place = "connectors/demo/connector.yaml:18:17  warning PAG111  the listing may be incomplete: "
        assert f'{place}`cursor_field` "paging.nxt" is in no' in done.err
        assert 'did you mean "next"?; the response has next' in done.err
        assert "--update" not in done.out  # nothing suggests to keep one page as the golden


@pytest.mark.parametrize(("limit", "requests"), [(1, 1), (3, 1), (4, 2), (7, 3), (50, 3)])
def test_a_limit_asks_for_no_more_pages_than_needed(live, vendor, limit, requests):
    done = run(live, "run", "contacts.list", "-a", "me", "--limit", str(limit))
    assert len(done.out.splitlines()) == min(limit, 7)
    assert len(vendor.arrived) == requests
    ended = f"stopped: {limit} record{'s' * (limit > 1)}; --limit {limit} was reached"
    assert ("complete: 7 records" if limit >= 7 else ended) in done.err


def unfit(got):
    """The listing, in which the third and fifth person break the model."""
    status, headers, body = listing(got)
    wrong = [{**person, "created_at": "yesterday"} if person["id"] in (3, 5) else person for person in body["data"]]
    return status, headers, {**body, "data": wrong}


def test_records_that_break_the_model_are_counted_by_field(live, vendor):
    assert "not match the model" not in run(live, "run", "contacts.list", "-a", "me").err
    vendor.answer = unfit
    for options in ([], ["--remote-data"], ["--output", "all.jsonl"]):
        done = run(live, "run", "contacts.list", "-a", "me", *options)
        assert done.code == 0
        assert "demo/unified/crm.yaml:12:19  warning MAP301  created_at is not a valid date-time" in done.err
        assert "(2 of 7 records, first id=3)" in done.err
        assert "2 of 7 records do not match the model crm.contact" in done.err
    assert len((live / "all.jsonl").read_text().splitlines()) == 7
    assert "not match the model" not in run(live, "run", "contacts.list", "-a", "me", "--raw").err
    assert (
        "1 of 3 records does not match the model" in run(live, "run", "contacts.list", "-a", "me", "--limit", "3").err
    )


def test_an_error_in_the_middle_hides_no_violation(live, vendor):
    vendor.answer = lambda got: (500, {}, {}) if "cursor=6" in got.target else unfit(got)
    done = run(live, "run", "contacts.list", "-a", "me")
    assert done.code == 4
    assert "2 of 6 records do not match the model crm.contact" in done.err
    assert "6 records arrived before the run ended" in done.err


def test_the_violations_shown_are_bounded(live):
    schema = {"type": "object", "required": [f"field_{number}" for number in range(14)]}
    file = live / "models/crm/contact.schema.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(schema))
    done = run(live, "run", "contacts.list", "-a", "me")
    assert done.err.count("MAP301") == 10
    assert "7 of 7 records do not match the model crm.contact; 4 more kinds of violation not shown" in done.err


def test_a_live_test_judges_how_the_listing_ends(live, vendor):
    file = live / "connectors/demo/connector.yaml"
    text = file.read_text()
    assert "7 records, complete" in run(live, "test", "contacts.list", "-a", "me", "--live", "-v").out
    file.write_text(text.replace("cursor_field: paging.next", "cursor_field: paging.next\n  total_field: paging.total"))
    vendor.answer = lambda got: (*listing(got)[:2], {**listing(got)[2], "paging": {"next": None, "total": 9}})
    done = run(live, "test", "contacts.list", "-a", "me", "--live")
    assert done.code == 1
    assert "error PAG110  the listing is incomplete: 3 of 9 records arrived" in done.out
    assert "incomplete: 3 of 9 records arrived" in done.out
    report = json.loads(run(live, "test", "contacts.list", "-a", "me", "--live", "--format", "json").out)
    assert report["operations"][0]["cases"][0]["completeness"] == {
        "state": "incomplete",
        "reason": "3 of 9 records arrived",
    }
    recorded = run(live, "record", "contacts.list", "-a", "me", "--force")
    assert "error PAG110  the listing is incomplete" in recorded.err
    assert recorded.err.endswith("incomplete: 3 records were recorded\n")
    assert "--update" not in recorded.out  # nothing suggests to keep it as the golden
    report = json.loads(run(live, "record", "contacts.list", "-a", "me", "--force", "--format", "json").out)
    assert (report["state"], report["reason"]) == ("incomplete", "3 of 9 records arrived")


class WithoutReader(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text):
        raise BrokenPipeError


def test_a_run_ends_when_its_reader_leaves(live, vendor):
    environ = {"CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(live / ".state"), "CONN_ME_TOKEN": TOKEN}
    app = App(folder=live, environ=environ, stdin=io.StringIO(), stdout=WithoutReader(), stderr=io.StringIO())
    assert execute(["run", "contacts.list", "-a", "me"], app) == 0
    assert len(vendor.arrived) == 1  # of three pages


def test_outputs(live):
    array = run(live, "run", "contacts.list", "-a", "me", "--limit", "4", "-o", "json")
    assert [row["id"] for row in json.loads(array.out)] == ["1", "2", "3", "4"]
    table = run(live, "run", "contacts.list", "-a", "me", "--limit", "2", "-o", "table").out
    assert "first_name" in table.splitlines()[0]
    assert "p2@ex.com" in table
    rows = list(csv.DictReader(io.StringIO(run(live, "run", "contacts.list", "-a", "me", "-o", "csv").out)))
    assert rows[6]["email"] == "p7@ex.com"
    assert rows[0].keys() == {"id", "first_name", "last_name", "email", "created_at"}


def test_outputs_of_no_records(live, vendor):
    vendor.answer = lambda got: (200, {}, {"data": [], "paging": {}})
    assert run(live, "run", "contacts.list", "-a", "me").out == ""
    assert json.loads(run(live, "run", "contacts.list", "-a", "me", "-o", "json").out) == []
    assert run(live, "run", "contacts.list", "-a", "me", "-o", "csv").out == ""
    assert run(live, "run", "contacts.list", "-a", "me", "-o", "table").code == 0


def test_a_spreadsheet_runs_no_cell(live, vendor):
    person = {**PEOPLE[0], "first_name": "=HYPERLINK(1)", "last_name": "-5"}
    vendor.answer = lambda got: (200, {}, {"data": [person], "paging": {}})
    row = next(csv.DictReader(io.StringIO(run(live, "run", "contacts.list", "-a", "me", "-o", "csv").out)))
    assert row["first_name"] == "'=HYPERLINK(1)"
    assert row["last_name"] == "-5"


def test_raw_and_remote_data(live):
    raw = json.loads(run(live, "run", "contacts.list", "-a", "me", "--raw", "--limit", "1").out)
    assert raw == PEOPLE[0]
    unified = json.loads(run(live, "run", "contacts.list", "-a", "me", "--remote-data", "--limit", "1").out)
    assert unified["remote_data"] == PEOPLE[0]


def test_a_trace_shows_requests_and_hides_secrets(live):
    done = run(live, "run", "contacts.list", "-a", "me", "--trace", "--limit", "1")
    assert "/contacts" in done.err
    assert "200" in done.err
    assert "authorization" in done.err


def test_a_write_is_sent_only_when_told_to(live, vendor):
    body = '{"first_name": "New", "email": "n@ex.com"}'
    planned = run(live, "run", "contacts.create", "-a", "me", "--body", body)
    assert planned.code == 2
    assert "add --send" in planned.err
    assert vendor.arrived == []
    sent = run(live, "run", "contacts.create", "-a", "me", "--body", body, "--send")
    assert sent.code == 0
    assert json.loads(sent.out)["id"] == "99"
    assert json.loads(vendor.arrived[0].body) == {"first_name": "New", "email": "n@ex.com"}
    again = run(live, "run", "contacts.create", "-a", "me", "--body", "-", "--send", stdin=body)
    assert again.code == 0


def test_the_vendors_errors_have_their_exit_codes(live, vendor):
    wrong = conn(live, "run", "contacts.list", "-a", "me", CONN_ME_TOKEN="tok-wrong-one-entirely")
    assert wrong.code == 5
    assert "conn auth" in wrong.err
    assert "tok-wrong-one-entirely" not in wrong.err + wrong.out
    missing = run(live, "run", "contacts.get", "-a", "me", "-p", "id=5")
    assert missing.code == 4
    assert "no such contact" in missing.err
    assert conn(live, "run", "contacts.list", "-a", "me").code == 5
    vendor.answer = lambda got: (200, {}, "<html>sorry</html>")
    html = run(live, "run", "contacts.list", "-a", "me")
    assert html.code == 4
    assert html.err.startswith("error")


def test_a_mistyped_response_path_is_no_success(live):
    file = live / "connectors/demo/connector.yaml"
    file.write_text(file.read_text().replace("response_path: data", "response_path: dta"))
    done = run(live, "run", "contacts.list", "-a", "me")
    assert done.code != 0
    assert "dta" in done.err
    assert 'did you mean "data"?' in done.err
    assert done.out == ""


def test_a_rate_limit_ends_the_run_or_is_waited_for(live, vendor):
    calls = []

    def limited(got):
        calls.append(got)
        return (429, {"retry-after": "9"}, {"message": "slow down"}) if len(calls) == 1 else listing(got)

    vendor.answer = limited
    done = run(live, "run", "contacts.list", "-a", "me")
    assert done.code == 4
    assert "slow down" in done.err
    assert "9" in done.err
    calls.clear()
    waited = run(live, "run", "contacts.list", "-a", "me", "--wait")
    assert waited.code == 0
    assert len(waited.out.splitlines()) == 7


@pytest.mark.parametrize("url", ["http://nothing.invalid", "http://127.0.0.1:9"])
def test_an_unreachable_host_is_one_line_at_once(desk, url):
    point(desk, url, url.removeprefix("http://"))
    began = time.monotonic()
    done = run(desk, "run", "contacts.list", "-a", "me")
    assert time.monotonic() - began < 25
    assert done.code in (3, 4)
    assert done.out == ""
    assert len(done.err.splitlines()) <= 3, done.err


def test_an_unknown_host_ends_with_the_networks_code(desk):
    point(desk, "https://nothing.invalid", "nothing.invalid")
    began = time.monotonic()
    done = run(desk, "run", "contacts.list", "-a", "me")
    assert time.monotonic() - began < 25
    assert done.code == 4, done.err
    assert "nothing.invalid" in done.err


def test_a_recording_is_redacted_and_replays_to_the_same_requests(live, vendor):
    (live / "connectors/demo/expected/crm.contacts.list.json").unlink()
    refused = run(live, "record", "contacts.list", "-a", "me")
    assert refused.code == 2
    assert "--force" in refused.err
    assert vendor.arrived == []
    done = run(live, "record", "contacts.list", "-a", "me", "--force")
    assert done.code == 0, done.err
    assert "recorded 3 exchanges, 7 records" in done.out
    text = (live / "connectors/demo/recordings/crm.contacts.list.json").read_text()
    assert TOKEN not in text
    assert "set-cookie" not in text.lower() or "[redacted]" in text
    assert "authorization" not in text.lower()
    kept = run(live, "test", "contacts.list", "--update")
    assert kept.code == 0, kept.out + kept.err
    vendor.arrived.clear()
    tested = run(live, "test", "contacts.list", "-v")
    assert tested.code == 0
    assert "replay: 3 requests" in tested.out
    assert vendor.arrived == []
    again = run(live, "record", "contacts.list", "-a", "me", "--force")
    assert again.code == 0
    assert run(live, "test", "contacts.list").code == 0


def test_an_error_is_recorded_too(live):
    done = run(live, "record", "contacts.get", "-a", "me", "-p", "id=5", "--scenario", "gone", "--own")
    assert done.code == 0
    assert "ended with" in done.out
    path = live / "connectors/demo/recordings/me/crm.contacts.get.gone.json"
    assert json.loads(path.read_text())["exchanges"][0]["response"]["status"] == 404
    assert TOKEN not in path.read_text()


def test_pages_bound_a_recording(live, vendor):
    done = run(live, "record", "contacts.list", "-a", "me", "--scenario", "short", "--pages", "1")
    assert "recorded 1 exchange, 3 records" in done.out
    assert len(vendor.arrived) == 1


def test_nothing_is_recorded_without_an_answer(desk):
    point(desk, "http://127.0.0.1:9", "127.0.0.1:9")
    done = run(desk, "record", "contacts.list", "-a", "me", "--scenario", "none")
    assert done.code == 4
    assert not list((desk / "connectors/demo/recordings").glob("*none*"))


def test_a_credential_is_verified_by_the_vendor(live):
    good = run(live, "auth", "status", "me", "--verify")
    assert good.code == 0
    assert "accepted by the vendor" in good.out
    bad = conn(live, "auth", "status", "me", "--verify", CONN_ME_TOKEN="tok-wrong-one-entirely")
    assert bad.code == 5
    stored = conn(
        live, "auth", "login", "me", "--json", "--verify", stdin=json.dumps({"token": TOKEN}), CONN_VAULT_KEY="k" * 20
    )
    assert stored.code == 0, stored.err
    assert "accepted by the vendor" in stored.out


def test_live_tests_ask_the_vendor_and_leave_out_writes(live, vendor):
    done = run(live, "test", "contacts.list", "contacts.create", "-a", "me", "--live", "-v")
    assert done.code == 0, done.out + done.err
    assert {got.method for got in vendor.arrived} == {"GET"}
    assert "RUN102" in done.out
    assert "live: 3 requests" in done.out


def test_a_page_size_that_is_cut_is_said_once(live, vendor):
    file = live / "connectors/demo/connector.yaml"
    text = file.read_text()
    assert "pagination:" in text
    settings = "cursor_field: paging.next, cursor_param: cursor, size_param: n, max_size: 3"
    lines = text.split("pagination:", 1)
    tail = lines[1].split("\nresources:", 1)[1]
    file.write_text(f"{lines[0]}pagination: {{ format: cursor, {settings} }}\nresources:{tail}")
    done = run(live, "run", "--raw", "contacts.list", "-a", "me", "--param", "n=50")
    assert done.code == 0, done.err
    assert done.err.count("note: the page size 50 was reduced to 3, the vendor's maximum") == 1
    assert [got.target.count("n=3") for got in vendor.arrived] == [1, 1, 1]
