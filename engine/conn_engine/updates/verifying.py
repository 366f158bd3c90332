"""Verify the connectors from Git: the base copy is that of conn.lock, and nothing unconfirmed is used."""

from collections.abc import Iterator
from pathlib import Path

from conn_engine.analysis.submissions.demands import find_demands
from conn_engine.config import Workspace
from conn_engine.diagnostics import Diagnostic, Span, diagnostic
from conn_engine.documents.copied_files import compute_files_digest, read_files
from conn_engine.errors import ConnError
from conn_engine.updates.copies import BASE_FOLDER
from conn_engine.updates.lock import LOCK_FILE, LockedConnector, read_lock

__all__ = ["verify_copies_below"]


def verify_copies_below(root: Path) -> list[Diagnostic]:
    """Return the findings for the connectors from Git of a workspace, whose conn.yaml may be wrong."""
    return _verify_copies(Workspace(root)) if (root / LOCK_FILE).is_file() else []


def _verify_copies(workspace: Workspace) -> list[Diagnostic]:
    """Return the findings for the connectors from Git. Local changes are allowed: `conn update` merges them."""
    found: list[Diagnostic] = []
    existing = workspace.connectors()
    try:
        locked = read_lock(workspace.root)
    except ConnError as error:
        return [diagnostic("SEC108", error.message, Span(LOCK_FILE), hint=error.hint)]
    for name, entry in locked.items():
        if not entry.is_bundled and name in existing:
            found += _verify_base(workspace, name, entry)
            found += _find_unconfirmed(workspace, name, entry)
    return found


def _verify_base(workspace: Workspace, name: str, entry: LockedConnector) -> Iterator[Diagnostic]:
    files = read_files(workspace.root / BASE_FOLDER / name)
    if f"sha256:{compute_files_digest(files)}" != entry.digest:
        state = f"differs from {LOCK_FILE}" if files else "is missing"
        hint = f"restore it from version control, or add the connector again: conn new {name} --from GIT --force"
        yield diagnostic("SEC108", f"{BASE_FOLDER / name} {state}", Span(LOCK_FILE), hint=hint)


def _find_unconfirmed(workspace: Workspace, name: str, entry: LockedConnector) -> Iterator[Diagnostic]:
    try:
        demands = find_demands(workspace.effective(account=None, connector=name))
    except ConnError:  # lint reports it
        return
    file = workspace.format_path(workspace.file("connector", name).path)
    rows = [("host", host) for host in demands.hosts if host not in entry.hosts]
    rows += [("variable", variable) for variable in demands.environment if variable not in entry.environment]
    for kind, value in rows:
        hint = f"restore the file, or add it to `confirmed` of {name} in {LOCK_FILE}"
        yield diagnostic("SEC107", f"nobody has confirmed that {name} uses the {kind} {value}", Span(file), hint=hint)
