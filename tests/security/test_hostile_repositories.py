"""A git repository from a stranger: comparing with one of its revisions runs nothing of it and writes nowhere else."""

from collections.abc import Callable
from pathlib import Path

import launching
import pytest
from attack import World

from conn_engine.analysis.impact.revisions import check_out_workspace
from conn_engine.errors import ConfigurationError, ConnError


def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    command = ["git", "-c", "user.email=a@example.com", "-c", "user.name=A", "-c", "protocol.file.allow=always"]
    return (
        launching.run([*command, *arguments], cwd=folder, input=given, capture_output=True, check=True)
        .stdout.decode()
        .strip()
    )


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "conn.yaml").write_text("version: 1\n")
    (folder / "a.yaml").write_text("x: 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def monitor(root: Path, program: str) -> None:
    git(root, "config", "core.fsmonitor", program)


def filters(root: Path, program: str) -> None:
    (root / ".gitattributes").write_text("*.yaml filter=x diff=x\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "attributes")
    for key in ("filter.x.clean", "filter.x.smudge", "filter.x.process", "diff.x.textconv", "diff.x.command"):
        git(root, "config", key, program)
    git(root, "config", "diff.external", program)
    (root / "a.yaml").write_text("x: 2\n")


def hooks(root: Path, program: str) -> None:
    for name in ("post-index-change", "reference-transaction", "fsmonitor-watchman", "post-checkout"):
        path = root / ".git" / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)
    (root / "a.yaml").touch()


def submodule(root: Path, program: str) -> None:
    inner = made(root.parent / "inner")
    git(root, "submodule", "add", "-q", str(inner), "sub")
    git(root, "commit", "-qm", "submodule")
    monitor(root / "sub", program)


def fetching(root: Path, program: str) -> None:
    blob = git(root, "rev-parse", "HEAD:a.yaml")
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    (root / "a.yaml").write_text("x: 2\n")
    remote = {"url": str(root.parent), "promisor": "true", "uploadpack": program, "partialclonefilter": "blob:none"}
    for key, value in remote.items():
        git(root, "config", f"remote.origin.{key}", value)
    git(root, "config", "protocol.file.allow", "always")
    git(root, "config", "extensions.partialClone", "origin")
    git(root, "config", "core.repositoryformatversion", "1")


@pytest.mark.parametrize("laid", [monitor, filters, hooks, submodule, fetching])
def test_nothing_of_the_repository_runs(tmp_path: Path, laid: Callable[[Path, str], None]) -> None:
    root, mark = made(tmp_path / "repository"), tmp_path / "ran"
    laid(root, f"touch '{mark}'; cat")
    mark.unlink(missing_ok=True)  # laying it out ran it too
    try:
        with check_out_workspace(root, "HEAD") as folder:
            assert (folder / "a.yaml").read_text() == "x: 1\n"
    except ConnError as error:
        assert laid is fetching and "partial clone" in (error.hint or ""), error
    assert not mark.exists()


def test_a_folder_that_looks_like_a_repository_is_none(tmp_path: Path) -> None:
    """A clone brings such folders along: with their settings, which a clone does not have of its own."""
    root, mark = tmp_path / "repository" / "bare", tmp_path / "ran"
    made(root)
    for path in list((root / ".git").iterdir()):
        path.rename(root / path.name)
    (root / ".git").rmdir()
    git(root, "--git-dir", ".", "config", "core.worktree", str(root))
    git(root, "--git-dir", ".", "config", "core.bare", "false")
    git(root, "--git-dir", ".", "config", "core.fsmonitor", f"touch '{mark}' #")
    with pytest.raises(ConnError, match="not in a git repository"), check_out_workspace(root, "HEAD"):
        pass
    assert not mark.exists()


@pytest.mark.parametrize("name", ["../evil.yaml", "{tmp}/evil.yaml", "..", ".", "a/../../evil.yaml", "a\\evil.yaml"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """A checkout refuses such names; a revision that was fetched alone has never been checked out."""
    root = made(tmp_path / "repository")
    name = name.format(tmp=tmp_path)
    good = git(root, "rev-parse", "HEAD:conn.yaml")
    evil = git(root, "hash-object", "-w", "--stdin", given=b"evil: 1\n")
    below = tree(root, ("100644", "evil.yaml", evil))
    first = ("40000", name, below) if name in ("..", ".") else ("100644", name, evil)
    commit = git(root, "commit-tree", "-m", "x", tree(root, first, ("100644", "conn.yaml", good)))
    before = set(tmp_path.rglob("evil*"))
    with pytest.raises(ConfigurationError, match="unsafe name"), check_out_workspace(root, commit):
        pass
    assert set(tmp_path.rglob("evil*")) == before


@pytest.mark.parametrize("kinds", [("100644", "40000"), ("40000", "100644")])
def test_a_file_and_a_folder_of_one_name(tmp_path: Path, kinds: tuple[str, str]) -> None:
    root = made(tmp_path / "repository")
    good = git(root, "rev-parse", "HEAD:conn.yaml")
    below = tree(root, ("100644", "b.yaml", good))
    both = [(kind, "x.yaml", below if kind == "40000" else good) for kind in kinds]
    commit = git(root, "commit-tree", "-m", "x", tree(root, ("100644", "conn.yaml", good), *both))
    with pytest.raises(ConfigurationError, match="a file and a folder"), check_out_workspace(root, commit):
        pass


@pytest.mark.parametrize("target", ["{tmp}/outside", "../../outside"])
@pytest.mark.parametrize("kinds", [("120000", "40000"), ("40000", "120000")])
def test_nothing_is_put_behind_a_link(tmp_path: Path, target: str, kinds: tuple[str, str]) -> None:
    """A tree may say that a name is a link and a folder; no checkout makes one of the two and then the other."""
    root, outside = made(tmp_path / "repository"), tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.yaml").write_text("x: 1\n")
    good = git(root, "rev-parse", "HEAD:conn.yaml")
    link = git(root, "hash-object", "-w", "--stdin", given=target.format(tmp=tmp_path).encode())
    below = tree(root, ("120000", "evil.yaml", link), ("40000", "deep", tree(root, ("120000", "evil", link))))
    both = [(kind, "x", below if kind == "40000" else link) for kind in kinds]
    lone = [("120000", name, link) for name in ("..", "a:b", "a\\b", "accounts")]
    commit = git(root, "commit-tree", "-m", "x", tree(root, ("100644", "conn.yaml", good), *both, *lone))
    with check_out_workspace(root, commit) as folder:
        assert {path.name for path in folder.rglob("*") if not path.is_dir()} == {"conn.yaml"}
    assert {path.name for path in outside.iterdir()} == {"secret.yaml"}


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    root = made(tmp_path / "repository")
    (root / "a.yaml").write_bytes(b" " * (65 * 2**20))
    git(root, "commit", "-qam", "huge")
    (root / "a.yaml").write_text("x: 1\n")
    with pytest.raises(ConfigurationError, match="too large"), check_out_workspace(root, "HEAD"):
        pass


def test_the_command_is_as_careful(world: World) -> None:
    world.lay_out()
    root, mark = world.folder, world.folder.parent / f"{world.folder.name}-ran"
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    monitor(root, f"touch '{mark}' #")
    for words in (("impact", "--base", "HEAD"), ("ci", "--base", "HEAD"), ("impact",)):
        world.conn(*words)
        assert not mark.exists(), words


def tree(root: Path, *entries: tuple[str, str, str]) -> str:
    rows = b"".join(f"{mode} {name}".encode() + b"\0" + bytes.fromhex(blob) for mode, name, blob in entries)
    return git(root, "hash-object", "--literally", "-w", "-t", "tree", "--stdin", given=rows)
