"""`conn fields`: the vendor's fields of a resource, and the model fields that read them."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.analysis.fields import Descriptions
    from conn_engine.analysis.override_targets import FieldOverride
    from conn_engine.config import Effective
    from conn_engine.errors import ConnError


def fields(
    context: typer.Context,
    *,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account whose recordings and mappings are used.")],
    resource: Annotated[
        str, typer.Argument(metavar="RESOURCE", help="Resource, such as contacts, or an operation of it.")
    ],
    unmapped: Annotated[bool, typer.Option("--unmapped", help="Show only fields that no mapping reads.")] = False,
    live: Annotated[
        bool,
        typer.Option("--live", help="Request labels and types from the vendor, with the operation `describe`."),
    ] = False,
    environment: Annotated[
        str | None, typer.Option("--environment", "-e", help="Apply the overrides of this environment.")
    ] = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Show the vendor's fields of a resource, and what reads them.

    The fields, examples and counts are from recordings.

    \b
    Examples:
      conn fields acme contacts --unmapped
      conn fields acme contacts --live
    """
    from conn_cli.effective_selection import choose_effective
    from conn_cli.fitting import USUAL_WIDTH
    from conn_cli.report import fields as report
    from conn_cli.report import write_report
    from conn_engine.analysis.fields import report_fields

    app: App = context.obj
    effective = choose_effective(app, account, None, environment=environment)
    descriptions = _fetch(app, effective, resource) if live else None
    result = report_fields(app.workspace, effective, resource, descriptions=descriptions)
    result = result.keep_unmapped() if unmapped else result

    def draw() -> str:
        suggested = _check_override(app, report.suggest_override(result)) if unmapped else None
        return report.draw_text(result, app.width or USUAL_WIDTH, is_unmapped=unmapped, suggested=suggested)

    write_report(lambda: result, formats or [], {"text": draw}, app, folder=app.folder)


def _check_override(app: App, override: "FieldOverride | None") -> "FieldOverride | ConnError | None":
    """Return the override, or why it cannot be written into the account's document."""
    from conn_engine.analysis.field_overrides import draft_override
    from conn_engine.errors import ConnError

    if override is not None:
        try:
            draft_override(app.workspace, override)
        except ConnError as error:
            return error
    return override


def _fetch(app: App, effective: "Effective", resource: str) -> "Descriptions":
    from conn_cli.live_run import resolve_account
    from conn_engine.analysis.fields import DESCRIBE, fetch_descriptions, find_describe, find_reading_operations
    from conn_engine.errors import UsageError

    names = find_reading_operations(effective, resource)
    operation = find_describe(effective, names)
    if operation is None:
        vendor = next((name.resource for name in names if name.kind == "vendor"), resource)
        raise UsageError(
            f'connector "{effective.connector_name}" has no operation that describes the fields of "{resource}"',
            hint=f"add resources.{vendor}.{DESCRIBE} to the connector, or omit --live to see the recorded fields",
        )
    wiring = resolve_account(app, effective.account or "", effective.environment)
    with app.progress(f"{operation.text} · {effective.account}", unit="fields"):
        return fetch_descriptions(wiring, operation)
