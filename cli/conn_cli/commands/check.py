"""`conn check`: check a connector folder that somebody else wrote, as if it were hostile."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conn_engine.analysis.submissions import CheckedSubmission, RuleVerdict

_SHOWN = 20


def check(
    context: typer.Context,
    *,
    folders: Annotated[list[Path], typer.Argument(metavar="DIR", help="Folders of connectors.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out the rules that take minutes: portability and mutations.")
    ] = False,
    seconds: Annotated[
        float,
        typer.Option(
            "--timeout", min=1, metavar="SECONDS", help="Stop a rule that takes longer. Default: 900 seconds."
        ),
    ] = 900.0,
    every: Annotated[
        bool, typer.Option("--all", help="Show every problem. Default in text: the first 20 of each rule.")
    ] = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Check everything that a connector from somebody else must meet.

    Files, documents, README, origin and license of recordings, people, secrets, tests, mutations. Nothing is sent, and
    the folder is only read in a process with limits. Exits with 1 if a rule is not met.

    \b
    Examples:
      conn check connectors/shop
      conn check downloads/shop --quick --format json
    """
    from conn_cli.report import write_report
    from conn_engine.analysis.submissions import check_submission
    from conn_engine.analysis.submissions.report import SubmissionReport
    from conn_engine.analysis.submissions.stages import QUICK_STAGES, STAGES

    app: App = context.obj
    stages = QUICK_STAGES if quick else STAGES
    results = []
    with app.progress("checking") as progress:
        for folder in folders:
            results.append(check_submission(app.folder / folder, stages=stages, seconds=seconds, tell=progress.say))
    texts = {"text": lambda: _draw(results, quick=quick, every=every)}
    write_report(lambda: SubmissionReport.from_results(results), formats or [], texts, app, folder=app.folder)
    raise typer.Exit(Exit.FINDINGS if any(result.failed for result in results) else Exit.OK)


def _draw(results: "Sequence[CheckedSubmission]", *, quick: bool, every: bool) -> str:
    from conn_cli.formatting import join_lines

    lines = [line for result in results for line in _draw_result(result, every=every)]
    failed = sum(result.failed for result in results)
    if not failed and quick:
        lines.append("next: the rules that were left out: conn check without --quick")
    return join_lines(lines)


def _draw_result(result: "CheckedSubmission", *, every: bool) -> "list[str]":
    from conn_engine.diagnostics import pluralize

    lines = [f"{result.name}:"]
    for verdict in result.verdicts:
        state = {True: "ok", False: "failed", None: "-"}[verdict.passed]
        lines.append(f"  {state:<7} {verdict.rule.replace('_', ' '):<14} {verdict.detail}")
        lines += _draw_problems(verdict, every=every)
    demands = result.demands
    lines.append(f"  hosts: {', '.join(demands.hosts) or 'none'}")
    lines.append(f"  environment variables: {', '.join(demands.environment) or 'none'}")
    if result.people:
        lines.append(f"  read these names, and confirm that they are invented: {', '.join(result.people)}")
    failed = sum(verdict.passed is False for verdict in result.verdicts)
    judged = sum(verdict.passed is not None for verdict in result.verdicts)
    ending = f"{pluralize(failed, 'rule')} of {judged} failed" if failed else f"{pluralize(judged, 'rule')} passed"
    return [*lines, f"{result.name}: {ending}"]


def _draw_problems(verdict: "RuleVerdict", *, every: bool) -> "list[str]":
    from conn_engine.diagnostics import pluralize

    lines = []
    shown = verdict.problems if every else verdict.problems[:_SHOWN]
    for problem in shown:
        place = f"{problem.file}:{problem.line} " if problem.line else f"{problem.file} " if problem.file else ""
        lines += [f"          {place}{problem.message}", f"            fix: {problem.fix}"]
    left = len(verdict.problems) - len(shown)
    if left:
        lines.append(f"          … {pluralize(left, 'more problem')} (--all shows every one)")
    return lines
