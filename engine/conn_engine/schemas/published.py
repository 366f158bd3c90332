"""Which documents have a published schema, and the text of each, of documents and reports. The shapes come from the
models through `generate`.
"""

from typing import Any, Final

from conn_engine.config.models import (
    AcceptedChange,
    Account,
    Connector,
    Environment,
    UnifiedDocument,
    WorkspaceSettings,
)
from conn_engine.documents import dump_json
from conn_engine.recordings.files import Recording
from conn_engine.schemas.generate import Generator, Schema
from conn_engine.webhooks.recorded import RecordedDelivery

__all__ = ["MODELS", "SITE", "schema", "texts"]

SITE: Final = "https://conn.dev/schemas"

MODELS: Final[dict[str, tuple[Any, str]]] = {
    "connector": (Connector, "Conn connector"),
    "unified": (UnifiedDocument, "Conn unified mappings"),
    "environment": (Environment, "Conn environment"),
    "account": (Account, "Conn account"),
    "change": (AcceptedChange, "Conn accepted change"),
    "workspace": (WorkspaceSettings, "Conn workspace"),
    "recording": (Recording, "Conn recording"),
    "delivery": (RecordedDelivery, "Conn recorded delivery"),
}
"""Document kind to its model and title."""


def schema(kind: str) -> Schema:
    """The published schema of a kind of document."""
    model, title = MODELS[kind]
    generator = Generator()
    made = generator.struct(model)
    here = {"type": "string", "description": "Schema of this document, for editors."}
    made["properties"] = {"$schema": here, **made["properties"]}
    definitions = dict(sorted(generator.definitions.items()))
    return {**_head(f"{kind}.schema.json", title), **made, **({"$defs": definitions} if definitions else {})}


def _head(name: str, title: str) -> Schema:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{SITE}/{name}", "title": title}


def texts() -> dict[str, str]:
    """File name to the text that belongs in it, for every kind of document and report."""
    from conn_engine.schemas.reports import REPORTS, report_schema  # imports most of the engine

    found = {f"{kind}.schema.json": schema(kind) for kind in MODELS}
    for kind in REPORTS:
        name = f"reports/{kind}.schema.json"
        found[name] = {**_head(name, f"Conn report: {kind}"), **report_schema(kind)}
    return {name: dump_json(made) for name, made in found.items()}
