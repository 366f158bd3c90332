"""`conn update`: merge newer versions of bundled connectors, and of those from Git, with the workspace's changes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, Processes, format_option

if TYPE_CHECKING:
    from conn_cli.git_connectors import FetchedConnector
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
    revision: Annotated[
        str | None, typer.Option("--to", metavar="REVISION", help="Update a connector from Git to this revision.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Confirm new hosts and variables of connectors from Git without asking.")
    ] = False,
    processes: Processes = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Merge newer versions of copied connectors with your changes.

    Shows how the update affects every account before it is written. A value that both sides changed is marked in the
    file, and lint reports it (DOC190). Of recordings and goldens that you have changed, yours stay.

    A connector from Git must pass conn check, and you confirm each host and environment variable that is new.

    \b
    Examples:
      conn update hubspot --dry-run
      conn update --check
    """
    from conn_cli.report import write_report
    from conn_engine.updates.report import UpdateReport

    app: App = context.obj
    newest = _find_newest(app, names or [], revision)
    updates = _plan_updates(app, names or [], newest, base, base_dir)
    pending = [planned for planned in updates if not planned.is_current]
    impact = _compute_impact(app, pending, processes) if pending and not check else None
    is_written = not (check or dry_run)

    def report() -> "Report":
        return UpdateReport.from_updates(updates, impact, written=is_written)

    option = f" --base {base}" if base else f" --base-dir {base_dir}" if base_dir else ""
    texts = {"text": lambda: _draw(updates, impact, written=is_written, check=check, option=option)}
    write_report(report, formats or [], texts, app, folder=app.folder)
    if is_written:
        _confirm(app, pending, yes=yes)
        _write_updates(app, updates, newest)
    conflicts = any(planned.conflicts for planned in pending)
    raise typer.Exit(Exit.FINDINGS if conflicts or (check and pending) else Exit.OK)


def _find_newest(app: App, names: Sequence[str], revision: str | None) -> "dict[str, FetchedConnector]":
    """Fetch the newest version of each connector from Git, by name. Raises UsageError, also for a file URL that the
    caller has not named: conn.lock may be somebody else's."""
    from conn_cli.git_connectors import fetch_connector
    from conn_engine.errors import UsageError
    from conn_engine.updates.git_sources import PREFIX, parse_git_source
    from conn_engine.updates.lock import read_lock

    locked = read_lock(app.workspace_root)
    chosen = {name: locked[name] for name in dict.fromkeys(names or sorted(locked)) if name in locked}
    newest = {}
    for name, entry in chosen.items():
        if not entry.source.startswith(PREFIX):
            continue
        source = parse_git_source(entry.source).move_to(revision or entry.reference or "HEAD")
        if source.is_local and name not in names:
            raise UsageError(f"{name} is from a repository of this machine", hint=f"name it: conn update {name}")
        newest[name] = fetch_connector(app, name, source)
    if revision is not None and len(newest) != 1:
        raise UsageError("--to needs the name of one connector from Git", hint="conn update NAME --to REVISION")
    return newest


def _plan_updates(
    app: App, names: Sequence[str], newest: "dict[str, FetchedConnector]", base: str | None, base_dir: Path | None
) -> "list[ConnectorUpdate]":
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
            if name not in bundled and name not in newest:
                raise UsageError(
                    f"{name} is neither a bundled connector nor from Git, so there is no newer version of it",
                    hint=f"name a bundled one: {', '.join(bundled)}",
                )
            copied = read_files(other.folder / "connectors" / name) if other is not None else None
            if copied == {}:
                raise UsageError(f"the base has no connectors/{name}", hint="name a base in which the connector exists")
            fetched = newest.get(name)
            files, entry = (fetched.files, fetched.entry) if fetched is not None else (read_bundled(name), None)
            updates.append(plan_update(root, name, files, copied, entry))
    return updates


def _confirm(app: App, updates: "Sequence[ConnectorUpdate]", *, yes: bool) -> None:
    """Let a person confirm the hosts and variables that newer versions of connectors from Git ask for in addition.
    Raises UsageError if nobody does."""
    from conn_cli.git_connectors import confirm_demands, describe_demands, find_unconfirmed
    from conn_engine.errors import UsageError
    from conn_engine.updates.lock import read_lock

    locked = read_lock(app.workspace_root)
    git = [planned for planned in updates if not planned.newest.is_bundled]
    lines = [
        line
        for planned in git
        for line in describe_demands(planned.name, find_unconfirmed(planned.newest, locked.get(planned.name)))
    ]
    names = " ".join(planned.name for planned in git)
    if not confirm_demands(app, lines, f"conn update {names} --yes", yes=yes):
        raise UsageError("the update was not confirmed, and nothing was written", hint=f"conn update {names} --dry-run")


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


def _write_updates(app: App, updates: "Sequence[ConnectorUpdate]", newest: "dict[str, FetchedConnector]") -> None:
    from conn_cli.scaffold import read_bundled
    from conn_cli.workspace_schemas import keep_schemas_current
    from conn_engine.updates.plan import write_update

    with keep_schemas_current(app.workspace_root):
        for planned in updates:
            if planned.locked is None or not planned.is_current:
                fetched = newest.get(planned.name)
                files = fetched.files if fetched is not None else read_bundled(planned.name)
                write_update(app.workspace_root, planned, files)


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
        yield f"{planned.name}: up to date ({planned.newest.revision[:12]})"
        return
    yield f"{planned.name}: {planned.locked.revision[:12] if planned.locked else ''} -> {planned.newest.revision[:12]}"
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
