"""Decide what an update of a connector does with each of its files, and write the result.

Documents are merged. Any other file, such as a recording or a golden, is one value: the newer version is taken unless
the workspace has changed the file.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from conn_engine.config import Workspace, load_workspace
from conn_engine.config.strays import SUFFIXES
from conn_engine.documents import format_path, write_whole
from conn_engine.documents.copied_files import CRLF, LF, Files, read_files
from conn_engine.documents.files import remove_file
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.updates.copies import BASE_FOLDER
from conn_engine.updates.lock import LOCK_FILE, LockedConnector, lock_copy, read_lock
from conn_engine.updates.merging import merge_text

__all__ = ["Action", "ConnectorUpdate", "FileUpdate", "lay_out_updated", "plan_update", "write_update"]

Action = Literal["added", "changed", "removed", "merged", "conflict", "kept"]
_RECORDED = ("recordings", "expected", "deliveries")


@dataclass(frozen=True, slots=True)
class FileUpdate:
    """What happens to one file. `path` is relative to the folder of the connector.

    `content` is None if the file is removed, or kept as it is. A merged document with conflicts has marks in `content`,
    which `resolved` has not; `conflicts` are the paths of values, and `lines` the lines of the marks. `note` says why
    a file is kept.
    """

    path: str
    action: Action
    content: bytes | None = None
    resolved: bytes | None = None
    conflicts: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class ConnectorUpdate:
    """What an update does with a connector.

    `locked` is what it was copied from. It is None for the newest version if conn.lock or the base copy is incomplete:
    then only these are written.
    """

    name: str
    locked: LockedConnector | None
    newest: LockedConnector
    files: tuple[FileUpdate, ...]

    @property
    def is_current(self) -> bool:
        """Whether the workspace has the newest version."""
        return self.locked is None or self.locked.digest == self.newest.digest

    @property
    def conflicts(self) -> tuple[FileUpdate, ...]:
        """The documents that are written with marks."""
        return tuple(file for file in self.files if file.action == "conflict")


def plan_update(
    root: Path, name: str, newest: Files, base: Files | None = None, target: LockedConnector | None = None
) -> ConnectorUpdate:
    """Compare newer files of a connector with the workspace at `root`. `base` replaces the stored base copy. `target`
    is their entry of conn.lock; the default is that of a bundled connector.

    Raises UsageError if the connector was copied from elsewhere or has no base, and ConfigurationError for a base copy
    that was changed and for documents that cannot be read.
    """
    target = target or LockedConnector.from_files(newest)
    locked, local = read_lock(root).get(name), read_files(root / "connectors" / name)
    if locked is not None and locked.source != target.source:
        raise UsageError(
            f"{name} was copied from {locked.source}, which this version of Conn cannot update",
            hint="upgrade conn-engine",
        )
    if base is not None:
        locked = LockedConnector.from_files(base)
    elif locked is None:
        _check_is_unchanged(name, local, newest)
        base = newest
    elif locked.digest == target.digest:
        stored = read_files(root / BASE_FOLDER / name)
        locked = locked if LockedConnector.from_files(stored).digest == target.digest else None
        base = newest
    else:
        base = _read_base(root, name, locked)
    label = f"{'bundled' if target.is_bundled else 'git'} {target.revision[:12]}"
    updates = (_plan_file(path, local, base, newest, label) for path in sorted({*base, *newest}))
    return ConnectorUpdate(name, locked, target, tuple(update for update in updates if update is not None))


def _check_is_unchanged(name: str, local: Files, newest: Files) -> None:
    """Raise UsageError unless a connector without an entry in conn.lock is the newest version, unchanged."""
    different = sum(not _is_same(local.get(path), newest.get(path)) for path in {*newest, *local})
    if different:
        files = "1 file differs" if different == 1 else f"{different} files differ"
        raise UsageError(
            f"{LOCK_FILE} has no entry for {name}, and {files} from the bundled version",
            hint=f"name the commit that added it (git log --diff-filter=A -- connectors/{name}): "
            f"conn update {name} --base COMMIT",
        )


def _read_base(root: Path, name: str, locked: LockedConnector) -> Files:
    """Return the base copy. Raises ConfigurationError if it is not the one of conn.lock."""
    base = read_files(root / BASE_FOLDER / name)
    if LockedConnector.from_files(base).digest == locked.digest:
        return base
    state = f"differs from {LOCK_FILE}" if base else "is missing"
    raise ConfigurationError(
        f"{BASE_FOLDER / name} {state}, so it is unknown what you have changed",
        hint=f"restore it from version control, or name another base: conn update {name} --base COMMIT",
    )


def _plan_file(path: str, local: Files, base: Files, newest: Files, label: str) -> FileUpdate | None:
    """Return what happens to one file, or None if the newer version brings nothing."""
    mine, old, new = local.get(path), base.get(path), newest.get(path)
    if _is_same(old, new) or _is_same(mine, new):
        return None
    if _is_same(mine, old):
        if new is None:
            return FileUpdate(path, "removed")
        return FileUpdate(path, "added" if mine is None else "changed", _adopt_newlines(new, mine))
    if mine is not None and new is not None and _is_document(path):
        return _merge_document(path, mine, old, new, label)
    verb = "removes" if new is None else "adds" if old is None else "changes"
    state = "you have removed it" if mine is None else "yours is different"
    return FileUpdate(path, "kept", note=f"{state}; the newer version {verb} it")


def _merge_document(path: str, mine: bytes, old: bytes | None, new: bytes, label: str) -> FileUpdate:
    base_text = None if old is None else _decode(path, old)
    merged = merge_text(path, base_text, _decode(path, mine), _decode(path, new), label)
    content, resolved = (_adopt_newlines(text.encode(), mine) for text in (merged.text, merged.resolved))
    conflicts = tuple(format_path(conflict) or "the document" for conflict in merged.conflicts)
    return FileUpdate(path, "conflict" if conflicts else "merged", content, resolved, conflicts, merged.lines)


def _is_document(path: str) -> bool:
    return path.endswith(SUFFIXES) and path.partition("/")[0] not in _RECORDED


def _is_same(one: bytes | None, other: bytes | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or one.replace(CRLF, LF) == other.replace(CRLF, LF)


def _decode(path: str, content: bytes) -> str:
    try:
        return content.replace(CRLF, LF).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8", hint="save it as UTF-8") from error


def _adopt_newlines(content: bytes, mine: bytes | None) -> bytes:
    """Return the content with the line breaks of the file that it replaces."""
    return content.replace(CRLF, LF).replace(LF, CRLF) if mine is not None and CRLF in mine else content


# --- write ---


def write_update(root: Path, update: ConnectorUpdate, newest: Files) -> None:
    """Write the files of a connector, then conn.lock, then the base copy.

    Each is written completely or not at all, and a repeated update completes one that was interrupted.
    """
    folder = root / "connectors" / update.name
    for file in update.files:
        if file.content is not None:
            write_whole(folder / file.path, file.content, within=root)
        elif file.action == "removed":
            remove_file(folder / file.path, within=root)
    lock_copy(root, update.name, update.newest, newest)


@contextlib.contextmanager
def lay_out_updated(workspace: Workspace, updates: Sequence[ConnectorUpdate]) -> Iterator[Workspace]:
    """Open a temporary copy of the workspace with the updates, in which conflicts have the local value.

    Unchanged files are linked.
    """
    with tempfile.TemporaryDirectory(prefix="conn-update-") as name:
        folder = Path(name)
        for path in (workspace.root / "conn.yaml", workspace.root / "conn.yml", workspace.root / "conn.json"):
            if path.is_file():
                _link(str(path), str(folder / path.name))
        folders = [workspace.root / part for part in ("accounts", "changes", "connectors", "environments")]
        for source in filter(Path.is_dir, (*folders, *workspace.models)):
            target = folder / os.path.relpath(source, workspace.root)
            hidden = shutil.ignore_patterns(".*")
            shutil.copytree(source, target, symlinks=True, copy_function=_link, dirs_exist_ok=True, ignore=hidden)
        for update in updates:
            for file in update.files:
                path = folder / "connectors" / update.name / file.path
                content = file.content if file.resolved is None else file.resolved
                if content is not None:
                    write_whole(path, content)
                elif file.action == "removed":
                    path.unlink()
        yield load_workspace(folder)


def _link(source: str, target: str) -> str:
    if Path(target).exists():  # a folder of models inside another folder
        return target
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a different disk, or a file system without links
        shutil.copy2(source, target, follow_symlinks=False)
    return target
