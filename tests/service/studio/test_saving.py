"""Review and save: the lines that change, the effect, a document that changed meanwhile, drafts and commits."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import launching
import pytest
from starlette.testclient import TestClient
from studio_bench import READ_ONLY, Post, ask, edit, open_page, write_shop

from conn_cli.scaffold import copy_example
from conn_engine.analysis.impact.committing import commit_file
from conn_engine.errors import ConfigurationError
from conn_service.studio.session import StudioSession

ACME = "accounts/acme.yaml"
TITLE = edit("title", "$uppercase(response.properties.jobtitle)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that these tests change, in a repository."""
    root = tmp_path_factory.mktemp("saving") / "tour"
    copy_example(root)
    return root


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    opened = open_page(folder)
    yield opened
    opened.__exit__(None, None, None)


@pytest.fixture
def document(folder: Path) -> Iterator[Path]:
    """Acme's document, as it was after the test."""
    path = folder / ACME
    text = path.read_text()
    yield path
    path.write_text(text)


def send(client: TestClient, name: str, edits: list[dict[str, Any]], status: int = 200, **values: Any) -> Any:
    answer = client.post(f"/api/{name}", json={"account": "acme", "edits": edits, **values})
    assert answer.status_code == status, answer.text
    return answer.json()


def open_operation(client: TestClient) -> Any:
    return client.post("/api/operation", json={"account": "acme", "operation": "crm.contacts.list"}).json()


def test_a_plan_shows_the_lines_the_effect_and_whom_else_it_concerns(post: Post, page: TestClient) -> None:
    plan = send(page, "plan", [TITLE])
    assert [(line["kind"], line["new"], line["text"].strip()) for line in plan["diff"] if line["kind"] in "+-"] == [
        ("+", 19, "title: $uppercase(response.properties.jobtitle)")
    ]
    assert plan["can_save"] and plan["reason"] == "" and plan["findings"] == []
    assert plan["others"]["sentence"] == "accounts/acme.yaml belongs to acme only: 3 accounts unchanged"
    listing = next(effect for effect in plan["effects"] if effect["operation"] == "crm.contacts.list")
    missing, changed = listing["fields"]
    assert (missing["field"], missing["kind"], missing["records"]) == ("title", "missing", 4)  # it was null
    assert (changed["field"], changed["kind"], changed["records"]) == ("title", "changed", 8)
    assert changed["examples"][0]["after"] == "HEAD OF PROCUREMENT" and len(changed["examples"]) == 3
    assert {"crm.contacts.get", "crm.contacts.create"} <= {effect["operation"] for effect in plan["effects"]}


def test_what_breaks_callers_comes_first_and_is_not_saved_unasked(page: TestClient) -> None:
    plan = send(page, "plan", [edit("title", "42"), edit("lead_source", "null")])
    listing = next(effect for effect in plan["effects"] if effect["operation"] == "crm.contacts.list")
    assert [(field["field"], field["kind"]) for field in listing["fields"]][:2] == [
        ("lead_source", "missing"),
        ("title", "type_changed"),
    ]
    assert (plan["can_save"], plan["can_accept"]) == (False, True)
    assert "would fail" in plan["reason"] and listing["failures"][0]["code"] == "MAP301"


def test_an_invalid_expression_cannot_be_accepted(page: TestClient) -> None:
    plan = send(page, "plan", [edit("title", "response.(")])
    assert (plan["can_save"], plan["can_accept"], plan["effects"]) == (False, False, [])
    assert plan["findings"][0]["severity"] == "error" and plan["findings"][0]["span"]["file"] == ACME


def test_an_environment_says_which_accounts_it_concerns(page: TestClient) -> None:
    edits = [{"operation": "crm.deals.list", "field": "currency", "expression": "'USD'"}]
    plan = send(page, "plan", edits, level="environment")
    assert plan["others"] == {
        "unchanged": 2,
        "affected": ["globex"],
        "sentence": "environments/production.yaml is for 2 accounts; 2 accounts unchanged",
    }


