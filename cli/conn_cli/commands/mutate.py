"""`conn mutate`: inject small mistakes in a connector, and list those that no recorded test catches."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.analysis.mutants import MutantVerdict


def mutate(
    context: typer.Context,
    *,
    connectors: Annotated[
        list[str] | None, typer.Argument(metavar="CONNECTOR", help="Connectors to test. Default: every connector.")
    ] = None,
    minimum: Annotated[
        float | None,
        typer.Option(
            "--min",
            min=0,
            max=100,
            metavar="PERCENT",
            help="Exit with 1 if a connector's tests catch less than PERCENT of the mistakes.",
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="Inject only mistakes of this kind, such as drop_field. Repeatable."),
    ] = None,
    formats: Annotated[Formats, format_option("markdown", "github")] = None,
) -> None:
    """Inject small mistakes, and list those that no recorded test catches.

    A mistake drops a field or swaps two paths, for example. They are injected one at a time, and nothing is written.
    """
    from conn_cli.report import Sources, write_report
    from conn_cli.report import mutate as report
    from conn_engine.analysis.mutants.report import MutationReport, Score

    app: App = context.obj
    scores = [
        Score(name, tuple(_try_mutants(app, name, kind or []))) for name in connectors or app.workspace.connectors()
    ]
    texts = {
        "text": lambda: report.draw_text(scores, minimum),
        "markdown": lambda: report.draw_markdown(scores, minimum),
        "github": lambda: report.draw_github(scores, Sources(app.workspace_root)),
    }
    write_report(lambda: MutationReport.from_scores(scores), formats or [], texts, app, folder=app.folder)
    low = any(score.tried and score.percent < (minimum or 0) for score in scores)
    raise typer.Exit(Exit.FINDINGS if low else Exit.OK)


def _try_mutants(app: App, connector: str, kinds: list[str]) -> "list[MutantVerdict]":
    from conn_engine.analysis.mutants import KINDS, Bench
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError

    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(
                f'there is no kind of mistake "{kind}"', hint=did_you_mean(kind, KINDS) or f"kinds: {', '.join(KINDS)}"
            )
    bench = Bench(app.workspace, connector)
    mutants = [mutant for mutant in bench.mutants() if not kinds or mutant.kind in kinds]
    verdicts = []
    with app.progress(connector, total=len(mutants), unit="mistakes") as progress:
        for mutant in mutants:
            verdicts.append(bench.verdict(mutant))
            progress.advance(note=mutant.kind.replace("_", " "))
    return verdicts
