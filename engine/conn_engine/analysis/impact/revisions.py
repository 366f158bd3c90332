"""The workspace before a change: check out its documents at a revision of its git repository into a folder.

Unchanged files are linked, so that a large workspace is fast. A symbolic link is created if its target is inside the
workspace, and left out otherwise: a workspace refuses it anyway. The files of a submodule are those of the commit that
the revision has for it. A submodule that cannot be read stops the comparison, because its files would look new.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from conn_engine.analysis.impact.git import ask_git, find_prefix, run_git
from conn_engine.analysis.impact.model import BaseVersion
from conn_engine.config import Workspace, load_workspace
from conn_engine.config.strays import SUFFIXES
from conn_engine.errors import ConfigurationError, UsageError

__all__ = ["MAIN_BRANCHES", "check_out_workspace", "find_default_base", "find_named_base", "is_on_main", "load_before"]

MAIN_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
_FOLDERS = ("accounts", "changes", "connectors", "environments", "models", "syncs")
_FILE_MODES = ("100644", "100755")
_LINK_MODE = "120000"
_SUBMODULE_MODE = "160000"
_LONGEST_TARGET = 4096
_MAX_BYTES = 64 * 1024 * 1024
_MAX_TOTAL_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Blob:
    """The content of a file in git: the folder of the repository, and the blob's ID."""

    repository: Path
    id: str


def find_default_base(root: Path) -> BaseVersion:
    """Return the commit where the checked-out branch left the main branch (the merge base).

    Raises UsageError if the folder is not in a git repository, or no main branch is found.
    """
    find_prefix(root)
    for branch in MAIN_BRANCHES:
        if commit := ask_git(root, ["merge-base", "HEAD", branch]):
            return _version(root, commit, branch)
    if ask_git(root, ["rev-parse", "--is-shallow-repository"]) == "true":
        raise UsageError(
            "the clone is too shallow: its history has no common commit with the main branch",
            hint="fetch the history (git fetch --unshallow; actions/checkout: fetch-depth: 0), or choose what to "
            "compare with: --base REVISION or --base-dir FOLDER",
        )
    raise UsageError(
        "there is no main branch to compare with",
        hint="choose what to compare with: --base REVISION or --base-dir FOLDER; none of these branches exists: "
        + ", ".join(MAIN_BRANCHES),
    )


