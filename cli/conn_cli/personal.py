"""`--keep-personal-data`: whether a command replaces the personal data of what it records, and what it says of that."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.config import Workspace
    from conn_engine.personal import PersonalSummary
    from conn_engine.runtime.personal import PersonalData

__all__ = ["KeepPersonal", "personal_data", "show_summary"]

KeepPersonal = Annotated[
    bool,
    typer.Option("--keep-personal-data", help="Record names, e-mail addresses and the like of people as they come."),
]


def personal_data(app: App, workspace: "Workspace", *, keep: bool) -> "PersonalData | None":
    """How personal data is replaced; None where it is recorded as it comes, which is said."""
    from conn_engine.personal import VARIABLE, workspace_key
    from conn_engine.runtime.connection import vault_of
    from conn_engine.runtime.personal import PersonalData

    if keep or workspace.settings.recordings.personal_data == "keep":
        who = "--keep-personal-data" if keep else "conn.yaml: recordings.personal_data"
        app.err(f"note: personal data is recorded as it comes ({who}): whoever reads the file reads it")
        return None
    key = workspace_key(vault_of(workspace, app.environ), app.environ, app.redactor)
    if key.origin in ("new", "run"):
        app.err("note: what is recorded of people (names, addresses, numbers) is replaced by pseudonyms before it is")
        app.err("  written; --keep-personal-data keeps it. What is found and what is not: docs/recordings.md")
    if key.origin == "run":
        app.err("note: the pseudonyms of this run are its own, other recordings have others: their key has no place")
        app.err(f"  ({key.reason}); set {VARIABLE} or CONN_VAULT_KEY")
    return PersonalData(key.pseudonyms, tuple(workspace.models))


def show_summary(app: App, summary: "PersonalSummary | None") -> None:
    """What became of personal data, on standard error."""
    for line in summary.lines() if summary is not None else ():
        app.err(line)
