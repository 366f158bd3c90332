"""The example workspace with its own vendor: the tutorial shows what happens, and the vendor is the same each time."""

import importlib.util
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import httpx
import launching
import pytest

from conn_cli.console import App
from conn_cli.main import execute
from conn_cli.scaffold import copy_example
from conn_engine.documents.locate import find_packaged
from conn_engine.lint.linter import lint_paths

sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

import transcript

TUTORIAL = Path(__file__).resolve().parents[3] / "docs" / "tutorials" / "first-sync.md"
PAGE_FORM = """\
name: hubspot_contacts_incremental
schedule: "*/15 * * * *"
source:
  integration: hubspot
  resource: contacts
  params:
    updatedAfter: "{{ last_run_at }}"
  pagination:
    type: cursor
    cursor_path: paging.next.after
transform: |
  $.results.{
    "id": id,
    "email": properties.email,
    "updated_at": $fromMillis(properties.lastmodifieddate)
  }
emit:
  type: webhook
  event: contact.updated
"""


@pytest.fixture(scope="module")
def stand_in() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stand_in", find_packaged("example") / "vendor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def port(stand_in: ModuleType) -> Iterator[int]:
    [server] = stand_in.start_servers((0,))
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def tour(tmp_path: Path, port: int) -> Path:
    root = tmp_path / "tour"
    copy_example(root)
    for name in ("conn.yaml", "environments/sandbox.yaml", "accounts/umbrella.yaml"):
        path = root / name
        path.write_text(re.sub(r"127\.0\.0\.1:420[01]", f"127.0.0.1:{port}", path.read_text("utf-8")), "utf-8")
    return root


def run(root: Path, *arguments: str) -> list[str]:
    out, err = io.StringIO(), io.StringIO()
    environ = {"CONN_NO_KEYRING": "1", "CONN_STATE_DIR": str(root / ".state"), "PATH": os.environ.get("PATH", "")}
    code = execute(arguments, App(folder=root, environ=environ, stdin=io.StringIO(), stdout=out, stderr=err))
    assert code == 0, out.getvalue() + err.getvalue()
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_tutorial_shows_what_happens(tour: Path) -> None:
    blocks = [found[3] for found in transcript.FENCE.finditer(TUTORIAL.read_text("utf-8")) if found[1] == "console"]
    steps = [step for block in blocks for step in transcript.steps(block)]
    assert len(steps) >= 6
    for step in steps:
        shown = run(tour, *transcript.shlex.split(step.command)[1:])
        assert transcript.matches(step.expected, shown), f"{step.command}\n" + "\n".join(shown)
    with duckdb.connect(str(tour / "contacts.duckdb"), read_only=True) as connection:
        query = "select count(*), count(distinct id), max(email) filter (id = '1007') from conn.contacts"
        assert connection.execute(query).fetchall() == [(250, 250, "new@example.com")]


def test_the_form_of_the_language_page_has_no_errors(tour: Path) -> None:
    path = tour / "syncs" / "hubspot_contacts_incremental.yaml"
    path.write_text(PAGE_FORM, "utf-8")
    assert [finding for finding in lint_paths(tour, [path]).findings if finding.severity == "error"] == []


def test_the_vendor_starts_as_the_tutorial_shows() -> None:
    [block] = [found[3] for found in transcript.FENCE.finditer(TUTORIAL.read_text("utf-8")) if found[1] == "text"]
    shown = [re.sub(r":\d+/", ":…/", line) for line in block.splitlines()]
    command = [sys.executable, str(find_packaged("example") / "vendor.py"), "--port", "0"]
    with launching.start(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [re.sub(r":\d+/", ":…/", process.stdout.readline().rstrip()) for _ in range(2)]
        process.terminate()
    assert shown[1:] == ["$ python vendor.py", lines[0], *lines]


def list_all(port: int, stand_in: ModuleType, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        url = f"http://127.0.0.1:{port}{stand_in.CONTACTS}"
        data = httpx.get(url, params=query | after).json()
        found += data["results"]
        if "paging" not in data:
            return found
        after = {"after": data["paging"]["next"]["after"]}


def test_the_vendor_has_the_same_contacts_at_each_start(port: int, stand_in: ModuleType) -> None:
    contacts = list_all(port, stand_in, limit=100)
    assert contacts == [stand_in.make_contact(number) for number in range(stand_in.COUNT)]
    assert len({contact["id"] for contact in contacts}) == 250


def test_the_vendor_selects_what_was_changed_later(port: int, stand_in: ModuleType) -> None:
    changes = sorted(contact["updatedAt"] for contact in list_all(port, stand_in))
    later = list_all(port, stand_in, updatedAfter=changes[199], limit=20)
    assert sorted(contact["updatedAt"] for contact in later) == changes[200:]


def test_the_vendor_answers_what_it_does_not_have(port: int, stand_in: ModuleType) -> None:
    for path in ("/hubspot/crm/v3/objects/deals", f"{stand_in.CONTACTS}/7"):
        answer = httpx.get(f"http://127.0.0.1:{port}{path}")
        assert (answer.status_code, answer.json()["status"]) == (404, "error")
