"""The OpenAPI document of the service against `conn serve` in a process, with the example workspace and its stand-in.

schemathesis sends requests that the document allows and requests that it forbids, and compares each answer with it. A
typed client is generated from the document and used.
"""

import json
import os
import re
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import launching
import pytest
from processes import cache
from processes.command import Conn
from processes.process import free_port, running

HOOKS = Path(__file__).parent / "contract_hooks.py"
PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/generate-a-client.md"
SCHEMATHESIS = "4.32.5"
GENERATOR = "0.29.1"
REFUSALS = """\
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 413, 414, 415, 422, 431]
"""


@dataclass(frozen=True)
class Running:
    """A service, and a token for the account umbrella."""

    url: str
    token: str

    def get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=60) as response:
            return json.load(response)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("service")
    conn = Conn(folder / "tour", folder / "home", {})
    Conn(folder, folder / "home", {})("init", "--example", "tour")
    vendor, port = free_port(), free_port()
    for name in ("conn.yaml", "environments/sandbox.yaml", "accounts/umbrella.yaml"):
        path = conn.root / name
        text = re.sub(r"127\.0\.0\.1:420[01]", f"127.0.0.1:{vendor}", path.read_text("utf-8"))
        path.write_text(text, "utf-8")
    scopes = ("--scope", "unified:read", "--scope", "unified:write")
    token = conn("token", "create", "app", *scopes, "--account", "umbrella").out.strip()
    stand_in = [sys.executable, conn.root / "vendor.py", "--port", str(vendor)]
    serve = [sys.executable, "-m", "conn_cli.main", "serve", "--port", str(port)]
    contacts = f"http://127.0.0.1:{vendor}/hubspot/crm/v3/objects/contacts"
    with (
        running("the stand-in", stand_in, url=contacts, log=folder / "vendor.log"),
        running(
            "conn serve",
            serve,
            url=f"http://127.0.0.1:{port}/health/live",
            log=folder / "serve.log",
            folder=conn.root,
            environ=conn.variables(),
        ),
    ):
        yield Running(f"http://127.0.0.1:{port}", token)


def run_schemathesis(service: Running, folder: Path, examples: int, *more: str) -> int:
    """Run the phases that do not depend on earlier answers, and return the number of cases."""
    programs = cache.venv("schemathesis", SCHEMATHESIS)
    (folder / "schemathesis.toml").write_text(REFUSALS, "utf-8")
    cursor = service.get("/unified/crm/contacts?limit=1")["next_cursor"]
    own = {"SCHEMATHESIS_HOOKS": HOOKS.stem, "PYTHONPATH": str(HOOKS.parent), "CONTACTS_CURSOR": cursor}
    done = launching.run(
        [programs / "schemathesis", "run", f"{service.url}/openapi.json", "--max-examples", str(examples),
         "--phases", "coverage,fuzzing", "--continue-on-failure", "--warnings", "off", "--no-color",
         "-H", f"Authorization: Bearer {service.token}", *more],
        cwd=folder,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=3_000,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return int(re.findall(r"(\d+) generated, \1 passed", done.stdout)[0])


def test_no_answer_differs_from_the_document(service: Running, tmp_path: Path) -> None:
    assert run_schemathesis(service, tmp_path, 5, "--seed", "1") >= 300


@pytest.mark.nightly
def test_no_answer_differs_from_the_document_in_many_cases(service: Running, tmp_path: Path) -> None:
    assert run_schemathesis(service, tmp_path, 140) >= 2_000


CLIENT = """\
import json, sys
from umbrella_api import AuthenticatedClient
from umbrella_api.api.crm_contacts import crm_contacts_get, crm_contacts_list, crm_contacts_update
from umbrella_api.models import CrmContact, CrmContactsUpdate, Problem

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
page = crm_contacts_list.sync(client=client, limit=2)
following = crm_contacts_list.sync(client=client, limit=2, cursor=page.next_cursor)
one = crm_contacts_get.sync(page.result[0].id, client=client)
changed = crm_contacts_update.sync(one.result.id, client=client, body=CrmContactsUpdate(last_name="Lovelace"))
missing = crm_contacts_get.sync("0", client=client)
assert isinstance(one.result, CrmContact) and isinstance(missing, Problem)
print(json.dumps({
    "ids": [contact.id for contact in (*page.result, *following.result)],
    "created": one.result.created_at.year,
    "name": changed.result.last_name,
    "problem": [missing.status, missing.kind],
}))
"""


def test_a_typed_client_is_generated_and_used(service: Running, tmp_path: Path) -> None:
    expected = [contact["id"] for contact in service.get("/unified/crm/contacts?limit=4")["result"]]
    programs = cache.venv("openapi-python-client", GENERATOR, "ruff")
    (tmp_path / "openapi.json").write_text(json.dumps(service.get("/openapi.json")), "utf-8")
    line = re.findall(r"^\$ (openapi-python-client .*)$", PAGE.read_text("utf-8"), re.MULTILINE)[0]
    environ = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    words = [programs / "openapi-python-client", *line.split()[1:], "--fail-on-warning"]
    made = launching.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    (tmp_path / "use.py").write_text(CLIENT, "utf-8")
    used = launching.run(
        [programs / "python", "use.py", service.url, service.token],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert used.returncode == 0, used.stderr[-3000:]
    assert len(expected) == 4
    assert json.loads(used.stdout) == {
        "ids": expected,
        "created": 2026,
        "name": "Lovelace",
        "problem": [404, "not_found"],
    }
