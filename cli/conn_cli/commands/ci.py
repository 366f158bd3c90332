"""`conn ci`: lint, test, coverage and impact as one check with one summary and one exit code."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Base, BaseDir, Names, Processes
from conn_cli.sides import FailOn, exit_of, may_name, other_side


def ci(
    context: typer.Context,
    *,
    base: Base = None,
    base_dir: BaseDir = None,
    whole: Annotated[
        bool, typer.Option("--all", help="Test everything and compare with nothing, as on the main branch itself.")
    ] = False,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Fail when an account's results change in this way.")
    ] = FailOn.BREAKING,
    minimum: Annotated[
        float | None,
        typer.Option("--min-coverage", min=0, max=100, help="Fail when an operation sees less of its fields, in %."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Accept the lint findings listed in this file.")
    ] = None,
    names: Names = None,
    processes: Processes = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="text, json, markdown, sarif, junit, github; FORMAT=FILE writes a file."),
    ] = None,
) -> None:
    """Check a change in one go: lint, the tests it reaches, coverage, its impact on every account. Exit 1 on any."""
    from conn_cli.choices import learn_literals
    from conn_cli.report import Sources, parse_specs, write_texts
    from conn_cli.report.checks import Verdicts, drawings
    from conn_cli.report.coverage import below
    from conn_engine.analysis.checks import check
    from conn_engine.errors import UsageError

    app: App = context.obj
    if whole and (base is not None or base_dir is not None):
        raise UsageError("--all compares with nothing: it goes with neither --base nor --base-dir")
    parse_specs(formats or [], ("text", "json", "markdown", "sarif", "junit", "github"))
    root = app.workspace_root
    in_markdown, elsewhere = may_name(app, names, formats or [])
    with ExitStack() as stack:
        other = None if whole else stack.enter_context(other_side(root, app.folder, base, base_dir))
        progress = stack.enter_context(app.progress("checking"))
        result = check(
            root,
            other.folder if other is not None else None,
            base=other.version if other is not None else None,
            whole=other is None or other.on_main,
            baseline=app.folder / baseline if baseline is not None else None,
            processes=processes,
            tell=progress.say,
        )
    for report in result.reports:
        learn_literals(app, report.effective)
    verdicts = Verdicts(
        result,
        names=elsewhere,
        names_in_markdown=in_markdown,
        low=below(result.coverage, minimum),
        impact_fails=result.impact is not None and exit_of(result.impact, fail_on) is not Exit.OK,
    )
    drawn = drawings(verdicts, Sources(root), minimum=minimum, color=app.color)
    write_texts(formats or ["text"], drawn, app, folder=app.folder)
    raise typer.Exit(Exit.OK if verdicts.passed else Exit.FINDINGS)
