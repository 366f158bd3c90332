"""`conn drift`: what the vendor has changed since the recordings, and which mappings and accounts it breaks."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.analysis.drift import Drift
    from conn_engine.config import Effective


class DriftFailOn(StrEnum):
    """When the exit code is 1."""

    BREAKS = "breaks"
    TOUCHES = "touches"
    NONE = "none"


def drift(
    context: typer.Context,
    *,
    account: Annotated[
        str | None,
        typer.Option(
            "--account", "-a", help="Compare with the vendor's current responses for this account. Only reads are sent."
        ),
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option("--recordings", help="Compare with these newer recordings (a file or folder)."),
    ] = None,
    openapi: Annotated[Path | None, typer.Option("--openapi", help="Compare with this newer OpenAPI document.")] = None,
    older: Annotated[
        Path | None, typer.Option("--from", help="With --openapi: the older document. Default: the recordings.")
    ] = None,
    connector: Annotated[
        str | None, typer.Option("--connector", "-c", help="Connector to use if no account is named.")
    ] = None,
    pages: Annotated[
        int,
        typer.Option("--pages", metavar="N", min=1, max=50, help="With --account: read at most N pages per operation."),
    ] = 1,
    fail_on: Annotated[
        DriftFailOn, typer.Option("--fail-on", help="Exit with 1 if a difference breaks a mapping, or touches one.")
    ] = DriftFailOn.BREAKS,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also list differences that no mapping reads.")
    ] = False,
    formats: Annotated[Formats, format_option("markdown", "github")] = None,
) -> None:
    """Show what the vendor has changed, and which mappings it breaks.

    Compares the recordings with the vendor's current responses, newer recordings or a newer OpenAPI document.

    \b
    Examples:
      conn drift --account acme
      conn drift --connector acme-crm --openapi v2.yaml --from v1.yaml
    """
    from conn_cli.report import Sources, write_report
    from conn_cli.report import drift as report
    from conn_engine.analysis.drift.report import DriftReport

    app: App = context.obj
    _check_sources(account, recordings, openapi, older)
    effective = _effective(app, account, connector)
    result = _compute_drift(app, effective, account, recordings, openapi, older, pages)
    texts = {
        "text": lambda: report.draw_text(result, verbose=verbose),
        "markdown": lambda: report.draw_markdown(result),
        "github": lambda: report.draw_github(result, Sources(app.workspace_root)),
    }
    write_report(lambda: DriftReport.from_drift(result), formats or [], texts, app, folder=app.folder)
    if not result.compared:  # an empty comparison must not look like a passed one
        app.err("error: nothing could be compared")
        raise typer.Exit(Exit.USAGE)
    tiers = {DriftFailOn.BREAKS: ("breaks",), DriftFailOn.TOUCHES: ("breaks", "touches"), DriftFailOn.NONE: ()}[fail_on]
    raise typer.Exit(Exit.FINDINGS if any(difference.tier in tiers for difference in result.differences) else Exit.OK)


def _check_sources(account: str | None, recordings: Path | None, openapi: Path | None, older: Path | None) -> None:
    """Raise UsageError unless the options name one source to compare with."""
    from conn_engine.errors import UsageError

    if recordings is not None and openapi is not None:
        raise UsageError("--recordings and --openapi cannot be used together", hint="pass one of them")
    if older is not None and openapi is None:
        raise UsageError("--from requires --openapi", hint="add --openapi NEW.yaml, or omit --from")
    if account is None and recordings is None and openapi is None:
        raise UsageError(
            "nothing to compare with",
            hint="add --account to compare with the vendor's responses, or --recordings, or --openapi",
        )


def _effective(app: App, account: str | None, connector: str | None) -> "Effective":
    from conn_engine.errors import UsageError
    from conn_engine.runtime.variants import up_to

    if account is not None:
        return app.workspace.effective(account=account, connector=connector)
    names = app.workspace.connectors()
    if connector is None and len(names) != 1:
        raise UsageError(
            "several connectors are possible",
            hint=f"add --account ACCOUNT or --connector NAME ({', '.join(names[:8])})",
        )
    return up_to(app.workspace.effective(account=None, connector=connector or names[0]), "base")


def _compute_drift(  # noqa: PLR0917
    app: App,
    effective: "Effective",
    account: str | None,
    recordings: Path | None,
    openapi: Path | None,
    older: Path | None,
    pages: int,
) -> "Drift":
    from conn_cli.effective_selection import learn_literals
    from conn_engine.analysis.drift import drift as compare
    from conn_engine.analysis.drift import sources
    from conn_engine.analysis.population import AccountGroup, Digests, Side, group_accounts

    learn_literals(app, effective)
    name = effective.connector_name
    with app.progress("comparing", unit="operations"):
        groups = group_accounts(Side(app.workspace, Digests()), name, [account] if account else ())
        if not groups:
            groups = [AccountGroup([], effective.context, effective)]
        before = list(sources.list_recorded_responses(sources.load_own_recordings(app.workspace, name)))
        skipped: list[tuple[str, str]] = []
        if openapi is not None:
            from conn_import.openapi.endpoints import read_endpoints

            newer = read_endpoints(app.folder / openapi)
            base = read_endpoints(app.folder / older) if older is not None else None
            comparisons, left_out = sources.compare_with_document(effective, before, newer, base)
        elif recordings is not None:
            now = list(sources.list_recorded_responses(sources.load_recordings(app.folder / recordings)))
            comparisons, left_out = sources.compare_responses(effective, before, now)
        else:
            from conn_engine.analysis.drift.live import fetch_responses

            now, skipped = fetch_responses(
                app.workspace, effective, environ=app.environ, redactor=app.redactor, pages=pages, clock=app.clock
            )
            comparisons, left_out = sources.compare_responses(effective, before, now)
    return compare(name, comparisons, groups, [*left_out, *skipped])
