"""Check the workspace: whether it loads, and whether recordings or bundled connectors are outdated."""

from collections.abc import Iterator

from conn_cli.console import App
from conn_cli.machine import report_ok
from conn_engine.command_reports import MachineCheck
from conn_engine.diagnostics import pluralize

__all__ = ["check_workspace"]


def check_workspace(app: App) -> Iterator[MachineCheck]:
    """Check the workspace around the folder."""
    from conn_engine.documents.locate import find_workspace
    from conn_engine.errors import ConnError

    root = find_workspace(app.folder)
    if root is None:
        yield MachineCheck(check="workspace", state="warn", detail="none in this folder or above it", fix="conn init")
        return
    try:
        workspace = app.workspace
        counts = (
            f"{pluralize(len(workspace.connectors()), 'connector')}, {pluralize(len(workspace.accounts()), 'account')}"
        )
    except ConnError as error:
        yield MachineCheck(check="workspace", state="bad", detail=error.message, fix=error.hint)
        return
    yield report_ok("workspace", f"{root}: {counts}")
    yield _check_recordings(app)
    yield from _check_versions(app)


def _check_recordings(app: App) -> MachineCheck:
    """Return how many live recordings are too old, with the command for the oldest."""
    from conn_engine.lint.recording_rules import RecordingAges

    outdated = RecordingAges(app.workspace, app.clock.now()).find_outdated()
    max_age = app.workspace.settings.recordings.max_age
    if max_age == "never":
        return report_ok("recordings", "their age is not checked")
    if not outdated:
        return report_ok("recordings", f"none of the live recordings is older than {max_age}")
    others = "; conn lint lists all of them" if len(outdated) > 1 else ""
    return MachineCheck(
        check="recordings",
        state="warn",
        detail=f"{pluralize(len(outdated), 'live recording')} older than {max_age}{others}",
        fix=outdated[0].hint,
    )


def _check_versions(app: App) -> Iterator[MachineCheck]:
    """Report bundled connectors with a newer version; nothing if none was copied."""
    from conn_cli.scaffold import list_bundled, read_bundled
    from conn_engine.errors import ConnError
    from conn_engine.updates.lock import BUNDLED, LockedConnector, read_lock

    try:
        locked = read_lock(app.workspace_root)
    except ConnError as error:
        yield MachineCheck(check="updates", state="bad", detail=error.message, fix=error.hint)
        return
    names = [name for name in list_bundled() if name in locked and locked[name].source == BUNDLED]
    newer = [name for name in names if LockedConnector.from_files(read_bundled(name)).digest != locked[name].digest]
    if newer:
        yield MachineCheck(
            check="updates",
            state="info",
            detail=f"newer versions of {', '.join(newer)}",
            fix=f"conn update {' '.join(newer)} --dry-run",
        )
    elif names:
        yield report_ok("updates", "no bundled connector has a newer version")
