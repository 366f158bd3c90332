"""`--keep-personal-data`: decide whether a command replaces personal data in recordings, and report it."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.command_reports import ReplacedValues
    from conn_engine.config import Workspace
    from conn_engine.personal import PersonalSummary
    from conn_engine.testing.personal import PersonalData

__all__ = ["KeepPersonal", "choose_personal_data", "describe_summary", "show_summary"]

KeepPersonal = Annotated[
    bool,
    typer.Option("--keep-personal-data", help="Record personal data unchanged. Default: replace it with pseudonyms."),
]


def choose_personal_data(app: App, workspace: "Workspace", *, keep: bool) -> "PersonalData | None":
    """Return how to replace personal data, or None to record it unchanged. Prints a note then, and at the first use."""
    from conn_engine.personal import VARIABLE, find_key_file, load_key
    from conn_engine.runtime.wiring import vault_of
    from conn_engine.testing.personal import PersonalData

    if keep or workspace.settings.recordings.personal_data == "keep":
        source = "--keep-personal-data" if keep else "conn.yaml: recordings.personal_data"
        app.err(f"note: personal data is recorded unchanged ({source})")
        return None
    file = find_key_file(app.environ, workspace.identity)
    key = load_key(vault_of(workspace, app.environ), app.environ, app.redactor, file=file)
    if key.origin in ("new", "run"):
        app.err("note: recordings have pseudonyms instead of names, email addresses, phone numbers …")
        app.err("  docs/reference/redaction.md lists what is replaced; --keep-personal-data turns this off")
    if key.origin == "new" and key.reason:
        app.err(f"  their key is in {file}: {key.reason}")
    if key.origin == "run":
        app.err(f"note: the next run will use other pseudonyms: {key.reason}")
        app.err(f"  fix: set CONN_VAULT_KEY, or {VARIABLE}, to a long random text")
    return PersonalData(key.pseudonyms)


def describe_summary(summary: "PersonalSummary | None") -> "ReplacedValues | None":
    """Return the summary in the form of reports."""
    from conn_engine.command_reports import ReplacedValues

    if summary is None:
        return None
    replaced = {str(kind): count for kind, count in summary.replaced.items()}
    return ReplacedValues(replaced=replaced, left={str(reason): count for reason, count in summary.left.items()})


def show_summary(app: App, summary: "PersonalSummary | None") -> None:
    """Show on standard error what was replaced and what was left."""
    for line in summary.to_lines() if summary is not None else ():
        app.err(line)
