"""What other connector kits get wrong, each as a test; installing the wheel is in `packaging`."""

import json

from transcript import conn

from conn_engine.config import load_workspace
from conn_engine.testing.suite import Selection, run_suite

HTTP, MAPPING = "connectors/demo/connector.yaml", "connectors/demo/unified/crm.yaml"


def change(desk, file, old, new):
    path = desk / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def codes(desk, *operations, **options):
    reports = run_suite(load_workspace(desk), Selection(operations=operations, **options))
    return [finding.code for report in reports for finding in report.all_findings]


def test_the_scaffolds_own_lint_and_tests_pass_at_once_and_offline(tmp_path, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", None)
    for name in ("hubspot", "acme-crm", "a", "x_1"):
        assert conn(tmp_path, "new", name).code == 0
    linted = conn(tmp_path, "lint")
    assert (linted.code, linted.out) == (0, "no findings\n")
    tested = conn(tmp_path, "test")
    assert tested.code == 0, tested.out
    assert "failed" not in tested.out
    assert "without a recording" not in tested.out


def test_a_mistyped_response_path_fails_and_names_the_near_key(desk):
    change(desk, HTTP, "response_path: data", "response_path: dta")
    done = conn(desk, "test", "contacts.list")
    assert done.code == 1
    assert 'did you mean "data"?' in done.out
    assert "28:28" in done.out


def test_a_wrong_format_is_one_error_on_one_line(desk):
    for old, new in (
        ("format: cursor", "format: cursed"),
        ("credentials: bearer", "credentials: b"),
    ):
        change(desk, HTTP, old, new)
        done = conn(desk, "lint", "--format", "github")
        assert len(done.out.splitlines()) == 1, done.out
        assert "CFG105" in done.out
        change(desk, HTTP, new, old)


def test_the_same_request_twice_gets_its_two_answers_in_order(desk):
    path = desk / "connectors/demo/recordings/crm.contacts.get.json"
    data = json.loads(path.read_text())
    first = data["exchanges"][0]
    second = json.loads(json.dumps(first))
    first["response"] = {"status": 503, "body": {"message": "busy"}}
    second["response"]["body"]["email"] = "second@ex.com"
    data["exchanges"] = [first, second]
    path.write_text(json.dumps(data))
    done = conn(desk, "test", "contacts.get", "--format", "json")
    case = next(case for case in json.loads(done.out)["operations"][0]["cases"] if case["scenario"] == "default")
    assert case["requests"] == 2
    assert case["records"] == 1
    shown = conn(desk, "test", "contacts.get", "-v").out
    assert "503" in shown
    assert "second@ex.com" in shown


def test_later_pages_are_really_replayed(desk):
    path = desk / "connectors/demo/recordings/crm.contacts.list.json"
    data = json.loads(path.read_text())
    data["exchanges"][1]["response"]["body"]["paging"]["next"] = "c3"
    path.write_text(json.dumps(data))
    done = conn(desk, "test", "contacts.list", "-v")
    assert done.code == 1
    assert "no response is recorded for GET /contacts?limit=2&cursor=c3" in done.out
    assert "replay: 3 requests" in done.out
    data["exchanges"].append(json.loads(json.dumps(data["exchanges"][1])))
    data["exchanges"][2]["request"]["query"]["cursor"] = "c3"
    data["exchanges"][2]["response"]["body"] = {"data": [], "paging": {}}
    path.write_text(json.dumps(data))
    done = conn(desk, "test", "contacts.list", "-v")
    assert "replay: 3 requests" in done.out
    assert "TST102" in done.out  # the golden counts two requests


def test_a_cursor_that_repeats_ends_with_an_error(desk):
    path = desk / "connectors/demo/recordings/crm.contacts.list.json"
    data = json.loads(path.read_text())
    data["exchanges"][1]["response"]["body"]["paging"]["next"] = "c2"
    path.write_text(json.dumps(data))
    done = conn(desk, "test", "contacts.list", "-v")
    assert done.code == 1
    assert "c2" in done.out
    assert "repeat" in done.out or "again" in done.out or "same" in done.out


def test_a_replay_miss_shows_the_nearest_request_and_the_difference(desk):
    change(desk, MAPPING, "{ limit: query.limit }", "{ limit: query.limit, sort: \"'name'\" }")
    done = conn(desk, "test", "contacts.list")
    assert done.code == 1
    assert "nearest exchange, number 1: GET /contacts?limit=2" in done.out
    assert "sort" in done.out


def test_an_import_of_nothing_fails_and_leaves_nothing(desk):
    (desk / "empty.har").write_text(
        '{"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": []}}'
    )
    before = sorted(desk.rglob("*"))
    done = conn(desk, "har", "import", "empty.har", "-c", "demo", "--operation", "contacts.get", "--scenario", "new")
    assert done.code == 3
    assert "REC004" in done.err
    assert sorted(desk.rglob("*")) == before


def test_an_import_names_the_requests_without_a_response(desk):
    answer = {"status": 200, "headers": [], "content": {"mimeType": "application/json", "text": "{}"}}
    base = (desk / HTTP).read_text().partition("base_url:")[2].split()[0]
    url = f"{base}/contacts"
    entries = [
        {"request": {"method": "GET", "url": url, "headers": []}, "response": answer},
        {"request": {"method": "GET", "url": f"{url}/9?token=hunter22", "headers": []}},
    ]
    (desk / "two.har").write_text(json.dumps({"log": {"entries": entries}}))
    done = conn(desk, "har", "import", "two.har", "-c", "demo", "--operation", "contacts.get", "--scenario", "new")
    assert done.code == 0, done.err
    assert f"skipped GET {url}/9: it has no response in two.har" in done.err
    assert "hunter22" not in done.err


def test_lint_of_no_files_is_an_error(tmp_path):
    assert conn(tmp_path, "lint").code == 2
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("x")
    done = conn(tmp_path, "lint", "notes")
    assert done.code == 2
    assert "nothing to lint in notes" in done.err


def test_an_operation_that_cannot_be_run_is_a_finding(desk):
    change(desk, MAPPING, "    list:\n", "    list:\n      method: lst\n")
    assert "REF102" in codes(desk, "contacts.list")
    step = "{ name: a, request: { resource: nowhere, method: get } }"
    change(desk, MAPPING, "      method: lst\n", f"      before: [{step}]\n")
    assert "RUN301" in codes(desk, "contacts.list")


def test_a_mapping_that_the_evaluators_see_differently_is_told(desk):
    # One evaluator takes the remainder of whole numbers only.
    change(desk, MAPPING, "email: response.email", "email: $string(5 % 3.2)")
    assert "MAP401" not in codes(desk, "contacts.list")
    assert "MAP401" in codes(desk, "contacts.list", cross_check=True)


def test_a_live_test_without_a_credential_is_a_finding(desk):
    done = conn(desk, "test", "contacts.list", "-a", "me", "--live")
    assert done.code in (1, 5)
    assert "RUN201" in done.out or "no credential" in done.err
