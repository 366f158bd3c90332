"""A service with the portal over the smallest workspace with a recording, and people who log in to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.testclient import TestClient
from studio_bench import write_shop

from conn_engine.config import load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.wire import FrozenClock
from conn_service.connect.settings import build_connect_settings, parse_origin
from conn_service.http.accounts import ConfigurationSource, WorkspaceConfiguration
from conn_service.http.service import Deployment, open_service
from conn_service.http.tokens import TokenScope, TokenStore
from conn_service.portal.routes import PortalSettings, build_portal_routes
from conn_service.store import open_engine

__all__ = ["CONTACTS", "NOW", "ORIGIN", "Portal", "open_portal", "read_digest"]

NOW = 1_700_000_000.0
ORIGIN = "https://conn.example"
CONTACTS = {"account": "acme", "operation": "crm.contacts.list"}


@dataclass
class Portal:
    """A service, and the browser of a person, which has cookies of its own for each name."""

    client: TestClient
    tokens: TokenStore
    clock: FrozenClock
    location: StoreLocation
    issued: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def issue(self, *scopes: TokenScope, name: str = "a test", **more: Any) -> str:
        """Create a token, and return its text."""
        issued = self.tokens.create(name, scopes, now=self.clock.now(), **more)
        self.issued[issued.text] = issued.token.id
        return issued.text

    def log_in(self, *scopes: TokenScope, **more: Any) -> str:
        """Log in with a new token instead of the earlier one, and return the ID of the token."""
        self.client.cookies.clear()
        text = self.issue(*scopes, **more)
        answer = self.send_form("/login", token=text)
        assert answer.status_code == 303, answer.text
        return self.issued[text]

    def send_form(self, path: str, **fields: str) -> Any:
        """Send a form as a page of the portal does."""
        headers = {"origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"}
        return self.client.post(f"/portal{path}", content=urlencode(fields), headers=headers, follow_redirects=False)

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(f"/portal{path}", **options)

    def ask(self, name: str, status: int = 200, method: str = "POST", **values: Any) -> Any:
        """Send a query of the page, and return the answer."""
        answer = self.client.request(method, f"/portal/api/{name}", json=values, headers={"origin": ORIGIN})
        assert answer.status_code == status, answer.text
        return answer.json()


def read_digest(portal: Portal) -> str:
    """Return the digest of Acme's document, as the page has opened it."""
    digest: str = portal.ask("operation", **CONTACTS)["file"]["digest"]
    return digest


@contextmanager
def open_portal(
    root: Path,
    *,
    public_url: str = ORIGIN,
    configure: Any = None,
    release_store: str = "",
    settings: Mapping[str, Any] | None = None,
    clock: Any = None,
    vault: MemoryVault | None = None,
) -> Iterator[Portal]:
    """Start a service with the portal. `configure` returns where it reads its configuration, and `settings` are
    further ones of the portal."""
    write_shop(root)
    source: ConfigurationSource = WorkspaceConfiguration(load_workspace(root)) if configure is None else configure(root)
    clock = clock or FrozenClock(NOW)
    location = StoreLocation.read(str(root / "service.sqlite3"), root)
    connect = build_connect_settings(public_url)
    portal_settings = PortalSettings(str(location.file), release_store, **(settings or {}))
    deployment = Deployment(
        source,
        location,
        vault or MemoryVault(),
        {},
        clock,
        connect=connect,
        more_routes=partial(build_portal_routes, settings=portal_settings, connect=connect),
    )
    with (
        open_service(deployment) as app,
        TestClient(app, base_url=parse_origin(public_url), raise_server_exceptions=False) as client,
    ):
        yield Portal(client, TokenStore(open_engine(location)), clock, location)
