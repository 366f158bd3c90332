"""The workspace, the vendor and the client of the service's tests."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.routing import Route
from starlette.testclient import TestClient
from vendor import Vendor, start_vendor

from conn_engine.config import load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets import Vault
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.wire import FrozenClock
from conn_service.connect.settings import ConnectSettings
from conn_service.http.accounts import ConfigurationSource, WorkspaceConfiguration
from conn_service.http.health import DrainState
from conn_service.http.reading import ServiceLimits
from conn_service.http.service import Deployment, ServiceParts, open_service
from conn_service.http.tokens import SCOPES, TokenScope, TokenStore
from conn_service.http.tracing import NO_TRACES, Traces
from conn_service.store import open_engine

__all__ = ["NOW", "Bench", "open_bench", "read_problem"]

NOW = 1_700_000_000.0
CONNECTOR = """\
base_url: {url}/v1
hosts: ["{host}"]
credentials: {{ format: bearer }}
authorization: {{ format: bearer }}
rate_limit: {{ slow_when_remaining: 1 }}
pagination: {{ format: cursor, config: {{ cursor_field: next, cursor_param: after }} }}
resources:
  people:
    list: {{ method: get, path: /people, response_path: items }}
    get: {{ method: get, path: "/people/{{{{id}}}}" }}
    create: {{ method: post, path: /people }}
    update: {{ method: patch, path: "/people/{{{{id}}}}" }}
    delete: {{ method: delete, path: "/people/{{{{id}}}}" }}
    merge: {{ method: post, path: "/people/{{{{id}}}}/merge" }}
"""
CRM = """\
resources:
  contacts:
    list:
      resource: people
      query_mapping: { size: query.limit, since: query.updated_after }
      response_mapping: { id: $string(response.id), first_name: response.name, email: response.mail }
    get:
      resource: people
      response_mapping: { id: $string(response.id), first_name: response.name, email: response.mail }
    create:
      resource: people
      request_body_mapping: { name: body.first_name }
      response_mapping: { id: $string(response.id), first_name: response.name }
    update:
      resource: people
      request_body_mapping: { name: body.first_name }
      response_mapping: { id: $string(response.id), first_name: response.name }
    delete: { resource: people, response_mapping: { id: id } }
    merge: { resource: people, response_mapping: { id: id } }
"""


def answer_people(got: Any) -> Any:
    """A vendor with three people on three pages."""
    number = int(got.query.get("after", "1"))
    limits = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "42", "X-RateLimit-Reset": "7"}
    if got.path == "/v1/people" and got.method == "GET":
        page = {"items": [{"id": number, "name": f"P{number}", "mail": f"p{number}@example.com"}]}
        return 200, limits, page | ({"next": str(number + 1)} if number < 3 else {})
    if got.path == "/v1/people":
        return 201, {}, {"id": 9, "name": got.data["name"]}
    if got.method in ("DELETE", "POST"):
        return 204, None
    if got.method == "PATCH":
        return {"id": 1, "name": got.data["name"]}
    if got.path in ("/v1/people/1", "/v1/people/a%2Fb"):
        return 200, limits, {"id": 1, "name": "P1", "mail": None}
    return 404, {"message": "secret words of the vendor"}


@dataclass
class Bench:
    """A service, its client, and the vendor behind it. `token` allows everything for all accounts."""

    client: TestClient
    vendor: Vendor
    tokens: TokenStore
    clock: FrozenClock
    vault: MemoryVault
    location: StoreLocation
    app: Any = None
    environ: dict[str, str] = field(default_factory=dict)
    drain: DrainState = field(default_factory=DrainState)
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def issue(self, *scopes: TokenScope, accounts: Sequence[str] = ("acme",), **more: Any) -> str:
        """Create a token and return its text."""
        issued = self.tokens.create("a test", scopes or SCOPES, now=NOW, accounts=accounts, **more)
        return issued.text

    def ask(
        self,
        method: str,
        path: str,
        data: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request with a token, by default the one for acme, and return the response."""
        sent = {"authorization": f"Bearer {token or self.token}", **(headers or {})}
        content = None
        if data is not None:
            content = json.dumps(data)
            sent.setdefault("content-type", "application/json")
        return self.client.request(method, path, content=content, headers=sent)


def read_problem(response: Any) -> dict[str, Any]:
    """Return a problem without the ID of its request, which must be that of the header."""
    data: dict[str, Any] = response.json()
    assert data.pop("request_id") == response.headers["conn-request-id"]
    return data


@contextmanager
def open_bench(
    root: Path,
    *,
    limits: ServiceLimits | None = None,
    override: str = "",
    settings: str = "",
    connector: str = CONNECTOR,
    files: Mapping[str, str] | None = None,
    store: StoreLocation | None = None,
    traces: Traces = NO_TRACES,
    vault: Vault | None = None,
    configure: Callable[[Path], ConfigurationSource] = lambda root: WorkspaceConfiguration(load_workspace(root)),
    has_docs_page: bool = True,
    more_routes: Callable[[ServiceParts], Sequence[Route]] = lambda parts: (),
    connect: ConnectSettings | None = None,
) -> Iterator[Bench]:
    """Start the vendor and the service. `override` is what the account acme overrides, `connector` the text of its
    connector, `settings` are further ones of conn.yaml, `files` are further ones, `store` is that of another replica,
    `configure` returns where the service reads its configuration, `more_routes` those of other packages, and
    `connect` has the public address."""
    with start_vendor(answer_people) as vendor:
        texts = {
            "conn.yaml": f'version: 1\ntrusted_hosts: ["{vendor.host}"]\n{settings}',
            "connectors/shop/connector.yaml": connector.format(url=vendor.url, host=vendor.host),
            "connectors/shop/unified/crm.yaml": CRM,
            "accounts/acme.yaml": f"connector: shop\n{override}",
            "accounts/globex.yaml": "connector: shop\n",
            "accounts/empty.yaml": "connector: shop\n",
            **(files or {}),
        }
        for name, text in texts.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        memory = MemoryVault({"acme": {"token": "token-of-acme"}, "globex": {"token": "token-of-globex"}})
        clock = FrozenClock(NOW)
        location = store or StoreLocation.read(str(root / "service.sqlite3"), root)
        environ: dict[str, str] = {}
        deployment = Deployment(
            configure(root),
            location,
            vault or memory,
            environ,
            clock,
            limits or ServiceLimits(),
            has_docs_page=has_docs_page,
            traces=traces,
            more_routes=more_routes,
            connect=connect,
        )
        with open_service(deployment) as app, TestClient(app, raise_server_exceptions=False) as client:
            bench = Bench(client, vendor, TokenStore(open_engine(location)), clock, memory, location, environ=environ)
            bench.app, bench.drain = app, deployment.drain
            bench.token = bench.issue()
            yield bench
