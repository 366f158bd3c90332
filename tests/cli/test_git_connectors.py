"""Connectors from Git: pinned, checked, confirmed once, verified and updated, with repositories on this machine."""

import json
import re
from pathlib import Path

import pytest
import yaml
from submission import commit, create_repository, create_submission, run_git
from transcript import conn

from conn_cli.scaffold import create_workspace
from conn_engine.updates.lock import read_lock

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def submitted(tmp_path_factory):
    return create_submission(tmp_path_factory.mktemp("author"))


@pytest.fixture
def repository(tmp_path, submitted):
    return create_repository(tmp_path / "repository", submitted)


@pytest.fixture
def desk(tmp_path):
    create_workspace(tmp_path / "desk")
    return tmp_path / "desk"


def add(desk, repository, *words, revision="main", path="shop"):
    return conn(desk, "new", "store", "--from", f"git+file://{repository}@{revision}#{path}", *words)


def rename(repository):
    """Let the connector in the repository have the name that it gets in the workspace."""
    run_git(repository, "mv", "shop", "store")
    for path in (repository / "store").rglob("*.json"):
        path.write_text(path.read_text().replace('"connector": "shop"', '"connector": "store"'))
    path = repository / "store" / "connector.yaml"
    path.write_text(re.sub(r"(?m)^name: shop$", "name: store", path.read_text()))
    return commit(repository, "rename")


@pytest.fixture
def store(desk, repository):
    commit_id = rename(repository)
    added = add(desk, repository, "--yes", path="store")
    assert added.code == 0, added.all
    return commit_id


def test_a_connector_is_pinned_by_commit_and_digest_with_what_was_confirmed(desk, repository, store):
    entry = read_lock(desk)["store"]
    assert (entry.source, entry.revision, entry.reference) == (f"git+file://{repository}#store", store, "main")
    assert entry.digest.startswith("sha256:")
    assert (entry.hosts, entry.environment) == (("api.shop.example",), ())
    assert conn(desk, "lint").code == 0
    assert conn(desk, "test", "--connector", "store").code == 0
    assert conn(desk, "update", "store", "--check").code == 0


def test_the_page_about_git_shows_what_the_lock_file_has(desk, repository, store):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "use-a-connector-from-git.md").read_text()
    shown = yaml.safe_load(re.search(r"```text\n(version: 1.*?)```", page, re.S)[1])["connectors"]["shop"]
    written = yaml.safe_load((desk / "conn.lock").read_text())["connectors"]["store"]
    assert list(shown) == list(written)
    assert shown["confirmed"] == written["confirmed"]
    block = re.search(r"```text\n(.*?)```", page, re.S)[1]
    for line in ("sends requests, and your credentials for it, to: api.shop.example", "next: conn lint && conn test"):
        assert line in block


def test_nobody_is_asked_without_a_terminal_and_nothing_is_added(desk, repository):
    rename(repository)
    run = add(desk, repository, path="store")
    assert run.code == 2
    assert "store sends requests, and your credentials for it, to: api.shop.example" in run.err
    assert "--yes" in run.err
    assert not (desk / "connectors" / "store").exists()
    assert read_lock(desk) == {}


def test_what_does_not_pass_the_check_is_not_added(desk, repository):
    rename(repository)
    path = repository / "store" / "recordings" / "crm.contacts.get.json"
    path.write_text(path.read_text().replace("ada@example.com", "jane.doe@gmail.com"))
    commit(repository, "leak")
    run = add(desk, repository, "--yes", path="store")
    assert run.code == 2
    assert "does not pass conn check" in run.err
    assert not (desk / "connectors" / "store").exists()


def test_an_update_merges_and_asks_only_for_what_is_new(desk, repository, store):
    mine = desk / "connectors" / "store" / "README.md"
    mine.write_text(mine.read_text() + "\nOur notes.\n")
    path = repository / "store" / "connector.yaml"
    path.write_text(path.read_text().replace("label:", "docs_url: https://docs.shop.example\nlabel:", 1))
    newer = commit(repository, "docs")
    assert conn(desk, "update", "store", "--check").code == 1
    run = conn(desk, "update", "store")
    assert run.code == 0, run.all
    assert read_lock(desk)["store"].revision == newer
    assert "docs_url" in (desk / "connectors" / "store" / "connector.yaml").read_text()
    assert mine.read_text().endswith("Our notes.\n")
    text = path.read_text()
    path.write_text(text.replace("label:", "hosts: [api.shop.example, evil.example]\nlabel:", 1))
    commit(repository, "another host")
    run = conn(desk, "update", "store")
    assert run.code == 2
    assert "to: evil.example\n" in run.err
    assert read_lock(desk)["store"].revision == newer
    assert conn(desk, "update", "store", "--yes").code == 0
    assert "evil.example" in read_lock(desk)["store"].hosts


def test_a_repository_of_this_machine_is_only_read_when_it_is_named(desk, repository, store):
    run = conn(desk, "update", "--check")
    assert run.code == 2
    assert "store is from a repository of this machine" in run.err


def test_a_host_that_nobody_confirmed_is_a_finding(desk, repository, store):
    path = desk / "connectors" / "store" / "connector.yaml"
    path.write_text(path.read_text().replace("label:", "hosts: [api.shop.example, evil.example]\nlabel:", 1))
    run = conn(desk, "lint")
    assert run.code == 1
    assert "SEC107  nobody has confirmed that store uses the host evil.example" in run.out


def test_a_changed_base_copy_is_a_finding(desk, repository, store):
    path = desk / ".conn" / "base" / "store" / "connector.yaml"
    path.write_text(path.read_text() + "# changed\n")
    run = conn(desk, "lint")
    assert run.code == 1
    assert "SEC108" in run.out


def test_another_revision_is_chosen_by_name(desk, repository, store):
    run_git(repository, "tag", "v1")
    path = repository / "store" / "README.md"
    path.write_text(path.read_text() + "\nMore.\n")
    newer = commit(repository, "more")
    assert conn(desk, "update", "store", "--to", "v1").code == 0
    assert read_lock(desk)["store"].revision == store
    assert conn(desk, "update", "store", "--to", newer).code == 0
    assert read_lock(desk)["store"].reference == newer
    assert conn(desk, "update", "--to", "v1").code == 2


def test_a_document_of_a_repository_is_imported(desk, repository):
    document = {
        "openapi": "3.0.0",
        "info": {"title": "Shop", "version": "1"},
        "servers": [{"url": "https://api.shop.example"}],
        "paths": {"/orders": {"get": {"responses": {"200": {"description": "orders"}}}}},
    }
    (repository / "openapi.json").write_text(json.dumps(document))
    commit(repository, "document")
    run = add(desk, repository, path="openapi.json")
    assert run.code == 0, run.all
    assert "orders:" in (desk / "connectors" / "store" / "connector.yaml").read_text()
    assert read_lock(desk) == {}
    assert add(desk, repository, path="absent.json").code == 2
