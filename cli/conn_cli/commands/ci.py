"""`conn ci`: lint, test, coverage and impact as one check with one summary and one exit code."""

from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.comparison_base import ComparisonBase, ImpactFailOn, choose_exit, choose_names, open_base
from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Base, BaseDir, Formats, Names, Processes, format_option
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.analysis.checks import CheckResult


def ci(
    context: typer.Context,
    *,
    base: Base = None,
    base_dir: BaseDir = None,
    whole: Annotated[
        bool, typer.Option("--all", help="Test everything, without comparing. This is the default on the main branch.")
    ] = False,
    fail_on: Annotated[
        ImpactFailOn, typer.Option("--fail-on", help="Fail if an account's results change in this way.")
    ] = ImpactFailOn.BREAKING,
    minimum: Annotated[
        float | None,
        typer.Option(
            "--min-coverage",
            min=0,
            max=100,
            metavar="PERCENT",
            help="Fail if an operation sees less than PERCENT of its mapped fields.",
        ),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Ignore the lint findings listed in this file.")
    ] = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="Accept the effects that fail: write them to changes/, and commit the file with the change.",
        ),
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="With --accept: why the effects are intended.")
    ] = "",
    names: Names = None,
    processes: Processes = None,
    formats: Annotated[Formats, format_option("markdown", "sarif", "junit", "github")] = None,
) -> None:
    """Run all checks on a change: lint, tests, coverage and impact.

    Only tests that the change can affect are run. Exits with 1 if a check fails.

    \b
    Examples:
      conn ci
      conn ci --base v1.4 --format markdown=comment.md
      conn ci --accept --reason "the vendor renamed the field"
    """
    from conn_cli.effective_selection import learn_literals
    from conn_cli.report import Sources, write_report
    from conn_cli.report.checks import draw_checks
    from conn_engine.analysis.checks.report import CheckReport, CheckVerdicts

    app: App = context.obj
    if whole:
        _refuse_comparison(has_base=base is not None or base_dir is not None, accept=accept)
    if accept != bool(reason.strip()):
        raise UsageError(
            '--accept and --reason "why" must be used together',
            hint='write it like --accept --reason "the vendor renamed the field"',
        )
    in_markdown, elsewhere = choose_names(app, names, formats or [])
    with ExitStack() as stack:
        other = None if whole else stack.enter_context(open_base(app.workspace_root, app.folder, base, base_dir))
        result = _check(app, other, baseline, processes)
        if accept and other is not None:
            _accept(app, result, other, reason.strip(), fail_on)
    learn_literals(app, *(report.effective for report in result.reports))
    ending = choose_exit(result.impact, fail_on) if result.impact is not None else Exit.OK
    verdicts = CheckVerdicts(result, minimum=minimum, impact_fails=ending is not Exit.OK)
    draw = draw_checks(
        verdicts,
        Sources(app.workspace_root),
        names=elsewhere,
        names_in_markdown=in_markdown,
        compared=_format_base(base, base_dir),
        color=app.color,
        width=app.width,
    )
    write_report(
        lambda: CheckReport.from_verdicts(verdicts, names=elsewhere), formats or [], draw, app, folder=app.folder
    )
    failed = [name for name, passed in verdicts.checks.items() if passed is False]
    raise typer.Exit(Exit.FINDINGS if failed and failed != ["impact"] else ending)


def _format_base(base: str | None, base_dir: Path | None) -> str:
    """Return the options that name the base, for a command to paste."""
    options = {"--base": base, "--base-dir": base_dir}
    return "".join(f" {option} {quote(str(value))}" for option, value in options.items() if value is not None)


def _refuse_comparison(*, has_base: bool, accept: bool) -> None:
    for option, is_given in (("--base or --base-dir", has_base), ("--accept", accept)):
        if is_given:
            raise UsageError(
                f"--all compares with nothing, so it cannot be used with {option}", hint=f"omit --all, or omit {option}"
            )


def _check(app: App, other: ComparisonBase | None, baseline: Path | None, processes: int | None) -> "CheckResult":
    from conn_engine.analysis.checks import run_checks
    from conn_engine.updates.verifying import verify_copies_below

    with app.progress("checking") as progress:
        result = run_checks(
            app.workspace_root,
            other.folder if other is not None else None,
            base=other.version if other is not None else None,
            whole=other is None or other.on_main,
            baseline=app.folder / baseline if baseline is not None else None,
            processes=processes,
            clock=app.clock,
            tell=progress.say,
        )
    result.findings += verify_copies_below(app.workspace_root)
    return result


def _accept(app: App, result: "CheckResult", other: ComparisonBase, reason: str, fail_on: ImpactFailOn) -> None:
    """Write the effects that fail to a document of `changes/`, and apply it to the result."""
    from conn_engine.analysis.impact.accepted import accept_failing, add_accepted
    from conn_engine.analysis.impact.revisions import load_before
    from conn_engine.config import load_workspace

    root = app.workspace_root
    if result.impact is None:
        raise UsageError(
            f"nothing can be accepted: {result.broken}", hint="correct that first, then run the command again"
        )
    before = load_before(other.folder)
    reason = app.redactor.text(reason)
    path, deleted = accept_failing(load_workspace(root), before, result.impact, reason, fail_on.value)
    if path is None:
        raise UsageError(
            "there is nothing to accept: no account's results change in a way that fails",
            hint="omit --accept and --reason",
        )
    for old in deleted:
        app.err(f"deleted {app.workspace.format_path(old)}: the change does not have those effects any more")
    app.err(f"accepted in {app.workspace.format_path(path)}: commit it with the change")
    result.impact = add_accepted(result.impact, before, load_workspace(root))
