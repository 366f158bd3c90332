"""The other side of a change: a workspace as it was at a revision of its git repository. Knows nothing of accounts.

The only place that runs git. A repository may be a stranger's, its settings too: git is asked for nothing for which it
runs a program that they name (hooks, filters, monitors, fetching what is missing), so it never looks at the work tree.
What has not changed is linked, so that a large workspace costs little. A symbolic link of the revision is one again
where it leads to something of the workspace, and nothing where it leads out: a workspace refuses it anyhow.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from conn_engine.config import Workspace, load_workspace
from conn_engine.errors import ConfigurationError, UsageError

__all__ = ["MAIN_BRANCHES", "default_base", "load_before", "workspace_at"]

MAIN_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
_DOCUMENTS = (".yaml", ".yml", ".json")
_FILE_MODES = ("100644", "100755")
_LINK_MODE = "120000"
_LONGEST_TARGET = 4096
_MAX_BYTES = 64 * 1024 * 1024
_MAX_TOTAL_BYTES = 1024 * 1024 * 1024
_SETTINGS = (
    "core.quotePath=false",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "safe.bareRepository=explicit",  # a folder that only looks like a repository is none
)
# Older git knows only the second: no protocol may be used.
_SURROUNDINGS = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_TERMINAL_PROMPT": "0"}


def default_base(root: Path) -> str:
    """The commit where the checked-out work left the main branch (its merge base).

    Raises UsageError when the folder is in no git repository or no main branch is found.
    """
    _prefix(root)
    for branch in MAIN_BRANCHES:
        found = _git(root, ["merge-base", "HEAD", branch], check=False)
        if found.strip():
            return found.decode().strip()
    if _git(root, ["rev-parse", "--is-shallow-repository"], check=False).strip() == b"true":
        raise UsageError(
            "the clone is too shallow: it does not reach back to where the work left the main branch",
            hint="fetch the history first (git fetch --unshallow; actions/checkout: fetch-depth: 0), or name what to "
            "compare with: --base REVISION or --base-dir FOLDER",
        )
    raise UsageError(
        "there is no main branch to compare with",
        hint=f"looked for {', '.join(MAIN_BRANCHES)}; name what to compare with: --base REVISION or --base-dir FOLDER",
    )


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

    Raises UsageError for a revision that git does not know, ConfigurationError when it had no workspace.
    """
    prefix = _prefix(root)
    found = _git(root, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"], check=False)
    commit = found.decode().strip()
    if not commit:
        raise UsageError(
            f'git knows no revision "{revision}"',
            hint="in a shallow clone, fetch more history first (actions/checkout: fetch-depth: 0)",
        )
    files, links = _tree(root, commit, prefix)
    if not any(name in files for name in ("conn.yaml", "conn.yml", "conn.json")):
        raise ConfigurationError(
            f"there is no workspace at {revision}: it has no {prefix}conn.yaml",
            hint="compare with a revision that has one: --base REVISION",
        )
    folder = Path(tempfile.mkdtemp(prefix="conn-base-"))
    try:
        _lay_out(root, folder, files)
        _lay_links(root, folder, links)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lay_out(root: Path, folder: Path, files: Mapping[str, str]) -> None:
    """Put the files of a commit into a folder: from the work tree where they are the same, else from git."""
    made: set[Path] = set()
    stored = []
    try:
        for name, blob in files.items():
            target = folder / PurePosixPath(name)
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            if not _linked(root / PurePosixPath(name), target, blob):
                stored.append((blob, target))
        for target, content in _blobs(root, stored):
            target.write_bytes(content)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as fault:
        raise ConfigurationError("a file of that revision has the name of a folder") from fault


def _lay_links(root: Path, folder: Path, links: Mapping[str, str]) -> None:
    """Put the symbolic links of a commit into a folder that has its files, and take those away again that lead out."""
    inside = folder.resolve()
    made: list[Path] = []
    for place, target in _blobs(root, [(blob, folder / PurePosixPath(name)) for name, blob in links.items()]):
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


def _linked(source: Path, target: Path, blob: str) -> bool:
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


def _tree(root: Path, commit: str, prefix: str) -> tuple[dict[str, str], dict[str, str]]:
    """Path relative to the workspace to blob, for every document of a commit and for every symbolic link."""
    listed = _git(root, ["ls-tree", "-r", "-z", "--full-tree", commit, *(["--", prefix] if prefix else [])])
    files: dict[str, str] = {}
    links: dict[str, str] = {}
    for row in listed.decode("utf-8", "surrogateescape").split("\0"):
        about, _, path = row.partition("\t")
        mode, _, blob = about.partition(" blob ")
        if mode in _FILE_MODES and path.startswith(prefix) and path.endswith(_DOCUMENTS):
            files[path.removeprefix(prefix)] = blob
        elif mode == _LINK_MODE and path.startswith(prefix):
            links[path.removeprefix(prefix)] = blob
    for path in files:
        # A checkout refuses these names, and a revision that was only fetched is never checked out.
        if _leads_elsewhere(path):
            raise ConfigurationError(f"that revision has a file whose name leads elsewhere: {path[:80]!r}")
    return files, {path: blob for path, blob in links.items() if not _leads_elsewhere(path)}


def _leads_elsewhere(path: str) -> bool:
    return any(part in ("", ".", "..") or "\\" in part or ":" in part for part in path.split("/"))


def _blobs(root: Path, wanted: Sequence[tuple[str, Path]]) -> Iterator[tuple[Path, bytes]]:
    if not wanted:
        return
    names = "".join(f"{blob}\n" for blob, _ in wanted).encode()
    _check_sizes(_git(root, ["cat-file", "--batch-check"], given=names).decode().splitlines(), wanted)
    answer = _git(root, ["cat-file", "--batch"], given=names)
    at = 0
    for _, target in wanted:
        end = answer.index(b"\n", at)
        size = int(answer[at:end].rsplit(b" ", 1)[1])
        yield target, answer[end + 1 : end + 1 + size]
        at = end + 2 + size


def _check_sizes(told: Sequence[str], wanted: Sequence[tuple[str, Path]]) -> None:
    """Refuse contents that are not there, or larger than documents are: packed, a huge one is small."""
    total = 0
    for row, (blob, target) in zip(told, wanted, strict=True):
        _, kind, size = (*row.split(" "), "", "")[:3]
        if kind != "blob":
            raise ConfigurationError(
                f"git cannot read {target.name} at that revision ({blob[:12]})",
                hint="nothing is fetched meanwhile: in a partial clone, fetch everything first (git fetch --refetch "
                "--no-filter)",
            )
        total += int(size)
        if int(size) > _MAX_BYTES or total > _MAX_TOTAL_BYTES:
            raise ConfigurationError(f"{target.name} is too large at that revision, or all of it together")


def _prefix(root: Path) -> str:
    """Where the workspace stands in its repository: "" or a path that ends with a slash."""
    found = _git(root, ["rev-parse", "--show-prefix"], check=False)
    if not found:
        raise UsageError(
            f"{root} is in no git repository",
            hint="compare with another folder instead: --base-dir FOLDER",
        )
    return found.decode("utf-8", "surrogateescape").strip("\n")


def _git(root: Path, arguments: Sequence[str], *, check: bool = True, given: bytes = b"") -> bytes:
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    command = ["git", "--no-optional-locks", *settings, "-C", str(root), *arguments]
    surroundings = {**os.environ, **_SURROUNDINGS}
    try:
        done = subprocess.run(  # noqa: S603
            command, input=given, capture_output=True, timeout=120, check=False, env=surroundings
        )
    except FileNotFoundError:
        raise UsageError("git is not installed", hint="compare with another folder: --base-dir FOLDER") from None
    except subprocess.TimeoutExpired:
        raise UsageError("git does not answer", hint="compare with another folder: --base-dir FOLDER") from None
    if check and done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"git {arguments[0]}: {said[-1] if said else 'failed'}")
    return done.stdout if not done.returncode else b""
