"""The schemas of unified records, as lint reads them. Checking results against them is the runtime's."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from conn_engine.documents import read
from conn_engine.documents.locate import packaged
from conn_engine.errors import ConfigurationError

__all__ = ["known_models", "model_schema"]

_SUFFIX = ".schema.json"


@lru_cache(maxsize=512)
def model_schema(folders: tuple[Path, ...], model: str, record: str) -> dict[str, Any] | None:
    """The schema of one record, the workspace's own first; None when there is none or it cannot be read."""
    for folder in (*folders, packaged("schemas", "models")):
        path = folder / model / f"{record}.schema.json"
        if path.is_file():
            try:
                data = read(path, path.name).data
            except ConfigurationError:
                return None
            return data if isinstance(data, dict) else None
    return None


def known_models(folders: tuple[Path, ...]) -> dict[str, dict[str, dict[str, Any]]]:
    """Every model that can be mapped to, with the schemas of its records by name: the workspace's own first."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for folder in (*folders, packaged("schemas", "models")):
        for path in sorted(folder.glob(f"*/*{_SUFFIX}")):
            model, record = path.parent.name, path.name.removesuffix(_SUFFIX)
            schema = model_schema(folders, model, record)
            if schema is not None:
                found.setdefault(model, {}).setdefault(record, schema)
    return found
