"""`conn token` and `conn serve` as a user runs them."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import launching
import pytest
from service_bench import CONNECTOR, CRM, answer_people
from vendor import start_vendor

from conn_cli.console import App
from conn_cli.main import execute
from conn_engine.config import load_workspace
from conn_engine.errors import CredentialError
from conn_engine.releases.store_location import StoreLocation
from conn_service.connect.needs_login import LoginMonitor
from conn_service.revisions import Revision, RevisionStore, Subject
from conn_service.store import open_engine

ROOT = Path(__file__).resolve().parents[3]


def run(folder: Path, *words: str, environ: Mapping[str, str] = {}, stdin: str = "") -> tuple[int, str, str]:
    out, err, variables = StringIO(), StringIO(), {"CONN_NO_KEYRING": "1", **environ}
    code = execute(list(words), App(folder=folder, stdin=StringIO(stdin), stdout=out, stderr=err, environ=variables))
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    (tmp_path / "connectors/shop").mkdir(parents=True)
    (tmp_path / "connectors/shop/connector.yaml").write_text("base_url: https://api.example.com\nresources: {}\n")
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts/acme.yaml").write_text("connector: shop\n")
    return tmp_path


def test_the_life_of_a_token(folder: Path) -> None:
    code, text, note = run(
        folder, "token", "create", "app", "--scope", "unified:read", "-a", "acme", "--days", "30", "--rate", "5/s"
    )
    assert code == 0
    identifier = text.split("_")[1]
    assert f"conn token revoke {identifier}" in note
    code, listed, _ = run(folder, "token", "list")
    assert (code, listed.split()[:6]) == (0, [identifier, "valid", "app", "unified:read", "acme", "never"])
    assert listed.split()[-1] == "5/1s"
    assert text.strip() not in listed
    assert text.strip().split("_", 2)[2] not in (folder / ".conn/service.sqlite3").read_bytes().decode("latin-1")
    code, revoked, _ = run(folder, "token", "revoke", identifier, "--format", "json")
    data = json.loads(revoked)
    assert (code, data["kind"], data["token"]["state"], data["secret"]) == (0, "token", "revoked", None)


def test_an_account_of_the_store_can_have_a_token_and_a_credential(folder: Path) -> None:
    store = RevisionStore(open_engine(StoreLocation(file=folder / ".conn/service.sqlite3")))
    store.add(Revision(Subject("account", "hooli"), 1, {"accounts/hooli.yaml": "connector: shop\n"}), {}, "put", seen=0)
    line = ["token", "create", "app", "--scope", "unified:read", "--tenant", "hooli"]
    code, text, _ = run(folder, *line, "-a", "hooli", "--format", "json")
    assert (code, json.loads(text)["token"]["accounts"], json.loads(text)["token"]["tenant"]) == (0, ["hooli"], "hooli")
    assert run(folder, *line)[0] == 0
    _, listed, _ = run(folder, "token", "list")
    assert "all accounts of hooli" in listed
    environ = {"CONN_VAULT_KEY": "a-long-random-value"}
    code, text, err = run(folder, "auth", "status", "--store", ".conn/service.sqlite3", environ=environ)
    assert "hooli" in text, err


def test_a_store_shows_who_did_what_and_who_must_log_in(folder: Path) -> None:
    engine = open_engine(StoreLocation(file=folder / ".conn/service.sqlite3"))
    store = ["--store", ".conn/service.sqlite3"]
    (folder / "connectors/shop/connector.yaml").write_text(
        "base_url: https://api.shop.example\ncredentials: { format: bearer }\n"
        "authorization: { format: bearer }\nresources: {}\n"
    )
    user = {"USER": "ada", "CONN_VAULT_KEY": "a-long-random-value"}
    run(folder, "account", "create", "hooli", "-c", "shop", *store, "--reason", "new", environ=user)
    run(folder, "account", "disable", "acme", *store, environ=user)
    error = CredentialError("no", category="refused")
    LoginMonitor(engine, {}).note_broken(load_workspace(folder), "acme", error, 1_700_000_000.0)
    _, text, _ = run(folder, "account", "list", *store)
    acme, hooli = text.splitlines()
    assert acme.endswith("   disabled   must log in since 2023-11-14T22:13:20Z: conn account link acme")
    assert hooli.endswith("0 overrides")
    data = json.loads(run(folder, "account", "list", *store, "--format", "json")[1])["accounts"][0]
    assert (data["enabled"], data["needs_login_since"]) == (False, "2023-11-14T22:13:20Z")
    code, _, err = run(folder, "account", "link", "hooli", environ=user)
    assert code == 0, err
    (link,) = json.loads(run(folder, "account", "links", "hooli", "--format", "json")[1])["links"]
    assert (link["state"], link["created_by"]) == ("open", "ada")
    code, text, _ = run(folder, "account", "links", "--revoke", link["id"], environ=user)
    assert (code, text.split()[:3]) == (0, [link["id"], "revoked", "hooli"])
    assert run(folder, "account", "links")[1].startswith("there are no links; ")
    assert run(folder, "account", "links", "--revoke", link["id"])[0] == 2
    _, text, _ = run(folder, "account", "history", "hooli")
    assert [line.split("  ", 1)[1] for line in text.splitlines()] == [
        f"ada: revoke links/{link['id']}",
        f"ada: create links/{link['id']}",
        "ada: create accounts/hooli (revision 1): new",
    ]
    assert "ada: disable accounts/acme (revision 1)" in run(folder, "account", "history", "-n", "4")[1]


def test_the_openapi_document_of_an_account_of_the_store(folder: Path) -> None:
    store = ["--store", ".conn/service.sqlite3"]
    assert run(folder, "account", "create", "hooli", "-c", "shop", *store)[0] == 0
    code, text, err = run(folder, "openapi", "hooli", *store)
    assert (code, json.loads(text)["openapi"][:3]) == (0, "3.1"), err
    assert run(folder, "openapi", "hooli")[0] == 2


def test_a_change_is_checked_against_the_release_of_a_channel(folder: Path) -> None:
    store = ["--store", ".conn/service.sqlite3"]
    for words in (["release"], ["promote", "latest", "production"]):
        code, _, err = run(folder, *words)
        assert code == 0, err
    shutil.copytree(folder / "connectors/shop", folder / "connectors/mail")
    line = ["account", "create", "hooli", "-c", "mail", "--dry-run"]
    assert run(folder, *line, *store)[0] == 0
    code, _, err = run(folder, *line, *store, "--channel", "production")
    assert code == 1
    assert 'refers to the connector "mail"' in err
    for words in (line, ["override", "acme", "contacts", "email", "response.mail"]):
        code, _, err = run(folder, *words, "--channel", "production")
        assert code == 2
        assert "--channel is for accounts in a store" in err
    crm = folder / "connectors/shop/unified/crm.yaml"
    crm.parent.mkdir()
    crm.write_text("resources: {contacts: {list: {resource: people, response_mapping: {id: response.id}}}}\n")
    change = ["override", "acme", "contacts", "email", "response.mail", *store]
    assert "crm.contacts.list" in run(folder, *change, "--dry-run")[1]
    code, _, err = run(folder, *change, "--channel", "production")
    assert (code, "has no unified resource" in err) == (2, True), err


def test_a_credential_is_deleted_with_its_account(folder: Path) -> None:
    environ = {"CONN_VAULT_KEY": "a-long-random-value"}
    (folder / "accounts/globex.yaml").write_text("connector: shop\n")
    (folder / "connectors/shop/connector.yaml").write_text(
        "base_url: https://api.shop.example\ncredentials: { format: bearer }\n"
        "authorization: { format: bearer }\nresources: {}\n"
    )
    store = ["--store", ".conn/service.sqlite3"]
    for name in ("acme", "globex"):
        code, _, err = run(folder, "auth", "set", name, "token", *store, environ=environ, stdin="a-token\n")
        assert code == 0, err
    code, text, err = run(folder, "account", "delete", "acme", *store, "--keep-credential", "--format", "json")
    assert (code, json.loads(text)["credential"]) == (0, "kept"), err
    code, text, err = run(folder, "account", "delete", "globex", *store)
    assert code == 0
    assert "warning: the credential of globex is still stored: " in err
    assert "CONN_VAULT_KEY" in err
    run(folder, "account", "import", "globex", *store)
    code, text, err = run(folder, "account", "delete", "globex", *store, environ=environ)
    assert (code, text.splitlines()) == (0, ["deleted globex, revision 3", "deleted the credential of globex"]), err
    log = RevisionStore(open_engine(StoreLocation(file=folder / ".conn/service.sqlite3"))).audit.list()
    assert [(entry.action, entry.target) for entry in log] == [
        ("delete_credential", "accounts/globex"),
        ("delete", "accounts/globex"),
        ("import", "accounts/globex"),
        ("delete", "accounts/globex"),
        ("delete", "accounts/acme"),
    ]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["create", "app"], "a token without scopes cannot be used"),
        (["create", "app", "--scope", "unified:rad"], 'did you mean "unified:read"?'),
        (["create", "app", "--scope", "admin", "-a", "acmee"], 'no account "acmee"'),
        (["create", "app", "--scope", "admin", "--rate", "fast"], '"fast" is not a rate'),
        (["create", "app", "--scope", "metrics", "--tenant", "acme"], "metrics are those of all tenants"),
        (["revoke", "0123456789ab"], "conn token list"),
        (["list", "--store", "mysql://x"], "store"),
    ],
)
def test_a_wrong_line_has_a_fix(folder: Path, words: list[str], text: str) -> None:
    code, _, err = run(folder, "token", *words)
    assert code == 2
    assert text in err
    assert "fix: " in err


@pytest.mark.parametrize("words", [["serve", "--port", "0"], ["account", "create", "x", "-c", "shop"]])
def test_a_store_that_is_down_is_named_without_its_password(folder: Path, words: list[str]) -> None:
    code, _, err = run(folder, *words, "--store", "postgresql://conn:p4ssword@127.0.0.1:1/conn?connect_timeout=5")
    assert code == 4
    assert "127.0.0.1:1" in err
    assert "does not respond" in err
    assert "p4ssword" not in err


def test_a_newer_store_is_refused_at_the_start(folder: Path) -> None:
    engine = open_engine(StoreLocation(file=folder / ".conn/service.sqlite3"))
    RevisionStore(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE conn_service_format SET format = 99 WHERE part = 'revisions'")
    engine.dispose()
    code, _, err = run(folder, "serve", "--port", "0")
    assert code == 3
    assert "the store has the format 99 for revisions" in err
    assert "upgrade conn-engine" in err


def test_what_is_missing_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "conn_service.http.server", raising=False)
    code, _, err = run(folder, "serve")
    assert code == 2
    assert "pip install 'conn-engine[serve]'" in err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--try", "acmee"], 'no account "acmee"'),
        (["--try", "acme"], 'the account "acme" has no unified listing'),
        (["--try", "acme", "--host", "0.0.0.0"], "--try is for this machine only"),
    ],
)
def test_a_trial_that_cannot_be(folder: Path, words: list[str], text: str) -> None:
    code, _, err = run(folder, "serve", "--port", "0", *words)
    assert code == 2
    assert text in err


def test_a_port_in_use_is_an_error(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        code, _, err = run(folder, "serve", "--port", str(other.getsockname()[1]))
    assert code == 2
    assert "cannot listen on" in err
    assert "--port" in err


def test_a_first_request_to_a_real_process(folder: Path) -> None:
    """The process serves an account with the credential of its environment, and ends at SIGTERM."""
    with start_vendor(answer_people) as vendor:
        (folder / "conn.yaml").write_text(f'version: 1\ntrusted_hosts: ["{vendor.host}"]\n')
        connector = CONNECTOR.format(url=vendor.url, host=vendor.host)
        (folder / "connectors/shop/connector.yaml").write_text(connector)
        (folder / "connectors/shop/unified").mkdir()
        (folder / "connectors/shop/unified/crm.yaml").write_text(CRM)
        paths = os.pathsep.join(str(ROOT / name) for name in ("cli", "engine"))
        environ = {**os.environ, "PYTHONPATH": paths, "CONN_ACME_TOKEN": "t", "CONN_NO_KEYRING": "1", "COLUMNS": "80"}
        options = ["--port", "0", "--metrics-port", "0", "--log-format", "json", "--try", "acme"]
        line = [sys.executable, "-m", "conn_cli.start", "serve", *options]
        process = launching.start(line, cwd=folder, env=environ, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            started = process.stderr.readline()
            assert started.startswith("serving 1 account at http://127.0.0.1:")
            metrics = process.stderr.readline()
            assert metrics.startswith("metrics and health at http://127.0.0.1:")
            first = shlex.split(process.stderr.readline())
            assert first[:4] == ["try", "it:", "curl", "-H"]
            token = first[4].removeprefix("Authorization: Bearer ")
            data = ask(first[5], token)
            tools = list_tools(process.stderr.readline().split()[3].rstrip(","), token)
            with urllib.request.urlopen(metrics.split()[-1], timeout=60) as response:
                shown = response.read().decode()
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
    assert [record["id"] for record in data["result"]] == ["1"]
    assert tools == ["describe_resource", "list_records", "get_record"]
    assert vendor.arrived[0].headers["authorization"] == "Bearer t"
    assert code == 0
    assert 'conn_vendor_requests_total{connector="shop",outcome="2xx"} 1.0' in shown
    logged = [json.loads(line) for line in process.stderr]
    assert [line["message"] for line in logged] == ["request", "request", "draining: 0 requests at work", "ended"]
    assert (logged[0]["account"], logged[0]["status"]) == ("acme", 200)


def list_tools(url: str, token: str) -> list[str]:
    """Return the names of the tools for an agent."""
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    request = urllib.request.Request(url, message, {**headers, "authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return [tool["name"] for tool in json.load(response)["result"]["tools"]]


def ask(url: str, token: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)