def find_named_base(root: Path, revision: str) -> BaseVersion:
    """Return the commit of a revision. Raises UsageError for an unknown revision."""
    find_prefix(root)
    commit = ask_git(root, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
    if not commit:
        raise UsageError(
            f'there is no revision "{revision}" in the git repository',
            hint="check the name; in a shallow clone, fetch more history first (actions/checkout: fetch-depth: 0)",
        )
    return _version(root, commit, revision)


def is_on_main(root: Path) -> bool:
    """Return whether the main branch itself is checked out, or a commit of it without a branch (as in CI)."""
    branch = ask_git(root, ["symbolic-ref", "--short", "--quiet", "HEAD"])
    if branch:
        default = ask_git(root, ["symbolic-ref", "--short", "--quiet", "refs/remotes/origin/HEAD"])
        return branch in {*MAIN_BRANCHES, default.removeprefix("origin/")}
    head = ask_git(root, ["rev-parse", "HEAD"])
    return any(_is_of(root, head, main) for main in MAIN_BRANCHES)


def _version(root: Path, commit: str, name: str) -> BaseVersion:
    """Return a commit with its date in UTC, and the branch it was named by, or else the main branch that has it."""
    branch = ask_git(root, ["rev-parse", "--abbrev-ref", name]).replace("HEAD", "", 1)
    branch = branch or next((main for main in MAIN_BRANCHES[1:] if _is_of(root, commit, main)), "")
    # Not `git log`: it may run a program to verify signatures that the repository configures.
    about = run_git(root, ["cat-file", "commit", commit]).decode("utf-8", "replace").partition("\n\n")[0]
    committer = next((line for line in about.splitlines() if line.startswith("committer ")), "")
    seconds = committer.rpartition("> ")[2].partition(" ")[0]
    date = datetime.fromtimestamp(int(seconds), UTC).date().isoformat() if seconds.isdecimal() else ""
    return BaseVersion(revision=commit, branch=branch, date=date)


def _is_of(root: Path, commit: str, branch: str) -> bool:
    return ask_git(root, ["merge-base", commit, branch]) == commit


def load_before(folder: Path) -> Workspace:
    """Load the workspace of a folder as the base of a comparison.

    Raises ConfigurationError if it cannot be loaded. The error has no findings, because their lines are outdated.
    """
    try:
        workspace = load_workspace(folder)
        for names in (workspace.accounts, workspace.connectors, workspace.environments):
            names()  # raises for two documents with the same name
    except ConfigurationError as error:
        raise ConfigurationError(
            f"the base of the comparison cannot be loaded: {error.message}",
            hint="compare with a different revision or folder: --base REVISION or --base-dir FOLDER",
        ) from None
    return workspace


@contextmanager
def check_out_workspace(root: Path, revision: str) -> Iterator[Path]:
    """Check out the documents of the workspace at `root` as of `revision` into a temporary folder.

    Raises UsageError for an unknown revision, ConfigurationError if it has no workspace or cannot be read completely.
    """
    prefix = find_prefix(root)
    commit = find_named_base(root, revision).revision
    files, links = _tree(root, commit, prefix)
    if not any(f"conn{suffix}" in files for suffix in SUFFIXES):
        raise ConfigurationError(
            f"there is no workspace at {revision}: it has no {prefix}conn.yaml",
            hint="compare with a revision that has one: --base REVISION",
        )
    folder = Path(tempfile.mkdtemp(prefix="conn-base-"))
    try:
        _lay_out(root, folder, files)
        _lay_links(folder, links)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lay_out(root: Path, folder: Path, files: Mapping[str, _Blob]) -> None:
    """Write the files of a commit into a folder: linked to the work tree if they are the same, else from git."""
    folders: set[Path] = set()
    stored = []
    try:
        for name, blob in files.items():
            target = folder / PurePosixPath(name)
            if target.parent not in folders:
                target.parent.mkdir(parents=True, exist_ok=True)
                folders.add(target.parent)
            if not _link_if_same(root / PurePosixPath(name), target, blob.id):
                stored.append((blob, target))
        for target, content in _blobs(stored):
            target.write_bytes(content)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as fault:
        raise ConfigurationError(
            "a file and a folder of that revision have the same name",
            hint="compare with a different revision: --base REVISION",
        ) from fault


def _lay_links(folder: Path, links: Mapping[str, _Blob]) -> None:
    """Create the symbolic links of a commit in a folder with its files, and remove those with a target outside it."""
    inside = folder.resolve()
    created: list[Path] = []
    for place, target in _blobs([(blob, folder / PurePosixPath(name)) for name, blob in links.items()]):
        if len(target) > _LONGEST_TARGET or b"\0" in target or not place.parent.resolve().is_relative_to(inside):
            continue  # no checkout writes through a link
        with contextlib.suppress(OSError):  # on a system without links, a checkout has none either
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(os.fsdecode(target))
            created.append(place)
    gone = set(created)
    while gone:  # a link through a removed link has no target
        gone = {place for place in created if not _leads_into(inside, place)}
        for place in gone:
            place.unlink()
        created = [place for place in created if place not in gone]


def _leads_into(folder: Path, link: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(folder)
    except (OSError, RuntimeError):  # there is no target, or the links form a cycle
        return False


def _link_if_same(source: Path, target: Path, blob: str) -> bool:
    """Link or copy a file of the work tree if it has the content of the blob. Return whether this was done."""
    try:
        if not stat.S_ISREG(source.lstat().st_mode) or _blob_id(source.read_bytes(), len(blob)) != blob:
            return False
    except OSError:
        return False
    try:
        os.link(source, target)
    except OSError:  # a different disk, or a file system without links
        with contextlib.suppress(OSError):
            shutil.copyfile(source, target)
            return True
        return False
    return True


def _blob_id(content: bytes, length: int) -> str:
    """Return git's ID of a content: SHA-1, or SHA-256 if the repository's IDs have that length."""
    blob = b"blob %d\0" % len(content) + content
    return (hashlib.sha256(blob) if length == 64 else hashlib.sha1(blob, usedforsecurity=False)).hexdigest()


def _tree(root: Path, commit: str, prefix: str) -> tuple[dict[str, _Blob], dict[str, _Blob]]:
    """Return the documents and the symbolic links of a commit, by path relative to the workspace."""
    listed = run_git(root, ["ls-tree", "-r", "-z", "--full-tree", commit, *(["--", prefix] if prefix else [])])
    files: dict[str, _Blob] = {}
    links: dict[str, _Blob] = {}
    for row in listed.decode("utf-8", "surrogateescape").split("\0"):
        about, _, path = row.partition("\t")
        mode, _, name = about.partition(" ")
        kind, _, identity = name.partition(" ")
        if not path.startswith(prefix):
            continue
        path = path.removeprefix(prefix)
        if mode in _FILE_MODES and path.endswith(SUFFIXES):
            # A checkout refuses these names, but a fetched revision may never have been checked out.
            if _leads_elsewhere(path):
                raise ConfigurationError(
                    f"that revision has a file with an unsafe name: {path[:80]!r}",
                    hint="compare with a different revision: --base REVISION",
                )
            files[path] = _Blob(root, identity)
        elif mode == _LINK_MODE and kind == "blob" and not _leads_elsewhere(path):
            links[path] = _Blob(root, identity)
        elif mode == _SUBMODULE_MODE and not _leads_elsewhere(path):
            for items, inner in zip((files, links), _submodule(root, path, identity), strict=True):
                items |= {f"{path}/{below}": blob for below, blob in inner.items()}
    return files, links


def _submodule(root: Path, path: str, commit: str) -> tuple[dict[str, _Blob], dict[str, _Blob]]:
    """Return the files and links of a submodule at the commit that the revision has for it."""
    place = root / PurePosixPath(path)
    inside = place.is_dir() and place.resolve().is_relative_to(root.resolve())
    top = ask_git(place, ["rev-parse", "--show-toplevel"]) if inside else ""
    if not top or Path(top).resolve() != place.resolve():
        if path.partition("/")[0] not in _FOLDERS:
            return {}, {}  # not part of the workspace, before or after the change
        raise ConfigurationError(
            f"the submodule {path} is not checked out, so its files cannot be compared",
            hint=f"check it out: git submodule update --init {path}; or compare with a folder: --base-dir FOLDER",
        )
    if not ask_git(place, ["rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"]):
        raise ConfigurationError(
            f"the submodule {path} does not have the commit {commit[:12]} of that revision",
            hint=f"fetch it first: git -C {path} fetch --all",
        )
    return _tree(place, commit, "")


def _leads_elsewhere(path: str) -> bool:
    return any(part in ("", ".", "..") or "\\" in part or ":" in part for part in path.split("/"))


def _blobs(targets: Sequence[tuple[_Blob, Path]]) -> Iterator[tuple[Path, bytes]]:
    """Yield every content with its target, one repository after the other."""
    total = 0
    for repository in dict.fromkeys(blob.repository for blob, _ in targets):
        blobs = [(blob.id, target) for blob, target in targets if blob.repository == repository]
        names = "".join(f"{identity}\n" for identity, _ in blobs).encode()
        sizes = run_git(repository, ["cat-file", "--batch-check"], given=names).decode().splitlines()
        total += _check_sizes(sizes, blobs, total)
        answer = run_git(repository, ["cat-file", "--batch"], given=names)
        offset = 0
        for _, target in blobs:
            end = answer.index(b"\n", offset)
            size = int(answer[offset:end].rsplit(b" ", 1)[1])
            yield target, answer[end + 1 : end + 1 + size]
            offset = end + 2 + size


def _check_sizes(rows: Sequence[str], targets: Sequence[tuple[str, Path]], before: int) -> int:
    """Return the size of all contents. Raises ConfigurationError for missing or too large ones: a huge content may be
    small when packed."""
    total = 0
    for row, (identity, target) in zip(rows, targets, strict=True):
        _, kind, size = (*row.split(" "), "", "")[:3]
        if kind != "blob":
            raise ConfigurationError(
                f"git cannot read {target.name} at that revision ({identity[:12]})",
                hint="in a partial clone, fetch everything first: git fetch --refetch --no-filter",
            )
        total += int(size)
        if int(size) > _MAX_BYTES or before + total > _MAX_TOTAL_BYTES:
            raise ConfigurationError(
                f"{target.name}, or the sum of all files, is too large at that revision",
                hint="compare with a different revision or folder: --base REVISION or --base-dir FOLDER",
            )
    return total
