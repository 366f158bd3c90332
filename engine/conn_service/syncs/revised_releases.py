"""The releases of a worker, with the accounts and connectors of its store over them: those that the service created or
changed while it runs."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from conn_engine.config import Workspace
from conn_service.revisions import Revision, RevisionStore, Subject, with_revisions
from conn_service.syncs.opening import ReleaseLookup

__all__ = ["RevisedReleases"]

_LOOK_SECONDS: Final = 0.5


class RevisedReleases:
    """Releases with revisions over them. Threads may share it. A run keeps its release, and gets the newest revisions,
    as it gets the newest files of a folder."""

    def __init__(self, releases: ReleaseLookup, store: RevisionStore) -> None:
        self.root: Path = releases.root
        self._releases = releases
        self._store = store
        self._lock = threading.Lock()
        self._change = 0
        self._latest: Mapping[Subject, Revision] = {}
        self._looked = float("-inf")
        self._revised: WeakKeyDictionary[Workspace, Workspace] = WeakKeyDictionary()

    def get_current(self) -> tuple[str, Workspace]:
        """Return the release to begin new runs with, and its workspace: the same one as long as nothing changes."""
        release, base = self._releases.get_current()
        return release, self._revise(base)

    def get_workspace(self, release: str) -> Workspace:
        """Return the workspace of a release that a run began with."""
        return self._revise(self._releases.get_workspace(release))

    def _revise(self, base: Workspace) -> Workspace:
        """Return a workspace with the revisions over it. It is made once for each: there may be thousands of them."""
        with self._lock:
            self._look()
            if not self._latest:
                return base
            revised = self._revised.get(base)
            if revised is None:
                revised = self._revised[base] = with_revisions(base, self._latest.values())
            return revised

    def _look(self) -> None:
        """Read the revisions again if there are other ones. Raises the errors of the database."""
        now = time.monotonic()
        if now < self._looked + _LOOK_SECONDS:
            return
        change = self._store.read_change()
        if change != self._change:
            self._latest = {revision.subject: revision for revision in self._store.find_changed()}
            self._change = change
            self._revised.clear()
        self._looked = now
