"""Rules for syncs with `kind: drift`: whether they compare anything, and whether accounts record in turn."""

from collections.abc import Iterator

from conn_engine.config import Effective, Workspace
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean, join_words
from conn_engine.documents import Document, format_path, wildcards
from conn_engine.errors import ConnError
from conn_engine.syncs import SyncPlan, find_accounts

__all__ = ["check_drift"]

_Path = tuple[str | int, ...]


def check_drift(workspace: Workspace, document: Document, effective: Effective, plan: SyncPlan) -> Iterator[Diagnostic]:
    """SYN117: nothing is compared. SYN118: accounts record the same operations in turn."""
    yield from _check_operations(workspace, document, effective, plan)
    if plan.drift is None or plan.drift.record is None:
        return
    try:
        accounts = [
            name
            for name in find_accounts(workspace, plan.name)
            if workspace.account(name).connector == effective.connector_name
        ]
    except ConnError:  # it has findings of its own
        return
    if len(accounts) > 1:
        path = ("drift", "record")
        yield diagnostic(
            "SYN118",
            f"{join_words(accounts, most=3)} record the same operations, each over the recordings of the other",
            document.span(path),
            path=format_path(path),
            hint=f"record with one account: accounts: [{accounts[0]}]",
        )


def _check_operations(
    workspace: Workspace, document: Document, effective: Effective, plan: SyncPlan
) -> Iterator[Diagnostic]:
    patterns = plan.drift.operations if plan.drift is not None else ()
    names = sorted(name.text for name in effective.enabled_operations())
    recorded = _find_recorded(workspace, effective) & {*names}
    for position, pattern in enumerate(patterns):
        path: _Path = ("drift", "operations", position)
        if not any(wildcards.is_match(pattern, name) for name in names):
            message = f'the connector "{effective.connector_name}" has no operation "{pattern}"'
            hint = did_you_mean(pattern, names) or f"use one of: {', '.join(names[:8])}"
        elif not any(wildcards.is_match(pattern, name) for name in recorded):
            message = f'"{pattern}" has no recording, so it is not compared'
            hint = f"record it: conn record {pattern} --account {effective.account}"
        else:
            continue
        yield diagnostic("SYN117", message, document.span(path), path=format_path(path), hint=hint)
    if not patterns and not recorded:
        yield diagnostic(
            "SYN117",
            f'the connector "{effective.connector_name}" has no recordings, so nothing is compared',
            document.span(("kind",)),
            path="kind",
            hint=f"record an operation: conn record OPERATION --account {effective.account}",
        )


def _find_recorded(workspace: Workspace, effective: Effective) -> set[str]:
    """Return the names that recordings of the default scenario are of: those of their files."""
    folder = workspace.root / "connectors" / effective.connector_name / "recordings"
    folders = [folder, folder / effective.account] if effective.account else [folder]
    return {path.stem for one in folders for path in one.glob("*.json")}
