"""`conn doctor` in real surroundings: shells, keyrings, proxies, certificates, clocks and outdated copies."""

import json
import os
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from io import StringIO
from pathlib import Path

import keyring
import launching
import pytest
from keyring.backend import KeyringBackend
from transcript import check_report, conn
from typer._completion_shared import install
from vendor import start_vendor

from conn_cli.console import App
from conn_cli.fitting import fit_text
from conn_cli.machine.surroundings import check_completion
from conn_cli.main import execute
from conn_cli.scaffold import create_connector, create_workspace
from conn_engine.updates.lock import lock_bundled
from conn_engine.wire import FrozenClock

NOW = 1_795_000_000
SURROUNDINGS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
                "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "CONN_VAULT_KEY", "TERM_PROGRAM")  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A machine on which nothing is set up."""
    for name in SURROUNDINGS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONN_NO_KEYRING", "1")
    monkeypatch.setenv("CONN_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def diagnose(folder, *arguments):
    """Run the command in JSON and as text; return its rows by name, its exit code and the text."""
    outputs = []
    for options in (("--format", "json"), ()):
        out, err = StringIO(), StringIO()
        app = App(folder=folder, environ=os.environ, clock=FrozenClock(NOW), stdin=StringIO(), stdout=out, stderr=err)
        code = execute(("doctor", *arguments, *options), app)
        outputs.append(out.getvalue())
    assert outputs[0], err.getvalue()
    check_report(outputs[0])
    rows = {row["check"]: row for row in json.loads(outputs[0])["checks"]}
    assert all(bool(row["fix"]) == (row["state"] != "ok") for row in rows.values()), rows
    lines = fit_text(outputs[1], 80).splitlines()
    assert all(len(line) <= 80 or " " not in line.strip() for line in lines)  # a long path stays whole
    return rows, code, outputs[1]


def test_each_part_is_checked_and_each_problem_has_a_fix(home):
    rows, code, text = diagnose(home)
    assert list(rows) == [
        "python", "evaluator", "credentials", "bundle", "completion", "editor", "proxy", "certificates", "clock",
        "workspace",
    ]  # fmt: skip
    assert code == 0
    assert (
        "info  clock        not compared with a server\n                   fix: conn doctor --url https://HOST" in text
    )


# --- completion ---


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_found_where_it_was_installed(home, shell):
    missing = check_completion(os.environ, shell)
    assert (missing.state, missing.fix) == ("info", "conn --install-completion")
    install(shell=shell, prog_name="conn")
    assert check_completion(os.environ, shell).state == "ok"


@pytest.mark.parametrize(("shell", "loader"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
def test_a_script_that_the_shell_does_not_load_is_reported(home, shell, loader):
    install(shell=shell, prog_name="conn")
    (home / loader).write_text("# reset\n")
    row = check_completion(os.environ, shell)
    assert (row.state, row.fix) == ("warn", "conn --install-completion") and loader in row.detail
    (home / loader).write_text('eval "$(conn --show-completion)"\n')
    assert check_completion(os.environ, shell).state == "ok"


def test_a_shell_without_completion_is_named():
    assert "for tcsh" in check_completion({}, "tcsh").detail
    assert "for this shell" in check_completion({}, "").detail


def test_the_shell_is_the_one_that_runs_the_command(home):
    code = "import os; from conn_cli.machine.surroundings import find_shell; print(find_shell(os.environ))"
    script = f"{sys.executable} -c '{code}'; true"
    done = launching.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "bash\n"


# --- editor ---


def test_outdated_schemas_are_reported_until_they_are_written(home, tmp_path):
    create_workspace(tmp_path)
    assert diagnose(tmp_path)[0]["editor"]["state"] == "ok"
    (tmp_path / "schemas" / "connector.schema.json").write_text("{}")
    row = diagnose(tmp_path)[0]["editor"]
    assert (row["state"], row["detail"], row["fix"]) == (
        "info",
        "outdated in schemas/: connector",
        "conn schema --write",
    )
    assert conn(tmp_path, "schema", "--write").code == 0  # with the names of the workspace
    assert diagnose(tmp_path)[0]["editor"]["state"] == "ok"
    create_connector(tmp_path, "own")
    assert "outdated in schemas/" in diagnose(tmp_path)[0]["editor"]["detail"]


def test_schemas_with_names_stay_current_when_connectors_are_added(home, tmp_path):
    create_workspace(tmp_path)
    assert conn(tmp_path, "new", "first").code == 0
    assert conn(tmp_path, "schema", "--write").code == 0
    assert conn(tmp_path, "new", "second").code == 0
    spec = {"openapi": "3.0.3", "info": {"title": "Third", "version": "1"}, "servers": [{"url": "https://t.example"}]}
    paths = {"/a": {"get": {"operationId": "a", "responses": {"200": {"description": "ok"}}}}}
    (tmp_path / "third.json").write_text(json.dumps({**spec, "paths": paths}))
    assert conn(tmp_path, "import", "third.json").code == 0
    schema = json.loads((tmp_path / "schemas" / "account.schema.json").read_text())
    assert schema["properties"]["connector"]["enum"] == ["first", "second", "third"]
    assert diagnose(tmp_path)[0]["editor"]["state"] == "ok"


def test_the_settings_of_vs_code_have_the_schema_of_each_document_in_yaml(home, tmp_path):
    create_workspace(tmp_path)
    settings = json.loads((tmp_path / ".vscode" / "settings.json").read_text())
    written = {f"./schemas/{path.name}" for path in (tmp_path / "schemas").iterdir()}
    in_json = {f"./schemas/{kind}.schema.json" for kind in ("delivery", "recording")}
    assert settings["yaml.schemas"].keys() == written - in_json


def test_in_vs_code_the_extension_and_its_setting_are_checked(home, tmp_path, monkeypatch):
    create_workspace(tmp_path)
    monkeypatch.setenv("TERM_PROGRAM", "vscode")
    assert "does not have the extension conn.conn-vscode" in diagnose(tmp_path)[0]["editor"]["detail"]
    (home / ".vscode-server" / "extensions" / "conn.conn-vscode-0.1.0").mkdir(parents=True)
    assert diagnose(tmp_path)[0]["editor"]["state"] == "ok"
    (tmp_path / ".vscode" / "settings.json").write_text("{}")
    assert diagnose(tmp_path)[0]["editor"]["fix"] == 'add "conn.command": ["conn", "lsp"]'


# --- keyring ---


class PlaintextStore(KeyringBackend):
    """A backend as `keyrings.alt` has one."""

    priority = 1

    def get_password(self, service, username):
        return None

    def set_password(self, service, username, password):
        """Store nothing."""


class Wallet(PlaintextStore):
    """A usable backend."""

    name = "Wallet"


@pytest.fixture
def backend(home, monkeypatch):
    """Use a backend of the keyring library."""
    before = keyring.get_keyring()
    monkeypatch.delenv("CONN_NO_KEYRING")
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_the_backend_of_the_keyring_is_named(backend, tmp_path):
    backend(Wallet())
    assert diagnose(tmp_path)[0]["credentials"]["detail"] == "stored in the keyring (Wallet)"


def test_a_backend_that_does_not_encrypt_is_bad(backend, tmp_path):
    backend(PlaintextStore())
    rows, code, _ = diagnose(tmp_path)
    assert rows["credentials"]["state"] == "bad" and code == 1
    assert "CONN_VAULT_KEY" in rows["credentials"]["fix"]


def test_without_a_keyring_the_other_stores_are_named(backend, tmp_path, monkeypatch):
    backend(keyring.backends.fail.Keyring())
    row = diagnose(tmp_path)[0]["credentials"]
    assert (row["state"], row["detail"]) == ("warn", "no keyring is available")
    monkeypatch.setenv("CONN_NO_KEYRING", "1")
    assert diagnose(tmp_path)[0]["credentials"]["detail"].endswith("(CONN_NO_KEYRING is set)")
    monkeypatch.setenv("CONN_VAULT_KEY", "short")
    assert diagnose(tmp_path)[0]["credentials"]["state"] == "bad"


# --- proxies and certificates ---


@pytest.mark.parametrize("url", ["http://bob:s3cret-Vb5Nm2@proxy.example:3128", "bob:s3cret-Vb5Nm2@proxy.example:3128"])
def test_proxies_are_shown_without_their_users(home, tmp_path, monkeypatch, url):
    monkeypatch.setenv("HTTPS_PROXY", url)
    monkeypatch.setenv("NO_PROXY", "localhost,.internal")
    rows, _, text = diagnose(tmp_path)
    assert rows["proxy"]["detail"] == "HTTPS_PROXY http://proxy.example:3128, NO_PROXY localhost,.internal"
    assert "s3cret" not in json.dumps(rows) + text and "bob" not in json.dumps(rows) + text


def test_a_proxy_that_cannot_be_used_is_bad(home, tmp_path, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://bob:s3cret-Vb5Nm2@proxy.example:1080")
    rows, code, text = diagnose(tmp_path)
    assert (rows["proxy"]["state"], code) == ("bad", 1) and "HTTPS_PROXY" in rows["proxy"]["fix"]
    assert "s3cret" not in json.dumps(rows) + text


def test_the_bundle_of_certificates_is_shown_and_checked(home, tmp_path, monkeypatch):
    assert diagnose(tmp_path)[0]["certificates"]["detail"] == "the usual authorities"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/company.pem")
    row = diagnose(tmp_path)[0]["certificates"]
    assert (row["state"], row["fix"]) == ("warn", "set SSL_CERT_FILE=/etc/company.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    row = diagnose(tmp_path)[0]["certificates"]
    assert row["state"] == "bad" and "SSL_CERT_FILE" in row["detail"]
    create_workspace(tmp_path)
    monkeypatch.delenv("SSL_CERT_FILE")
    path = tmp_path / "conn.yaml"
    path.write_text(path.read_text() + "trusted_certificates: ours.pem\n")
    assert "ours.pem" in diagnose(tmp_path)[0]["certificates"]["detail"]


# --- clock ---


@pytest.fixture
def vendor(home, tmp_path):
    """A workspace with an account at a server, whose Date header the test sets."""
    dates = []

    def answer(handler):
        handler.send_response_only(204)
        for date in dates:
            handler.send_header("Date", date)
        handler.end_headers()

    with start_vendor(lambda arrived: answer) as server:
        create_workspace(tmp_path)
        folder = tmp_path / "connectors" / "shop"
        folder.mkdir()
        (folder / "connector.yaml").write_text(
            f'base_url: {server.url}/v1\nhosts: ["{server.host}"]\ncredentials: {{format: bearer}}\n'
            "authorization: {format: bearer}\nresources: {}\n"
        )
        (tmp_path / "accounts" / "acme.yaml").write_text("connector: shop\n")
        path = tmp_path / "conn.yaml"
        path.write_text(path.read_text() + f'trusted_hosts: ["{server.host}"]\n')
        server.dates = dates
        yield server


def format_date(seconds):
    return format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("seconds", "state", "detail"),
    [
        (0, "ok", "within 30 seconds of the server"),
        (-29, "ok", "within 30 seconds of the server"),
        (-120, "bad", "120 seconds ahead of the server"),
        (3_600, "bad", "3,600 seconds behind the server"),
    ],
)
def test_the_clock_is_compared_with_the_date_of_a_server(vendor, tmp_path, seconds, state, detail):
    vendor.dates[:] = [format_date(seconds)]
    rows, code, _ = diagnose(tmp_path, "--url", f"{vendor.url}/time")
    assert rows["clock"]["state"] == state and rows["clock"]["detail"].startswith(detail)
    assert code == (state == "bad")
    assert {(request.method, request.path) for request in vendor.arrived} == {("HEAD", "/time")}


def test_the_host_of_an_account_is_asked_only_live_and_without_its_credential(vendor, tmp_path, monkeypatch):
    monkeypatch.setenv("CONN_ACME_TOKEN", "tok-aVerySecretOne-42")
    diagnose(tmp_path)
    assert vendor.arrived == []
    vendor.dates[:] = [format_date(0)]
    assert diagnose(tmp_path, "--live", "--account", "acme")[0]["clock"]["state"] == "ok"
    assert [request.path for request in vendor.arrived] == ["/v1", "/v1"]
    assert not any("tok-aVery" in str(request) or "authorization" in request.headers for request in vendor.arrived)


def test_a_server_without_a_date_or_without_an_answer_is_a_warning(vendor, tmp_path):
    assert diagnose(tmp_path, "--url", vendor.url)[0]["clock"]["detail"] == "the server sends no Date header"
    vendor.dates[:] = ["yesterday"]
    assert diagnose(tmp_path, "--url", vendor.url)[0]["clock"]["state"] == "warn"
    for url in ("http://127.0.0.1:1/", "http://169.254.169.254/", "no-url", "ftp://a.example"):
        assert diagnose(tmp_path, "--url", url)[0]["clock"]["state"] == "warn"


@pytest.mark.parametrize(
    "options", [("--live",), ("--account", "acme"), ("--live", "-a", "acme", "--url", "https://a.b")]
)
def test_options_that_do_not_fit_are_refused(home, tmp_path, options):
    err = StringIO()
    app = App(folder=tmp_path, environ=os.environ, stdin=StringIO(), stdout=StringIO(), stderr=err)
    assert execute(("doctor", *options), app) == 2
    assert "--live requires --account" in err.getvalue()


# --- updates ---


def test_a_newer_bundled_connector_is_a_note_with_its_command(home, tmp_path):
    create_workspace(tmp_path)
    create_connector(tmp_path, "zendesk")
    assert diagnose(tmp_path)[0]["updates"]["state"] == "ok"
    lock_bundled(tmp_path, "zendesk", {"connector.yaml": b"label: Earlier\n"})
    row = diagnose(tmp_path)[0]["updates"]
    assert (row["state"], row["fix"]) == ("info", "conn update zendesk --dry-run")
    Path(tmp_path / "conn.lock").write_text("- no\n")
    rows, code, _ = diagnose(tmp_path)
    assert (rows["updates"]["state"], code) == ("bad", 1)
