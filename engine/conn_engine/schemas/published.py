"""The documents with a published schema, and the text of each schema, including those of reports. `generate` creates
them from the models."""

from typing import Any, Final

from conn_engine.analysis.score.contract import PublishedContract
from conn_engine.config.models import (
    AcceptedChange,
    Account,
    Connector,
    Environment,
    UnifiedDocument,
    WorkspaceSettings,
)
from conn_engine.config.sync_models import SyncDocument
from conn_engine.documents import dump_json
from conn_engine.recordings.files import Recording
from conn_engine.roles import RULE
from conn_engine.schemas.generate import Generator, Schema
from conn_engine.webhooks.recorded import RecordedDelivery

__all__ = ["MODELS", "SITE", "build_schema", "build_texts"]

SITE: Final = "https://conn.dev/schemas"

MODELS: Final[dict[str, tuple[Any, str]]] = {
    "connector": (Connector, "Conn connector"),
    "unified": (UnifiedDocument, "Conn unified mappings"),
    "environment": (Environment, "Conn environment"),
    "account": (Account, "Conn account"),
    "change": (AcceptedChange, "Conn accepted change"),
    "sync": (SyncDocument, "Conn sync"),
    "contract": (PublishedContract, "Conn contract"),
    "workspace": (WorkspaceSettings, "Conn workspace"),
    "recording": (Recording, "Conn recording"),
    "delivery": (RecordedDelivery, "Conn recorded delivery"),
}
"""Document kind to its model and title."""


_CONFIGURATIONS: Final = frozenset({"connector", "unified", "environment", "account"})
"""The documents that have settings of a connector."""


def build_schema(kind: str) -> Schema:
    """Return the published schema of a kind of document."""
    model, title = MODELS[kind]
    generator = Generator()
    document = generator.describe_model(model)
    pointer = {"type": "string", "description": "Schema of this document, for editors."}
    document["properties"] = {"$schema": pointer, **document["properties"]}
    if kind in _CONFIGURATIONS:
        document["description"] = f"{RULE} {document['description']}"
    definitions = dict(sorted(generator.definitions.items()))
    return {**_build_head(f"{kind}.schema.json", title), **document, **({"$defs": definitions} if definitions else {})}


def _build_head(name: str, title: str) -> Schema:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{SITE}/{name}", "title": title}


def build_texts() -> dict[str, str]:
    """Return the text of every published schema of documents and reports by file name."""
    from conn_engine.schemas.reports import REPORTS, build_report_schema  # imports most of the engine

    texts = {f"{kind}.schema.json": build_schema(kind) for kind in MODELS}
    for kind in REPORTS:
        name = f"reports/{kind}.schema.json"
        texts[name] = {**_build_head(name, f"Conn report: {kind}"), **build_report_schema(kind)}
    return {name: dump_json(schema) for name, schema in texts.items()}
