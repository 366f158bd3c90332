"""`conn impact` and `conn ci` on a real repository: what they compare with, whom they name, and what has no work."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from transcript import Run, conn

MAPPING = "connectors/desk/unified/crm.yaml"
FILES: dict[str, Any] = {
    "conn.yaml": {"version": 1},
    "connectors/desk/connector.yaml": {
        "base_url": "https://api.desk.example",
        "resources": {
            "people": {"list": {"method": "get", "path": "/people", "response_path": "items"}},
            "firms": {"list": {"method": "get", "path": "/firms", "response_path": "items"}},
        },
    },
    MAPPING: {
        "resources": {
            "contacts": {
                "list": {"resource": "people", "response_mapping": {"id": "response.id", "email": "response.email"}}
            },
            "companies": {
                "list": {"resource": "firms", "response_mapping": {"id": "response.id", "name": "response.n"}}
            },
        }
    },
    **{f"accounts/a{number:02}.yaml": {"connector": "desk"} for number in range(12)},
    "accounts/b.yaml": {
        "connector": "desk",
        "override": {"unified": {"crm": {"contacts": {"list": {"response_mapping": {"email": "'x'"}}}}}},
    },
}
RECORDS = {
    "people": (
        "crm.contacts.list",
        [{"id": "1", "email": "ada@desk.example"}, {"id": "2", "email": "bob@desk.example"}],
    ),
    "firms": ("crm.companies.list", [{"id": "7", "n": "Desks"}]),
}


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.email=a@example.com", "-c", "user.name=A"]
    day = {"GIT_COMMITTER_DATE": "2026-03-04T12:00:00 +0000", "GIT_AUTHOR_DATE": "2026-03-04T12:00:00 +0000"}
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True, env={**os.environ, **day}
    )
    return done.stdout.strip()


def write(folder: Path, files: dict[str, Any]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(data), encoding="utf-8")


def replace(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A workspace of 13 accounts in a repository, on its main branch."""
    write(tmp_path, FILES)
    for path, (operation, items) in RECORDS.items():
        url = f"https://api.desk.example/{path}"
        exchange = {"request": {"method": "GET", "url": url}, "response": {"status": 200, "body": {"items": items}}}
        recording = {
            "format": 1, "connector": "desk", "operation": operation, "source": "sample",
            "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://api.desk.example", "exchanges": [exchange],
        }  # fmt: skip
        write(tmp_path, {f"connectors/desk/recordings/{operation}.json": recording})
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".gitignore").write_text(".state\n.conn\nreports\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def rows(done: Run) -> dict[str, str]:
    """Check to its word in the summary of `conn ci`."""
    lines = [line.split() for line in done.out.splitlines()]
    return {line[1]: line[0] for line in lines if line[:1] and line[0] in ("ok", "FAIL", "skipped")}


def test_on_the_main_branch_there_is_nothing_to_compare_and_everything_is_tested(desk: Path) -> None:
    for detached in (False, True):
        if detached:  # as a pipeline checks it out
            git(desk, "checkout", "-q", "--detach")
        done = conn(desk, "impact")
        assert done.out.startswith("nothing to compare: no document differs from main at ") and done.code == 0
        done = conn(desk, "ci")
        assert rows(done) == {"lint": "ok", "test": "ok", "coverage": "ok", "impact": "skipped"}, done.out
        assert ", 13 accounts" in done.out


def test_a_branch_without_a_difference_has_no_work(desk: Path) -> None:
    git(desk, "checkout", "-q", "-b", "work")
    (desk / "reports").mkdir()
    (desk / "notes.json").write_text("{}")  # no document of a workspace
    done = conn(
        desk, "ci", "--format", "text", "--format", "json=reports/ci.json", "--format", "markdown=reports/ci.md"
    )
    assert rows(done) == {"lint": "ok", "test": "skipped", "coverage": "skipped", "impact": "skipped"}
    checks = json.loads((desk / "reports/ci.json").read_text())["checks"]
    assert [row["passed"] for row in checks] == [True, None, None, None]
    assert "| impact | skipped | `nothing to compare: no document differs from main at " in (
        desk / "reports/ci.md"
    ).read_text(encoding="utf-8")
    assert done.code == 0
    data = json.loads(conn(desk, "impact", "--format", "json").out)
    assert (data["compared"], data["accounts"]["total"], data["fields"]) == (False, 0, [])
    assert "### Nothing to compare" in conn(desk, "impact", "--format", "markdown").out
    assert rows(conn(desk, "ci", "--all"))["impact"] == "skipped"


def test_what_was_compared_and_who_changes_is_named(desk: Path) -> None:
    first = git(desk, "rev-parse", "HEAD")
    git(desk, "checkout", "-q", "-b", "work")
    replace(desk, MAPPING, "response.email", "response.mail")
    git(desk, "commit", "-qam", "mail")
    done = conn(desk, "impact")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == f"compared with main at {first[:12]} of 2026-03-04"
    named = next(line for line in lines if line.startswith("  break: "))
    assert named == "  break: " + ", ".join(f"a{number:02}" for number in range(10)) + " and 2 more"
    data = json.loads(conn(desk, "impact", "--format", "json").out)
    assert data["base"] == {"revision": first, "branch": "main", "date": "2026-03-04", "name": ""}
    assert data["names"]["breaking"] == data["names"]["changed"] == [f"a{number:02}" for number in range(12)]
    by_hash = json.loads(conn(desk, "impact", "--base", first, "--format", "json").out)
    assert by_hash["base"] == data["base"]


def test_markdown_names_accounts_only_where_the_workspace_allows_it(desk: Path) -> None:
    git(desk, "checkout", "-q", "-b", "work")
    replace(desk, MAPPING, "response.email", "response.mail")
    replace(desk, "accounts/b.yaml", "'x'", "'y'")
    (desk / "accounts/a11.yaml").write_text("connector: nowhere\n")
    for command in ("impact", "ci"):
        public = conn(desk, command, "--format", "markdown").out
        assert "accounts" in public and not {name for name in ("a00", "a11", "b.yaml") if name in public}
        refused = conn(desk, command, "--names", "--format", "markdown")
        assert refused.code == 2 and "reports: {account_names: true}" in refused.err
        hidden = conn(desk, command, "--no-names", "--format", "text" if command == "impact" else "markdown").out
        assert "a00" not in hidden and "a11" not in hidden and "accounts/b" not in hidden
    silent = conn(desk, "impact", "--no-names", "--format", "json").out
    assert "a00" not in silent and json.loads(silent)["accounts"]["unjudged"] == 1
    write(desk, {"conn.yaml": {"version": 1, "reports": {"account_names": True}}})
    for command in ("impact", "ci"):
        open_ = conn(desk, command, "--format", "markdown").out
        assert "- break: `a00, a01" in open_ and "`accounts/b.yaml:1`" in open_ and "`a11`" in open_
        assert "a00" not in conn(desk, command, "--no-names", "--format", "markdown").out
