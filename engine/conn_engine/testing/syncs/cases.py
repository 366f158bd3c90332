"""Syncs as test cases: the recordings of what they fetch, their names and goldens. `replaying` replays them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.config.merge import Path_
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import UsageError
from conn_engine.recordings.files import Recording, load_recording
from conn_engine.runtime.unified import find_operation_behind
from conn_engine.testing.cases import Case, find_cases

__all__ = [
    "PREFIX",
    "SyncCase",
    "SyncName",
    "find_calling_operations",
    "find_recorded_listings",
    "find_sync_cases",
    "select_syncs",
    "sync_name",
]

PREFIX = "sync:"
"""What the name of a sync starts with among names of operations: `sync:contacts`."""


@dataclass(frozen=True, slots=True)
class SyncName(OperationName):
    """The name of a sync, used like an operation's: `sync:contacts`."""

    @property
    def text(self) -> str:
        """The name as people write it."""
        return f"{PREFIX}{self.method}"

    @property
    def path(self) -> Path_:
        """The path of the settings of an account or an environment for it."""
        return ("syncs", self.method)


def sync_name(name: str) -> SyncName:
    """Return the name of the sync in syncs/<name>.yaml."""
    return SyncName("vendor", "", "sync", name)


@dataclass(frozen=True, slots=True)
class SyncCase(Case):
    """One recording of what a sync fetches, for one account or for the base level only. `operation` is the recorded
    one: what the sync fetches, or a unified operation that calls it."""

    operation: OperationName


def select_syncs(workspace: Workspace, effective: Effective, text: str) -> list[SyncName]:
    """Return the syncs of an account that a name or a pattern stands for, such as `sync:contacts` or `sync:*`.

    Raises UsageError if no sync matches.
    """
    from conn_engine.syncs import find_syncs

    pattern = text.removeprefix(PREFIX)
    running = find_syncs(workspace, effective)
    names = [sync_name(name) for name in running if fnmatchcase(name, pattern)]
    if names:
        return names
    if pattern in workspace.syncs() and workspace.sync(pattern).kind == "drift":
        raise UsageError(
            f'the sync "{pattern}" has kind: drift, so it fetches no records',
            hint="test a sync that has source or steps",
        )
    if pattern in workspace.syncs():
        owner = effective.account or f"the connector {effective.connector_name} without an account"
        raise UsageError(
            f'the sync "{pattern}" does not run for {owner}',
            hint="conn sync list shows for how many accounts it runs; check its accounts, and that it is enabled",
        )
    hint = did_you_mean(pattern, workspace.syncs()) or "conn sync list shows the syncs"
    raise UsageError(f'no sync "{pattern}" in the workspace', hint=hint)


def find_recorded_listings(
    workspace: Workspace,
    effective: Effective,
    fetched: OperationName,
    load: Callable[[Path, str], Recording] = load_recording,
) -> Iterator[Case]:
    """Yield the recordings of an operation or, without any, those of unified operations that call it."""
    cases = find_cases(workspace, effective, [fetched], load)
    if cases or fetched.kind != "vendor":
        yield from cases
        return
    yield from find_cases(workspace, effective, find_calling_operations(effective, fetched), load)


def find_calling_operations(effective: Effective, fetched: OperationName) -> list[OperationName]:
    """Return the unified operations that call an operation of the vendor with the same method."""
    names = []
    for name in effective.operations():
        if name.kind == "unified" and name.method == fetched.method:
            behind = find_operation_behind(effective, name)
            if behind is not None and behind.operation_name == fetched:
                names.append(name)
    return names


def find_sync_cases(
    workspace: Workspace,
    effective: Effective,
    name: str,
    fetched: OperationName,
    load: Callable[[Path, str], Recording] = load_recording,
) -> list[SyncCase]:
    """Return the cases of a sync that fetches an operation, with their goldens, sorted by file."""
    expected = workspace.root / "connectors" / effective.connector_name / "expected" / "syncs" / name
    workspace.check_inside(expected / (effective.account or ""))
    return [
        SyncCase(
            sync_name(name),
            case.recording,
            case.path,
            golden := expected / (effective.account or "") / case.path.name,
            golden if case.path.parent.name != "recordings" else expected / case.path.name,
            case.name,
        )
        for case in find_recorded_listings(workspace, effective, fetched, load)
    ]
