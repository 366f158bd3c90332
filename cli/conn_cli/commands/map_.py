"""`conn map`: apply an operation's response mapping to a file of vendor records."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.reports import Report


def map_(
    context: typer.Context,
    *,
    operation: Annotated[str, typer.Argument(metavar="OPERATION", help="Unified operation, such as contacts.list.")],
    file: Annotated[
        str,
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            show_default=False,
            help="File with a vendor record, a list or a complete response. Default: standard input.",
        ),
    ] = "-",
    account: Annotated[str | None, typer.Option("--account", "-a", help="Apply the overrides of this account.")] = None,
    connector: Annotated[
        str | None, typer.Option("--connector", "-c", help="Connector to use if no account is named.")
    ] = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Apply an operation's response mapping to vendor records.

    \b
    Example:
      conn map contacts.list --input response.json --account acme
    """
    from conn_cli.call_options import read_input
    from conn_cli.completeness import show_failing_fields
    from conn_cli.effective_selection import choose_effective
    from conn_cli.report import write_report
    from conn_engine.errors import UsageError
    from conn_engine.testing.trial import map_records

    app: App = context.obj
    effective = choose_effective(app, account, connector, operation)
    name = effective.resolve(operation)
    if name.kind != "unified":
        raise UsageError(
            f'"{operation}" is an operation of the vendor, which has no mapping',
            hint="name a unified operation, such as contacts.list",
        )
    data = read_input(app, file if file == "-" else f"@{file}")
    results, problems, nulls = map_records(effective, name, data, app.clock)

    def report() -> "Report":
        from conn_engine.command_reports import MapReport

        return MapReport(
            operation=name.text, connector=effective.connector_name, account=effective.account, records=results
        )

    text = {"text": lambda: app.to_json(results if len(results) != 1 else results[0])}
    write_report(report, formats or [], text, app, folder=app.folder)
    show_failing_fields(app, effective, problems, len(results))
    if nulls:
        from conn_cli.error_output import show_findings

        show_findings(app, nulls)
