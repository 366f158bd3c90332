"""`conn coverage`: which mapped fields the recordings have, and which fields of the vendor no mapping reads."""

from typing import Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option


def coverage(
    context: typer.Context,
    *,
    operation: Annotated[str | None, typer.Argument(metavar="OPERATION", help="Measure only this operation.")] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", "-a", help="Measure only this account. Repeatable.")
    ] = None,
    connector: Annotated[str | None, typer.Option("--connector", "-c", help="Measure only this connector.")] = None,
    minimum: Annotated[
        float | None,
        typer.Option(
            "--min",
            min=0,
            max=100,
            metavar="PERCENT",
            help="Exit with 1 if an operation sees less than PERCENT of its mapped fields.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="List every field, and all vendor fields that no mapping reads.")
    ] = False,
    formats: Annotated[Formats, format_option("markdown", "html")] = None,
) -> None:
    """Show which fields are mapped, seen in recordings or always empty.

    Also shows which fields of the vendor no mapping reads.
    """
    from conn_cli.report import coverage as report
    from conn_cli.report import write_report
    from conn_engine.analysis.coverage import measure_coverage
    from conn_engine.analysis.coverage.report import CoverageReport, find_below

    app: App = context.obj
    rows = []
    with app.progress("measuring", unit="operations") as progress:
        for row in measure_coverage(app.workspace, operation=operation, connector=connector, accounts=account or ()):
            rows.append(row)
            progress.advance(note=row.operation)
    low = find_below(rows, minimum)

    def draw_text() -> str:
        if app.width is None or verbose or operation is not None:
            return report.draw_text(rows, low, minimum, verbose=verbose or operation is not None)
        return report.draw_screen(rows, low, minimum, app.width)

    texts = {
        "text": draw_text,
        "markdown": lambda: report.draw_markdown(rows, low, minimum),
        "html": lambda: report.draw_html(rows, low, minimum),
    }
    write_report(lambda: CoverageReport.from_rows(rows, minimum), formats or [], texts, app, folder=app.folder)
    if low:
        app.err(f"{len(low)} of {len(rows)} below {minimum:g}%")
    raise typer.Exit(Exit.FINDINGS if low else Exit.OK)
