"""Recording a real server and replaying it: the same records, never a secret in the file. And `conn test --live`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.errors import TransportError, VendorError
from conn_engine.responses.failures import Policy
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import connect
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.testing.cases import find_cases, replay
from conn_engine.testing.live_suite import run_live
from conn_engine.testing.recorder import Recorded, record_operation
from conn_engine.testing.suite import OperationReport, Selection

TOKEN = "tok-3141592653-secret"


def connector(site: Any) -> str:
    return f"""\
base_url: {site.url}/v1
hosts: ["{site.host}"]
credentials: {{ format: bearer }}
authorization: {{ format: bearer }}
pagination: {{ format: cursor, config: {{ cursor_field: next, cursor_param: after }} }}
resources:
  people:
    list: {{ method: get, path: /people, response_path: items }}
    create: {{ method: post, path: /people }}
    get: {{ method: get, path: "/people/{{{{id}}}}" }}
    delete: {{ method: delete, path: "/people/{{{{id}}}}" }}
"""


def vendor(got: Any) -> Any:
    """Five pages of people, whose answers echo the credential as careless vendors do."""
    if got.method == "POST":
        return 201, {"id": 7, "name": got.data["name"], "session": {"password": "hunter2-secret"}}
    if got.path != "/v1/people":
        return 404, {"message": f"nobody, said {got.headers['authorization']}"}
    number = int(got.query.get("after", "1"))
    row = {"id": number, "name": f"P{number}", "debug": f"seen {got.headers['authorization']}"}
    return {"items": [row]} | ({"next": str(number + 1)} if number < 5 else {})


@pytest.fixture
def shop(make: Callable[..., Workspace], site: Any) -> Workspace:
    site.answer = vendor
    return make({"connectors/shop/connector.yaml": connector(site)})


def kept(workspace: Workspace, operation: str, call: Call | None = None, **options: Any) -> tuple[Recorded, Path]:
    policy = options.pop("policy", None)
    vault = MemoryVault({"acme": {"token": TOKEN}})
    wiring = wire_account(workspace, "acme", environ={}, vault=vault, policy=policy)
    name = wiring.effective.resolve(operation)
    path = workspace.root / f"connectors/shop/recordings/{name.text}.json"
    return record_operation(wiring, name, call or Call(), path, **options), path


def replayed(workspace: Workspace) -> Any:
    effective = workspace.effective(account="acme")
    [case] = find_cases(workspace, effective, effective.operations())
    return replay(effective, case.name, case.recording)


def test_a_limit_that_was_waited_for_is_replayed_at_once(shop: Workspace, site: Any) -> None:
    asked: list[str] = []

    def busy(got: Any) -> Any:
        asked.append(got.path)
        return (429, {"retry-after": "0"}, {"message": "slowly"}) if len(asked) == 2 else vendor(got)

    site.answer = busy
    made, path = kept(shop, "people.list", pages=2, policy=Policy(wait=True))
    assert (made.exchanges, made.records, made.error, made.difference) == (3, 2, None, "")
    assert json.loads(path.read_text())["call"] == {"pages": 2, "wait": True}
    outcome = replayed(shop)
    assert (len(outcome.records), outcome.error, outcome.unused) == (2, None, 0)


def test_a_recording_replays_to_the_same_records(shop: Workspace, site: Any) -> None:
    seen: list[int] = []
    made, path = kept(shop, "contacts.list", Call(query={"limit": 1}), pages=9, seen=seen.append)
    assert (made.exchanges, made.records, made.error, seen) == (5, 5, None, [1] * 5)
    with connect(shop, "acme", environ={}, vault=MemoryVault({"acme": {"token": TOKEN}})) as acme:
        live = list(acme.records("contacts.list", Call(query={"limit": 1})))
    outcome = replayed(shop)
    assert (outcome.error, outcome.unused) == (None, 0)
    assert outcome.records == live
    text = path.read_text()
    assert TOKEN not in text
    assert "3141592653" not in text
    assert json.loads(text)["source"] == "live"


def test_a_recording_of_the_first_pages_replays_them_only(shop: Workspace, site: Any) -> None:
    made, _ = kept(shop, "contacts.list", pages=2)
    assert (made.exchanges, len(site.arrived)) == (2, 2)
    outcome = replayed(shop)
    assert (outcome.error, outcome.pages, len(outcome.records)) == (None, 2, 2)


def test_a_write_is_recorded_with_its_body(shop: Workspace, site: Any) -> None:
    made, path = kept(shop, "contacts.create", Call(body={"first_name": "Ada"}))
    assert made.records == 1
    assert "hunter2" not in path.read_text()
    assert replayed(shop).records == [{"id": "7", "first_name": "Ada"}]


@pytest.mark.parametrize("secret", ["110:hunter2/sekret", "open-sesame"])
def test_a_secret_of_the_call_is_not_in_the_path_of_a_recording(shop: Workspace, site: Any, secret: str) -> None:
    file = shop.root / "connectors/shop/connector.yaml"
    file.write_text(
        file.read_text() + '    find: { method: get, path: "/bot{{token}}/people", response_path: items }\n'
    )
    site.answer = lambda got: {"items": [{"id": 1, "link": f"https://shop.example/{secret}/1"}]}
    recorded, path = kept(Workspace(shop.root), "people.find", Call(params={"token": secret}))
    assert recorded.difference == ""
    saved = json.loads(path.read_text())
    assert saved["call"]["params"] == {"token": "[redacted]"}
    assert saved["exchanges"][0]["request"]["url"] == f"{site.url}/v1/bot[redacted]/people"
    assert "sekret" not in path.read_text() and "sesame" not in path.read_text()


def test_a_vendors_error_is_recorded_as_a_result(shop: Workspace, site: Any) -> None:
    made, path = kept(shop, "contacts.get", Call(id="1"), scenario="not_found")
    assert isinstance(made.error, VendorError)
    assert TOKEN not in path.read_text()
    outcome = replayed(shop)
    assert isinstance(outcome.error, VendorError)
    assert (outcome.error.kind, outcome.error.status) == ("not_found", 404)


def test_without_an_answer_nothing_is_recorded(make: Callable[..., Workspace], site: Any) -> None:
    class Closed:
        host, url = "127.0.0.1:9", "http://127.0.0.1:9"

    workspace = make({"connectors/shop/connector.yaml": connector(Closed)})
    with pytest.raises(TransportError):
        kept(workspace, "contacts.list")
    assert not (workspace.root / "connectors/shop/recordings").exists()


# --- live ---


def live(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, *operations: str, send: bool = False
) -> OperationReport:
    monkeypatch.setenv("CONN_NO_KEYRING", "1")
    selection = Selection(operations=operations)
    environ = {"CONN_ACME_TOKEN": TOKEN, "CONN_NO_KEYRING": "1"}
    [report] = run_live(workspace, selection, environ=environ, redactor=Redactor(), send=send)
    return report


def codes(report: OperationReport) -> list[str]:
    return [finding.code for finding in report.all_findings]


def test_the_recorded_call_is_asked_of_the_vendor(shop: Workspace, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(shop, "contacts.list", Call(query={"limit": 4}))
    site.arrived.clear()
    report = live(shop, monkeypatch, "contacts.list")
    assert codes(report) == []
    assert [got.query for got in site.arrived] == [
        {"size": "4"},
        {"size": "4", "after": "2"},
        {"size": "4", "after": "3"},
    ]
    outcome = report.judgements[0].outcome
    assert (outcome.pages, [sent.records for sent in outcome.sent]) == (3, [1, 1, 1])


def test_a_changed_vendor_is_reported_by_schema_and_coverage(
    shop: Workspace, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(shop, "contacts.list")
    site.answer = lambda got: {"items": [{"id": 1, "full_name": "Ada"}, {"id": 2, "full_name": "Bo"}], "next": None}
    assert codes(live(shop, monkeypatch, "contacts.list")) == ["MAP201"]
    site.answer = lambda got: {"people": []}
    assert codes(live(shop, monkeypatch, "contacts.list")) == ["MAP101"]
    site.answer = lambda got: (401, {"message": "no"})
    assert codes(live(shop, monkeypatch, "contacts.list")) == ["RUN201"]


def test_a_write_is_left_out_unless_it_may_be_sent(shop: Workspace, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(shop, "contacts.create", Call(body={"first_name": "Ada"}))
    site.arrived.clear()
    assert codes(live(shop, monkeypatch, "contacts.create")) == ["RUN102"]
    assert site.arrived == []
    assert codes(live(shop, monkeypatch, "contacts.create", send=True)) == []
    assert [got.method for got in site.arrived] == ["POST"]


def test_an_operation_without_a_recorded_call_is_reported(
    shop: Workspace, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = live(shop, monkeypatch, "contacts.list")
    assert (codes(report), report.recorded, site.arrived) == (["REC101"], False, [])
