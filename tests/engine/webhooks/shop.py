"""A vendor that sends events of people, one or several of its accounts, and their receiver."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from desk import NOW, URL, Vendor, document, workspace

from conn_engine.runtime.webhooks import Receiver
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.webhooks import Delivery
from conn_engine.wire import FrozenClock, Headers, Response

WEBHOOKS: dict[str, Any] = {
    "verify": {"format": "token", "config": {"token": "headers.token", "key": "{{secret}}"}},
    "account": {"value": "item.shop", "context": "shop"},
    "events": {
        "each": "body.events",
        "type": "item.type",
        "id": "item.id",
        "occurred_at": "item.at",
        "record": "item.person",
        "record_id": "item.person_id",
    },
}
MAPPED = {"id": "$string(response.id)", "first_name": "response.name"}
UNIFIED: dict[str, Any] = {
    "resources": {
        "contacts": {
            "get": {"resource": "people", "response_mapping": MAPPED},
            "events": {
                "created": {"when": 'event.type = "person.created"', "record": "event.record"},
                "updated": {"when": 'event.type = "person.updated"', "fetch": "event.record_id"},
                "deleted": {"when": 'event.type = "person.gone"', "record": '{"id": event.record_id}'},
            },
        }
    }
}
RESOURCES = {"people": {"get": {"method": "get", "path": "/people/{{id}}"}}}


def receiver(
    root: Path,
    *,
    accounts: Mapping[str, Mapping[str, Any]] | None = None,
    stored: Mapping[str, Mapping[str, Any]] | None = None,
    webhooks: Mapping[str, Any] | None = None,
    unified: Mapping[str, Any] | None = None,
    files: Mapping[str, str] | None = None,
    vendor: Vendor | None = None,
    **more: Any,
) -> Receiver:
    """A receiver of a workspace in which each account has the secret "s", and what else is stored for it."""
    told = accounts if accounts is not None else {"me": {}}
    texts = {f"accounts/{name}.yaml": yaml.safe_dump({"connector": "vendor", **one}) for name, one in told.items()}
    texts["connectors/vendor/unified/crm.yaml"] = yaml.safe_dump({**UNIFIED, **(unified or {})})
    connector = document({**WEBHOOKS, **(webhooks or {})}, resources=RESOURCES)
    vault = MemoryVault()
    for name in told:
        vault.save(name, {"bearer": "t", "token": "t", "secret": "s", **(stored or {}).get(name, {})})
    made = workspace(root, {"vendor": connector}, {**texts, **(files or {})})
    environ: dict[str, str] = {"SECRET": "s"}
    return Receiver(made, environ, vault, vendor or Vendor(), FrozenClock(NOW), **more)


def told(*events: Mapping[str, Any], token: str = "s", **headers: str) -> Delivery:
    """A delivery of events."""
    return Delivery("POST", URL, Headers({"token": token, **headers}), json.dumps({"events": list(events)}).encode())


def answering(data: Any, status: int = 200) -> Vendor:
    """A vendor that answers every request so."""
    kind = Headers({"content-type": "application/json"})
    return Vendor(lambda request: Response(status, kind, json.dumps(data).encode()))
