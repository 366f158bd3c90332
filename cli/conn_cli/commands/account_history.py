"""`conn account history`: who changed what in a store of the service."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option
from conn_cli.service_options import ServiceStore, open_service_engine

if TYPE_CHECKING:
    from conn_engine.command_reports import AuditRow

__all__ = ["history_command"]


def history_command(
    context: typer.Context,
    account: Annotated[
        str | None,
        typer.Argument(metavar="ACCOUNT", help="Show only this account, also a deleted one.", show_default=False),
    ] = None,
    *,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, help="Show at most N entries, newest first.")
    ] = 20,
    store: ServiceStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Show who changed accounts, connectors and links in a store, and why.

    \b
    Example:
      conn account history acme --store postgresql://conn@db/conn
    """
    from conn_cli.formatting import format_time, join_lines
    from conn_cli.report import write_report
    from conn_engine.command_reports import AccountHistoryReport, AuditRow
    from conn_service.revisions import AuditLog

    app: App = context.obj
    with open_service_engine(app, store) as engine:
        found = AuditLog(engine).list(accounts=() if account is None else (account,), most=limit)
    rows = [
        AuditRow(
            at=format_time(entry.at),
            by=entry.by,
            action=entry.action,
            target=entry.target,
            reason=entry.reason,
            revision=entry.after,
        )
        for entry in found
    ]
    lines = [_format(row) for row in rows] or ["nothing was changed in this store"]
    texts = {"text": lambda: join_lines(lines)}
    write_report(lambda: AccountHistoryReport(entries=rows), formats or [], texts, app, folder=app.folder)


def _format(row: "AuditRow") -> str:
    revision = "" if row.revision is None else f" (revision {row.revision})"
    return f"{row.at}  {row.by}: {row.action} {row.target}{revision}" + (f": {row.reason}" if row.reason else "")
