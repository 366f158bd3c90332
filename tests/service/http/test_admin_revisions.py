"""`/admin/accounts` and `/admin/connectors`: what is checked, who may do it, and what happens when two do it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from service_bench import Bench, open_bench
from starlette.testclient import TestClient

from conn_engine.errors import CredentialError
from conn_service.http.reading import ServiceLimits
from conn_service.revisions import RevisionStore, Subject
from conn_service.store import open_engine

CONTACTS = "/unified/crm/contacts"
RECORDING = """\
{"format": 1, "connector": "shop", "operation": "crm.contacts.list", "scenario": "default", "source": "contract",
 "recorded_at": "2026-01-01T00:00:00Z", "note": "made up", "base_url": "URL/v1", "call": {"query": {"limit": 1}},
 "exchanges": [{"request": {"method": "GET", "url": "URL/v1/people?size=1"},
  "response": {"status": 200, "headers": {"content-type": "application/json"},
   "body": {"items": [{"id": 1, "name": "P1", "mail": "p1@example.com"}]}}}]}
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One service for the tests here. Each uses accounts of its own."""
    with open_bench(tmp_path_factory.mktemp("service")) as bench:
        bench.token = bench.issue(accounts=[])
        yield bench


@pytest.fixture
def bench(shared: Bench) -> Bench:
    return shared


def put(bench: Bench, name: str, text: Any = "connector: shop\n", **more: Any) -> Any:
    """Create or replace an account, whatever its version is."""
    tag = bench.ask("GET", f"/admin/accounts/{name}").headers.get("etag")
    body = {"document": text, **more}
    return bench.ask("PUT", f"/admin/accounts/{name}", body, headers={"if-match": tag} if tag else {})


def call(bench: Bench, name: str, path: str = f"{CONTACTS}?limit=1") -> Any:
    bench.vault.save(name, {"token": "t"})
    return bench.ask("GET", path, headers={"conn-account": name})


def test_a_new_account_is_served_at_once(bench: Bench) -> None:
    assert call(bench, "one").status_code == 404
    made = put(bench, "one", "connector: shop\nlabel: One\n", reason="a new customer")
    assert made.status_code == 201, made.text
    data = made.json()
    assert (data["id"], data["revision"], data["tenant"]) == ("one", 1, "one")
    assert (data["document"], data["findings"]) == ("connector: shop\nlabel: One\n", [])
    assert call(bench, "one").json()["result"][0]["first_name"] == "P1"
    read = bench.ask("GET", "/admin/accounts/one")
    assert (read.headers["etag"], read.json()["document"]) == (made.headers["etag"], data["document"])


@pytest.mark.parametrize("name", ["ACME", "acme.", "Globex-"])
def test_a_new_account_cannot_read_the_variables_of_another(bench: Bench, name: str) -> None:
    token = bench.issue("admin", accounts=[], tenant="another")
    made = bench.ask("PUT", f"/admin/accounts/{name}", {"document": "connector: shop\n"}, token=token)
    assert made.status_code == 400
    assert "too similar" in made.json()["detail"]
    assert bench.ask("GET", f"/admin/accounts/{name}").status_code == 404


def test_an_override_is_effective_at_once_and_can_be_reverted(bench: Bench) -> None:
    put(bench, "two")
    override = "override:\n  crm.contacts.list.response_mapping:\n    first_name: $uppercase(response.mail)\n"
    assert put(bench, "two", f"connector: shop\n{override}").status_code == 200
    assert call(bench, "two").json()["result"][0]["first_name"] == "P1@EXAMPLE.COM"
    tag = bench.ask("GET", "/admin/accounts/two").headers["etag"]
    body = {"revision": 1, "reason": "it was wrong"}
    reverted = bench.ask("POST", "/admin/accounts/two/revert", body, headers={"if-match": tag})
    assert (reverted.status_code, reverted.json()["revision"]) == (200, 3)
    assert call(bench, "two").json()["result"][0]["first_name"] == "P1"
    rows = bench.ask("GET", "/admin/accounts/two/revisions").json()["result"]
    assert [(row["revision"], row["reason"]) for row in rows] == [(3, "it was wrong"), (2, ""), (1, "")]
    assert "-    first_name: $uppercase(response.mail)\n" in rows[0]["diff"]
    second = bench.ask("GET", "/admin/accounts/two/revisions/2").json()
    assert second["files"] == {"accounts/two.yaml": f"connector: shop\n{override}"}
    (entry, *_) = bench.ask("GET", "/admin/audit?target=accounts/two").json()["result"]
    assert (entry["action"], entry["before"], entry["after"]) == ("revert", 2, 3)
    assert entry["by"] == bench.token.split("_")[1]


def test_an_account_of_the_workspace_gets_its_first_revision(bench: Bench) -> None:
    read = bench.ask("GET", "/admin/accounts/globex")
    assert (read.json()["revision"], read.json()["document"]) == (0, "connector: shop\n")
    body = {"document": {"connector": "shop", "label": "Globex"}, "tenant": "g"}
    made = bench.ask("PUT", "/admin/accounts/globex", body, headers={"if-match": read.headers["etag"]})
    assert made.json()["document"] == "connector: shop\nlabel: Globex\n"
    rows = {row["id"]: row for row in bench.ask("GET", "/admin/accounts").json()["result"]}
    assert rows["globex"] == {
        "id": "globex",
        "revision": 1,
        "tenant": "g",
        "connector": "shop",
        "environment": "production",
        "label": "Globex",
        "enabled": True,
    }
    assert rows["acme"]["revision"] == 0


def test_a_disabled_account_answers_403_until_it_is_enabled(bench: Bench) -> None:
    tag = put(bench, "paused", "# ours\nconnector: shop\n").headers["etag"]
    assert call(bench, "paused").status_code == 200
    paused = bench.ask("POST", "/admin/accounts/paused/disable", {"reason": "unpaid"}, headers={"if-match": tag})
    assert paused.json()["document"] == "# ours\nconnector: shop\nenabled: false\n"
    answer = call(bench, "paused")
    assert (answer.status_code, answer.json()["kind"]) == (403, "disabled")
    tag = paused.headers["etag"]
    again = bench.ask("POST", "/admin/accounts/paused/enable", {}, headers={"if-match": tag})
    assert again.json()["document"] == "# ours\nconnector: shop\n"
    assert call(bench, "paused").status_code == 200


def test_a_deleted_account_is_gone_and_can_be_restored(bench: Bench) -> None:
    tag = put(bench, "leaving").headers["etag"]
    assert call(bench, "leaving").status_code == 200
    gone = bench.ask("DELETE", "/admin/accounts/leaving", {"reason": "has left"}, headers={"if-match": tag})
    assert (gone.status_code, gone.json()["deleted"], gone.json()["credential"]) == (200, True, "deleted")
    assert bench.vault.load("leaving") is None
    assert call(bench, "leaving").status_code == 404
    bench.vault.delete("leaving")
    assert bench.ask("GET", "/admin/accounts/leaving").status_code == 404
    assert "leaving" not in {row["id"] for row in bench.ask("GET", "/admin/accounts").json()["result"]}
    assert len(bench.ask("GET", "/admin/accounts/leaving/revisions").json()["result"]) == 2
    log = bench.ask("GET", "/admin/audit?target=accounts/leaving").json()["result"]
    assert [entry["action"] for entry in log] == ["delete_credential", "delete", "create"]
    back = bench.ask("POST", "/admin/accounts/leaving/revert", {"revision": 1}, headers={"if-match": "*"})
    assert (back.status_code, back.json()["revision"]) == (200, 3)
    asked = bench.ask("GET", CONTACTS, headers={"conn-account": "leaving"})
    assert (asked.status_code, asked.json()["kind"]) == (424, "needs_login")


def test_a_deleted_account_keeps_its_credential_if_the_request_says_so(bench: Bench) -> None:
    put(bench, "pausing")
    bench.vault.save("pausing", {"token": "t"})
    anyone = {"if-match": "*"}
    dry = bench.ask("DELETE", "/admin/accounts/pausing?dry_run=true", {}, headers=anyone)
    assert (dry.status_code, "credential" in dry.json(), bench.vault.load("pausing")) == (200, False, {"token": "t"})
    assert bench.ask("DELETE", "/admin/accounts/pausing", {"keep_credential": "no"}, headers=anyone).status_code == 400
    gone = bench.ask("DELETE", "/admin/accounts/pausing", {"keep_credential": True}, headers=anyone)
    assert (gone.status_code, gone.json()["credential"]) == (200, "kept")
    bench.ask("POST", "/admin/accounts/pausing/revert", {"revision": 1}, headers=anyone)
    assert bench.ask("GET", CONTACTS, headers={"conn-account": "pausing"}).status_code == 200


def test_a_credential_that_cannot_be_deleted_is_reported_until_it_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bench, "stuck")
    bench.vault.save("stuck", {"token": "t"})
    delete = bench.vault.delete

    def fail(_account: str) -> bool:
        raise CredentialError("the disk is gone", category="store")

    monkeypatch.setattr(bench.vault, "delete", fail)
    failed = bench.ask("DELETE", "/admin/accounts/stuck", {}, headers={"if-match": "*"})
    assert (failed.status_code, failed.json()["kind"]) == (503, "credential_store")
    assert failed.json()["detail"] == "the account is deleted, but its credential could not be deleted"
    monkeypatch.setattr(bench.vault, "delete", delete)
    again = bench.ask("DELETE", "/admin/accounts/stuck", {}, headers={"if-match": "*"})
    assert (again.status_code, again.json()["credential"], bench.vault.load("stuck")) == (200, "deleted", None)
    assert bench.ask("DELETE", "/admin/accounts/stuck", {}, headers={"if-match": "*"}).status_code == 404


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ("connector: [", "DOC002", ""),
        ("connector: shopp\n", "REF101", "connector"),
        ("connector: shop\nenviroment: x\n", "CFG101", "enviroment"),
        ("connector: shop\noverride: {crm.contacts.list.response_mapping: {id: 'f('}}\n", "EXP101", None),
        ("connector: shop\ncontext: {token: AKIAIOSFODNN7EXAMPLE}\n", "SEC101", None),
    ],
)
def test_lint_refuses_a_document_with_its_findings(bench: Bench, text: str, code: str, path: str | None) -> None:
    answer = put(bench, "bad", text, accept="all of it")
    data = answer.json()
    assert (answer.status_code, data["kind"]) == (422, "refused")
    finding = next(finding for finding in data["findings"] if finding["code"] == code)
    assert finding["message"]
    assert finding["fix"]
    assert path is None or finding["path"] == path
    assert "AKIA" not in answer.text
    assert bench.ask("GET", "/admin/accounts/bad").status_code == 404


def test_a_change_that_breaks_has_to_be_accepted_with_a_reason(bench: Bench) -> None:
    put(bench, "careful")
    text = "connector: shop\noverride:\n  resources.people.list.response_path: things\n"
    files = read_connector(bench)
    files["recordings/crm.contacts.list.json"] = RECORDING.replace("URL", bench.vendor.url)
    recorded = put_connector(bench, files)
    assert recorded.status_code == 200, recorded.text
    tag = bench.ask("GET", "/admin/accounts/careful").headers["etag"]
    refused = bench.ask("PUT", "/admin/accounts/careful", {"document": text}, headers={"if-match": tag})
    data = refused.json()
    assert (refused.status_code, data["kind"]) == (422, "breaking"), refused.text
    assert data["effects"], data
    assert "accept" in data["fix"]
    body = {"document": text, "accept": "the customer wants it"}
    dry = bench.ask("PUT", "/admin/accounts/careful?dry_run=true", body, headers={"if-match": tag})
    assert (dry.status_code, dry.json()["dry_run"]) == (200, True)
    assert bench.ask("GET", "/admin/accounts/careful").headers["etag"] == tag
    done = bench.ask("PUT", "/admin/accounts/careful", body, headers={"if-match": tag})
    assert done.status_code == 200
    (row, *_) = bench.ask("GET", "/admin/accounts/careful/revisions").json()["result"]
    assert row["accepted"] == "the customer wants it"


_TWICE = "$reduce([1..200], function($a, $i){[[$a], [$a]]}, [1])"
ENDLESS = f"""\
connector: shop
override:
  unified.crm.contacts.list.response_mapping:
    email: {_TWICE} = {_TWICE}
