"""Finds the published schemas: of documents, and of unified records (the workspace's own first)."""

from pathlib import Path

from conn_cli.console import App

__all__ = ["find_schema", "schema_names"]

SUFFIX = ".schema.json"


def _folders(app: App) -> list[Path]:
    from conn_engine.documents.locate import find_workspace, packaged

    own = app.workspace.models if find_workspace(app.folder) is not None else []
    return [*own, packaged("schemas", "models")]


def schema_names(app: App) -> list[str]:
    """Every schema that `conn schema` can print, documents first."""
    from conn_engine.documents.locate import packaged

    documents = sorted(path.name.removesuffix(SUFFIX) for path in packaged("schemas").glob(f"*{SUFFIX}"))
    records = {
        f"{path.parent.name}.{path.name.removesuffix(SUFFIX)}"
        for folder in _folders(app)
        for path in folder.glob(f"*/*{SUFFIX}")
    }
    return [*documents, *sorted(records)]


def find_schema(app: App, name: str) -> Path | None:
    """The file of a schema by its name, or None."""
    from conn_engine.documents.locate import packaged

    if name not in schema_names(app):
        return None
    model, _, record = name.rpartition(".")
    if not model:
        return packaged("schemas") / f"{name}{SUFFIX}"
    return next((p for folder in _folders(app) if (p := folder / model / f"{record}{SUFFIX}").is_file()), None)
