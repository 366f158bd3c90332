"""A service with accounts of every kind of login, the vendor behind them, and a browser without JavaScript."""

import html
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from sqlalchemy.engine import Engine
from starlette.testclient import TestClient
from vendor import Vendor, start_vendor

from conn_engine.config import load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets import Vault
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.wire import FrozenClock
from conn_service.connect.settings import ConnectSettings, build_connect_settings
from conn_service.http.accounts import WorkspaceConfiguration
from conn_service.http.reading import ServiceLimits
from conn_service.http.service import Deployment, open_service
from conn_service.http.tokens import SCOPES, TokenScope, TokenStore
from conn_service.store import open_engine

NOW = 1_700_000_000.0
ORIGIN = "https://connect.example.com"
RETURN = "https://app.example.com"
KEYED = """\
label: Shop & Söhne <b>
base_url: {url}/v1
hosts: ["{host}"]
fields:
  - {{ name: region, label: Region, description: The region of the <i>store</i>., options: [eu, us] }}
  - {{ name: store, pattern: "^[a-z]+$", description: The part before .shop.example. }}
credentials: {{ format: api_key, config: {{ label: API key }} }}
authorization: {{ format: header, config: {{ headers: {{ x-key: "{{{{api_key}}}}" }} }} }}
verify: people.list
connect:
  - {{ name: store_id, request: {{ path: /me }}, transform: response.id }}
resources:
  people:
    list: {{ method: get, path: /people, response_path: items }}
"""
CONSENTED = """\
label: {label}
base_url: {url}/v1
hosts: ["{host}"]
credentials:
  format: oauth2
  config:
    client_id: client-{label}
    client_secret: "{{{{env.SECRET}}}}"
    authorization_url: {url}/{label}/authorize
    token_url: {url}/{label}/token
    scopes: [read]
env: [SECRET]
authorization: {{ format: bearer }}
verify: people.list
resources:
  people:
    list: {{ method: get, path: /people, response_path: items }}
"""
ENDPOINTS = """\
endpoints:
  app: { url: "https://app.example.com/hooks", events: [account.*] }
  contacts: { url: "https://app.example.com/contacts", events: [contact.*] }
  default: { url: "https://app.example.com/all" }
"""
CRM = """\
resources:
  contacts:
    list: { resource: people, response_mapping: { id: $string(response.id) } }
"""


@dataclass
class ConnectBench:
    """A service and its vendor. `keys` are the API keys and tokens that the vendor accepts, `codes` what it issued."""

    client: TestClient
    vendor: Vendor
    vault: MemoryVault
    clock: Any
    token: str
    location: StoreLocation
    engine: Engine
    keys: dict[str, int] = field(default_factory=lambda: {"good-key": 200, "weak-key": 403})
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def answer(self, got: Any) -> Any:
        """Answer as the vendor."""
        if got.path.endswith("/token"):
            form = got.data
            asked = self.codes.pop(form["code"], None)
            challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
            if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
                return 400, {"error": "invalid_grant", "error_description": "words of the vendor"}
            self.keys["fresh-token"] = 200
            return {"access_token": "fresh-token", "token_type": "Bearer", "expires_in": 3600}
        key = got.headers.get("x-key") or got.headers.get("authorization", "").removeprefix("Bearer ")
        status = self.keys.get(key, 401)
        if status != 200:
            return status, {"message": "<script>words of the vendor</script>"}
        return {"id": "s-1"} if got.path == "/v1/me" else {"items": [{"id": 1}]}

    def consent(self, url: str) -> str:
        """Agree on the vendor's page. Return where it redirects to."""
        query = dict(parse_qsl(urlsplit(url).query))
        code = secrets.token_hex(8)
        self.codes[code] = query
        return f"{urlsplit(query['redirect_uri']).path}?code={code}&state={query['state']}"

    def admin(self, method: str, path: str, data: Any = None, token: str | None = None, **headers: str) -> Any:
        """Send a request of the application."""
        headers["authorization"] = f"Bearer {token or self.token}"
        return self.client.request(method, path, json=data, headers=headers)

    def issue(self, *scopes: TokenScope, **more: Any) -> str:
        """Create a token and return its text."""
        return TokenStore(self.engine).create("a test", scopes, now=NOW, **more).text

    def link(self, account: str, **more: Any) -> str:
        """Make a link, and return its path."""
        response = self.admin("POST", "/admin/links", {"account": account, **more})
        assert response.status_code == 201, response.text
        url: str = response.json()["url"]
        assert url.startswith(f"{ORIGIN}/connect/")
        return url.removeprefix(ORIGIN)

    def open(self, *, framed: bool = False) -> "Browser":
        """Open a browser."""
        return Browser(self, framed)


