"""The names of a workspace for completion, from its folders. Names of operations are cached per connector."""

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["SOURCES", "WorkspaceNames"]

_SUFFIXES = (".yaml", ".yml", ".json")
_CONNECTOR = re.compile(r"""^[ \t]*+["']?connector["']?\s*:\s*["']?([\w.-]+)""", re.MULTILINE)
_NAME = re.compile(r"[\w.:-]+")  # no name needs quotes in a shell; others are not offered
_MOST_READ = 64 * 1024
_MOST_CACHED = 16 * 1024 * 1024
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # opening a pipe waits for a writer
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


class WorkspaceNames:
    """The names in the workspace around a folder. Nothing here fails: what cannot be read has no names."""

    def __init__(self, folder: Path, used: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._used = used
        self._environ = environ

    def list_names(self, source: str | None, incomplete: str) -> list[str]:
        """Return the names of a source in `SOURCES`, sorted."""
        if source == "codes":
            return _list_codes()
        root = self._find_root()
        if root is None or source is None:
            return []
        try:
            return sorted(name for name in SOURCES[source](self, root, incomplete) if _NAME.fullmatch(name))
        except OSError:
            return []

    def _find_root(self) -> Path | None:
        folder = self._folder.absolute()
        if not folder.is_dir():
            return None
        return next((parent for parent in (folder, *folder.parents) if (parent / "conn.yaml").is_file()), None)

    def list_accounts(self, root: Path, _incomplete: str) -> set[str]:
        """Return the names of the accounts."""
        return set(_list_documents(root / "accounts"))

    def list_environments(self, root: Path, _incomplete: str) -> set[str]:
        """Return the names of the environments."""
        return set(_list_documents(root / "environments"))

    def list_connectors(self, root: Path, _incomplete: str) -> set[str]:
        """Return the names of the connectors."""
        folders = (folder for folder in (root / "connectors").iterdir())
        return {folder.name for folder in folders if any((folder / f"connector{end}").is_file() for end in _SUFFIXES)}

    def list_operations(self, root: Path, incomplete: str) -> set[str]:
        """Return the operations of the account's or the chosen connector, otherwise of all, and once `sync:` is typed
        the syncs.

        A unified operation has its short name, and its model once that is typed; `connector:` is used if it is typed.
        """
        connector, colon, _ = incomplete.partition(":")
        if connector == "sync" and colon:
            return {f"sync:{name}" for name in _list_documents(root / "syncs")}
        chosen = {connector} if colon else self._choose_connectors(root)
        found: set[str] = set()
        for name, operations in _load_operations(root, chosen, self._environ).items():
            for operation in operations:
                short = operation.partition(".")[2] if operation.count(".") > 1 else operation
                typed = incomplete.removeprefix(f"{name}:") if colon else incomplete
                text = operation if "." in typed and operation.startswith(typed) else short
                found.add(f"{name}:{text}" if colon else text)
        return found

    def list_resources(self, root: Path, incomplete: str) -> set[str]:
        """Return the unified resources and their operations, with the model once that is typed."""
        found: set[str] = set()
        for operations in _load_operations(root, self._choose_connectors(root), self._environ).values():
            for operation in operations:
                if operation.count(".") > 1:
                    has_model = "." in incomplete and operation.startswith(incomplete)
                    text = operation if has_model else operation.partition(".")[2]
                    found |= {text, text.rpartition(".")[0]}
        return found

    def list_scenarios(self, root: Path, _incomplete: str) -> set[str]:
        """Return the scenarios of the recordings of the chosen connectors."""
        scenarios: set[str] = set()
        for name in self._choose_connectors(root):
            operations = set(_load_operations(root, {name}, self._environ).get(name, ()))
            for recording in _list_documents(root / "connectors" / name / "recordings"):
                operation, _, scenario = recording.rpartition(".")
                if operation in operations:
                    scenarios.add(scenario)
        return scenarios

    def _choose_connectors(self, root: Path) -> set[str]:
        connectors = self.list_connectors(root, "")
        chosen = self._used.get("--connector")
        account = self._used.get("--account")
        if chosen is None and account is not None:
            chosen = _read_connector(root / "accounts", account)
        return {chosen} & connectors if chosen is not None else connectors


SOURCES = {
    "accounts": WorkspaceNames.list_accounts,
    "connectors": WorkspaceNames.list_connectors,
    "environments": WorkspaceNames.list_environments,
    "operations": WorkspaceNames.list_operations,
    "resources": WorkspaceNames.list_resources,
    "scenarios": WorkspaceNames.list_scenarios,
}
"""What a parameter of the command tree can be completed with; "codes" needs no workspace."""


def _list_codes() -> list[str]:
    from conn_engine.diagnostics.codes import CODES

    return sorted(CODES)


def _list_documents(folder: Path) -> Iterable[str]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            stem, _, suffix = entry.name.rpartition(".")
            if f".{suffix}" in _SUFFIXES and stem and not stem.startswith("."):
                yield stem


def _read_connector(folder: Path, account: str) -> str | None:
    for suffix in _SUFFIXES:
        with contextlib.suppress(OSError):
            match = _CONNECTOR.search(_read_text(folder / (account + suffix), _MOST_READ))
            if match:
                return match[1]
    return None


def _read_text(path: Path, limit: int) -> str:
    """Return the start of a file. Raises OSError if it is not a regular file, which could have no end."""
    with os.fdopen(os.open(path, os.O_RDONLY | _NO_WAIT), "rb") as file:
        content = file.read(limit) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    return content.decode("utf-8", "replace")


# --- the cache of operations ---


def _load_operations(root: Path, connectors: set[str], environ: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the operations of connectors. Those whose documents have changed are read by the engine and cached."""
    path = _get_cache_path(root, environ)
    cached = _read_cache(path)
    stamps = {name: _get_stamp(root / "connectors" / name) for name in connectors}
    stale = [name for name in connectors if cached.get(name, {}).get("stamp") != stamps[name]]
    for name, operations in _read_operations(root, stale).items():
        cached[name] = {"stamp": stamps[name], "operations": operations}
    if stale:
        _write_cache(path, cached)
    return {name: cached[name]["operations"] for name in connectors if name in cached}


def _read_operations(root: Path, connectors: Iterable[str]) -> dict[str, list[str]]:
    if not connectors:
        return {}
    from conn_engine.config import load_workspace
    from conn_engine.errors import ConnError

    operations = {}
    with contextlib.suppress(ConnError, OSError):
        workspace = load_workspace(root)
        for name in connectors:
            with contextlib.suppress(ConnError, OSError):  # a document that is being written keeps its last names
                effective = workspace.effective(account=None, connector=name)
                operations[name] = [operation.text for operation in effective.operations()]
    return operations


def _get_stamp(folder: Path) -> list[list[Any]]:
    files = [folder / f"connector{suffix}" for suffix in _SUFFIXES]
    with contextlib.suppress(OSError):
        files += sorted((folder / "unified").iterdir())
    stamp = []
    for file in files:
        with contextlib.suppress(OSError):
            state = file.stat()
            stamp.append([file.name, state.st_mtime_ns, state.st_size])
    return stamp


def _get_cache_path(root: Path, environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CACHE_HOME") or environ.get("LOCALAPPDATA")
    folder = Path(base) if base else Path.home() / ".cache"
    return folder / "conn" / f"operations-{hashlib.sha256(os.fsencode(root)).hexdigest()[:16]}.json"


def _read_cache(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        cached = json.loads(_read_text(path, _MOST_CACHED))
        if isinstance(cached, dict):
            return {name: entry for name, entry in cached.items() if _is_entry(entry)}
    return {}


def _is_entry(entry: Any) -> bool:
    operations = entry.get("operations") if isinstance(entry, dict) else None
    return isinstance(operations, list) and all(isinstance(item, str) for item in operations)


def _write_cache(path: Path, cached: Mapping[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.{os.urandom(6).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(temporary, _NEW_FILE, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(cached))
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
