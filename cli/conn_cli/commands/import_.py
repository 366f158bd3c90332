"""`conn import`: create connectors from documents of the vendors."""

from pathlib import Path
from typing import Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option
from conn_cli.personal_data import KeepPersonal


def import_(
    context: typer.Context,
    *,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="OpenAPI 3.x or 2.0, Airbyte manifest, Postman, HAR or Nango providers (JSON or YAML), or the folder "
            "of a Bruno collection.",
        ),
    ] = None,
    curl: Annotated[
        str | None,
        typer.Option("--curl", metavar="COMMAND|-", help="Import curl commands, in quotes or from standard input."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the connector. Default: taken from the document.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="PATTERN",
            help="Import only matching paths, tags or operations (glob). Repeatable. Default: all, or with --model "
            "those that the mapping uses.",
        ),
    ] = None,
    base_url: Annotated[
        str, typer.Option("--base-url", metavar="URL", help="Base URL. Default: the document's server.")
    ] = "",
    security: Annotated[
        str,
        typer.Option(
            "--security",
            metavar="SCHEME",
            help="Use this security scheme of the document. Default: chosen automatically.",
        ),
    ] = "",
    with_samples: Annotated[
        bool,
        typer.Option("--with-samples", help="Create sample recordings of list operations, from examples or schemas."),
    ] = False,
    entry: Annotated[
        list[str] | None,
        typer.Option("--entry", metavar="KEY", help="Import this connector of a file with several. Repeatable."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Import every connector of a file with several.")] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="MODEL", help="Propose a mapping to this unified model, such as crm. Repeatable."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    keep_personal: KeepPersonal = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Create connectors from documents of vendors, or from curl commands.

    Guesses are marked in connector.yaml. What could not be imported is listed in the output and in the connector's
    README.md.

    \b
    Examples:
      conn import openapi.yaml --only '/contacts*'
      conn import providers.yaml --entry hubspot
      conn import --curl 'curl https://api.example.com/contacts -H "Authorization: Bearer x"'
    """
    from conn_cli.call_options import MAX_INPUT
    from conn_cli.connector_import import ImportRequest, import_files
    from conn_engine.errors import UsageError

    app: App = context.obj
    request = ImportRequest(
        name,
        tuple(only or ()),
        base_url,
        security,
        with_samples,
        force,
        entries=tuple(entry or ()),
        every=every,
        models=tuple(model or ()),
        keep_personal=keep_personal,
        curl=app.stdin.read(MAX_INPUT) if curl == "-" else curl,
    )
    if not files and curl is None:
        raise UsageError("pass a file or --curl", hint="conn import openapi.yaml")
    import_files(app, files or [], request, formats or [])
