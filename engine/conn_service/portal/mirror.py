"""The configuration that a service uses, as a folder: the processes that evaluate mappings read files."""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from conn_engine.config import Workspace
from conn_engine.config.strays import SUFFIXES
from conn_service.revisions import walk_files

__all__ = ["ConfigurationFolder"]

_FOLDERS = ("connectors", "accounts", "environments", "syncs", "changes")


class ConfigurationFolder:
    """A temporary folder with the documents and recordings of a configuration, which `update` keeps current. Only the
    user of this process can read it. `find_current` returns what distinguishes a configuration, and the configuration.
    """

    def __init__(self, find_current: Callable[[], tuple[str, Workspace]]) -> None:
        self._find_current = find_current
        self._lock = asyncio.Lock()
        self._revision: str | None = None
        self._written: dict[str, str] = {}
        self.root = Path(tempfile.mkdtemp(prefix="conn-portal-")).resolve()

    async def update(self) -> None:
        """Write what differs from the last time. Each file is replaced as a whole."""
        if self._find_current()[0] == self._revision:
            return
        async with self._lock:
            revision, workspace = self._find_current()
            if revision != self._revision:
                await asyncio.to_thread(self._write, workspace)
                self._revision = revision

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _write(self, workspace: Workspace) -> None:
        present: dict[str, str] = {}
        for path in _list_files(workspace):
            place = workspace.root / path
            workspace.check_inside(place)
            content = workspace.tree.content(place)
            present[path] = hashlib.sha256(content).hexdigest()
            if self._written.get(path) != present[path]:
                self._replace(path, content)
        for path in self._written.keys() - present.keys():
            (self.root / path).unlink(missing_ok=True)
        self._written = present

    def _replace(self, path: str, content: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        temporary.write_bytes(content)
        temporary.replace(target)


def _list_files(workspace: Workspace) -> Iterator[str]:
    """Yield the paths of what a configuration consists of, without files that are for one machine only."""
    places = [workspace.root / f"conn{suffix}" for suffix in SUFFIXES]
    if workspace.settings.trusted_certificates is not None:
        certificates = workspace.root / workspace.settings.trusted_certificates
        if workspace.tree.is_inside(certificates):  # only requests need them, and the portal sends none
            places.append(certificates)
    yield from (workspace.format_path(place) for place in places if workspace.tree.is_file(place))
    folders = [workspace.root / name for name in _FOLDERS] + list(workspace.models)
    for folder in folders:
        yield from (path for path in walk_files(workspace, folder) if ".local." not in path)
