"""`--keep-personal-data`: whether a command replaces the personal data in what it records, and its messages."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.config import Workspace
    from conn_engine.personal import PersonalSummary
    from conn_engine.runtime.personal import PersonalData

__all__ = ["KeepPersonal", "choose_personal_data", "show_summary"]

KeepPersonal = Annotated[
    bool,
    typer.Option("--keep-personal-data", help="Record names, e-mail addresses and the like of people as they come."),
]


def choose_personal_data(app: App, workspace: "Workspace", *, keep: bool) -> "PersonalData | None":
    """How personal data is replaced; None where it is recorded as it comes. Prints a note then, and at first."""
    from conn_engine.personal import VARIABLE, load_key
    from conn_engine.runtime.connection import vault_of
    from conn_engine.runtime.personal import PersonalData

    if keep or workspace.settings.recordings.personal_data == "keep":
        who = "--keep-personal-data" if keep else "conn.yaml: recordings.personal_data"
        app.err(f"note: personal data is recorded as it comes ({who})")
        return None
    key = load_key(vault_of(workspace, app.environ), app.environ, app.redactor)
    if key.origin in ("new", "run"):
        app.err("note: recordings have pseudonyms in place of names, e-mail addresses, telephone numbers …")
        app.err("  docs/recordings.md lists what is found; --keep-personal-data records what comes")
    if key.origin == "run":
        app.err(f"note: the next run has other pseudonyms: {key.reason}")
        app.err(f"  fix: set CONN_VAULT_KEY, or {VARIABLE}, to a long random text")
    return PersonalData(key.pseudonyms, tuple(workspace.models))


def show_summary(app: App, summary: "PersonalSummary | None") -> None:
    """What became of personal data, on standard error."""
    for line in summary.to_lines() if summary is not None else ():
        app.err(line)
