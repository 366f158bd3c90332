"""The configuration that a service uses: a folder or a release, and the revisions over it.

A change is effective at once in the process that made it, and in the others when they next look, which is twice a
second. What does not depend on the change is shared with the earlier configuration: documents, and the converted base
of every other connector.
"""

import asyncio
import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import sqlalchemy as sa

from conn_engine.config import Workspace
from conn_engine.config.strays import SUFFIXES
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.releases.model import Rollout
from conn_service.revisions.model import Revision, Subject
from conn_service.revisions.store import RevisionStore

__all__ = ["ConfigurationSource", "RevisedConfiguration", "list_files", "read_files", "walk_files", "with_revisions"]

_LOG = logging.getLogger(__name__)
LOOK_SECONDS: Final = 0.5


class ConfigurationSource(Protocol):
    """Where the accounts' configuration comes from."""

    @property
    def fault(self) -> str | None:
        """Why it may not be the newest one, or None."""
        ...

    def get_current(self) -> tuple[str, Workspace]:
        """Return the configuration to use now, and what distinguishes it from others. Never waits."""
        ...

    def get_of_account(self, account: str) -> tuple[str, Workspace]:
        """Return the configuration to use now, and what distinguishes it from others for this account: it stays the
        same for as long as nothing changes that concerns it. Never waits."""
        ...

    def find_tenant(self, account: str) -> str | None:
        """Return the tenant of an account, by default the account itself; None if there is no such account."""
        ...

    def find_broken(self) -> Mapping[str, ConnError]:
        """Return the accounts that the configuration cannot serve, with the reason. Never waits."""
        ...

    def halt_rollout(self, rollout: Rollout, reason: str, checks: Mapping[str, Any]) -> None:
        """Let every account use the channel's release, with the numbers for the history. Blocks."""
        ...

    async def follow(self) -> None:
        """Keep the configuration current, until the task is cancelled."""
        ...


@dataclass(frozen=True)
class _State:
    """The latest revision of each subject, over which base, and the number of the last change of them all."""

    base_revision: str
    base: Workspace
    workspace: Workspace
    change: int
    latest: Mapping[Subject, Revision] = field(default_factory=dict)

    @cached_property
    def shared(self) -> Mapping[Subject, int]:
        """The number of the latest revision of each connector and environment that has one."""
        return {subject: one.number for subject, one in self.latest.items() if subject.kind != "account"}


class RevisedConfiguration:
    """A configuration with revisions over it. Threads may share it.

    While the database cannot be read, the last known revisions are used.
    """

    def __init__(self, base: ConfigurationSource, store: RevisionStore, *, look_seconds: float = LOOK_SECONDS) -> None:
        self.store = store
        self._base = base
        self._look_seconds = look_seconds
        self._lock = threading.Lock()
        self._fault: str | None = None
        self._broken: dict[str, ConnError] = {}
        self._looked_at: Workspace | None = None
        self._prepared: tuple[Workspace, Mapping[Subject, Revision], Workspace] | None = None
        base_revision, workspace = base.get_current()
        self._state = _State(base_revision, workspace, workspace, 0)
        self.refresh()

    # --- a source of configuration ---

    def get_current(self) -> tuple[str, Workspace]:
        """Return the configuration with every revision that this process knows."""
        state = self._update_base()
        return f"{state.base_revision}#{state.change}", state.workspace

    def get_of_account(self, account: str) -> tuple[str, Workspace]:
        """Return the same, with what distinguishes it for one account: the base, its revision, and those of its
        connector and its environment."""
        state = self._update_base()
        revision = state.latest.get(Subject("account", account))
        number = revision.number if revision is not None else 0
        shared = _find_shared(state, account) if state.shared and state.workspace.has_account(account) else (0, 0)
        return f"{state.base_revision}#{number}.{shared[0]}.{shared[1]}", state.workspace

    def find_tenant(self, account: str) -> str | None:
        """Return the tenant that the account's revision sets, else the account itself."""
        state = self._update_base()
        if not state.workspace.has_account(account):
            return None
        revision = state.latest.get(Subject("account", account))
        return (revision.tenant if revision is not None else "") or account

    def find_broken(self) -> Mapping[str, ConnError]:
        """Return the accounts that cannot be served. A revision was checked before it was stored, but a later release
        can break its account: `look` finds that out."""
        latest = self._state.latest
        below = {name: one for name, one in self._base.find_broken().items() if Subject("account", name) not in latest}
        return {**below, **self._broken}

    @property
    def fault(self) -> str | None:
        """Why the base or the revisions may not be the newest ones, or None."""
        return self._fault or self._base.fault

    def halt_rollout(self, rollout: Rollout, reason: str, checks: Mapping[str, Any]) -> None:
        """Halt the rollout of the base."""
        self._base.halt_rollout(rollout, reason, checks)

    async def follow(self) -> None:
        """Follow the base, and look for the revisions of other processes."""
        base = asyncio.create_task(self._base.follow())
        try:
            while True:
                await asyncio.sleep(self._look_seconds)
                await asyncio.to_thread(self.look)
        finally:
            base.cancel()

    def look(self) -> None:
        """Look for new revisions once, and for accounts that a new release breaks. Notes a fault instead of raising
        it."""
        try:
            self.refresh()
            fault = None
        except (sa.exc.SQLAlchemyError, ConnError) as error:
            fault = f"the revisions of accounts cannot be read ({type(error).__name__})"
        if fault != self._fault:
            _LOG.log(logging.ERROR if fault else logging.INFO, "%s", fault or "the revisions can be read again")
        self._fault = fault
        state = self._update_base()
        if state.base is not self._looked_at:
            self._note_broken(state)
            self._looked_at = state.base

    def _note_broken(self, state: _State) -> None:
        """Find the accounts with a revision that cannot be served, and log those that could be before."""
        broken: dict[str, ConnError] = {}
        for subject, revision in state.latest.items():
            if subject.kind == "account" and not revision.is_deleted:
                try:
                    state.workspace.effective(account=subject.name).check_authority()
                except ConnError as error:
                    broken[subject.name] = error
        for name in broken.keys() - self._broken.keys():
            _LOG.error('account "%s" cannot be served: %s', name, broken[name].message)
        self._broken = broken

    # --- revisions ---

    @property
    def change(self) -> int:
        """The number of revisions that this process knows."""
        return self._state.change

    def revise(self, workspace: Workspace) -> Workspace:
        """Return a base with the known revisions over it. The last one is kept, for when it is taken up."""
        latest = self._state.latest
        prepared = self._prepared
        if prepared is None or prepared[0] is not workspace or prepared[1] is not latest:
            prepared = self._prepared = workspace, latest, with_revisions(workspace, latest.values())
        return prepared[2]

    def find_latest(self, subject: Subject) -> Revision | None:
        """Return the latest revision of a subject that this process knows, None if it has none."""
        return self._state.latest.get(subject)

    def refresh(self) -> None:
        """Take over the revisions that were added since the last look. Raises the errors of the database."""
        with self._lock:
            state = self._state
            change = self.store.read_change()
            if change == state.change:
                return
            if change < state.change:  # the database is an earlier one, from a backup
                state = _State(state.base_revision, state.base, state.base, 0)
            changed = self.store.find_changed(state.change)
            latest = {**state.latest, **{revision.subject: revision for revision in changed}}
            workspace = with_revisions(state.workspace, changed)
            fixed = {revision.subject.name for revision in changed if revision.subject.kind == "account"}
            self._broken = {name: error for name, error in self._broken.items() if name not in fixed}
            change = max((revision.change for revision in changed), default=state.change)
            self._state = _State(state.base_revision, state.base, workspace, change, latest)

    def _update_base(self) -> _State:
        """Return the state over the base that is used now."""
        revision, base = self._base.get_current()
        if self._state.base is not base or self._state.base_revision != revision:
            with self._lock:
                state = self._state
                workspace = state.workspace
                if state.base is not base:
                    workspace = self.revise(base)
                self._state = _State(revision, base, workspace, state.change, state.latest)
        return self._state


