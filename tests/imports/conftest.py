"""Documents of our own making, and imports of them as data and text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reading import read_connector

from conn_import import ImportedConnector, Options, import_source, read_source

DOCUMENTS = Path(__file__).parent / "documents"


class Made:
    """An import: `data` is connector.yaml read back, `text` as written, `lost` what is listed as left out."""

    def __init__(self, imported: ImportedConnector) -> None:
        self.imported = imported
        self.text = imported.files["connector.yaml"]
        self.data: dict[str, Any] = read_connector(self.text)
        self.lost = dict(imported.losses)

    def operation(self, name: str) -> dict[str, Any]:
        resource, _, method = name.partition(".")
        return self.data["resources"][resource][method]

    @property
    def names(self) -> set[str]:
        return {f"{resource}.{method}" for resource, rows in self.data["resources"].items() for method in rows}


Importer = Callable[..., Made]


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    def run(document: dict[str, Any] | str, **options: Any) -> Made:
        path = DOCUMENTS / document if isinstance(document, str) else tmp_path / "document.json"
        if not isinstance(document, str):
            path.write_text(json.dumps(document))
        options.setdefault("name", "vendor")
        return Made(import_source(read_source(path), Options(**options)))

    return run


@pytest.fixture
def api() -> Callable[..., dict[str, Any]]:
    """An OpenAPI document with these paths."""

    def make(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "openapi": "3.0.0",
            "info": {"title": "T"},
            "servers": [{"url": "https://api.t.example"}],
            "paths": paths,
        } | more

    return make


@pytest.fixture
def answers() -> Callable[..., dict[str, Any]]:
    """The responses of an operation whose JSON answer has this schema."""

    def make(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"200": {"description": "ok", "content": {"application/json": {"schema": schema, **more}}}}

    return make
