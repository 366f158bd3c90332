"""The other side of a change: a workspace as it was at a revision of its git repository. Knows nothing of accounts.

What has not changed is linked, so that a large workspace costs little. A symbolic link of the revision is one again
where it leads to something of the workspace, and nothing where it leads out: a workspace refuses it anyhow. The files
of a submodule are those of the commit that the revision names; one that cannot be read stops the comparison, as its
files would look as if they were new.
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

from conn_engine.analysis.impact.git import ask_git, prefix_of, run_git
from conn_engine.analysis.impact.model import BaseVersion
from conn_engine.config import Workspace, load_workspace
from conn_engine.config.strays import SUFFIXES
from conn_engine.errors import ConfigurationError, UsageError

__all__ = ["MAIN_BRANCHES", "default_base", "is_on_main", "load_before", "named_base", "workspace_at"]

MAIN_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
_FOLDERS = ("accounts", "changes", "connectors", "environments", "models")
_FILE_MODES = ("100644", "100755")
_LINK_MODE = "120000"
_SUBMODULE_MODE = "160000"
_LONGEST_TARGET = 4096
_MAX_BYTES = 64 * 1024 * 1024
_MAX_TOTAL_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Blob:
    """A content in git: the folder of the repository that has it, and its name there."""

    repository: Path
    id: str


def default_base(root: Path) -> BaseVersion:
    """The commit where the checked-out work left the main branch (its merge base).

    Raises UsageError when the folder is in no git repository or no main branch is found.
    """
    prefix_of(root)
    for branch in MAIN_BRANCHES:
        if found := ask_git(root, ["merge-base", "HEAD", branch]):
            return _version(root, found, branch)
    if ask_git(root, ["rev-parse", "--is-shallow-repository"]) == "true":
        raise UsageError(
            "the clone is too shallow: it does not reach back to where the work left the main branch",
            hint="fetch the history first (git fetch --unshallow; actions/checkout: fetch-depth: 0), or name what to "
            "compare with: --base REVISION or --base-dir FOLDER",
        )
    raise UsageError(
        "there is no main branch to compare with",
        hint=f"looked for {', '.join(MAIN_BRANCHES)}; name what to compare with: --base REVISION or --base-dir FOLDER",
    )


def named_base(root: Path, revision: str) -> BaseVersion:
    """The commit that a revision means. Raises UsageError for one that git does not know."""
    prefix_of(root)
    commit = ask_git(root, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
    if not commit:
        raise UsageError(
            f'git knows no revision "{revision}"',
            hint="in a shallow clone, fetch more history first (actions/checkout: fetch-depth: 0)",
        )
    return _version(root, commit, revision)


def is_on_main(root: Path) -> bool:
    """Whether what is checked out is the main branch itself, or a commit of it without a branch (as in CI)."""
    branch = ask_git(root, ["symbolic-ref", "--short", "--quiet", "HEAD"])
    if branch:
        default = ask_git(root, ["symbolic-ref", "--short", "--quiet", "refs/remotes/origin/HEAD"])
        return branch in {*MAIN_BRANCHES, default.removeprefix("origin/")}
    head = ask_git(root, ["rev-parse", "HEAD"])
    return any(_is_of(root, head, main) for main in MAIN_BRANCHES)


def _version(root: Path, commit: str, named: str) -> BaseVersion:
    """A commit with its day in UTC, and the branch that it was named by, else the main branch that has it."""
    branch = ask_git(root, ["rev-parse", "--abbrev-ref", named]).replace("HEAD", "", 1)
    branch = branch or next((main for main in MAIN_BRANCHES[1:] if _is_of(root, commit, main)), "")
    # Not `git log`: its settings may name a program that looks at signatures.
    about = run_git(root, ["cat-file", "commit", commit]).decode("utf-8", "replace").partition("\n\n")[0]
    committer = next((line for line in about.splitlines() if line.startswith("committer ")), "")
    seconds = committer.rpartition("> ")[2].partition(" ")[0]
    date = datetime.fromtimestamp(int(seconds), UTC).date().isoformat() if seconds.isdecimal() else ""
    return BaseVersion(revision=commit, branch=branch, date=date)


def _is_of(root: Path, commit: str, branch: str) -> bool:
    return ask_git(root, ["merge-base", commit, branch]) == commit


def load_before(folder: Path) -> Workspace:
    """The workspace of a folder as what a change is compared with.

    Raises ConfigurationError when it cannot be used as a whole; it has no findings, as their lines are not today's.
    """
    try:
        workspace = load_workspace(folder)
        for names in (workspace.accounts, workspace.connectors, workspace.environments):
            names()  # two documents of one name
    except ConfigurationError as error:
        raise ConfigurationError(
            f"what the change is compared with cannot be used: {error.message}",
            hint="compare with another revision or folder: --base REVISION, --base-dir FOLDER",
        ) from None
    return workspace


@contextmanager
def workspace_at(root: Path, revision: str) -> Iterator[Path]:
    """A folder with the documents of the workspace at `root` as they were at `revision`. It is removed afterwards.

    Raises UsageError for a revision that git does not know, ConfigurationError when it had no workspace or cannot be
    read in full.
    """
    prefix = prefix_of(root)
    commit = named_base(root, revision).revision
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
    """Put the files of a commit into a folder: from the work tree where they are the same, else from git."""
    made: set[Path] = set()
    stored = []
    try:
        for name, blob in files.items():
            target = folder / PurePosixPath(name)
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            if not _link_if_same(root / PurePosixPath(name), target, blob.id):
                stored.append((blob, target))
        for target, content in _blobs(stored):
            target.write_bytes(content)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as fault:
        raise ConfigurationError("a file of that revision has the name of a folder") from fault


def _lay_links(folder: Path, links: Mapping[str, _Blob]) -> None:
    """Put the symbolic links of a commit into a folder that has its files, and take those away again that lead out."""
    inside = folder.resolve()
    made: list[Path] = []
    for place, target in _blobs([(blob, folder / PurePosixPath(name)) for name, blob in links.items()]):
        if len(target) > _LONGEST_TARGET or b"\0" in target or not place.parent.resolve().is_relative_to(inside):
            continue  # no checkout puts anything behind a link
        with contextlib.suppress(OSError):  # where the system has no links, a checkout has none either
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(os.fsdecode(target))
            made.append(place)
    gone = set(made)
    while gone:  # what leads through a link that is gone leads nowhere
        gone = {place for place in made if not _leads_into(inside, place)}
        for place in gone:
            place.unlink()
        made = [place for place in made if place not in gone]


def _leads_into(folder: Path, link: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(folder)
    except (OSError, RuntimeError):  # nothing is there, or it leads round
        return False


def _link_if_same(source: Path, target: Path, blob: str) -> bool:
    """Whether the file of the work tree has the content of the blob; then it is in its place."""
    try:
        if not stat.S_ISREG(source.lstat().st_mode) or _blob_id(source.read_bytes(), len(blob)) != blob:
            return False
    except OSError:
        return False
    try:
        os.link(source, target)
    except OSError:  # another disk, or none that links
        with contextlib.suppress(OSError):
            shutil.copyfile(source, target)
            return True
        return False
    return True


def _blob_id(content: bytes, length: int) -> str:
    """What git calls a content: by SHA-1, or by SHA-256 where its names are that long."""
    said = b"blob %d\0" % len(content) + content
    return (hashlib.sha256(said) if length == 64 else hashlib.sha1(said, usedforsecurity=False)).hexdigest()


def _tree(root: Path, commit: str, prefix: str) -> tuple[dict[str, _Blob], dict[str, _Blob]]:
    """Path relative to the workspace to content, for every document of a commit and for every symbolic link."""
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
            # A checkout refuses these names, and a revision that was only fetched is never checked out.
            if _leads_elsewhere(path):
                raise ConfigurationError(f"that revision has a file whose name leads elsewhere: {path[:80]!r}")
            files[path] = _Blob(root, identity)
        elif mode == _LINK_MODE and kind == "blob" and not _leads_elsewhere(path):
            links[path] = _Blob(root, identity)
        elif mode == _SUBMODULE_MODE and not _leads_elsewhere(path):
            for found, inner in zip((files, links), _submodule(root, path, identity), strict=True):
                found |= {f"{path}/{below}": blob for below, blob in inner.items()}
    return files, links


def _submodule(root: Path, path: str, commit: str) -> tuple[dict[str, _Blob], dict[str, _Blob]]:
    """The files and links of a submodule at the commit that a revision names."""
    place = root / PurePosixPath(path)
    inside = place.is_dir() and place.resolve().is_relative_to(root.resolve())
    top = ask_git(place, ["rev-parse", "--show-toplevel"]) if inside else ""
    if not top or Path(top).resolve() != place.resolve():
        if path.partition("/")[0] not in _FOLDERS:
            return {}, {}  # nothing of the workspace, as it is not there after the change either
        raise ConfigurationError(
            f"the submodule {path} is not checked out, so its files cannot be compared",
            hint=f"git submodule update --init {path}; or compare with a folder: --base-dir FOLDER",
        )
    if not ask_git(place, ["rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"]):
        raise ConfigurationError(
            f"the submodule {path} does not have the commit {commit[:12]} that the revision names",
            hint=f"fetch it first: git -C {path} fetch --all",
        )
    return _tree(place, commit, "")


def _leads_elsewhere(path: str) -> bool:
    return any(part in ("", ".", "..") or "\\" in part or ":" in part for part in path.split("/"))


def _blobs(wanted: Sequence[tuple[_Blob, Path]]) -> Iterator[tuple[Path, bytes]]:
    """Every content with the place it goes to, one repository after the other."""
    total = 0
    for repository in dict.fromkeys(blob.repository for blob, _ in wanted):
        own = [(blob.id, target) for blob, target in wanted if blob.repository == repository]
        names = "".join(f"{identity}\n" for identity, _ in own).encode()
        sizes = run_git(repository, ["cat-file", "--batch-check"], given=names).decode().splitlines()
        total += _check_sizes(sizes, own, total)
        answer = run_git(repository, ["cat-file", "--batch"], given=names)
        at = 0
        for _, target in own:
            end = answer.index(b"\n", at)
            size = int(answer[at:end].rsplit(b" ", 1)[1])
            yield target, answer[end + 1 : end + 1 + size]
            at = end + 2 + size


def _check_sizes(rows: Sequence[str], wanted: Sequence[tuple[str, Path]], before: int) -> int:
    """The size of all contents. Refuses those that are not there, or larger than documents are: packed, a huge one is
    small."""
    total = 0
    for row, (identity, target) in zip(rows, wanted, strict=True):
        _, kind, size = (*row.split(" "), "", "")[:3]
        if kind != "blob":
            raise ConfigurationError(
                f"git cannot read {target.name} at that revision ({identity[:12]})",
                hint="nothing is fetched meanwhile: in a partial clone, fetch everything first (git fetch --refetch "
                "--no-filter)",
            )
        total += int(size)
        if int(size) > _MAX_BYTES or before + total > _MAX_TOTAL_BYTES:
            raise ConfigurationError(f"{target.name} is too large at that revision, or all of it together")
    return total
