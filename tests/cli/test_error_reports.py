"""The error that ends a command as JSON: every command, every class of error, and nothing secret."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transcript import Run, check_report, conn
from typer.main import get_command

from conn_cli.console import App
from conn_cli.main import application, execute
from conn_engine.errors import ConfigurationError, TransportError, VendorError
from conn_engine.wire import Headers, Response

SECRET = "tok-aVerySecretOne-42"
LINES: dict[str, tuple[str, int]] = {
    "init": ("usage", 2),
    "new No!": ("usage", 2),
    "update nobody": ("usage", 2),
    "import absent.yaml": ("DOC001", 3),
    "lint -C absent": ("usage", 2),
    "fmt absent.yaml": ("usage", 2),
    "test": ("DOC002", 3),
    "run things.list -a nobody": ("usage", 2),
    "record things.list": ("usage", 2),
    "eval a[": ("expression", 3),
    "map things.list -c broken": ("DOC002", 3),
    "har import absent.har -c broken --operation things.list": ("DOC002", 3),
    "har export absent.json -o out.har": ("REC001", 3),
    "webhook verify absent.http -a nobody": ("usage", 2),
    "webhook record one absent.http -a nobody": ("usage", 2),
    "webhook send absent.json -a nobody --to http://127.0.0.1:9": ("usage", 2),
    "webhook scheme nobody": ("usage", 2),
    "webhook listen nobody": ("usage", 2),
    "webhook subscribe nobody --url https://hooks.example.org": ("usage", 2),
    "webhook renew nobody": ("usage", 2),
    "webhook unsubscribe nobody": ("usage", 2),
    "show -a nobody": ("usage", 2),
    "why - hosts -c broken": ("DOC002", 3),
    "override nobody things email a": ("usage", 2),
    "diff-override -a nobody": ("usage", 2),
    "fields nobody things": ("usage", 2),
    "coverage -c nobody": ("usage", 2),
    "mutate nobody": ("usage", 2),
    "score": ("usage", 2),
    "catalogue --format sarif": ("usage", 2),
    "drift -c nobody --recordings absent": ("usage", 2),
    "ci --accept": ("usage", 2),
    "check absent": ("usage", 2),
    "impact --base-dir absent": ("usage", 2),
    "release": ("DOC002", 3),
    "promote latest production": ("configuration", 3),
    "rollback production": ("configuration", 3),
    "rollout production": ("configuration", 3),
    "history --limit x": ("usage", 2),
    "diff latest v9": ("configuration", 3),
    "auth login nobody": ("usage", 2),
    "auth set nobody token": ("usage", 2),
    "auth adopt --nope": ("usage", 2),
    "auth status nobody": ("usage", 2),
    "auth verify nobody": ("usage", 2),
    "auth connect nobody": ("usage", 2),
    "auth logout nobody": ("usage", 2),
    "account list --nope": ("usage", 2),
    "explain nobody": ("usage", 2),
    "schema nobody": ("usage", 2),
    "doctor --nope": ("usage", 2),
    "sync list nobody": ("usage", 2),
    "sync plan nobody": ("usage", 2),
    "sync try nobody": ("usage", 2),
    "sync run nobody": ("usage", 2),
    "sync work --nope": ("usage", 2),
    "sync backfill nobody --from 2025-01-01 --to 2025-02-01": ("usage", 2),
    "sync status nobody": ("usage", 2),
    "sync failures nobody": ("usage", 2),
    "sync runs nobody": ("usage", 2),
    "sync logs nobody": ("usage", 2),
    "sync show nobody": ("usage", 2),
    "sync cancel nobody": ("usage", 2),
    "sync pause nobody": ("usage", 2),
    "sync resume nobody": ("usage", 2),
    "sync reset nobody": ("usage", 2),
    "sync retry nobody": ("usage", 2),
    "token create app --scope nothing": ("usage", 2),
    "token list --nope": ("usage", 2),
    "token revoke nobody": ("usage", 2),
    "inbox list --status nothing": ("usage", 2),
    "inbox show 1": ("usage", 2),
    "inbox replay": ("usage", 2),
    "endpoint list --nope": ("usage", 2),
    "endpoint test nobody": ("configuration", 3),
    "endpoint redeliver nobody": ("usage", 2),
    "endpoint secret --nope": ("usage", 2),
    "endpoint rotate nobody": ("configuration", 3),
    "openapi nobody": ("usage", 2),
    "account link nobody": ("usage", 2),
    "auth rotate-key --nope": ("usage", 2),
    "account create --nope": ("usage", 2),
    "account change --nope": ("usage", 2),
    "account disable --nope": ("usage", 2),
    "account enable --nope": ("usage", 2),
    "account delete --nope": ("usage", 2),
    "account history --nope": ("usage", 2),
    "account links --nope": ("usage", 2),
    "account import --nope": ("usage", 2),
    "export --nope": ("usage", 2),
}
"""A failing line of every command, with the code of its error and the exit code."""
SERVERS = {"lsp", "mcp", "open", "serve", "studio"}


def find_commands(group: Any, *above: str) -> Iterator[str]:
    for name in group.commands:
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from find_commands(command, *above, name)
        elif not command.hidden:
            yield " ".join((*above, name))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a connector that cannot be read."""
    (tmp_path / "connectors/broken").mkdir(parents=True)
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    (tmp_path / "connectors/broken/connector.yaml").write_text("base_url: https://api.example.com\npath: [\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_error(done: Run) -> dict[str, Any]:
    assert done.out.startswith('{\n  "version": 1,\n  "kind": "error"'), (done.out, done.err)
    check_report(done.out)
    data: dict[str, Any] = json.loads(done.out)
    assert data["exit_code"] == done.code
    return data


@pytest.mark.parametrize("line", LINES)
def test_every_command_reports_its_error(line: str, folder: Path) -> None:
    done = conn(folder, *line.split(), "--format", "json")
    error = read_error(done)
    assert (error["code"], done.code) == LINES[line], done.err
    assert error["message"].splitlines()[0] in done.err  # people read it too
    assert error["fix"]


def test_every_command_has_a_failing_line() -> None:
    commands = {words for words in find_commands(get_command(application)) if words not in SERVERS}
    assert commands == {words for words in commands for line in LINES if f"{line} ".startswith(f"{words} ")}


def test_an_error_of_a_document_has_its_place(folder: Path) -> None:
    error = read_error(conn(folder, "test", "--format=json"))
    assert error["span"]["file"] == "connectors/broken/connector.yaml"
    assert (error["span"]["line"], error["span"]["column"]) == (3, 1)
    assert error["findings"][0]["code"] == error["code"]


def test_an_error_of_an_expression_has_its_offset(folder: Path) -> None:
    assert read_error(conn(folder, "eval", "a + * b", "--format", "json"))["offset"] == 6


@pytest.mark.parametrize("line", ["nope", "lint --format json --nope", "eval", "auth", "schema --format"])
def test_the_option_parser_reports_in_json(line: str, folder: Path) -> None:
    done = conn(folder, *line.split(), *([] if "json" in line or line.endswith("--format") else ["--format", "json"]))
    if line == "schema --format":
        assert done.out == ""  # the value is missing, so nothing requests JSON
        return
    error = read_error(done)
    assert (error["code"], done.code) == ("usage", 2)
    assert error["fix"].startswith("see: conn")


@pytest.mark.parametrize(
    "arguments", [["--format", "text"], ["--format", "json=errors.json"], [], ["--", "--format", "json"]]
)
def test_nothing_else_is_reported_in_json(arguments: list[str], folder: Path) -> None:
    done = conn(folder, "explain", "nobody", *arguments)
    assert (done.code, done.out) == (2, "")


def run_failing(folder: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch, *, started: bool = False) -> Run:
    def fail(app: Any, *_: object, **__: object) -> None:
        if started:
            app.write("[")
        raise error

    monkeypatch.setattr("conn_cli.main.application", lambda *_, obj, **__: fail(obj))
    out, err = io.StringIO(), io.StringIO()
    app = App(folder=folder, environ={}, stdin=io.StringIO(), stdout=out, stderr=err)
    code = execute(["lint", "--format", "json"], app)
    return Run(code, out.getvalue(), err.getvalue())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyError(SECRET), "internal"),
        (PermissionError(13, "Permission denied", "accounts/acme.yaml"), "file"),
        (KeyboardInterrupt(), "interrupted"),
        (VendorError("no", kind="rate_limited", response=Response(429, Headers(()), b"")), "rate_limited"),
        (TransportError("no such host"), "network"),
    ],
)
def test_every_class_of_error_has_a_code(
    error: BaseException, code: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_failing(folder, error, monkeypatch)
    assert read_error(done)["code"] == code
    assert SECRET not in done.out


def test_an_error_after_the_output_has_started_does_not_mix_with_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_failing(folder, ConfigurationError("wrong", hint="correct it"), monkeypatch, started=True)
    assert done.out == "[\n"
    assert json.loads(done.err)["fix"] == "correct it"


def test_signs_that_a_terminal_obeys_are_escaped(folder: Path) -> None:
    done = conn(folder, "explain", "\x1b[31m\u202e\x07", "--format", "json")
    assert read_error(done)["message"].count("\u202e") == 1
    assert not {"\x1b", "\u202e", "\x07"} & {*done.out}
