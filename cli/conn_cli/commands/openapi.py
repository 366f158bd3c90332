"""`conn openapi`: the OpenAPI document of an account's unified API."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.config import Workspace


def openapi(
    context: typer.Context,
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="Account. Not needed if the workspace has only one.")
    ] = None,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write the document to.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", metavar="FILE|URL", help="Use the accounts and connectors in this database of the service, too."
        ),
    ] = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Print the OpenAPI document of an account's unified API.

    It is what conn serve returns at /openapi.json: a client can be generated from it.

    \b
    Examples:
      conn openapi acme --output openapi.json
      conn openapi hooli --store postgresql://conn@db/conn
    """
    from conn_cli.account_vault import use_accounts
    from conn_cli.neutralize import Verbatim
    from conn_cli.report import write_report
    from conn_engine.command_reports import OpenApiReport
    from conn_engine.diagnostics import pluralize
    from conn_engine.documents import dump_json
    from conn_engine.documents.files import write_whole
    from conn_service.http.openapi import build_openapi

    app: App = context.obj
    use_accounts(app, store)
    name = account or _find_only(app.workspace)
    effective = app.workspace.effective(account=name)
    document = build_openapi(effective, name, label=app.workspace.account(name).label or "")
    text = app.sanitize(dump_json(document).rstrip(), "json") + "\n"
    if output is not None:
        write_whole(app.folder / output, text.encode())
    count = sum(len(item) for item in document["paths"].values())

    def draw() -> Any:
        if output is None:
            return Verbatim(text)
        return f"wrote {pluralize(count, 'operation')} of {name} to {output}\n"

    report = OpenApiReport(account=name, operations=count, file=str(output or ""), document=document)
    write_report(lambda: report, formats or [], {"text": draw}, app, folder=app.folder)


def _find_only(workspace: "Workspace") -> str:
    from conn_engine.errors import UsageError

    names = workspace.accounts()
    if len(names) != 1:
        listed = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
        hint = f"name one: conn openapi ACCOUNT ({listed})" if names else "add one to accounts/"
        raise UsageError("the workspace has several accounts" if names else "the workspace has no account", hint=hint)
    return names[0]
