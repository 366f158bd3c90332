"""Find the accounts, and the connectors without accounts, that a change of files can affect and that need tests."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from conn_engine.config import Workspace
from conn_engine.config.strays import SUFFIXES
from conn_engine.errors import ConnError
from conn_engine.syncs import find_accounts

__all__ = ["Reach", "find_changed_files", "find_reach", "reach_everything"]

_FOLDERS = ("accounts", "changes", "connectors", "environments", "syncs")
_GOLDENS: Mapping[tuple[str, ...], int] = {("expected", "deliveries"): 4, ("expected", "syncs"): 5}
"""Where the path of an account's golden goes on, as it does in `recordings`."""
_SETTINGS = tuple(f"conn{suffix}" for suffix in SUFFIXES)


@dataclass(frozen=True, slots=True)
class Reach:
    """The accounts that a change affects, and the changed connectors that no account uses.

    `whole` is set if everything is affected: conn.yaml or a model has changed, or there is no base to compare with.
    """

    accounts: tuple[str, ...]
    connectors: tuple[str, ...]
    whole: bool = False


def find_changed_files(before: Path, after: Workspace) -> list[str]:
    """Return the sorted paths of the documents that the change adds, modifies or removes, relative to the workspace."""
    folders = (*_FOLDERS, *after.settings.models)
    old, new = dict(_files(before, folders)), dict(_files(after.root, folders))
    changed = set(old) ^ set(new)
    for name in old.keys() & new.keys():
        file, new_file = old[name], new[name]
        if not file.samefile(new_file) and file.read_bytes() != new_file.read_bytes():
            changed.add(name)
    return sorted(changed)


def _files(root: Path, folders: Iterable[str]) -> Iterator[tuple[str, Path]]:
    yield from ((name, root / name) for name in _SETTINGS if (root / name).is_file())
    for folder in folders:
        for path in _walk_documents(root / folder, frozenset()):
            yield path.relative_to(root).as_posix(), path


def _walk_documents(folder: Path, above: frozenset[str]) -> Iterator[Path]:
    """Yield the documents below a folder, through links, without hidden ones. `above` are the parent folders, to detect
    link cycles."""
    real_folder = os.path.realpath(folder)
    if real_folder in above or not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name[0] == ".":
            continue
        if path.is_dir():
            yield from _walk_documents(path, above | {real_folder})
        elif path.suffix in SUFFIXES and path.is_file():
            yield path


def reach_everything(workspace: Workspace) -> Reach:
    """Return all accounts that can be read, and all connectors without accounts."""
    users = _users(workspace)
    alone = tuple(name for name in workspace.connectors() if not users.get(name))
    return Reach(tuple(_readable(users)), alone, whole=True)


def find_reach(workspace: Workspace, changed: Iterable[str]) -> Reach:
    """Return what the changed files (relative to the workspace) can affect. Lint reports unreadable accounts."""
    models = {PurePosixPath(name).as_posix() for name in workspace.settings.models}
    connectors: set[str] = set()
    environments: set[str] = set()
    accounts: set[str] = set()
    for name in changed:
        parts = PurePosixPath(name).parts
        if name in _SETTINGS or any(name.startswith(f"{folder}/") for folder in models):
            return reach_everything(workspace)
        if parts[0] == "connectors" and len(parts) > 2:
            below = parts[_GOLDENS.get(parts[2:4], 3) :]
            account = below[0] if len(below) > 1 and parts[2] in ("recordings", "deliveries", "expected") else ""
            if account:
                accounts.add(account)
            else:
                connectors.add(parts[1])
        elif parts[0] == "environments":
            environments.add(PurePosixPath(parts[-1]).stem)
        elif parts[0] == "accounts":
            accounts.add(PurePosixPath(parts[-1]).stem)
        elif parts[0] == "syncs":
            accounts.update(_find_synced(workspace, PurePosixPath(parts[-1]).stem))
    users = _users(workspace)
    default = workspace.settings.default_environment
    for name in workspace.accounts() if environments else ():
        if (_environment(workspace, name) or default) in environments:
            accounts.add(name)
    for connector in connectors:
        accounts.update(users.get(connector, ()))
    alone = sorted(name for name in connectors if not users.get(name) and name in workspace.connectors())
    return Reach(tuple(name for name in _readable(users) if name in accounts), tuple(alone))


def _find_synced(workspace: Workspace, sync: str) -> list[str]:
    """Return the accounts that a sync runs for; none for one that was removed, or that cannot be read."""
    try:
        return find_accounts(workspace, sync)
    except ConnError:
        return []


def _readable(users: Mapping[str, Iterable[str]]) -> list[str]:
    return sorted(name for names in users.values() for name in names)


def _users(workspace: Workspace) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for name in workspace.accounts():
        try:
            users.setdefault(workspace.account(name).connector, []).append(name)
        except ConnError:
            continue  # lint reports the reason
    return users


def _environment(workspace: Workspace, account: str) -> str | None:
    try:
        return workspace.account(account).environment
    except ConnError:
        return None
