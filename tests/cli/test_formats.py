"""`--format` in the whole command tree: one option with one help, JSON for every command, files complete or absent."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from transcript import Run, check_report, conn, report_validator
from typer.main import get_command
from vendor import Arrived, Vendor, start_vendor

from conn_cli.main import application
from conn_engine.diagnostics import Span, diagnostic
from conn_engine.lint.report import LintReport
from conn_engine.releases.store_location import StoreLocation
from conn_engine.schemas.reports import REPORTS
from conn_engine.wire import FrozenClock

KEY = {"CONN_VAULT_KEY": "a key for the tests alone, long enough"}
TOKEN = json.dumps({"token": "tok-aVerySecretOne-42"})
HELP = re.compile(
    r"Show the result as text( or json|, json(, \w+)* or \w+)\. "
    r"FORMAT=FILE writes it to a file\. Repeatable\. Default: text\."
)
DELIVERY = 'POST /in HTTP/1.1\nHost: hooks.example.org\nx-signature: s\n\n{"id": "e1"}'
OPEN_API = {
    "openapi": "3.0.0",
    "info": {"title": "Parts", "version": "1"},
    "servers": [{"url": "https://api.parts.example"}],
    "paths": {"/parts": {"get": {"responses": {"200": {"description": "all"}}}}},
}
SHOP: dict[str, Any] = {
    "base_url": "@V",
    "hosts": ["127.0.0.1:@P"],
    "credentials": {"format": "bearer"},
    "authorization": {"format": "bearer"},
    "verify": "things.list",
    "fields": [{"name": "webhook_secret", "secret": True, "required": False}],
    "webhooks": {
        "verify": {"format": "hmac", "config": {"signature": 'headers."x-signature"'}},
        "events": {"type": "'seen'"},
        "subscription": {
            "create": [{"name": "hook", "request": {"path": "/hooks", "method": "post"}, "transform": "response.id"}],
            "renew": [{"name": "again", "request": {"path": "/hooks", "method": "patch"}}],
            "delete": [{"name": "gone", "request": {"path": "/hooks", "method": "delete"}}],
        },
    },
    "resources": {"things": {"list": {"method": "get", "path": "/things"}}},
}
RECORDINGS = "connectors/demo/recordings"
LINES: dict[str, tuple[str, int]] = {
    "init fresh": ("init", 0),
    "new other": ("new", 0),
    "import open.json": ("import", 0),
    "lint": ("lint", 0),
    "lint --fix": ("lint", 0),
    "fmt": ("formatting", 0),
    "update": ("update", 0),
    "test contacts.list": ("test", 0),
    "run contacts.list -a acme --dry-run": ("plan", 0),
    "run contacts.create -a acme --body {}": ("plan", 2),
    "record things.list -a me --raw": ("record", 0),
    "eval $ -i in.json": ("eval", 0),
    "eval nothing -i in.json": ("eval", 0),
    "eval a.b --reads": ("reads", 0),
    "map contacts.list -c demo -i in.json": ("map", 0),
    "har import demo.har -c demo --operation contacts.list --force": ("har", 0),
    f"har export {RECORDINGS}/crm.contacts.list.json -o again.har": ("har", 0),
    "webhook verify in.http -a me": ("delivery", 4),
    "webhook record again in.http -a me --contract": ("delivery-record", 0),
    "webhook send connectors/shop/deliveries/seen.json -a me --to http://127.0.0.1:9/in": ("plan", 2),
    "webhook send connectors/shop/deliveries/seen.json -a me --to @V/in --send": ("sent", 0),
    "webhook scheme": ("schemes", 0),
    "webhook scheme stripe": ("scheme", 0),
    "webhook subscribe me --url https://hooks.example.org/me": ("subscriptions", 2),
    "webhook renew me --send": ("subscriptions", 0),
    "webhook renew": ("subscriptions", 0),
    "webhook unsubscribe me --send": ("subscriptions", 0),
    "show": ("workspace", 0),
    "show -a acme": ("configuration", 0),
    "show contacts.list -c demo": ("configuration", 0),
    "show sync:things": ("configuration", 0),
    "why contacts.list response_mapping.email -c demo": ("why", 0),
    "why contacts.list email --value --record 1 -c demo": ("value", 0),
    "why contacts.list --value --record 1 -c demo": ("values", 0),
    "override acme contacts.list email $uppercase($base.email) --dry-run": ("override", 0),
    "override acme contacts.list email $uppercase($base.email)": ("override", 0),
    "override acme contacts.list email $nothing(": ("override", 1),
    "diff-override -a acme": ("diff-override", 0),
    "fields acme contacts": ("fields", 0),
    "coverage -c demo": ("coverage", 0),
    "mutate demo --kind drop_field": ("mutate", 0),
    "check connectors/demo --quick": ("check", 1),
    "score demo": ("score", 0),
    "catalogue crm": ("catalogue", 0),
    f"drift -c demo --recordings {RECORDINGS}": ("drift", 0),
    "ci --all": ("ci", 0),
    "impact --base-dir before": ("impact", 0),
    "release": ("release", 0),
    "promote latest production": ("promote", 0),
    "rollout staging": ("rollout", 0),
    "rollback staging": ("rollback", 0),
    "history": ("history", 0),
    "diff latest .": ("diff", 0),
    "auth login me --json": ("credential", 0),
    "auth set me token": ("credential", 0),
    "auth status": ("credentials", 5),
    "auth status me --verify": ("credentials", 0),
    "auth verify me": ("credential", 0),
    "auth connect me": ("credential", 0),
    "auth logout me": ("credential", 0),
    "auth adopt --yes": ("adopt", 0),
    "auth rotate-key": ("rotated-key", 0),
    "account list": ("accounts", 0),
    "account create new -c shop": ("account-change", 0),
    "account change me --label Me --dry-run": ("account-change", 0),
    "account disable me --dry-run": ("account-change", 0),
    "account enable me": ("account-change", 0),
    "account delete me --dry-run": ("account-change", 0),
    "account history": ("account-history", 0),
    "account links": ("links", 0),
    "account import me --store accounts.sqlite3": ("account-change", 0),
    "export exported": ("export", 0),
    "explain": ("explain", 0),
    "explain codes": ("explain", 0),
    "explain MAP201": ("explain", 0),
    "explain functions": ("explain", 0),
    "explain $pick": ("explain", 0),
    "explain pagination.cursor": ("explain", 0),
    "schema": ("schemas", 0),
    "schema --write": ("schemas", 0),
    "schema account": ("schema", 0),
    "schema report": ("schema", 0),
    "doctor": ("doctor", 0),
    "sync list": ("syncs", 0),
    "sync plan things": ("sync-plan", 0),
    "sync try contacts -a acme": ("sync-trial", 0),
    "sync run things -a me --to file:things.jsonl": ("sync-runs", 0),
    "sync backfill things --from 2025-01-01 --to 2025-02-01 --plan": ("sync-backfill-plan", 0),
    "sync work --once": ("sync-change", 0),
    "sync status": ("sync-status", 0),
    "sync failures": ("sync-failures", 0),
    "sync runs": ("sync-runs", 0),
    "sync show": ("sync-runs", 0),
    "sync logs": ("sync-log", 0),
    "sync retry things:me:0000000000001": ("sync-runs", 0),
    "sync cancel things:me:0000000000001": ("sync-change", 0),
    "sync pause things": ("sync-change", 0),
    "sync resume things": ("sync-change", 0),
    "sync reset things -a me": ("sync-change", 0),
    "openapi me": ("openapi", 0),
    "token create app --scope unified:read": ("token", 0),
    "token list": ("tokens", 0),
    "inbox list": ("inbox", 0),
    "inbox replay --failed": ("inbox", 0),
    "endpoint list": ("endpoints", 0),
    "endpoint test app": ("endpoint-test", 0),
    "endpoint secret --ed25519": ("endpoint-secret", 0),
    "endpoint rotate app": ("endpoint-rotation", 0),
    "account link me": ("link", 0),
}
"""Command lines of every command, with the kind of the report and the exit code."""
SERVERS = {"lsp", "mcp", "open", "serve", "studio"}
"""Commands that another program talks to: their output is a protocol, tested in tests/service."""
IN_ITS_OWN_TEST = {"webhook listen", "token revoke", "inbox show", "endpoint redeliver"}
"""Tested in test_webhook_listen.py, and in test_commands.py of tests/service/http, inbox and delivery."""
WITHOUT_LINE = {
    "event",
    "error",
    "inbox-delivery",
    "redelivery",
}  # one for each event of webhook listen; test_error_reports.py
READING = ("eval $ -i in.json", "show", "explain codes", "history", "schema account", "account list", "webhook scheme")


def find_commands(group: Any, *above: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it; earlier names are hidden."""
    for name in group.commands:
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from find_commands(command, *above, name)
        elif not command.hidden:
            yield " ".join((*above, name)), command