"""
"""A mapping that compares values which hold themselves 2^200 times over: no evaluator ends it."""


@pytest.mark.slow
def test_a_check_that_does_not_end_is_stopped_and_delays_nobody(tmp_path: Path) -> None:
    limits = ServiceLimits(check_seconds=20)  # the other changes have to be checked in this time, too
    with open_bench(tmp_path, limits=limits) as bench, ThreadPoolExecutor(2) as pool:
        bench.token = bench.issue(accounts=[])
        files = read_connector(bench) | {
            "recordings/crm.contacts.list.json": RECORDING.replace("URL", bench.vendor.url)
        }
        recorded = put_connector(bench, files)
        assert recorded.status_code == 200, recorded.text
        endless = pool.submit(put, bench, "acme", ENDLESS)
        other = pool.submit(put, bench, "globex", "connector: shop\nlabel: Globex\n")
        assert call(bench, "empty").status_code == 200
        assert other.result().status_code == 200
        refused = endless.result()
        assert (refused.status_code, refused.json()["kind"]) == (422, "refused"), refused.text
        assert refused.json()["detail"] == (
            "the checks of accounts/acme took more than 20 seconds, so that nothing was changed"
        )
        assert bench.ask("GET", "/admin/accounts/acme").json()["revision"] == 0
        assert put(bench, "acme", "connector: shop\nlabel: Acme\n").status_code == 200


def read_connector(bench: Bench, name: str = "shop") -> dict[str, str]:
    files: dict[str, str] = bench.ask("GET", f"/admin/connectors/{name}").json()["files"]
    return files


def put_connector(bench: Bench, files: dict[str, str], name: str = "shop", **more: Any) -> Any:
    tag = bench.ask("GET", f"/admin/connectors/{name}").headers.get("etag")
    headers = {"if-match": tag} if tag else {}
    return bench.ask("PUT", f"/admin/connectors/{name}", {"files": files, **more}, headers=headers)


def test_a_new_connector_is_a_data_operation(bench: Bench) -> None:
    files = read_connector(bench)
    made = put_connector(bench, files, "second", reason="a new integration")
    assert (made.status_code, made.json()["files"]) == (201, files)
    assert put(bench, "of-second", "connector: second\n").status_code == 201
    assert call(bench, "of-second").json()["result"][0]["first_name"] == "P1"
    assert [row["id"] for row in bench.ask("GET", "/admin/connectors").json()["result"]] == ["second", "shop"]


def test_a_connector_that_accounts_use_cannot_be_deleted(bench: Bench) -> None:
    put_connector(bench, read_connector(bench), "used")
    put(bench, "user", "connector: used\n")
    tag = bench.ask("GET", "/admin/connectors/used").headers["etag"]
    refused = bench.ask("DELETE", "/admin/connectors/used", headers={"if-match": tag})
    assert refused.status_code == 422
    assert [finding["code"] for finding in refused.json()["findings"]] == ["REF101"]
    bench.ask(
        "DELETE", "/admin/accounts/user", headers={"if-match": bench.ask("GET", "/admin/accounts/user").headers["etag"]}
    )
    assert bench.ask("DELETE", "/admin/connectors/used", headers={"if-match": tag}).status_code == 200


def test_of_two_admins_the_second_has_to_read_again(bench: Bench) -> None:
    tag = put(bench, "contested").headers["etag"]
    body = {"document": "connector: shop\nlabel: A\n"}
    assert bench.ask("PUT", "/admin/accounts/contested", body, headers={"if-match": tag}).status_code == 200
    late = bench.ask("PUT", "/admin/accounts/contested", {"document": "connector: shop\n"}, headers={"if-match": tag})
    assert (late.status_code, late.json()["kind"]) == (412, "conflict")
    blind = bench.ask("PUT", "/admin/accounts/contested", body)
    assert (blind.status_code, blind.json()["kind"]) == (428, "version_required")
    assert bench.ask("PUT", "/admin/accounts/contested", body, headers={"if-none-match": "*"}).status_code == 412
    assert bench.ask("GET", "/admin/accounts/contested").json()["document"] == body["document"]


def test_an_account_can_be_deleted_while_it_is_called(bench: Bench) -> None:
    """The call at work ends as it began, and the next one finds no account."""
    tag = put(bench, "busy").headers["etag"]
    bench.vault.save("busy", {"token": "t"})
    headers = {"conn-account": "busy", "accept": "application/x-ndjson", "authorization": f"Bearer {bench.token}"}
    with bench.client.stream("GET", CONTACTS, headers=headers) as answer:
        lines = answer.iter_lines()
        first = next(lines)
        assert bench.ask("DELETE", "/admin/accounts/busy", headers={"if-match": tag}).status_code == 200
        rest = list(lines)
    assert first.startswith('{"record"')
    assert rest[-1].startswith('{"end":{"count":3')
    assert call(bench, "busy").status_code == 404


def test_a_token_of_a_tenant_sees_and_changes_only_its_accounts(bench: Bench) -> None:
    put(bench, "theirs", tenant="t1")
    tag = put(bench, "others", tenant="t2").headers["etag"]
    token = bench.issue("admin", accounts=[], tenant="t1")
    rows = bench.ask("GET", "/admin/accounts", token=token).json()["result"]
    assert [row["id"] for row in rows] == ["theirs"]
    unknown = bench.ask("GET", "/admin/accounts/nobody", token=token)
    body = {"document": "connector: shop\n", "reason": "x"}
    match = {"if-match": tag}
    for method, path, data in (
        ("GET", "/admin/accounts/others", None),
        ("PUT", "/admin/accounts/others", body),
        ("DELETE", "/admin/accounts/others", None),
        ("POST", "/admin/accounts/others/disable", {}),
        ("POST", "/admin/accounts/others/revert", {"revision": 1}),
        ("GET", "/admin/accounts/others/revisions", None),
        ("GET", "/admin/accounts/others/revisions/1", None),
    ):
        answer = bench.ask(method, path, data, token=token, headers=match)
        assert answer.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}, path
    assert bench.ask("GET", "/admin/connectors", token=token).status_code == 403
    made = bench.ask("PUT", "/admin/accounts/new-of-t1", body, token=token)
    assert (made.status_code, made.json()["tenant"]) == (201, "t1")
    moved = {**body, "tenant": "t2"}
    taken = bench.ask(
        "PUT", "/admin/accounts/new-of-t1", moved, token=token, headers={"if-match": made.headers["etag"]}
    )
    assert taken.status_code == 403
    log = bench.ask("GET", "/admin/audit", token=token).json()["result"]
    assert {entry["account"] for entry in log} == {"theirs", "new-of-t1"}


@pytest.mark.parametrize("name", ["%2e%2e", "%2e", "shop%00", "shop%0a", "..%2f", "sh%0aop", "x" * 200])
def test_a_name_leads_to_no_other_folder(bench: Bench, name: str) -> None:
    for kind in ("connectors", "accounts"):
        answer = bench.ask("GET", f"/admin/{kind}/{name}")
        assert answer.status_code == 404, answer.text


def test_changes_at_the_same_time_are_all_made(bench: Bench) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: put(bench, f"many-{number}").status_code, range(8)))
    assert made == [201] * 8


def test_the_scope_admin_is_needed(bench: Bench) -> None:
    token = bench.issue("unified:read", "unified:write", accounts=[])
    for method, path in (("GET", "/admin/accounts"), ("PUT", "/admin/accounts/x"), ("PUT", "/admin/connectors/x")):
        assert bench.ask(method, path, token=token).status_code == 403
        assert bench.ask(method, path, token="none").status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/admin/accounts/x", {}, "document is missing"),
        ("/admin/accounts/x", {"document": 5}, "document is missing"),
        ("/admin/accounts/x", {"document": "connector: shop\n", "reasn": "x"}, 'unknown key "reasn"'),
        ("/admin/accounts/x", {"document": "connector: shop\n", "reason": 5}, "reason must be"),
        ("/admin/accounts/x", {"document": "connector: shop\n", "tenant": 5}, "tenant must be"),
        ("/admin/accounts/x", {"document": "a: \udcff"}, "not text"),
        ("/admin/accounts/.x", {"document": "connector: shop\n"}, "the name of accounts"),
        ("/admin/accounts/x?force=1", {"document": "connector: shop\n"}, "only dry_run"),
        ("/admin/accounts/x", [], "not an object"),
        ("/admin/connectors/x", {"files": {"../conn.yaml": "x"}}, "is not a file of"),
        ("/admin/connectors/x", {"files": {}}, "files are missing"),
    ],
)
def test_a_wrong_request_says_what_to_do(bench: Bench, path: str, body: Any, text: str) -> None:
    answer = bench.ask("PUT", path, body)
    assert answer.status_code == 400, answer.text
    assert text in answer.json()["detail"]
    assert answer.json()["fix"]


def test_the_last_configuration_is_served_and_nothing_changes_while_the_store_is_gone(bench: Bench) -> None:
    tag = put(bench, "kept").headers["etag"]
    assert call(bench, "kept").status_code == 200

    def fail(*_: object) -> None:
        raise sa.exc.OperationalError("SELECT", {}, Exception("the server is gone"))

    sa.event.listen(sa.engine.Engine, "engine_connect", fail)
    try:
        served = call(bench, "kept")
        answers = [
            bench.ask("GET", "/admin/accounts/kept/revisions"),
            bench.ask("PUT", "/admin/accounts/kept", {"document": "connector: shop\n#\n"}, headers={"if-match": tag}),
        ]
    finally:
        sa.event.remove(sa.engine.Engine, "engine_connect", fail)
    assert served.status_code == 200
    for answer in answers:
        assert (answer.status_code, answer.json()["kind"], answer.headers["retry-after"]) == (503, "store", "5")
    assert bench.ask("GET", "/admin/accounts/kept").headers["etag"] == tag


def find_engine(bench: Bench) -> sa.Engine:
    return open_engine(bench.location)


def test_nothing_is_stored_when_the_store_is_lost_in_the_middle(bench: Bench) -> None:
    """The revision, its number and the entry of the log are one transaction."""
    store = RevisionStore(find_engine(bench))
    before = (store.read_change(), len(store.audit.list()))

    def fail(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO conn_audit"):
            raise sa.exc.OperationalError("INSERT", {}, Exception("disk full"))

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", fail)
    try:
        answer = put(bench, "lost")
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", fail)
    assert answer.status_code == 503
    assert (store.read_change(), len(store.audit.list())) == before
    assert store.find_latest(Subject("account", "lost")) is None
    assert put(bench, "lost").status_code == 201


def test_another_replica_serves_what_an_admin_created_here(bench: Bench, tmp_path: Path) -> None:
    put(bench, "everywhere", "connector: shop\nlabel: here\n")
    with open_bench(tmp_path, store=bench.location) as other:
        token = other.issue(accounts=[])
        assert other.ask("GET", "/admin/accounts/everywhere", token=token).json()["document"].endswith("label: here\n")
        assert isinstance(other.client, TestClient)
