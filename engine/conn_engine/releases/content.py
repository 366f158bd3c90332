"""The content of a release: the files that determine what a workspace does, each with its digest.

The manifest lists the path and digest of every file in a canonical form, and its digest is the release's ID: the same
content has the same ID, and an ID covers every byte.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from conn_engine.config import Workspace
from conn_engine.config.strays import SUFFIXES
from conn_engine.errors import ConfigurationError
from conn_engine.releases.faults import ReleaseRefusedError, StoreFault
from conn_engine.secrets import Redactor

__all__ = ["DIGEST", "CollectedFiles", "Manifest", "collect", "compute_digest", "lay_out"]

FORMAT = 1
DIGEST = re.compile(r"[0-9a-f]{64}")
MAX_BYTES = 64 * 1024 * 1024
_LOCAL = re.compile(r"\.local\.(yaml|yml|json)$")
"""Files of one person or machine: they are excluded from version control and from releases."""


def compute_digest(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal, which identifies a content in a store."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """Path (relative, forward slashes) to digest, for every file of a release."""

    files: Mapping[str, str]

    @cached_property
    def content(self) -> bytes:
        """The canonical form. Equal manifests have equal bytes."""
        data = {"format": FORMAT, "files": dict(sorted(self.files.items()))}
        return json.dumps(data, ensure_ascii=True, separators=(",", ":")).encode("ascii")

    @cached_property
    def id(self) -> str:
        """The release's ID."""
        return compute_digest(self.content)

    @classmethod
    def read(cls, content: bytes, expected: str) -> "Manifest":
        """Parse a manifest. Raises StoreFault if its bytes are not those of the release `expected`."""
        if compute_digest(content) != expected:
            raise build_damaged_error(f"the file list of release {expected[:12]}")
        data = json.loads(content)
        if data.get("format") != FORMAT:
            raise StoreFault(
                f"release {expected[:12]} has the format {data.get('format')}, which this version cannot read",
                hint="upgrade conn-engine: a newer version created the release",
            )
        files: dict[str, str] = data["files"]
        for path, digest in files.items():
            if not _is_safe(path) or DIGEST.fullmatch(digest) is None:
                raise StoreFault(f"release {expected[:12]} has an invalid file name: {path[:80]!r}")
        return cls(files)


def build_damaged_error(subject: str) -> StoreFault:
    """Build the error for content that does not match its digest."""
    return StoreFault(
        f"the store is damaged: {subject} has changed",
        hint="restore the database from a backup, or create the release again in another store",
    )


def _is_safe(path: str) -> bool:
    pure = PurePosixPath(path)
    parts = path.split("/")
    return not pure.is_absolute() and not any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts)


@dataclass(frozen=True)
class CollectedFiles:
    """A workspace as it is now, read once: the manifest, and the bytes of each digest. `left_out` are local files."""

    manifest: Manifest
    blobs: Mapping[str, bytes]
    left_out: tuple[str, ...] = ()


def collect(workspace: Workspace, *, redactor: Redactor | None = None) -> CollectedFiles:
    """Read all files that determine what a workspace does: conn.yaml, environments, accounts, accepted changes,
    connectors with mappings, recordings and goldens, models, and trusted certificates.

    Raises ReleaseRefusedError if a file contains a secret that `redactor` knows, and ConfigurationError if a file
    cannot be read or is outside the workspace.
    """
    files: dict[str, str] = {}
    blobs: dict[str, bytes] = {}
    left_out = []
    for path in _list_paths(workspace):
        path_text = workspace.format_path(path)
        if _LOCAL.search(path.name):
            left_out.append(path_text)
            continue
        content = _read_content(workspace, path, path_text)
        secret_names = redactor.find(content) if redactor is not None else []
        if secret_names:
            raise ReleaseRefusedError(
                f"{path_text} contains a secret of this machine: the value of {secret_names[0]}",
                hint="remove it from the file; releases cannot contain secrets",
            )
        if not _is_safe(path_text):
            raise ConfigurationError(
                f"{path_text} cannot be in a release: its name is not valid on every system",
                hint="rename the file: use letters, digits, dots, - and _",
            )
        digest = compute_digest(content)
        files[path_text] = digest
        blobs[digest] = content
    return CollectedFiles(Manifest(files), blobs, tuple(left_out))


def _list_paths(workspace: Workspace) -> list[Path]:
    root = workspace.root
    paths = {root / f"conn{suffix}" for suffix in SUFFIXES}
    for folder in ("environments", "accounts", "changes", "syncs"):
        paths.update(_walk_below(workspace, root / folder, deep=False))
    paths.update(_walk_below(workspace, root / "connectors", deep=True))
    for folder_of_models in workspace.models:
        paths.update(_walk_below(workspace, folder_of_models, deep=True))
    if workspace.settings.trusted_certificates is not None:
        paths.add(root / workspace.settings.trusted_certificates)
    return sorted(path for path in paths if path.is_file())


def _walk_below(
    workspace: Workspace, folder: Path, *, deep: bool, above: frozenset[str] = frozenset()
) -> Iterator[Path]:
    """Yield the documents below a folder, without hidden ones. `above` are the parent folders, to detect link
    cycles."""
    if not folder.is_dir():
        return
    workspace.check_inside(folder)
    real_folder = os.path.realpath(folder)
    if real_folder in above:
        return
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name[0] == ".":
                continue
            if deep and entry.is_dir():
                yield from _walk_below(workspace, Path(entry.path), deep=True, above=above | {real_folder})
            elif entry.name.endswith(SUFFIXES):
                yield Path(entry.path)


def _read_content(workspace: Workspace, path: Path, path_text: str) -> bytes:
    workspace.check_inside(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as fault:
        raise ConfigurationError(
            f"cannot read {path_text}: {(fault.strerror or str(fault)).lower()}",
            hint="correct the permissions of the file",
        ) from fault
    if len(content) > MAX_BYTES:
        raise ConfigurationError(
            f"{path_text} is larger than {MAX_BYTES // 2**20} MiB",
            hint="remove the file from the workspace, or record less in it",
        )
    return content


def lay_out(
    files: Mapping[str, str], contents: Callable[[Iterable[str]], Iterable[tuple[str, bytes]]], to: Path
) -> None:
    """Write the files of a manifest into an empty folder. `contents` yields (digest, bytes) for the requested
    digests."""
    places: dict[str, list[str]] = {}
    for path, digest in files.items():
        places.setdefault(digest, []).append(path)
    folders: set[Path] = set()
    for digest, content in contents(sorted(places)):
        for path in places[digest]:
            target = to / PurePosixPath(path)
            if target.parent not in folders:
                target.parent.mkdir(parents=True, exist_ok=True)
                folders.add(target.parent)
            target.write_bytes(content)
