"""`conn impact`: what a change does to every account, before it is merged."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit

if TYPE_CHECKING:
    from conn_engine.impact import Impact


class FailOn(StrEnum):
    """When the exit code is 1."""

    BREAKING = "breaking"
    MISSING = "missing"
    TYPE = "type"
    ANY = "any"
    NONE = "none"


KINDS = {
    FailOn.MISSING: {"missing", "operation_missing"},
    FailOn.TYPE: {"type_changed", "schema_violated"},
}


def impact(
    context: typer.Context,
    *,
    base: Annotated[
        str | None,
        typer.Option("--base", help="Git revision to compare with. Default: where the work left the main branch."),
    ] = None,
    base_dir: Annotated[
        Path | None, typer.Option("--base-dir", help="Compare with the workspace in this folder instead.")
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Exit 1 when an account's results change in this way.")
    ] = FailOn.BREAKING,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="How many to use. Default: as many as help.")
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="text, json, markdown, github; FORMAT=FILE writes a file. Repeatable."),
    ] = None,
) -> None:
    """Run every account before and after a change on the same recordings; show what changes, field by field."""
    from conn_cli.report import impact as report
    from conn_cli.report import parse_specs, write_texts
    from conn_engine.errors import UsageError

    app: App = context.obj
    if base is not None and base_dir is not None:
        raise UsageError("--base and --base-dir exclude each other")
    drawn = {"text": report.text, "json": report.json_, "markdown": report.markdown, "github": report.github}
    parse_specs(formats or [], drawn)  # a bad one is said before the work
    found = _measured(app, base, base_dir, processes)
    texts = {name: (lambda draw=draw: draw(found)) for name, draw in drawn.items()}
    write_texts(formats or ["text"], texts, app, folder=app.folder)
    raise typer.Exit(Exit.FINDINGS if fails(found, fail_on) else Exit.OK)


def fails(found: "Impact", fail_on: FailOn) -> bool:
    """Whether a change is of a kind that the caller wants to be stopped by."""
    rows = [row for row in found.fields if row.accounts]
    if fail_on is FailOn.BREAKING:
        return any(row.breaking for row in rows)
    if fail_on is FailOn.ANY:
        return bool(rows)
    return fail_on is not FailOn.NONE and any(row.kind in KINDS[fail_on] for row in rows)


def _measured(app: App, base: str | None, base_dir: Path | None, processes: int | None) -> "Impact":
    from conn_engine.config import load_workspace
    from conn_engine.impact import impact as measure

    with _base_folder(app, base, base_dir) as folder, app.progress("comparing", unit="comparisons") as progress:

        def tell(done: int, total: int) -> None:
            progress.total = total
            progress.advance(done - progress.done)

        return measure(load_workspace(folder), app.workspace, processes=processes, progress=tell)


@contextmanager
def _base_folder(app: App, base: str | None, base_dir: Path | None) -> Iterator[Path]:
    from conn_engine.errors import UsageError
    from conn_engine.impact.revisions import default_base, workspace_at

    if base_dir is not None:
        if not (app.folder / base_dir).is_dir():
            raise UsageError(f"--base-dir {base_dir}: there is no such folder")
        yield app.folder / base_dir
        return
    revision = base or default_base(app.workspace_root)
    with workspace_at(app.workspace_root, revision) as folder:
        yield folder
