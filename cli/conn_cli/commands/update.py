"""`conn update`: merge newer versions of bundled connectors with the changes of the workspace."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, Processes, format_option

if TYPE_CHECKING:
    from conn_engine.analysis.impact import Impact
    from conn_engine.reports import Report
    from conn_engine.updates.plan import ConnectorUpdate


def update(
    context: typer.Context,
    *,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Connectors to update. Default: every connector of conn.lock."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the changes and their impact, write nothing.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if a newer version exists. Write nothing.")
    ] = False,
    base: Annotated[
        str | None,
        typer.Option("--base", help="Git revision with the version that was copied. Default: the copy in .conn/base."),
    ] = None,
    base_dir: Annotated[
        Path | None, typer.Option("--base-dir", help="Workspace folder with the version that was copied.")
    ] = None,
    processes: Processes = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Merge newer versions of bundled connectors with your changes.

    Shows how the update affects every account before it is written. A value that both sides changed is marked in the
    file, and lint reports it (DOC190). Of recordings and goldens that you have changed, yours stay.

    \b
    Examples:
      conn update hubspot --dry-run
      conn update --check
    """
    from conn_cli.report import write_report
    from conn_engine.updates.report import UpdateReport

    app: App = context.obj
    updates = _plan_updates(app, names or [], base, base_dir)
    pending = [planned for planned in updates if not planned.is_current]
    impact = _compute_impact(app, pending, processes) if pending and not check else None
    is_written = not (check or dry_run)

    def report() -> "Report":
        return UpdateReport.from_updates(updates, impact, written=is_written)

    option = f" --base {base}" if base else f" --base-dir {base_dir}" if base_dir else ""
    texts = {"text": lambda: _draw(updates, impact, written=is_written, check=check, option=option)}
    write_report(report, formats or [], texts, app, folder=app.folder)
    if is_written:
        _write_updates(app, updates)
    conflicts = any(planned.conflicts for planned in pending)
    raise typer.Exit(Exit.FINDINGS if conflicts or (check and pending) else Exit.OK)


def _plan_updates(app: App, names: Sequence[str], base: str | None, base_dir: Path | None) -> "list[ConnectorUpdate]":
    """Return what the update does with each connector. Raises UsageError for one that cannot be updated."""
    from contextlib import nullcontext

    from conn_cli.comparison_base import open_base
    from conn_cli.scaffold import list_bundled, read_bundled
    from conn_engine.documents.copied_files import read_files
    from conn_engine.errors import UsageError
    from conn_engine.updates.lock import read_lock
    from conn_engine.updates.plan import plan_update

    root, bundled = app.workspace_root, list_bundled()
    chosen = list(dict.fromkeys(names)) or sorted(read_lock(root))
    updates = []
    with open_base(root, app.folder, base, base_dir) if base or base_dir else nullcontext() as other:
        for name in chosen:
            if not names and name not in app.workspace.connectors():
                raise UsageError(
                    f"conn.lock has {name}, which is not in the workspace",
                    hint=f"remove the entry, or add the connector again: conn new {name}",
                )
            app.workspace.file("connector", name)
            if name not in bundled:
                raise UsageError(
                    f"{name} is not a bundled connector, so there is no newer version of it",
                    hint=f"name a bundled one: {', '.join(bundled)}",
                )
            copied = read_files(other.folder / "connectors" / name) if other is not None else None
            if copied == {}:
                raise UsageError(f"the base has no connectors/{name}", hint="name a base in which the connector exists")
            updates.append(plan_update(root, name, read_bundled(name), copied))
    return updates


def _compute_impact(app: App, updates: "Sequence[ConnectorUpdate]", processes: int | None) -> "Impact | None":
    """Compare the accounts of the connectors before and after the update; None if no account uses them."""
    from conn_engine.analysis.checks.reach import find_reach
    from conn_engine.analysis.impact import impact
    from conn_engine.updates.plan import lay_out_updated

    changed = [f"connectors/{planned.name}/connector.yaml" for planned in updates]
    accounts = find_reach(app.workspace, changed).accounts
    if not accounts:
        return None
    with lay_out_updated(app.workspace, updates) as after, app.progress("comparing", unit="comparisons") as progress:

        def show_progress(done: int, total: int) -> None:
            progress.total = total
            progress.advance(done - progress.done)

        return impact(app.workspace, after, accounts=accounts, processes=processes, progress=show_progress)


def _write_updates(app: App, updates: "Sequence[ConnectorUpdate]") -> None:
    from conn_cli.scaffold import read_bundled
    from conn_cli.workspace_schemas import keep_schemas_current
    from conn_engine.updates.plan import write_update

    with keep_schemas_current(app.workspace_root):
        for planned in updates:
            if planned.locked is None or not planned.is_current:
                write_update(app.workspace_root, planned, read_bundled(planned.name))


# --- text ---


def _draw(
    updates: "Sequence[ConnectorUpdate]", impact: "Impact | None", *, written: bool, check: bool, option: str
) -> str:
    """Return the changes, their impact, and what to do next. `option` names the base in commands."""
    from conn_cli.formatting import join_lines
    from conn_cli.report.impact import draw_text

    lines = [line for planned in updates for line in _draw_update(planned)] or ["conn.lock has no connector"]
    pending = [planned for planned in updates if not planned.is_current]
    if not pending:
        return join_lines(lines)
    names = " ".join(planned.name for planned in pending)
    if check:
        return join_lines([*lines, f"next: conn update {names}{option} --dry-run"])
    text = join_lines([*lines, ""])
    text += draw_text(impact) if impact is not None else f"no account uses {names.replace(' ', ', ')}\n"
    conflicts = [file for planned in pending for file in planned.conflicts]
    if conflicts and impact is not None:
        text += "compared with your values of the conflicts\n"
    if not written:
        return text + join_lines(["", f"nothing is written; to write it: conn update {names}{option}"])
    tests = " && ".join(f"conn test --connector {planned.name}" for planned in pending)
    resolve = "resolve the conflicts, then " if conflicts else ""
    return text + join_lines(["", f"next: {resolve}conn lint && {tests}"])


def _draw_update(planned: "ConnectorUpdate") -> Iterator[str]:
    from conn_engine.diagnostics import pluralize

    if planned.is_current:
        yield f"{planned.name}: up to date ({planned.newest.revision})"
        return
    yield f"{planned.name}: {planned.locked.revision if planned.locked else ''} -> {planned.newest.revision}"
    folder = f"connectors/{planned.name}"
    counts: Counter[str] = Counter()
    for file in planned.files:
        path = f"{folder}/{file.path}"
        if file.action == "conflict":
            yield f"  conflict  {path}:{file.lines[0]}"
            yield from (f"              {place}" for place in file.conflicts)
        elif file.action == "kept":
            yield f"  kept      {path}"
            yield f"              {file.note}"
        elif file.action == "merged" or file.path.startswith(("connector.", "unified/")):
            yield f"  {file.action:<8}  {path}"
        else:
            counts[file.action] += 1
    yield from (f"  {action:<8}  {pluralize(count, 'other file')}" for action, count in sorted(counts.items()))
