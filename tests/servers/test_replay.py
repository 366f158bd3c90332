"""A real run recorded, then replayed with the server out of reach: the same records, no secret."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes.backlot import Backlot
from processes.command import Conn
from processes.corpus import ISSUES
from processes.kinto import Kinto
from processes.nginx import Nginx
from processes.process import free_port
from processes.witness import Witness
from processes.workspace import workspace

Filled = Callable[[Path, dict[str, int]], Conn]


def written(root: Path, before: set[Path]) -> list[Path]:
    """The JSON files that came into being below a folder."""
    return sorted(set(root.rglob("*.json")) - before)


def out_of_reach(root: Path, port: int) -> None:
    """Lead the workspace to a port where nothing listens."""
    for path in root.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(f":{port}", f":{free_port()}"), encoding="utf-8")


def recorded(run: Conn, account: str, operation: str, port: int, *options: str) -> tuple[list[Any], dict[str, Any]]:
    """Run, record, cut the server off, replay twice. Returns the live records and the replay's golden."""
    live = run("run", operation, "--account", account, "--output", "jsonl").records()
    connectors = run.root / "connectors"
    before = set(connectors.rglob("*.json"))
    run("record", operation, "--account", account, *options)
    (recording,) = [path for path in written(connectors, before) if "recordings" in path.parts]
    text = recording.read_text(encoding="utf-8")
    assert not [secret for secret in run.secrets if secret in text]
    assert "authorization" not in text.lower()
    assert json.loads(text)["source"] == "live"

    out_of_reach(run.root, port)
    before = set(connectors.rglob("*.json"))
    run("test", operation, "--account", account, "--update")
    goldens = [path for path in written(connectors, before) if "expected" in path.parts]
    outcome = run("test", operation, "--account", account)
    assert "fail" not in outcome.out.lower()
    (golden,) = [path for path in goldens if path.name == recording.name]
    return live, json.loads(golden.read_text(encoding="utf-8"))


def test_kinto_replays_as_it_was(tmp_path: Path, kinto: Kinto, nginx: Nginx, door: Witness) -> None:
    root = workspace(
        tmp_path,
        "kinto",
        collection=kinto.collection(records=1_050),
        open=door.port,
        limited=nginx.limited,
        redirects=nginx.redirects,
    )
    credentials = {"username": kinto.user, "password": kinto.password}
    run = Conn(root, tmp_path / "home", {"CONN_ACME_CREDENTIALS": json.dumps(credentials)}, [kinto.password])
    live, golden = recorded(run, "acme", "contacts.list", door.port, "--keep-personal-data")
    assert len(live) == 1_050
    assert "error" not in golden, golden["error"]
    assert golden["records"] == live
    assert len(golden["requests"]) == 3


@pytest.fixture
def issues(tmp_path: Path, backlot: Backlot, watched: Witness) -> Conn:
    prefixes = {"hubspot": "/hubspot", "github": "/github", "pipedrive": "/none"}
    root = workspace(tmp_path, "catalogue", connectors=("github",), port=watched.port, **prefixes)
    for name in ("recordings", "expected"):  # the bundled ones are another repository's
        for path in (root / "connectors" / "github" / name).rglob("tickets.list*"):
            path.unlink()
        for path in (root / "connectors" / "github" / name).rglob("ticketing.tickets.list*"):
            path.unlink()
    for name in ("acme", "pipes"):
        (root / "accounts" / f"{name}.yaml").unlink()
    token = backlot.tokens["ava@acme.com"]
    return Conn(root, tmp_path / "home", {"CONN_ISSUES_CREDENTIALS": json.dumps({"token": token})}, [token])


def test_link_headers_replay_as_they_were(issues: Conn, watched: Witness) -> None:
    live, golden = recorded(issues, "issues", "tickets.list", watched.port)
    assert len(live) == ISSUES
    assert "error" not in golden, golden["error"]
    assert golden["records"] == live
    assert len(golden["requests"]) == 3
