"""A service with a connector that receives deliveries, and what makes their events."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from service_bench import CONNECTOR, CRM, Bench, open_bench

from conn_engine.config import Workspace, load_workspace
from conn_service.delivery import tables as delivery_tables
from conn_service.delivery.store import DeliveryStore
from conn_service.http.reading import ServiceLimits
from conn_service.inbox import InboxExpander, InboxQueue, InboxStore
from conn_service.store import open_engine
from conn_service.syncs.requests import find_requests
from conn_service.syncs.store import SyncStore

SECRET = "s3cret"
HOOKS = """\
fields: [{ name: webhook_secret, label: Signing secret, secret: true, required: false }]
webhooks:
  verify: { format: hmac, signature: 'headers."x-signature"' }
  events:
    { each: body.events, type: item.type, id: item.id, occurred_at: item.at, record: item.person,
      record_id: $string(item.no) }
"""
WORKSPACE = """\
version: 1
trusted_hosts: [HOST]
endpoints: { default: { url: 'https://app.example.com/in', events: ['*'] } }
"""
EVENTS = """\
    events:
      updated: { when: event.type = "changed", record: event.record }
      created: { when: event.type = "new", fetch: event.record_id }
"""


@dataclass
class InboxBench:
    """The service, and an expander on its store."""

    service: Bench
    root: Path
    expander: InboxExpander
    queue: InboxQueue

    @property
    def store(self) -> InboxStore:
        return self.expander.store

    def send(
        self, *events: Mapping[str, Any], secret: str = SECRET, path: str = "/webhooks/shop/acme", **headers: str
    ) -> Any:
        """Deliver events, signed with a secret."""
        content = json.dumps({"events": events}).encode()
        signature = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
        return self.service.client.post(path, content=content, headers={"x-signature": signature, **headers})

    def write(self, files: Mapping[str, str]) -> None:
        """Change the configuration that events are made with. HOST stands for the vendor's."""
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text.replace("HOST", f"'{self.service.vendor.host}'"))

    def find_deliveries(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return what waits for endpoints: the endpoint, the type, and the body of each event."""
        columns = delivery_tables.delivery.c
        event = delivery_tables.event
        query = sa.select(columns.endpoint, columns.type, event.c.body).join(event, delivery_tables.IS_EVENT)
        query = query.order_by(columns.number)
        with self.store.engine.connect() as connection:
            return [(row[0], row[1], json.loads(row[2])) for row in connection.execute(query)]

    def find_started(self) -> list[str]:
        """Return the syncs that are requested."""
        return [request.sync for request in find_requests(self.store.engine)]


def changed(number: int = 7, id_: str | None = "e1", **more: Any) -> dict[str, Any]:
    """An event of the vendor."""
    event = {"type": "changed", "person": {"id": number, "name": "Ada", "mail": "ada@example.com"}, "no": number}
    return {**event, **({} if id_ is None else {"id": id_}), **more}


@contextmanager
def open_inbox(root: Path, limits: ServiceLimits | None = None, hooks: str = HOOKS) -> Iterator[InboxBench]:
    """Start the service, and stop it at the end. `hooks` is what the connector has for webhooks."""
    files = {
        "connectors/shop/unified/crm.yaml": CRM.replace("    get:\n", f"{EVENTS}    get:\n", 1),
        "accounts/acme.yaml": "connector: shop\n",
    }
    connector = CONNECTOR + hooks.replace("{", "{{").replace("}", "}}")
    with open_bench(root, files=files, connector=connector, limits=limits) as service:
        service.vault.save("acme", {"token": "token-of-acme", "webhook_secret": SECRET})
        engine = open_engine(service.location)
        DeliveryStore(engine)
        SyncStore(engine)

        def get_current() -> tuple[str, Workspace]:
            return "", load_workspace(root)

        store = InboxStore(engine)
        expander = InboxExpander(store, get_current, {"CONN_NO_KEYRING": "1"}, service.vault, service.clock)
        inbox = InboxBench(service, root, expander, InboxQueue(engine))
        inbox.write({"conn.yaml": WORKSPACE})
        yield inbox
        engine.dispose()
