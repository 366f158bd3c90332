"""The digest of everything that a connector's score depends on: its files, the schemas of its models, and the
severities that conn.yaml sets.
"""

from typing import Final

from conn_engine.analysis.population import join_digests
from conn_engine.config import Workspace
from conn_engine.documents.copied_files import compute_files_digest, read_files
from conn_engine.documents.locate import find_packaged

__all__ = ["compute_score_digest", "compute_tested_digest"]

_TESTED: Final = ("connector.", "unified/", "recordings/", "deliveries/", "expected/")


def compute_score_digest(workspace: Workspace, connector: str) -> str:
    """Return the digest of a connector's files, of the schemas of the models that it maps to, and of the severities of
    findings in the workspace, if it sets any."""
    own = compute_files_digest(read_files(workspace.root / "connectors" / connector))
    schemas: dict[str, bytes] = {}
    for folder in (find_packaged("schemas", "models"), *reversed(workspace.models)):
        for model in workspace.unified_models(connector):
            for path in sorted((folder / model).glob("*.schema.json")):
                schemas[f"{model}/{path.name}"] = path.read_bytes()
    severities = workspace.settings.lint.severity
    settings = {"severity": repr(sorted(severities.items())).encode()} if severities else {}
    return join_digests(own, compute_files_digest({**schemas, **settings}))


def compute_tested_digest(workspace: Workspace, connector: str) -> str:
    """Return the digest of what tests a connector: its documents, recordings and goldens."""
    files = read_files(workspace.root / "connectors" / connector)
    return compute_files_digest({name: content for name, content in files.items() if name.startswith(_TESTED)})