def test_saving_changes_only_the_touched_lines(client: TestClient, document: Path) -> None:
    before = document.read_text().splitlines()
    digest = open_operation(client)["file"]["digest"]
    saved = send(client, "save", [TITLE], digest=digest)
    after = document.read_text().splitlines()
    assert [line for line in after if line not in before] == ["    title: $uppercase(response.properties.jobtitle)"]
    assert [line for line in before if line not in after] == []
    assert saved["file"] == ACME and saved["digest"] == open_operation(client)["file"]["digest"] != digest
    values = {"operation": "crm.contacts.list", "count": 1}
    assert send(client, "evaluate", [], **values)["records"][0]["saved"]["title"] == "HEAD OF PROCUREMENT"


def test_a_document_that_changed_meanwhile_is_not_overwritten(client: TestClient, document: Path) -> None:
    opened = document.read_text()
    digest = open_operation(client)["file"]["digest"]
    document.write_text(f"{opened}# a colleague\n")
    answer = send(client, "save", [TITLE], 409, digest=digest)
    conflict = answer["conflict"]
    assert (conflict["opened"], conflict["theirs"]) == (opened, f"{opened}# a colleague\n")
    assert "title: $uppercase" in conflict["yours"] and "a colleague" not in conflict["yours"]
    assert document.read_text() == f"{opened}# a colleague\n"
    send(client, "save", [TITLE], digest=conflict["digest"])
    assert document.read_text().endswith("# a colleague\n") and "title: $uppercase" in document.read_text()


def test_results_that_fail_are_saved_only_if_the_author_accepts_it(client: TestClient, document: Path) -> None:
    digest = open_operation(client)["file"]["digest"]
    before = document.read_text()
    answer = send(client, "save", [edit("title", "42")], 422, digest=digest)
    assert answer["findings"][0]["code"] == "MAP301" and document.read_text() == before
    send(client, "save", [edit("title", "response.(")], 422, digest=digest, accept=True)
    send(client, "save", [], 422, digest=digest)
    assert document.read_text() == before
    send(client, "save", [edit("title", "42")], digest=digest, accept=True)
    assert document.read_text() == f"{before}    title: '42'\n"


def test_a_draft_is_there_after_the_page_ends_until_it_is_saved(
    client: TestClient, folder: Path, document: Path
) -> None:
    stored = {"account": "acme", "level": "account", "edits": [TITLE], "digest": "x"}
    assert client.get("/api/draft?account=acme&level=account").json() == {"edits": []}
    assert client.put("/api/draft", json=stored).json()["saved_at"]
    later = StudioSession(folder)
    draft = ask(later, "draft", account="acme")
    assert [row["field"] for row in draft["edits"]] == ["title"] and draft["digest"] == "x"
    assert ask(later, "draft", account="acme", level="environment") == {"edits": []}
    assert (folder / ".conn/.gitignore").exists()
    assert ask(later, "draft", 422, account="nobody")["kind"] == "error"
    digest = open_operation(client)["file"]["digest"]
    assert send(client, "save", [TITLE], digest=digest)["draft_removed"] is True
    assert ask(later, "draft", account="acme") == {"edits": []}


def test_a_read_only_page_saves_nothing(tour: Path) -> None:
    session = StudioSession(tour, READ_ONLY)
    before = (tour / ACME).read_text()
    answer = ask(session, "save", 403, account="acme", edits=[TITLE], digest="x")
    assert answer["code"] == "read_only" and "--read-only" in answer["message"]
    ask(session, "keep_draft", 403, account="acme", edits=[TITLE])
    assert (tour / ACME).read_text() == before and not (tour / ".conn/studio").exists()