def _find_shared(state: _State, account: str) -> tuple[int, int]:
    """Return the numbers of the revisions of an account's connector and environment."""
    try:
        one = state.workspace.account(account)
    except ConnError:  # the call says what is wrong with the account's document
        return 0, 0
    environment = one.environment or state.workspace.settings.default_environment
    connector = state.shared.get(Subject("connector", one.connector), 0)
    return connector, state.shared.get(Subject("environment", environment), 0)


def with_revisions(workspace: Workspace, revisions: Iterable[Revision]) -> Workspace:
    """Return a workspace with revisions over it. Each replaces all documents of its subject, also in a release that
    only some accounts use."""
    revisions = tuple(revisions)

    def revise(one: Workspace) -> Workspace:
        texts: dict[str, str | None] = {}
        for revision in revisions:
            texts |= dict.fromkeys(list_files(one, revision.subject))
            texts |= revision.files
        return one.with_texts(texts) if texts else one

    return workspace.revise(revise) if revisions else workspace


def read_files(workspace: Workspace, subject: Subject) -> dict[str, str]:
    """Return the documents of a subject by path, empty if there is none.

    Raises ConfigurationError for a file that is not UTF-8, or that leads out of the workspace.
    """
    files = {}
    for path in list_files(workspace, subject):
        place = workspace.root / path
        workspace.check_inside(place)
        try:
            files[path] = workspace.tree.content(place).decode()
        except UnicodeDecodeError:
            raise ConfigurationError(f"{path} is not UTF-8", hint="save it as UTF-8") from None
    return files


def list_files(workspace: Workspace, subject: Subject) -> list[str]:
    """Return the paths of the documents of a subject."""
    if not subject.has_valid_name:
        return []
    place = workspace.root / subject.path
    if subject.kind == "connector":
        return walk_files(workspace, place)
    places = [place.with_name(f"{place.name}{suffix}") for suffix in SUFFIXES]
    return [workspace.format_path(path) for path in places if workspace.tree.is_file(path)]


def walk_files(workspace: Workspace, folder: Path) -> list[str]:
    """Return the paths of all files below a folder that are not hidden."""
    found: list[str] = []
    for path in workspace.tree.entries(folder):
        if workspace.tree.is_dir(path):
            found += walk_files(workspace, path) if workspace.tree.is_inside(path) else []
        elif workspace.tree.is_file(path):
            found.append(workspace.format_path(path))
    return found
