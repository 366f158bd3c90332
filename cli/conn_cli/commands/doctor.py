"""`conn doctor`: check the parts of this machine that Conn uses."""

import platform
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.formatting import join_lines
from conn_cli.options import Formats, format_option
from conn_engine.diagnostics import pluralize

if TYPE_CHECKING:
    from conn_engine.reports import Report


def doctor(
    context: typer.Context,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Check this installation and the workspace.

    Checks Python, the evaluators, the credential store, the bundled connectors, the workspace, and the age of its
    recordings.
    """
    from conn_cli.report import write_report

    app: App = context.obj
    rows = [_python(), _evaluators(), _vault(app), _bundle(), _workspace(app), *_recordings(app)]
    text = join_lines(f"{state:<5} {check:<12} {detail}" for check, state, detail in rows)
    write_report(lambda: _report(rows), formats or [], {"text": lambda: text}, app, folder=app.folder)
    raise typer.Exit(Exit.FINDINGS if any(state == "bad" for _, state, _ in rows) else Exit.OK)


Row = tuple[str, Literal["ok", "warn", "bad"], str]


def _report(rows: list[Row]) -> "Report":
    from conn_engine.command_reports import DoctorReport, MachineCheck

    return DoctorReport(checks=[MachineCheck(check=check, state=state, detail=detail) for check, state, detail in rows])


def _python() -> Row:
    from conn_cli.version import installed_version

    good = sys.version_info >= (3, 11)
    return ("python", "ok" if good else "bad", f"{platform.python_version()}, conn {installed_version()}")


def _evaluators() -> Row:
    from conn_engine.expressions import evaluators

    names = evaluators()
    if names[:1] == ("jlens",):
        return ("evaluator", "ok", ", ".join(names))
    return (
        "evaluator",
        "warn",
        f"{', '.join(names)}: jlens has no wheel for this platform, so mappings are about 30 times slower",
    )


def _vault(app: App) -> Row:
    from conn_engine.errors import ConnError
    from conn_engine.secrets.vault import open_vault

    try:
        kind = open_vault(app.environ).kind
    except ConnError as error:
        return ("credentials", "bad", f"{error.message}; {error.hint}")
    if kind == "environment":
        return (
            "credentials",
            "warn",
            "no keyring available: set CONN_VAULT_KEY for an encrypted file, or pass CONN_<ACCOUNT>_<FIELD>",
        )
    return ("credentials", "ok", f"stored in the {kind}")


def _bundle() -> Row:
    from conn_cli.scaffold import list_bundled

    names = list_bundled()
    return (
        "bundle",
        "ok" if names else "bad",
        ", ".join(names) or "the bundled connectors are missing: reinstall conn-engine",
    )


def _workspace(app: App) -> Row:
    from conn_engine.documents.locate import find_workspace
    from conn_engine.errors import ConnError

    root = find_workspace(app.folder)
    if root is None:
        return ("workspace", "warn", "none in this folder or above it: conn init")
    try:
        workspace = app.workspace
        counts = (
            f"{pluralize(len(workspace.connectors()), 'connector')}, {pluralize(len(workspace.accounts()), 'account')}"
        )
    except ConnError as error:
        return ("workspace", "bad", error.message)
    return ("workspace", "ok", f"{root}: {counts}")


def _recordings(app: App) -> list[Row]:
    """Return how many live recordings are too old, with the command for the oldest; nothing outside a workspace."""
    from conn_engine.documents.locate import find_workspace
    from conn_engine.errors import ConnError
    from conn_engine.lint.recording_rules import find_outdated_recordings

    if find_workspace(app.folder) is None:
        return []
    try:
        outdated = [finding for _, finding in find_outdated_recordings(app.workspace, app.clock.now())]
        max_age = app.workspace.settings.recordings.max_age
    except ConnError:  # the row of the workspace has the reason
        return []
    if max_age == "never":
        return [("recordings", "ok", "their age is not checked")]
    if not outdated:
        return [("recordings", "ok", f"none of the live recordings is older than {max_age}")]
    text = f"{pluralize(len(outdated), 'live recording')} older than {max_age}"
    others = "; conn lint lists all of them" if len(outdated) > 1 else ""
    return [("recordings", "warn", f"{text}: {outdated[0].hint}{others}")]
