"""A shop whose tokens expire, for tests of several replicas: its vendor, and the workspace of a service."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vendor import Arrived, Vendor

__all__ = ["BUDGET", "ENVIRON", "STALE", "RenewingShop", "prepare_service", "write_workspace"]

ENVIRON = {"CONN_VAULT_KEY": "a-key-of-all-replicas", "CONN_NO_KEYRING": "1"}
BUDGET = 40
STALE = {"oauth": {"token": {"access_token": "access-0", "refresh_token": "refresh-0"}}}
"""The credential of an account whose access token the vendor has ended."""
_CONNECTOR = """\
base_url: {url}
hosts: ["{host}"]
credentials:
  format: oauth2
  config: {{ token_url: "{url}/token", client_id: client, client_secret: "{{{{env.SHOP_SECRET}}}}" }}
authorization: {{ format: bearer }}
resources:
  people:
    list: {{ path: /people, response_path: items }}
    get:
      path: "/people/{{{{id}}}}"
      rate_limit: {{ budget: [{{ requests: {budget}, per_seconds: 100000 }}] }}
"""
_CRM = """\
resources:
  contacts:
    list: { resource: people, response_mapping: { id: $string(response.id) } }
    get: { resource: people, response_mapping: { id: $string(response.id) } }
"""


@dataclass
class RenewingShop:
    """Answers only to the newest access token. A refresh token is good for one exchange, which takes a moment."""

    exchanges: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, arrived: Arrived) -> Any:
        """Answer a request."""
        status, data = self._exchange(arrived) if arrived.path == "/token" else self._serve(arrived)
        with self._lock:
            self.statuses[status] += 1
        return status, data

    def _exchange(self, arrived: Arrived) -> tuple[int, Any]:
        time.sleep(0.05)
        with self._lock:
            if arrived.data["refresh_token"] != f"refresh-{self.exchanges}":
                return 400, {"error": "invalid_grant"}
            self.exchanges += 1
            number = self.exchanges
        return 200, {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": 3600}

    def _serve(self, arrived: Arrived) -> tuple[int, Any]:
        if arrived.headers.get("authorization") != f"Bearer access-{self.exchanges or 'none'}":
            return 401, {}
        return 200, {"id": 1} if arrived.path != "/people" else {"items": [{"id": 1}]}


def prepare_service(
    root: Path, store: str, key: str = ENVIRON["CONN_VAULT_KEY"], accounts: Sequence[str] = ("acme",)
) -> str:
    """Store a credential of each account in the database of the replicas, and return a token for the accounts."""
    from conn_engine.config import load_workspace
    from conn_engine.releases.store_location import StoreLocation
    from conn_service.http.tokens import TokenStore
    from conn_service.store import open_database_vault, open_engine

    engine = open_engine(StoreLocation.read(store, root))
    try:
        vault = open_database_vault(engine, load_workspace(root), {**ENVIRON, "CONN_VAULT_KEY": key})
        for account in accounts:
            vault.save(account, STALE)
        return TokenStore(engine).create("app", ["unified:read"], now=0, accounts=list(accounts)).text
    finally:
        engine.dispose()


def write_workspace(root: Path, vendor: Vendor, accounts: tuple[str, ...] = ("acme",)) -> None:
    """Write the workspace. One operation of the connector has a budget of `BUDGET` requests, which lasts."""
    files = {
        "conn.yaml": f'version: 1\nid: 0123456789abcdef\ntrusted_hosts: ["{vendor.host}"]\n',
        "connectors/shop/connector.yaml": _CONNECTOR.format(url=vendor.url, host=vendor.host, budget=BUDGET),
        "connectors/shop/unified/crm.yaml": _CRM,
        **{f"accounts/{account}.yaml": "connector: shop\n" for account in accounts},
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