COMMANDS = {words: found for words, found in find_commands(get_command(application)) if words not in SERVERS}


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    """A vendor that has things, and takes subscriptions."""

    def answer(arrived: Arrived) -> Any:
        return (201, {"id": "h-7"}) if arrived.path == "/hooks" else [{"id": 1}]

    with start_vendor(answer) as made:
        yield made


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, vendor: Vendor) -> Path:
    """A workspace in which every command has something to report."""
    folder = tmp_path_factory.mktemp("prepared")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    assert conn(folder, "new", "demo").code == 0
    text = json.dumps(SHOP).replace("@V", vendor.url).replace("@P", str(vendor.port))
    files = {
        "connectors/shop/connector.json": text,
        "accounts/me.yaml": "connector: shop\n",
        "accounts/acme.yaml": "connector: demo\noverride: { timeout_seconds: 10 }\n",
        "conn.yaml": f'version: 1\nid: ws-formats\ntrusted_hosts: ["127.0.0.1:{vendor.port}"]\n'
        f"endpoints: {{ app: {{ url: '{vendor.url}/hooks' }} }}\n",
        "syncs/things.yaml": THINGS,
        "syncs/contacts.yaml": "source: { connector: demo, resource: crm.contacts }\nemit: { type: stdout }\n",
        "in.json": json.dumps({"id": 1, "email": "a@example.com"}),
        "in.http": DELIVERY,
        "open.json": json.dumps(OPEN_API),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    shutil.copytree(folder, folder / "before", ignore=shutil.ignore_patterns("before", ".state"))
    for line in (
        "auth login me --json", "webhook subscribe me --url https://hooks.example.org/me --send",
        "webhook record seen in.http -a me --contract", f"har export {RECORDINGS}/crm.contacts.list.json -o demo.har",
        "release", "promote latest staging", "new second", "release", "promote latest staging --despite test",
    ):  # fmt: skip
        done = run(folder, line, vendor)
        assert done.code == 0, (line, done.out, done.err)
    add_run(folder)
    patch.undo()
    return folder


THINGS = """\
source: { connector: shop, resource: things }
emit: { type: stdout }
backfill: { params: { after: "{{ window.start }}", before: "{{ window.end }}" } }
"""


def add_run(folder: Path) -> None:
    """Store a run of a sync that has failed."""
    from conn_service.syncs.worker import FolderReleases, SyncWorker

    location = StoreLocation(file=folder / ".conn/service.sqlite3")
    worker = SyncWorker(
        location, FolderReleases(folder), environ={"CONN_NO_KEYRING": "1"}, clock=FrozenClock(1_700_000_000.0)
    )
    worker.runner.create_run("things:me:0000000000001", "things", "me")
    worker.runner.fail("things:me:0000000000001", "the vendor does not respond")
    worker.close()


@pytest.fixture
def folder(tmp_path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the prepared workspace."""
    copy = shutil.copytree(prepared, tmp_path / "desk")
    monkeypatch.chdir(copy)
    return Path(copy)


def run(folder: Path, line: str, vendor: Vendor, *options: str) -> Run:
    stdin = TOKEN if "--json" in line else "tok-another-42" if line.startswith("auth set") else ""
    return conn(folder, *line.replace("@V", vendor.url).split(), *options, stdin=stdin, **KEY)


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_the_one_option(words: str) -> None:
    (option,) = [param for param in COMMANDS[words].params if "--format" in param.opts]
    assert HELP.fullmatch(option.help), option.help
    assert (option.metavar, option.multiple, option.default) == ("FORMAT[=FILE]", True, None)


@pytest.mark.parametrize("words", COMMANDS)
def test_an_unknown_format_ends_a_command_before_it_starts(words: str, tmp_path: Path) -> None:
    done = conn(tmp_path, *words.split(), "--format", "jsn")
    assert (done.code, done.out) == (2, "")
    assert done.err == 'error: there is no format "jsn"\n  fix: did you mean "json"?\n'
    assert list(tmp_path.iterdir()) == []


def test_every_command_and_every_kind_has_a_line() -> None:
    lines = {words for words in COMMANDS for line in LINES if f"{line} ".startswith(f"{words} ")}
    assert lines == COMMANDS.keys() - IN_ITS_OWN_TEST
    assert {kind for kind, _ in LINES.values()} | WITHOUT_LINE == REPORTS.keys()


def test_every_kind_of_report_has_a_line() -> None:
    assert {kind for kind, _ in LINES.values()} == REPORTS.keys() - WITHOUT_LINE


def test_a_report_that_its_schema_does_not_allow_is_noticed() -> None:
    data = {"version": 1, "kind": "eval", "defined": True, "value": None}
    check_report(json.dumps(data, indent=2))
    for wrong in ({**data, "more": 1}, {**data, "defined": "yes"}, {key: data[key] for key in ("version", "kind")}):
        with pytest.raises(AssertionError, match="eval"):
            check_report(json.dumps(wrong, indent=2))


def test_the_schema_of_any_report_is_that_of_its_kind(tmp_path: Path) -> None:
    schema = json.loads(conn(tmp_path, "schema", "report").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    lint = LintReport.from_findings([diagnostic("DOC002", "wrong", Span("a.yaml", 2, 3))]).data()
    assert validator.is_valid(lint)
    for wrong in ({**lint, "kind": "test"}, {**lint, "kind": "lynt"}, {**lint, "summary": None}, {"version": 1}, []):
        assert not validator.is_valid(wrong)


@pytest.mark.parametrize("line", LINES)
def test_every_command_reports_in_json(line: str, folder: Path, vendor: Vendor) -> None:
    kind, code = LINES[line]
    if not line.startswith("auth adopt"):
        assert conn(folder, "auth", "adopt", "--yes", **KEY).code == 0  # a copy of the folder that has the logins
    done = run(folder, line, vendor, "--format", "json", "--format", "json=all.json", "--format", "text=all.txt")
    assert done.code == code, (done.out, done.err)
    data = json.loads(done.out)
    assert (data["version"], data["kind"]) == (1, kind)
    report_validator(kind).validate(data)
    assert (folder / "all.json").read_text() == done.out
    assert not (folder / "all.txt").read_text().startswith('{\n  "version"')
    assert "tok-a" not in done.out + done.err


@pytest.mark.parametrize("line", READING)
def test_a_file_is_written_completely_or_not_at_all(line: str, folder: Path, vendor: Vendor) -> None:
    (folder / "taken").mkdir()
    done = run(folder, line, vendor, "--format", "json=taken")
    assert (done.code, done.out) == (3, "")
    assert list((folder / "taken").iterdir()) == []
    assert not [path for path in folder.iterdir() if path.name.startswith((".taken", "taken."))]


@pytest.mark.parametrize("line", ["webhook scheme", "webhook verify in.http -a me"])
def test_the_earlier_option_is_an_alias(line: str, folder: Path, vendor: Vendor) -> None:
    assert conn(folder, "auth", "adopt", "--yes", **KEY).code == 0
    assert run(folder, f"{line} --json", vendor).out == run(folder, line, vendor, "--format", "json").out
    assert "--json" not in run(folder, line, vendor, "--help").out
