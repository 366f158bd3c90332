"""`conn coverage`: which fields the recorded data reaches, and which of the vendor's nobody reads."""

from typing import Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option


def coverage(
    context: typer.Context,
    *,
    operation: Annotated[str | None, typer.Argument(metavar="[OPERATION]", help="Only this operation.")] = None,
    account: Annotated[list[str] | None, typer.Option("--account", "-a", help="Only these accounts.")] = None,
    connector: Annotated[str | None, typer.Option("--connector", "-c", help="Only this connector.")] = None,
    minimum: Annotated[
        float | None,
        typer.Option("--min", min=0, max=100, help="Exit 1 when an operation sees less of its mapped fields, in %."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name every field, and what nobody reads.")] = False,
    formats: Annotated[Formats, format_option("markdown", "html")] = None,
) -> None:
    """Measure on the recordings which fields of the model are mapped, seen, always empty, and what nobody reads."""
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
    texts = {
        "text": lambda: report.draw_text(rows, low, minimum, verbose=verbose or operation is not None),
        "markdown": lambda: report.draw_markdown(rows, low, minimum),
        "html": lambda: report.draw_html(rows, low, minimum),
    }
    write_report(lambda: CoverageReport.of(rows, minimum), formats or [], texts, app, folder=app.folder)
    if low:
        app.err(f"{len(low)} of {len(rows)} below {minimum:g}%")
    raise typer.Exit(Exit.FINDINGS if low else Exit.OK)
