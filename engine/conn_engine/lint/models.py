"""Load the unified models that a workspace can map to."""

from pathlib import Path
from typing import Any

from conn_engine.config import SchemaFiles
from conn_engine.documents import Document, read_document
from conn_engine.documents.locate import find_packaged

__all__ = ["load_models"]

_SUFFIX = ".schema.json"


def load_models(folders: tuple[Path, ...]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return each model with the schemas of its records by name, the workspace's own first."""
    files = SchemaFiles(folders, find=_read_if_exists)
    models: dict[str, dict[str, dict[str, Any]]] = {}
    for folder in (*folders, find_packaged("schemas", "models")):
        for path in sorted(folder.glob(f"*/*{_SUFFIX}")):
            model, record = path.parent.name, path.name.removesuffix(_SUFFIX)
            schema = files.find_record(model, record)
            if schema is not None:
                models.setdefault(model, {}).setdefault(record, schema)
    return models


def _read_if_exists(path: Path) -> Document | None:
    return read_document(path, path.name) if path.is_file() else None
