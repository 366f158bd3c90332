"""Every command and every format, fed texts that a terminal, a CI system, Markdown or a spreadsheet would obey.

One workspace has such texts wherever somebody else writes one: labels, descriptions, expressions, names of headers,
parameters and fields, answers, errors, events, documents to import, reasons of releases, file names. All commands run
on it; a command without a case here fails the test.
"""

import csv
import hmac
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import typer
from attack import KEY, Run, World
from markdown_it import MarkdownIt
from vendor import Arrived

from conn_cli.main import application
from conn_cli.neutralize import HIDDEN

EVIL = (
    "x\x1b[2J\x1b]0;t\x07 \x9b31m \u202e \u2066 \u2028 \r::error::a\n::set-output name=a::b\r\n  ::add-mask::c\n"
    "##vso[task.x]d\n##[group]e `@octocat` | [l](http://evil.example) ![i](http://evil.example/i) <b> </details> \\|"
    " $x$ \n\n# h\n- =1+1"
)
NAME = "n\x1b[8m \u202e@octocat [l](http evil.example) ::error::x ##vso[task.x] `|<b>"  # of a field, parameter or file
HEADER = "::error::x ##vso[task.x] @octocat `|<b>"  # what a header can hold
FORMULA = "=HYPERLINK(1)"
OBEYED = re.compile(f"[{HIDDEN}]")
OURS = re.compile(r"::(error|warning|notice) ")
READER = MarkdownIt("commonmark", {"html": True}).enable("table")
OUR_HTML = re.compile(r"</?(details( open)?|summary|code|br)>")
HOOK = "hook-Vb5Nm2Xc8Zl4Qw"
QUIET = {
    "auth adopt",
    "auth login",
    "auth rotate-key",
    "auth status",
    "auth verify",
    "doctor",
    "drift",
    "har export",
    "har import",
    "import",
}
QUIET |= {"check", "fmt", "init", "new", "rollback", "update", "webhook renew", "webhook unsubscribe"}
QUIET |= {"sync pause", "sync reset", "sync resume", "sync work", "inbox show", "account link"}
QUIET |= {
    "endpoint list",
    "endpoint rotate",
    "endpoint secret",
    "endpoint test",
    "account enable",
    "account import",
    "export",
}
ALONE = {
    "webhook listen": "tests/cli/test_webhook_listen.py",
    "lsp": "tests/service/lsp/test_server.py",
    "mcp": "tests/service/authoring/test_server.py",
    "open": "tests/service/studio/test_commands.py",
    "serve": "tests/service/http/test_commands.py",
    "studio": "tests/service/studio/test_commands.py",
}


def commands(text: str, *, ours: bool) -> list[str]:
    """The lines that a CI system would take for commands of somebody else."""
    lines = re.split(r"\r\n|[\n\r]", text)
    github = [line for line in lines if re.match(r"::[a-zA-Z]", line.lstrip())]
    return [line for line in github if not (ours and OURS.match(line))] + [
        line for line in lines if re.search(r"##(vso|teamcity)?\[", line, re.IGNORECASE)
    ]


def check_text(text: str, *, ours: bool = False) -> None:
    assert not OBEYED.search(text), OBEYED.findall(text)
    assert commands(text, ours=ours) == []


def check_markdown(text: str) -> None:
    """Nothing of others is anything but code; what is not code is ours."""
    for block in READER.parse(text):
        tokens = block.children if block.children is not None else [block]
        for token in tokens:
            assert token.type not in ("link_open", "image"), token
            if token.type in ("html_inline", "html_block"):
                left = re.sub(r"<code>[^<]*</code>", "", token.content)
                assert not re.sub(OUR_HTML, "", left).strip().count("<"), token.content
            if token.type in ("text", "html_inline", "html_block", "code_block"):
                said = re.sub(r"&#\d+;", "", token.content)
                assert "octocat" not in said, token
                assert "evil.example" not in said, token
            assert block.type != "heading_open" or block.tag != "h1"


def check_csv(text: str) -> None:
    for row in csv.reader(io.StringIO(text)):
        for value in row:
            assert not value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")), row


