"""The digest of everything that a connector's score depends on: its files, and the schemas of its models."""

from typing import Final

from conn_engine.analysis.population import join_digests
from conn_engine.config import Workspace
from conn_engine.documents.copied_files import compute_files_digest, read_files
from conn_engine.documents.locate import find_packaged

__all__ = ["compute_score_digest", "compute_tested_digest"]

_TESTED: Final = ("connector.", "unified/", "recordings/", "deliveries/", "expected/")


def compute_score_digest(workspace: Workspace, connector: str) -> str:
    """Return the digest of a connector's files and of the schemas of the models that it maps to."""
    own = compute_files_digest(read_files(workspace.root / "connectors" / connector))
    schemas: dict[str, bytes] = {}
    for folder in (find_packaged("schemas", "models"), *reversed(workspace.models)):
        for model in workspace.unified_models(connector):
            for path in sorted((folder / model).glob("*.schema.json")):
                schemas[f"{model}/{path.name}"] = path.read_bytes()
    return join_digests(own, compute_files_digest(schemas))


def compute_tested_digest(workspace: Workspace, connector: str) -> str:
    """Return the digest of what tests a connector: its documents, recordings and goldens."""
    files = read_files(workspace.root / "connectors" / connector)
    return compute_files_digest({name: content for name, content in files.items() if name.startswith(_TESTED)})
