"""`conn score`: what a connector covers, what its tests show, and what is missing."""

from typing import Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option


def score(
    context: typer.Context,
    *,
    connectors: Annotated[
        list[str] | None, typer.Argument(metavar="CONNECTOR", help="Connectors to score.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Score every connector.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Try all mistakes again, also if no document or recording has changed.")
    ] = False,
    document: Annotated[
        str | None,
        typer.Option(
            "--document",
            metavar="FILE|URL",
            help="First judge the recorded requests by this OpenAPI document, and store the result in contract.yaml.",
        ),
    ] = None,
    minimum: Annotated[
        int | None,
        typer.Option("--min", min=0, max=100, metavar="POINTS", help="Exit with 1 if a connector has fewer points."),
    ] = None,
    formats: Annotated[Formats, format_option("markdown")] = None,
) -> None:
    """Show what connectors cover, what is tested, and what is missing.

    The score is a number from 0 to 100. Nothing is sent. A score is stored, and shown at once until a file changes.
    """
    from conn_cli.report import score as report
    from conn_cli.report import write_report
    from conn_cli.scoring import measure_score
    from conn_engine.analysis.score.report import ScoreReport
    from conn_engine.errors import UsageError

    app: App = context.obj
    if bool(connectors) == every:
        raise UsageError("name connectors, or add --all", hint="conn catalogue lists the connectors")
    names = connectors or app.workspace.connectors()
    if document is not None:
        if len(names) != 1:
            raise UsageError("--document judges one connector", hint=f"conn score NAME --document {document}")
        _judge(app, names[0], document)
    scores = [measure_score(app, app.workspace, name, again=again) for name in names]
    texts = {"text": lambda: report.draw_text(scores), "markdown": lambda: report.draw_markdown(scores)}
    write_report(lambda: ScoreReport.from_scores(scores), formats or [], texts, app, folder=app.folder)
    low = any(scored.score < (minimum or 0) for scored in scores)
    raise typer.Exit(Exit.FINDINGS if low else Exit.OK)


def _judge(app: App, connector: str, document: str) -> None:
    """Judge a connector's recorded requests by a document, and store what was judged."""
    from hashlib import sha256

    from msgspec import structs

    from conn_cli.document_sources import open_document
    from conn_engine.analysis.score import judge_recordings, read_contract, write_contract
    from conn_import.openapi.endpoints import read_endpoints

    app.workspace.file("connector", connector)
    with open_document(app, document) as (path, origin):
        endpoints = read_endpoints(path)
        digest = f"sha256:{sha256(path.read_bytes()).hexdigest()}"
    contract = structs.replace(read_contract(app.workspace, connector), document=origin or path.name, digest=digest)
    write_contract(app.workspace, connector, judge_recordings(app.workspace, connector, contract, endpoints))
    app.err(f"judged the requests of {connector} by {origin or path.name} ({digest})")