def check(run: Run, words: tuple[str, ...]) -> None:
    assert run.code != 70, run.all
    assert "Traceback" not in run.all
    assert KEY not in run.all
    form = words[words.index("--format") + 1] if "--format" in words else ""
    check_text(run.out, ours=form == "github")
    check_text(run.err)
    if form == "markdown":
        check_markdown(run.out)
    elif form in ("json", "sarif") and run.out:
        json.loads(run.out)
    elif form == "junit" and run.out:
        ElementTree.fromstring(run.out)
    if words[0] == "run" and words[-2:] == ("-o", "csv"):
        check_csv(run.out)


def connector(world: World) -> dict[str, Any]:
    pages = {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": NAME}}
    return world.connector(
        label=EVIL,
        description=EVIL,
        headers={"X-Note": HEADER},
        fields=[{"name": "webhook_secret", "label": EVIL, "secret": True, "required": False},
                {"name": "tenant", "label": EVIL, "description": EVIL}],
        verify="things.me",
        connect=[{"name": "found", "request": {"path": "/me"}, "transform": "response.name"}],
        webhooks={
            "verify": {"format": "hmac", "config": {"signature": 'headers."x-signature"'}},
            "challenge": [{"when": "body.challenge", "verified": False, "reply": {"body": "{{body.challenge}}"}}],
            "events": {"each": "body.events", "type": "item.type", "id": "item.id"},
            "subscription": {"create": [{"name": "hook", "request": {"path": "/hooks", "method": "post",
                                                                     "body": {"note": EVIL, "to": "{{url}}"}}}]},
        },
        resources={
            "things": {
                "list": {"method": "get", "path": "/things", "response_path": "results", "query": {NAME: EVIL},
                         "description": EVIL, "pagination": pages},
                "get": {"method": "get", "path": "/things/{{id}}"},
                "create": {"method": "post", "path": "/things", "body": {"note": EVIL, NAME: EVIL}},
                "describe": {"method": "get", "path": "/fields", "pagination": None},
                "me": {"method": "get", "path": "/me"},
            },
        },
    )  # fmt: skip


def mapping(changed: str = "response.nothing") -> dict[str, Any]:
    fields = {"id": "response.id", NAME: changed, "evil": "response.evil", f"{NAME} 2": json.dumps(EVIL)}
    return {"resources": {"things": {"list": {"response_mapping": fields}}}}


def answer(got: Arrived) -> tuple[int, dict[str, str], Any]:
    headers = {"X-Evil": NAME.encode().decode("latin-1"), "Content-Type": "application/json"}
    if got.target.startswith("/v1/things/"):
        return 400, headers, {"message": EVIL, NAME: EVIL, "errors": [{"detail": EVIL}]}
    if got.target.startswith(("/v1/me", "/v1/hooks")):
        return 200, headers, {"name": EVIL, "id": EVIL}
    if got.target.startswith("/v1/fields"):
        fields = [{"name": name, "label": EVIL, "type": EVIL} for name in (EVIL, NAME, json.dumps(NAME), "new")]
        return 200, headers, fields
    record = {"id": EVIL, NAME: EVIL, "evil": EVIL, "formula": FORMULA, "list": [EVIL], "at": "@octocat"}
    return 200, headers, {"results": [record, {"id": "2", "evil": FORMULA, FORMULA: "+1+1"}], NAME: None}


@pytest.fixture
def hostile(world: World) -> World:
    world.vendor.answer = answer
    own = {"evil": f"$base.evil & {json.dumps(EVIL)}", f"{NAME} own": "response.at"}
    override = {"unified": {"crm": {"things": {"list": {"response_mapping": own}}}}}
    world.lay_out(override, connector=connector(world), label=EVIL, description=EVIL, context={"tenant": EVIL})
    world.write("connectors/demo/unified/crm.yaml", mapping())
    world.write("environments/staging.yaml", {"label": EVIL, "connectors": {"demo": {"headers": {"X-Stage": HEADER}}}})
    return world


def delivery(*types: str) -> str:
    events = [{"id": kind, "type": kind, NAME: EVIL} for kind in types]
    body = json.dumps({"events": events, NAME: EVIL})
    signature = hmac.new(HOOK.encode(), body.encode(), "sha256").hexdigest()
    head = f"POST /in HTTP/1.1\r\nHost: hooks.example.org\r\nX-Note: {HEADER}\r\nX-Signature: {signature}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n{body}"


def documents(world: World) -> None:
    """Documents of others, and data that commands read."""
    paths = {"/things": {"get": {"operationId": NAME, "summary": EVIL, "description": EVIL, "tags": [NAME],
                                 "parameters": [{"name": NAME, "in": "query", "schema": {"type": "string"}}],
                                 "responses": {"200": {"description": EVIL}}}}}  # fmt: skip
    world.write("open.json", json.dumps({"openapi": "3.0.0", "info": {"title": EVIL, "version": EVIL},
                                         "servers": [{"url": world.vendor.url}], "paths": paths}))  # fmt: skip
    entry = {
        "request": {"method": "GET", "url": f"{world.vendor.url}/v1/things?a={NAME}", "headers": []},
        "response": {"status": 200, "content": {"mimeType": EVIL, "text": json.dumps({"results": [{NAME: EVIL}]})}},
    }
    world.write("a.har", json.dumps({"log": {"version": "1.2", "creator": {"name": EVIL}, "entries": [entry]}}))
    world.write("records.json", json.dumps([{"id": EVIL, NAME: EVIL, "evil": EVIL}]))
    world.write("delivery.http", delivery(EVIL, NAME))
    world.write("challenge.http", "POST /in HTTP/1.1\r\nHost: a.example\r\n\r\n" + json.dumps({"challenge": EVIL}))


def formats(*names: str) -> list[tuple[str, str]]:
    return [("--format", name) for name in names]


def session(world: World) -> Iterator[tuple[str, ...]]:
    """The command lines, in an order in which each has something to say. Files change in between."""
    account = ("-a", "acme")
    findings = formats("text", "json", "sarif", "junit", "github")
    yield ("doctor",)
    yield ("doctor", "--format", "json")
    stray = world.folder / "accounts" / f"{NAME}.yaml"
    stray.write_text("connector: demo\n")
    yield from (("lint", *form) for form in findings)
    yield ("lint", "--fix", "--dry-run")
    yield ("fmt", "--check")
    yield ("update", "--check")
    yield ("release",)
    stray.unlink()
    for form in formats("text", "json"):
        yield ("override", "acme", "things.list", "custom_fields.evil", "response.evil", "--dry-run", *form)
        yield ("override", "acme", "things.list", EVIL, EVIL, *form)
    for output in ("jsonl", "json", "csv", "table"):
        yield ("run", "things.list", *account, "--trace", "-o", output)
        yield ("run", "demo:things.list", *account, "-o", output)
    yield ("run", "things.get", *account, "-p", "id=1", "--trace")
    yield ("run", "things.get", *account, "-p", f"id={EVIL}", "--dry-run")
    yield ("run", "things.list", *account, "-p", f"{NAME}={EVIL}", "--dry-run")
    yield ("run", "things.list", *account, "-p", f"{NAME}={EVIL}", "--dry-run", "--format", "json")
    yield ("run", "things.create", *account, "--body", json.dumps(EVIL))
    yield ("run", "things.create", *account, "--body", EVIL)
    yield ("record", "things.list", *account, "--keep-personal-data")
    yield ("record", "things.list", *account, "--keep-personal-data", "--force", "--format", "json")
    yield ("record", EVIL, *account)
    yield ("record", "things.list", "--from-body", "records.json", "--scenario", "sample", "--keep-personal-data")
    yield ("record", "things.list", "--from-body", EVIL, "--scenario", "none", "--header", EVIL)
    yield ("test", "things.list", *account, "--update")
    yield ("test", "--all", "--verbose")
    yield ("test", "things.list", *account, "--live")
    changed = formats("text", "json", "markdown", "github")
    yield from (("mutate", *form) for form in changed)
    yield from (("check", "connectors/demo", "--quick", *form) for form in formats("text", "json"))
    yield from (("score", "demo", *form) for form in formats("text", "json", "markdown"))
    yield from (("catalogue", *words, *form) for words in ((), ("demo",), (EVIL,)) for form in formats("text", "json"))
    yield ("record", "things.get", *account, "-p", "id=1", "--scenario", "evil", "--keep-personal-data")
    for golden in (world.folder / "connectors/demo/expected").rglob("*.json"):
        golden.write_text(golden.read_text(encoding="utf-8").replace("octocat", "octocat, once"), encoding="utf-8")
    yield from (("test", "things.list", *account, "--verbose", *form) for form in findings)
    yield ("eval", EVIL, "-i", "records.json")
    yield ("eval", f"$error({json.dumps(EVIL)})", "-i", "records.json")
    for form in formats("text", "json"):
        yield ("eval", "$", "-i", "records.json", *form)
        yield ("eval", f"`{NAME}`", "--reads", *form)
        yield ("map", "things.list", "-i", "records.json", *account, *form)
    yield from (("show", *form) for form in formats("text", "json", "yaml"))
    yield from (("show", *account, *form) for form in formats("text", "json", "yaml"))
    yield from (("why", "things.list", "response_mapping.evil", *account, *form) for form in formats("text", "json"))
    yield from (("why", "-", "headers", *account, *form) for form in formats("text", "json"))
    yield from (
        ("why", "things.list", *field, "--value", "--record", "2", *account, *form)
        for form in formats("text", "json")
        for field in (("evil",), ())
    )
    yield from (("diff-override", *account, *form) for form in formats("text", "json", "markdown"))
    yield from (("diff-override", "-e", "staging", *form) for form in formats("text", "json", "markdown"))
    yield from (("coverage", "--verbose", "--min", "99", *form) for form in formats("text", "json", "markdown", "html"))
    for form in formats("text", "json"):
        yield ("fields", "acme", "things", *form)
        yield ("fields", "acme", "things", "--unmapped", *form)
        yield ("fields", "acme", "things", "--live", *form)
        yield ("fields", "acme", EVIL, *form)
    yield from (("account", "list", *form) for form in formats("text", "json"))
    for form in formats("text", "json"):
        yield ("account", "create", "newcomer", "-c", "demo", "--label", EVIL, "--dry-run", *form)
        yield ("account", "create", "newcomer", "-c", EVIL, *form)
        yield ("account", "create", EVIL, "-c", "demo", *form)
        yield ("account", "change", "acme", "--context", f"x={EVIL}", "--dry-run", *form)
        yield ("account", "disable", "acme", "--dry-run", *form)
        yield ("account", "enable", "acme", *form)
        yield ("account", "delete", "acme", "--dry-run", *form)
        yield ("account", "import", "acme", "--store", "accounts.sqlite3", "--reason", EVIL, *form)
        yield ("account", "history", "--store", "accounts.sqlite3", *form)
        yield ("account", "links", EVIL, "--store", "accounts.sqlite3", *form)
        yield ("account", "links", "--revoke", EVIL, "--store", "accounts.sqlite3", *form)
        yield ("export", f"exported-{'-'.join(form)}", *form)
    before = world.folder.parent / "before"
    shutil.copytree(world.folder, before, dirs_exist_ok=True)
    world.write("connectors/demo/unified/crm.yaml", mapping("response.at"))
    yield from (("impact", "--base-dir", str(before), *form) for form in changed)
    yield from (
        ("ci", "--base-dir", str(before), "--min-coverage", "99", *form)
        for form in (*changed, *formats("sarif", "junit"))
    )
    world.vendor.answer = lambda got: (200, {}, {"results": [{"id": 7, "at": EVIL}], "\x9b new": EVIL})
    yield from (("drift", *account, "--verbose", *form) for form in changed)
    world.vendor.answer = answer
    releases = formats("text", "json", "markdown")
    yield ("release", "--message", EVIL, "--by", EVIL)
    world.write("environments/staging.yaml", {"label": NAME})
    yield from (("release", "--message", EVIL, "--by", NAME, *form) for form in releases)
    yield from (("promote", "latest", "staging", "--by", EVIL, "--despite", EVIL, *form) for form in releases)
    yield ("promote", "latest", EVIL)
    world.write("connectors/demo/unified/crm.yaml", mapping())
    yield ("release", "--by", EVIL)
    yield from (("promote", "latest", "staging", *form) for form in releases)
    yield ("promote", "latest", "staging", "--by", EVIL, "--despite", EVIL)
    pin = ("--pin", "acme", "--until", "2999-01-01", "--by", EVIL, "--reason", EVIL)
    yield from (("rollout", "staging", *pin, *form) for form in releases)
    yield from (("rollback", "staging", "--by", EVIL, "--reason", EVIL, *form) for form in releases)
    yield from (("history", *form) for form in releases)
    yield from (("diff", "staging", "latest", *form) for form in releases)
    yield ("diff", EVIL, "latest")
    yield from webhooks(account)
    yield from syncs(world, account)
    yield from log_ins()
    yield ("new", "demo-two", "--from", "open.json")
    yield ("import", "open.json", "--name", "imported")
    yield ("import", "open.json", "--name", "imported", "--force", "--format", "json")
    yield ("import", "a.har", "--name", "other")
    yield (
        "har",
        "import",
        "a.har",
        "-c",
        "demo",
        "--operation",
        "demo:things.list",
        "--scenario",
        "har",
        "--keep-personal-data",
    )
    yield ("har", "export", "connectors/demo/recordings/crm.things.list.json", "-o", "out.har")
    yield ("explain", EVIL)
    yield ("schema", EVIL)
    yield ("schema", "connector")
    yield ("init", "fresh\x1b[2J")
    yield (EVIL,)
    yield ("lint", f"--{EVIL}")


def syncs(world: World, account: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    sync = {"name": NAME, "source": {"connector": "demo", "resource": "things", "params": {NAME: EVIL}}, "key": "id"}
    ends = {NAME: "{{ window.start & window.end }}"}
    sync["backfill"] = {"params": ends}
    world.write("syncs/evil.yaml", {**sync, "emit": {"type": "stdout", "event": NAME}, "on_error": "set_aside"})
    world.write("syncs/failing.yaml", {**sync, "filter": f"$error({json.dumps(EVIL)})"})
    for form in formats("text", "json"):
        yield ("sync", "list", *form)
        yield ("sync", "plan", "evil", *form)
        yield ("sync", "try", "evil", *account, *form)
        yield ("sync", "try", "failing", *account, *form)
        yield ("sync", "run", "evil", *account, "--to", "stdout", *form)
        yield ("sync", "run", "failing", *account, "--to", "file:out.jsonl", *form)
        yield ("sync", "backfill", "evil", *account, "--from", "2025-01-01", "--to", "2025-01-02", *form)
        yield ("sync", "backfill", "evil", *account, "--from", "2025-01-01", "--to", "2025-01-02", "--plan", *form)
        yield ("sync", "backfill", "evil", *account, "--from", EVIL, "--to", EVIL, *form)
        yield ("sync", "runs", *form)
        yield ("sync", "status", *form)
        yield ("sync", "status", "evil", *account, *form)
        yield ("sync", "failures", *form)
        yield ("sync", "failures", EVIL, "--run", EVIL, *form)
        yield ("sync", "logs", *form)
        yield ("sync", "logs", EVIL, *form)
        yield ("sync", "show", *form)
        yield ("sync", "show", EVIL, *form)
        yield ("sync", "cancel", EVIL, *form)
        yield ("sync", "retry", EVIL, *form)
        yield ("sync", "pause", "evil", *account, *form)
        yield ("sync", "resume", "evil", *account, *form)
        yield ("sync", "reset", "evil", *account, *form)
        yield ("sync", "run", EVIL, *account, *form)
        yield ("openapi", "acme", *form)
        yield ("openapi", EVIL, *form)
        yield ("account", "link", EVIL, *form)
        yield ("token", "create", EVIL, "--scope", "unified:read", *account, *form)
        yield ("token", "create", "app", "--scope", EVIL, *form)
        yield ("token", "list", *form)
        yield ("inbox", "list", "--status", EVIL, *form)
        yield ("inbox", "list", "--connector", EVIL, *form)
        yield ("inbox", "show", "1", *form)
        yield ("inbox", "replay", "--failed", "--since", EVIL, *form)
        yield ("endpoint", "list", *form)
        yield ("endpoint", "test", EVIL, *form)
        yield ("endpoint", "rotate", EVIL, *form)
        yield ("endpoint", "redeliver", EVIL, *form)
        yield ("endpoint", "redeliver", "app", "--since", EVIL, *form)
        yield ("endpoint", "secret", *form)
        yield ("token", "revoke", EVIL, *form)
    yield ("sync", "work", "--once")


def webhooks(account: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for file in ("delivery.http", "challenge.http"):
        yield ("webhook", "verify", file, *account)
        yield ("webhook", "verify", file, *account, "--format", "json")
    yield ("webhook", "verify", "delivery.http", *account, "--secret", "webhook_secret")
    yield ("webhook", "record", "evil", "delivery.http", *account, "--note", EVIL, "--keep-personal-data")
    yield ("webhook", "verify", "connectors/demo/deliveries/evil.json", *account)
    yield ("webhook", "send", "connectors/demo/deliveries/evil.json", "--to", "http://127.0.0.1:9/in", *account)
    yield ("test", "webhooks", "--verbose")
    yield ("webhook", "record", "evil", "delivery.http", *account, "--note", EVIL, "--force", "--format", "json")
    yield ("webhook", "subscribe", "acme", "--url", f"https://hooks.example.org/in?{NAME}", "--format", "json")
    yield ("webhook", "scheme", EVIL)
    yield ("webhook", "scheme", "github")
    yield ("webhook", "subscribe", "acme", "--url", "https://hooks.example.org/in")
    yield ("webhook", "renew", "acme")
    yield ("webhook", "unsubscribe", "acme")


def log_ins() -> Iterator[tuple[str, ...]]:
    for form in formats("text", "json"):
        yield ("auth", "status", *form)
        yield ("auth", "verify", "acme", *form)
        yield ("auth", "connect", "acme", *form)
    yield ("auth", "login", "acme")
    yield ("auth", "set", "acme", EVIL)
    yield ("auth", "adopt")
    yield ("auth", "rotate-key")
    yield ("auth", "logout", "acme")
    yield ("auth", "logout", EVIL)


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if not children:
        yield " ".join(path)
    for name, child in (children or {}).items():
        if not child.hidden:
            yield from leaves(child, (*path, name))


@pytest.mark.slow
def test_no_command_says_what_somebody_would_obey(hostile: World) -> None:
    documents(hostile)
    seen: set[str] = set()
    told: set[str] = set()
    wrong = []
    known = set(leaves(typer.main.get_command(application)))
    for words in session(hostile):
        run = hostile.conn(*words, CONN_ACME_WEBHOOK_SECRET=HOOK)
        command = {" ".join(words[:size]) for size in (1, 2)} & known
        seen |= command
        if "octocat" in run.all:
            told |= command | ({f"{words[0]} as Markdown"} if "markdown" in words else set())
        try:
            check(run, words)
        except AssertionError as error:
            wrong.append(f"$ conn {' '.join(words)!r}\n{str(error)[:1500]}")
    assert not wrong, "\n\n".join(wrong)
    assert seen | set(ALONE) == known
    assert known - told - set(ALONE) == QUIET, "what says nothing hostile shows nothing"
    assert {
        f"{name} as Markdown" for name in ("ci", "coverage", "diff-override", "history", "impact", "mutate")
    } <= told


def test_reports_in_files_are_as_harmless(hostile: World) -> None:
    specs = [f"--format={name}=out.{name}" for name in ("text", "json", "sarif", "junit", "github")]
    hostile.conn("lint", *specs)
    for name in ("text", "json", "sarif", "junit", "github"):
        check_text((hostile.folder / f"out.{name}").read_text(), ours=name == "github")


def test_records_are_the_same_data_in_every_format(hostile: World, tmp_path: Path) -> None:
    wanted = answer(Arrived("GET", "/v1/things", {}, b""))[2]["results"]
    run = ("run", "demo:things.list", "-a", "acme")
    assert [json.loads(line) for line in hostile.conn(*run).out.splitlines()] == wanted
    assert json.loads(hostile.conn(*run, "-o", "json").out) == wanted
    for file in ("all.json", "all.jsonl"):
        hostile.conn(*run, "-o", file)
        text = (hostile.folder / file).read_text(encoding="utf-8")
        assert (
            json.loads(text) if file == "all.json" else [json.loads(line) for line in text.split("\n") if line]
        ) == wanted
    hostile.conn(*run, "-o", "all.csv")
    with (hostile.folder / "all.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["id"], first["evil"], first["formula"]) == (EVIL, EVIL, f"'{FORMULA}")
    assert (second["id"], second["evil"]) == ("2", f"'{FORMULA}")


def test_data_for_machines_is_exact(hostile: World) -> None:
    documents(hostile)
    records = json.loads((hostile.folder / "records.json").read_text(encoding="utf-8"))
    assert json.loads(hostile.conn("eval", "$", "-i", "records.json").out) == records
    shown = json.loads(hostile.conn("show", "-a", "acme", "--format", "json").out)
    assert shown["settings"]["description"] == shown["settings"]["label"] == EVIL
    (row,) = json.loads(hostile.conn("account", "list", "--format", "json").out)["accounts"]
    assert row["label"] == EVIL
    event = json.loads(hostile.conn("webhook", "verify", "challenge.http", "-a", "acme", "--format", "json").out)
    assert event["reply"]["body"] == EVIL
