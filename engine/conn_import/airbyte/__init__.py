"""Import low-code manifests of an ELT kit as connectors. Every stream becomes a list operation."""

from collections.abc import Mapping
from typing import Any

from conn_import.airbyte.manifest import LABEL, build_manifest_connector
from conn_import.contract import FinishedConnector, Options

__all__ = ["LABEL", "import_document", "recognizes"]


def recognizes(data: Any) -> bool:
    """Return whether a document is a manifest, by its type or by its streams and check."""
    if not isinstance(data, Mapping):
        return False
    streams = data.get("streams") or data.get("dynamic_streams")
    return isinstance(streams, list) and (
        data.get("type") == "DeclarativeSource" or isinstance(data.get("check"), Mapping)
    )


def import_document(data: Any, options: Options) -> FinishedConnector:
    """Return the connector of a manifest."""
    return build_manifest_connector(data, options)
