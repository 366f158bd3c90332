"""Connectors and documents from Git repositories of others: the address of one, and its files at one commit.

The repository is hostile. Git fetches one commit into an empty temporary repository, and nothing is checked out: files
are read from its objects. Links, submodules and files that are no part of a connector are refused.
"""

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from conn_engine.analysis.impact.git import fetch_commit, run_git
from conn_engine.analysis.submissions.files import MAX_BYTES, MAX_FILES, find_foreign
from conn_engine.documents.copied_files import Files, is_left_out
from conn_engine.errors import UsageError

__all__ = ["PREFIX", "GitFiles", "GitSource", "fetch_files", "parse_git_source"]

PREFIX = "git+"
MAX_DOCUMENT = 64 * 1024 * 1024
_MOST_LISTED = 8 * 1024 * 1024
"""Of the list of files, in bytes: that of a connector has less than one tenth."""
_URL = re.compile(
    r"(?P<scheme>https|ssh|file)://(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.-]*)@)?"
    r"(?P<host>(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?)?)(?P<path>/[A-Za-z0-9_.~+/-]+)"
)
_REVISION = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.+/-]{0,198}[A-Za-z0-9_+-])?")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*")
_EXAMPLE = "git+https://git.example.com/team/connectors@v1.2#shop"


@dataclass(frozen=True, slots=True)
class GitSource:
    """Where a connector or a document is: the URL of a repository, a revision (a branch, a tag or a complete commit ID;
    "" for the default branch), and the path of a folder or a file in it ("" for the repository itself)."""

    url: str
    revision: str = ""
    path: str = ""

    @property
    def source(self) -> str:
        """The address without the revision, as conn.lock has it."""
        return f"{PREFIX}{self.url}{f'#{self.path}' if self.path else ''}"

    @property
    def is_local(self) -> bool:
        """Whether it is a repository of this machine."""
        return self.url.startswith("file:")

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is one commit, of which there is no newer version."""
        return re.fullmatch(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", self.revision) is not None

    def move_to(self, revision: str) -> "GitSource":
        """Return the same place at another revision. Raises UsageError for an invalid one."""
        _check_revision(revision)
        return replace(self, revision=revision)


@dataclass(frozen=True, slots=True)
class GitFiles:
    """What a source has at a commit: the files of a folder, or one document."""

    commit: str
    files: Files
    is_document: bool


def parse_git_source(text: str) -> GitSource:
    """Parse `git+URL@REVISION#PATH`. Raises UsageError for anything else, and for a URL with a password."""
    address, _, path = text.removeprefix(PREFIX).partition("#")
    host, slash, rest = address.partition("://")[2].partition("/")
    place, at, revision = rest.rpartition("@") if "@" in rest else (rest, "", "")
    url = f"{address.partition('://')[0]}://{host}{slash}{place}"
    match = _URL.fullmatch(url)
    if match is None or not text.startswith(PREFIX) or bool(match["host"]) == (match["scheme"] == "file"):
        raise UsageError(
            f"{text[:200]!r} is not the address of a Git repository over https, ssh or file",
            hint=f"write it like {_EXAMPLE}, without a password",
        )
    if match["user"] and match["scheme"] != "ssh":
        raise UsageError(
            "the URL has a user name or a token, which conn.lock would contain",
            hint="remove it; git asks its credential helper (git config credential.helper)",
        )
    if ".." in PurePosixPath(match["path"]).parts:
        raise UsageError(f'"{url}" has the part ".."', hint="write the path without it")
    if at:
        _check_revision(revision)
    if path:
        _check_path(path)
    return GitSource(url, revision, path)


def _check_revision(revision: str) -> None:
    if not _REVISION.fullmatch(revision) or ".." in revision or revision.endswith(".lock"):
        raise UsageError(
            f"{revision[:200]!r} is not a revision", hint="name a branch, a tag, or a complete commit ID after the @"
        )


def _check_path(path: str) -> None:
    if not all(_PART.fullmatch(part) for part in path.split("/")):
        raise UsageError(
            f"{path[:200]!r} is not a path in a repository", hint="name a folder or a file after the #, like #shop"
        )


def fetch_files(source: GitSource) -> GitFiles:
    """Return the files of a source. Raises UsageError if there is no such revision or path, or if it has a file that is
    not part of a connector, and ConfigurationError if git fails."""
    with tempfile.TemporaryDirectory(prefix="conn-git-") as place:
        root = Path(place)
        commit = fetch_commit(root, source.url, source.revision or "HEAD")
        tree = run_git(
            root, ["ls-tree", "-r", "-z", "-l", "--full-tree", commit, *_limit_to(source.path)], most=_MOST_LISTED
        )
        if len(tree) > _MOST_LISTED:  # a few objects that contain each other are a tree with any number of files
            raise _build_count_error(source)
        entries = [_parse_entry(row) for row in tree.decode("utf-8", "surrogateescape").split("\0") if row]
        if not entries:
            raise UsageError(
                f"{source.source} has nothing at {source.revision or 'HEAD'}", hint="correct the path after the #"
            )
        document = len(entries) == 1 and entries[0].name == source.path
        chosen = entries if document else _choose_files(entries, source)
        if document:
            _check_size(chosen, MAX_DOCUMENT, source)
        contents = _read_blobs(root, [entry.digest for entry in chosen])
    below = len(source.path) + 1 if source.path and not document else 0
    names = [PurePosixPath(entry.name).name if document else entry.name[below:] for entry in chosen]
    return GitFiles(commit, dict(zip(names, contents, strict=True)), document)


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    digest: str
    size: int
    name: str


def _limit_to(path: str) -> list[str]:
    return ["--", path] if path else []


def _parse_entry(row: str) -> _Entry:
    described, _, name = row.partition("\t")
    mode, _, digest, size = described.split()
    return _Entry(mode, digest, int(size) if size.isdigit() else 0, name)


def _choose_files(entries: list[_Entry], source: GitSource) -> list[_Entry]:
    """Return the entries of a connector's folder. Private files are left out, as they are when a folder is copied."""
    below = len(source.path) + 1 if source.path else 0
    chosen = [entry for entry in entries if not any(is_left_out(part) for part in entry.name[below:].split("/"))]
    for entry in chosen:
        if entry.mode not in ("100644", "100755"):
            kind = "a submodule" if entry.mode == "160000" else "a link"
            raise UsageError(
                f"{entry.name} in {source.source} is {kind}", hint="ask its author to replace it with files"
            )
    if len(chosen) > MAX_FILES:
        raise _build_count_error(source)
    _check_size(chosen, MAX_BYTES, source)
    for problem in find_foreign({entry.name[below:]: b"" for entry in chosen}):
        raise UsageError(
            f"{source.source} is not a connector: {f'{problem.file}: ' if problem.file else ''}{problem.message}",
            hint="name the folder of a connector after the #, such as #connectors/shop",
        )
    return chosen


def _build_count_error(source: GitSource) -> UsageError:
    return UsageError(
        f"{source.source} has more than {MAX_FILES:,} files", hint="name the folder of one connector after the #"
    )


def _check_size(entries: list[_Entry], limit: int, source: GitSource) -> None:
    if sum(entry.size for entry in entries) > limit or any(entry.mode not in ("100644", "100755") for entry in entries):
        raise UsageError(
            f"{source.source} is larger than {limit // 2**20} MiB, or not a regular file",
            hint="name the folder of one connector, or one document, after the #",
        )


def _read_blobs(root: Path, digests: list[str]) -> list[bytes]:
    answer = run_git(root, ["cat-file", "--batch"], given="".join(f"{digest}\n" for digest in digests).encode())
    contents, position = [], 0
    for _ in digests:
        end = answer.index(b"\n", position)
        size = int(answer[position:end].split()[2])
        contents.append(answer[end + 1 : end + 1 + size])
        position = end + 2 + size
    return contents