def test_a_check_of_every_account_is_a_job(page: TestClient) -> None:
    job = send(page, "impact", [TITLE], 202)["job"]
    deadline = time.monotonic() + 120
    while (answer := page.get(f"/api/jobs/{job}").json())["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (answer["state"], answer["error"], answer["done"] == answer["total"] > 0) == ("done", None, True)
    assert answer["result"]["kind"] == "impact"
    assert answer["result"]["accounts"] == answer["result"]["accounts"] | {"total": 4, "changed": 1, "unchanged": 3}
    stopped = send(page, "impact", [TITLE], 202)["job"]
    assert page.delete(f"/api/jobs/{stopped}").json()["state"] == "stopped"
    assert page.get("/api/jobs/nothing").status_code == 404


def git(folder: Path, *words: str) -> str:
    return launching.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_a_commit_has_the_saved_document_and_nothing_else(tmp_path: Path) -> None:
    write_shop(tmp_path)
    (tmp_path / "conn.yaml").write_text("version: 1\n# staged\n")
    git(tmp_path, "add", "conn.yaml")
    (tmp_path / ".git/hooks/pre-commit").write_text("#!/bin/sh\ntouch ran; exit 1\n")
    (tmp_path / ".git/hooks/pre-commit").chmod(0o755)
    session = StudioSession(tmp_path)
    assert ask(session, "workspace")["git"] == {"branch": "main"}
    digest = ask(session, "operation", account="acme", operation="crm.contacts.list")["file"]["digest"]
    values = {"account": "acme", "edits": [edit("email", "$lowercase(response.mail)")]}
    saved = ask(session, "save", **values, digest=digest, commit={"message": "Write Acme's addresses in lower case"})
    assert (saved["commit"]["id"], saved["commit_problem"]) == (git(tmp_path, "rev-parse", "HEAD").strip(), "")
    assert git(tmp_path, "show", "--format=%an %s", "--name-only", "HEAD") == (
        "Ada Write Acme's addresses in lower case\n\naccounts/acme.yaml\n"
    )
    assert git(tmp_path, "status", "--porcelain") == "M  conn.yaml\n"
    assert not (tmp_path / "ran").exists()


def test_a_commit_of_a_workspace_in_a_folder_of_the_repository(tmp_path: Path) -> None:
    write_shop(tmp_path)
    inner = tmp_path / "new folder/ä"
    inner.mkdir(parents=True)
    (inner / "a.yaml").write_text("a: 1\n")
    commit = commit_file(inner, "a.yaml", "Add a")
    assert git(tmp_path, "-c", "core.quotePath=false", "show", "--format=", "--name-only", commit) == (
        "new folder/ä/a.yaml\n"
    )
    assert git(tmp_path, "status", "--porcelain") == ""
    (tmp_path / ".git/index.lock").touch()
    (inner / "a.yaml").write_text("a: 2\n")
    locked = commit_file(inner, "a.yaml", "Change a\0\n\nIt was 1.")
    assert git(tmp_path, "show", "--format=%s|%b", "--no-patch", locked) == "Change a|It was 1.\n\n"
    (tmp_path / ".git/index.lock").unlink()
    with pytest.raises(ConfigurationError, match="the commit has no message"):
        commit_file(inner, "a.yaml", " ")
    git(tmp_path, "update-ref", "-d", "HEAD")
    with pytest.raises(ConfigurationError, match="the repository has no commit yet"):
        commit_file(inner, "a.yaml", "Again")


def test_a_commit_replaces_no_link(tmp_path: Path) -> None:
    """A folder in the place of a link would have the saved document only, and none of the other accounts."""
    write_shop(tmp_path)
    (tmp_path / "accounts").rename(tmp_path / "customers")
    (tmp_path / "accounts").symlink_to("customers")
    (tmp_path / "customers/initech.yaml").symlink_to("globex.yaml")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "Link the accounts")
    head = git(tmp_path, "rev-parse", "HEAD")
    with pytest.raises(ConfigurationError, match="accounts is not a folder in the last commit"):
        commit_file(tmp_path, "accounts/acme.yaml", "Change Acme")
    with pytest.raises(ConfigurationError, match="is not a file in the last commit"):
        commit_file(tmp_path, "customers/initech.yaml", "Change Initech")
    assert (git(tmp_path, "rev-parse", "HEAD"), git(tmp_path, "status", "--porcelain")) == (head, "")
