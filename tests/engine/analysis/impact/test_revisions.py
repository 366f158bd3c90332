"""The base of a comparison out of git: what was committed, whatever the work tree says; nothing else of it."""

import os
from pathlib import Path

import launching
import pytest

from conn_engine.analysis.impact.model import BaseVersion
from conn_engine.analysis.impact.revisions import (
    check_out_workspace,
    find_default_base,
    find_named_base,
    is_on_main,
    load_before,
)
from conn_engine.config import load_workspace
from conn_engine.errors import ConfigurationError, UsageError

DAY = {"GIT_COMMITTER_DATE": "2026-03-04T23:30:00 -0200", "GIT_AUTHOR_DATE": "2020-01-01T00:00:00 +0000"}


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.email=a@example.com", "-c", "user.name=A", "-c", "protocol.file.allow=always"]
    surroundings = {**os.environ, **DAY}
    done = launching.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True, env=surroundings
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose folder `integrations` is a workspace, on branch `work` two commits from `main`."""
    top = tmp_path / "repository"
    root = top / "integrations"
    (root / "accounts").mkdir(parents=True)
    git(top, "init", "-q", "-b", "main")
    (top / "README.md").write_text("not of the workspace")
    (root / "conn.yaml").write_text("version: 1\n")
    (root / "accounts" / "ä b.yaml").write_text("connector: one\n")
    (root / "accounts" / "kept.yaml").write_text("connector: one\n")
    (root / "notes.txt").write_text("no document")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "first")
    git(top, "checkout", "-qb", "work")
    (root / "accounts" / "ä b.yaml").write_text("connector: two\n")
    git(top, "commit", "-qam", "second")
    (root / "accounts" / "untracked.yaml").write_text("connector: three\n")
    (root / "accounts" / "kept.yaml").write_text("connector: changed but not committed\n")
    return root


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_base_is_what_was_committed(repository: Path) -> None:
    base = find_default_base(repository)
    assert base == BaseVersion(git(repository, "rev-parse", "main"), "main", "2026-03-05")
    with check_out_workspace(repository, base.revision) as folder:
        assert files(folder) == {
            "conn.yaml": "version: 1\n",
            "accounts/kept.yaml": "connector: one\n",
            "accounts/ä b.yaml": "connector: one\n",
        }
    assert not folder.exists()
    assert (repository / "accounts" / "kept.yaml").read_text() == "connector: changed but not committed\n"


def links(repository: Path, /, **targets: str) -> None:
    """Commit links below `accounts`, and take them out of the work tree again."""
    for name, target in targets.items():
        (repository / "accounts" / f"{name}.yaml").symlink_to(target)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "links")
    for name in targets:
        (repository / "accounts" / f"{name}.yaml").unlink()


def test_a_link_in_the_history_is_what_it_was(repository: Path) -> None:
    (repository / "shared" / "deep").mkdir(parents=True)
    (repository / "shared" / "deep" / "one.yaml").write_text("connector: shared\n")
    (repository / "connectors").symlink_to("shared")  # of a folder, too
    links(
        repository,
        near="kept.yaml",
        far="../shared/deep/one.yaml",
        twice="near.yaml",
        through="../connectors/deep/one.yaml",
    )
    (repository / "shared" / "deep" / "one.yaml").write_text("connector: changed since\n")
    with check_out_workspace(repository, "HEAD") as folder:
        found = files(folder)
        assert (folder / "accounts" / "near.yaml").is_symlink()
        assert found["accounts/near.yaml"] == found["accounts/twice.yaml"] == "connector: changed but not committed\n"
        assert found["accounts/far.yaml"] == found["accounts/through.yaml"] == "connector: shared\n"
        assert (folder / "connectors" / "deep" / "one.yaml").read_text() == "connector: shared\n"
        account = load_workspace(folder).account("far")
        assert account.connector == "shared"
    assert not folder.exists()
    assert (repository / "accounts" / "kept.yaml").exists()


def test_a_link_that_leads_out_is_left_out(repository: Path, tmp_path: Path) -> None:
    (repository.parent / "outside.yaml").write_text("connector: outside\n")
    (tmp_path / "secret.yaml").write_text("connector: secret\n")
    (repository / "inner" / "deep").mkdir(parents=True)
    (repository / "inner" / "deep" / "one.yaml").write_text("connector: one\n")
    (repository / "hop").symlink_to("inner/deep")
    links(
        repository,
        absolute=str(tmp_path / "secret.yaml"),
        repository="../../outside.yaml",
        above=f"../{'../' * 30}etc/hostname",
        # by its text it stays inside, by the folder that `hop` means it does not
        hopping=f"../hop/../../{'../' * 30}{tmp_path}/secret.yaml",
        chain="absolute.yaml",
        itself="itself.yaml",
        nowhere="nothing.yaml",
        git="../../.git/config",
        long="x" * 200 + "/" + "y" * 5,
    )  # fmt: skip
    with check_out_workspace(repository, "HEAD") as folder:
        names = {path.name for path in (folder / "accounts").iterdir()}
        assert names == {"kept.yaml", "untracked.yaml", "ä b.yaml"}


@pytest.mark.parametrize("revision", ["nowhere", "--output=/tmp/x", "HEAD~99", ""])
def test_an_unknown_revision_is_named(repository: Path, revision: str) -> None:
    with pytest.raises(UsageError, match="there is no revision"), check_out_workspace(repository, revision):
        pass


def test_a_revision_without_a_workspace_is_named(repository: Path) -> None:
    git(repository, "checkout", "-q", "--orphan", "other")
    git(repository, "rm", "-rfq", "--cached", ".")
    git(repository.parent, "add", "README.md")
    git(repository, "commit", "-qm", "no workspace")
    with pytest.raises(ConfigurationError, match="no workspace at HEAD"), check_out_workspace(repository, "HEAD"):
        pass


def test_a_folder_outside_git_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not in a git repository"):
        find_default_base(tmp_path)


def test_a_clone_that_is_too_shallow_says_so(repository: Path, tmp_path: Path) -> None:
    (repository / "more.yaml").write_text("a: 1\n")
    git(repository.parent, "checkout", "-q", "main", "--force")
    git(repository.parent, "commit", "-q", "--allow-empty", "-m", "main goes on")
    clone = tmp_path / "clone"
    source = repository.parent.as_uri()
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", "--branch", "work", source, str(clone))
    with pytest.raises(UsageError, match="too shallow") as error:
        find_default_base(clone / "integrations")
    assert "git fetch --unshallow" in str(error.value.hint)


@pytest.mark.parametrize("name", ["conn.yaml", "accounts/kept.json"])
def test_a_base_that_cannot_be_used_at_all_is_named_as_the_base(tmp_path: Path, name: str) -> None:
    (tmp_path / "accounts").mkdir()
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    (tmp_path / "accounts" / "kept.yaml").write_text("connector: one\n")
    (tmp_path / name).write_text("{")
    with pytest.raises(ConfigurationError, match="the base of the comparison cannot be loaded") as error:
        load_before(tmp_path)
    assert not error.value.findings  # their lines would be taken for lines of today


def test_a_revision_is_named_by_its_branch_when_it_is_one(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert find_named_base(repository, "work") == BaseVersion(head, "work", "2026-03-05")
    assert find_named_base(repository, "HEAD").branch == "work"
    assert (
        find_named_base(repository, head)
        == find_named_base(repository, head[:10])
        == BaseVersion(head, "", "2026-03-05")
    )


def test_what_is_on_the_main_branch(repository: Path) -> None:
    assert not is_on_main(repository)
    git(repository, "checkout", "-q", "-f", "main")
    assert is_on_main(repository)
    git(repository, "checkout", "-q", "--detach")  # as a pipeline does
    assert is_on_main(repository)
    git(repository, "checkout", "-q", "--detach", "work")
    assert not is_on_main(repository)
    git(repository, "checkout", "-q", "-b", "new", "main")  # a branch that has no commit yet is not main
    assert not is_on_main(repository)


def test_a_clone_knows_a_main_branch_of_another_name(repository: Path, tmp_path: Path) -> None:
    git(repository, "branch", "-m", "main", "trunk")
    git(repository, "checkout", "-q", "-f", "trunk")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository.parent), str(clone))
    assert is_on_main(clone / "integrations")
    assert find_default_base(clone / "integrations").branch == "origin/trunk"


def test_a_hook_in_a_linked_worktree_means_the_worktree(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git runs hooks with its own places in the environment; they lead any other git elsewhere."""
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "-q", "-b", "other", str(linked), "main")
    (linked / "integrations" / "accounts" / "kept.yaml").write_text("connector: other\n")
    git(linked, "commit", "-qam", "other")
    stranger = tmp_path / "stranger"
    git(tmp_path, "init", "-q", str(stranger))
    for name, value in {
        "GIT_DIR": str(stranger / ".git"), "GIT_WORK_TREE": str(stranger), "GIT_INDEX_FILE": str(stranger / "index"),
        "GIT_PREFIX": "elsewhere/", "GIT_OBJECT_DIRECTORY": str(stranger / ".git/objects"),
        "GIT_COMMON_DIR": str(stranger / ".git"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert find_default_base(linked / "integrations").branch == "main"
    with check_out_workspace(linked / "integrations", "HEAD") as folder:
        assert files(folder)["accounts/kept.yaml"] == "connector: other\n"


@pytest.fixture
def with_submodule(repository: Path, tmp_path: Path) -> Path:
    """The workspace with its connectors in a submodule, committed."""
    shared = tmp_path / "shared"
    (shared / "desk").mkdir(parents=True)
    git(shared, "init", "-q", "-b", "main")
    (shared / "desk" / "connector.yaml").write_text("base_url: https://one.example\n")
    git(shared, "add", "-A")
    git(shared, "commit", "-qm", "first")
    git(repository, "submodule", "--quiet", "add", str(shared), "connectors")
    git(repository, "commit", "-qm", "submodule")
    return repository


def test_the_files_of_a_submodule_are_those_that_the_revision_names(with_submodule: Path) -> None:
    inner = with_submodule / "connectors"
    (inner / "desk" / "connector.yaml").write_text("base_url: https://two.example\n")
    git(inner, "commit", "-qam", "second")
    git(with_submodule, "commit", "-qam", "bump")
    for revision, host in (("HEAD~1", "one"), ("HEAD", "two")):
        with check_out_workspace(with_submodule, revision) as folder:
            assert files(folder)["connectors/desk/connector.yaml"] == f"base_url: https://{host}.example\n"


def test_a_submodule_that_cannot_be_read_stops_the_comparison(with_submodule: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--branch", "work", str(with_submodule.parent), str(clone))
    root = clone / "integrations"
    with pytest.raises(ConfigurationError, match="submodule connectors is not checked out"):
        check_out_workspace(root, "HEAD").__enter__()
    git(clone, "submodule", "--quiet", "update", "--init")
    with check_out_workspace(root, "HEAD") as folder:
        assert (folder / "connectors" / "desk" / "connector.yaml").exists()
    unknown = "1" * 40
    git(clone, "update-index", "--cacheinfo", f"160000,{unknown},integrations/connectors")
    git(clone, "commit", "-qm", "a commit that nobody has")
    with pytest.raises(ConfigurationError, match=f"does not have the commit {unknown[:12]}"):
        check_out_workspace(root, "HEAD").__enter__()


def test_a_repository_that_git_cannot_read_is_no_usage_error(repository: Path) -> None:
    tree = git(repository, "rev-parse", "HEAD^{tree}")
    (repository.parent / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(ConfigurationError, match="git cannot read the repository"):
        check_out_workspace(repository, "HEAD").__enter__()
    (repository.parent / ".git" / "config").write_text("[core\n")
    with pytest.raises(ConfigurationError, match="git cannot read the repository"):
        find_default_base(repository)
