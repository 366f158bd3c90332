"""`conn schema`: print a published JSON Schema."""

from typing import Annotated

import typer

from conn_cli.console import App


def schema(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="connector, unified, account … or a record such as crm.contact."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Put the documents' schemas into the workspace's schemas/, for editors.")
    ] = False,
) -> None:
    """Print the JSON Schema of a document or of a unified record. Without a name: list them."""
    from conn_cli.schemas import find_schema, schema_names
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError

    app: App = context.obj
    if write:
        from conn_cli.scaffold import write_schemas

        made = write_schemas(app.workspace.root, refresh=True)
        app.out(f"{len(made)} schemas written to schemas/")
        return
    names = schema_names(app)
    if name is None:
        for known in names:
            app.out(known)
        return
    path = find_schema(app, name)
    if path is None:
        raise UsageError(f'there is no schema "{name}"', hint=did_you_mean(name, names) or "conn schema lists them")
    app.out(path.read_text(encoding="utf-8").rstrip(), form="json")
