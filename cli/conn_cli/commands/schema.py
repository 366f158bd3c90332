"""`conn schema`: print a published JSON Schema."""

from pathlib import Path
from typing import Annotated

import typer

from conn_cli.console import App

SUFFIX = ".schema.json"


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
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError

    app: App = context.obj
    if write:
        from conn_cli.scaffold import write_schemas

        made = write_schemas(app.workspace.root, refresh=True)
        app.out(f"{len(made)} schemas written to schemas/")
        return
    names = _names(app)
    if name is None:
        for known in names:
            app.out(known)
        return
    path = _find(app, name)
    if path is None:
        raise UsageError(f'there is no schema "{name}"', hint=did_you_mean(name, names) or "conn schema lists them")
    app.out(path.read_text(encoding="utf-8").rstrip(), form="json")


def _folders(app: App) -> list[Path]:
    from conn_engine.documents.locate import find_workspace, packaged

    own = app.workspace.models if find_workspace(app.folder) is not None else []
    return [*own, packaged("schemas", "models")]


def _names(app: App) -> list[str]:
    """Every schema that `conn schema` can print, documents first."""
    from conn_engine.documents.locate import packaged

    documents = sorted(path.name.removesuffix(SUFFIX) for path in packaged("schemas").glob(f"*{SUFFIX}"))
    records = {
        f"{path.parent.name}.{path.name.removesuffix(SUFFIX)}"
        for folder in _folders(app)
        for path in folder.glob(f"*/*{SUFFIX}")
    }
    return [*documents, *sorted(records)]


def _find(app: App, name: str) -> Path | None:
    """The file of a schema by its name, or None."""
    from conn_engine.documents.locate import packaged

    if name not in _names(app):
        return None
    model, _, record = name.rpartition(".")
    if not model:
        return packaged("schemas") / f"{name}{SUFFIX}"
    return next((p for folder in _folders(app) if (p := folder / model / f"{record}{SUFFIX}").is_file()), None)
