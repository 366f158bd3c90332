"""`conn impact`: show how a change affects every account, before it is merged."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.comparison_base import ImpactFailOn, choose_exit, choose_names, open_base
from conn_cli.console import App
from conn_cli.options import Base, BaseDir, Formats, Names, Processes, format_option

if TYPE_CHECKING:
    from conn_engine.analysis.impact import Impact


def impact(
    context: typer.Context,
    *,
    base: Base = None,
    base_dir: BaseDir = None,
    fail_on: Annotated[
        ImpactFailOn, typer.Option("--fail-on", help="Exit with 1 if an account's results change in this way.")
    ] = ImpactFailOn.BREAKING,
    names: Names = None,
    processes: Processes = None,
    formats: Annotated[Formats, format_option("markdown", "github")] = None,
) -> None:
    """Show how a change affects every account, field by field.

    Runs each account on the same recordings before and after the change, and compares the results.

    \b
    Examples:
      conn impact
      conn impact --base v1.4 --fail-on any
    """
    from conn_cli.report import Sources, write_report
    from conn_cli.report import impact as report
    from conn_engine.analysis.impact.report import ImpactReport

    app: App = context.obj
    in_markdown, elsewhere = choose_names(app, names, formats or [])
    result = _compute_impact(app, base, base_dir, processes)
    texts = {
        "text": lambda: report.draw_text(result, names=elsewhere, color=app.color, width=app.width),
        "markdown": lambda: report.draw_markdown(result, names=in_markdown),
        "github": lambda: report.draw_github(result, Sources(app.workspace_root), names=elsewhere),
    }
    write_report(
        lambda: ImpactReport.from_impact(result, names=elsewhere), formats or [], texts, app, folder=app.folder
    )
    raise typer.Exit(choose_exit(result, fail_on))


def _compute_impact(app: App, base: str | None, base_dir: Path | None, processes: int | None) -> "Impact":
    from conn_engine.analysis.checks.reach import find_changed_files
    from conn_engine.analysis.impact import build_empty_impact
    from conn_engine.analysis.impact import impact as measure
    from conn_engine.analysis.impact.revisions import load_before

    with (
        open_base(app.workspace_root, app.folder, base, base_dir) as other,
        app.progress("comparing", unit="comparisons") as progress,
    ):
        before = load_before(other.folder)
        if not find_changed_files(other.folder, app.workspace):
            return build_empty_impact(other.version)

        def show_progress(done: int, total: int) -> None:
            progress.total = total
            progress.advance(done - progress.done)

        return measure(before, app.workspace, base=other.version, processes=processes, progress=show_progress)