@dataclass
class Browser:
    """A browser: its cookies, and the page that it shows."""

    bench: ConnectBench
    is_framed: bool = False
    cookies: dict[str, str] = field(default_factory=dict)
    page: httpx.Response | Any = None

    @property
    def text(self) -> str:
        """The page as a person reads it."""
        body = re.sub(r"<(style|title)[^>]*>.*?</\1>", "", self.page.text, flags=re.S)
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))).strip()

    def get(self, path: str) -> "Browser":
        """Open a page."""
        return self._send("GET", path)

    def send(self, path: str, token: str | None = None, origin: str | None = ORIGIN, **values: str) -> "Browser":
        """Send the form that is shown, or one with another token."""
        if token is None:
            found = re.search(r'name="token" value="([^"]+)"', self.page.text)
            assert found, self.text
            token = found[1]
        return self._send("POST", path, {"token": token, **values}, {} if origin is None else {"origin": origin})

    def find_link(self) -> str:
        """Return where the page leads at once."""
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', self.page.text)
        assert found, self.text
        return html.unescape(found[1])

    def _send(self, method: str, path: str, data: Any = None, headers: dict[str, str] | None = None) -> "Browser":
        sent = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **(headers or {})}
        sent["sec-fetch-dest"] = "iframe" if self.is_framed else "document"
        self.bench.client.cookies.clear()
        self.page = self.bench.client.request(method, path, data=data, headers=sent, follow_redirects=False)
        for line in self.page.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return self


@contextmanager
def open_connect_bench(
    root: Path,
    settings: ConnectSettings | None = None,
    *,
    files: Mapping[str, str] | None = None,
    clock: Any = None,
    service_vault: Vault | None = None,
    **limits: Any,
) -> Iterator[ConnectBench]:
    """Start the vendor and the service. `files` are further ones of the workspace. Without `service_vault`, the service
    uses the vault of the bench."""
    with start_vendor() as vendor:
        names = {"url": vendor.url, "host": vendor.host}
        texts = {
            "conn.yaml": f'version: 1\ntrusted_hosts: ["{vendor.host}"]\n{ENDPOINTS}',
            "connectors/shop/connector.yaml": KEYED.format(**names),
            "connectors/shop/unified/crm.yaml": CRM,
            "connectors/desk/connector.yaml": CONSENTED.format(label="Desk", **names),
            "connectors/mail/connector.yaml": CONSENTED.format(label="Mail", **names),
            "accounts/acme.yaml": "connector: shop\nlabel: Acme <Ltd>\n",
            "accounts/told.yaml": "connector: shop\ncontext: { region: eu, store: told }\n",
            "accounts/desk.yaml": "connector: desk\n",
            "accounts/mail.yaml": "connector: mail\n",
            "connectors/open/connector.yaml": f"base_url: {vendor.url}\nresources: {{}}\n",
            "accounts/open.yaml": "connector: open\n",
            **(files or {}),
        }
        for name, text in texts.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        settings = settings or build_connect_settings(ORIGIN, "Example CRM", [RETURN])
        vault, clock = MemoryVault(), clock or FrozenClock(NOW)
        location = StoreLocation.read(str(root / "service.sqlite3"), root)
        deployment = Deployment(
            WorkspaceConfiguration(load_workspace(root)),
            location,
            service_vault or vault,
            {"SECRET": "client-secret"},
            clock,
            ServiceLimits(**limits),
            connect=settings,
        )
        with open_service(deployment) as app, TestClient(app, settings.origin, raise_server_exceptions=False) as client:
            engine = open_engine(location)
            issued = TokenStore(engine).create("a test", SCOPES, now=NOW)
            bench = ConnectBench(client, vendor, vault, clock, issued.text, location, engine)
            vendor.answer = bench.answer
            yield bench
