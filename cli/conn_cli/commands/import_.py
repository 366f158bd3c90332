"""`conn import`: connectors from vendors' own documents."""

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
        list[Path],
        typer.Argument(
            metavar="FILE…", help="OpenAPI, low-code manifest, Postman, HAR or provider entries; JSON or YAML."
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="The connector's name. Default: from the document.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PATTERN", help="Glob on path, tag or operation name; repeatable."),
    ] = None,
    base_url: Annotated[str, typer.Option("--base-url", metavar="URL", help="Instead of the document's server.")] = "",
    security: Annotated[
        str, typer.Option("--security", metavar="SCHEME", help="The security scheme to use, by the document's name.")
    ] = "",
    with_samples: Annotated[
        bool, typer.Option("--with-samples", help="Sample recordings of the lists, from examples or schemas.")
    ] = False,
    entry: Annotated[
        list[str] | None,
        typer.Option(
            "--entry", metavar="KEY", help="Of a file with several connectors: the one to import; repeatable."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Of a file with several connectors: all of them.")] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="MODEL", help="Propose a unified mapping to this model (crm, ticketing …); repeatable."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files of the same names.")] = False,
    keep_personal: KeepPersonal = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Make a connector from an OpenAPI document, an Airbyte manifest, a Postman collection, a HAR or a Nango provider.

    OpenAPI 3.x and 2.0, low-code manifests of any version, provider entries in YAML.

    What was guessed says so in connector.yaml, what could not be carried over is listed there and here.
    """
    from conn_cli.connector_import import ImportRequest, import_files

    app: App = context.obj
    wishes = ImportRequest(
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
    )
    import_files(app, files, wishes, formats or [])
