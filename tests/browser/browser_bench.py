"""A service that a real browser reaches over loopback, the sites around it, and what a test asks of a page."""

import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, BrowserContext, Frame, Page, sync_playwright
from processes import cache as packages
from processes.oidc import BASIC, Oidc, oidc
from vendor import Vendor, start_vendor

from conn_engine.config import load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets.vault.memory import MemoryVault
from conn_service.connect.links import LinkStore
from conn_service.connect.settings import build_connect_settings
from conn_service.http.accounts import WorkspaceConfiguration
from conn_service.http.service import Deployment, open_service
from conn_service.listening import listen
from conn_service.store import open_engine

AXE = "4.14.1"
KEYED = """\
label: Shop
base_url: {url}/v1
hosts: ["{host}"]
fields:
  - {{ name: region, label: Region, description: The region that you chose when you signed up., options: [eu, us] }}
  - {{ name: store, label: Name of the store, pattern: "^[a-z]+$", description: The part before .shop.example. }}
credentials: {{ format: api_key, config: {{ label: API key }} }}
authorization: {{ format: header, config: {{ headers: {{ x-key: "{{{{api_key}}}}" }} }} }}
verify: people.list
resources:
  people:
    list: {{ method: get, path: /people, response_path: items }}
"""
PEOPLE = """\
label: People
base_url: {issuer}
hosts: ["{host}"]
env: [PEOPLE_CLIENT_ID, PEOPLE_CLIENT_SECRET]
credentials:
  format: oauth2
  config:
    client_id: "{{{{env.PEOPLE_CLIENT_ID}}}}"
    client_secret: "{{{{env.PEOPLE_CLIENT_SECRET}}}}"
    authorization_url: {issuer}/auth
    token_url: {issuer}/token
    scopes: [openid, offline_access, email]
    authorization_params: {{ prompt: consent }}
authorization: {{ format: bearer }}
verify: me.get
resources:
  me:
    get: {{ method: get, path: /me }}
"""


@dataclass
class Site:
    """A service, its vendors, and another site (`localhost`, while the service is at `127.0.0.1`) that shows pages."""

    url: str
    vendor: Vendor
    provider: Oidc
    other: Vendor
    vault: MemoryVault
    links: LinkStore
    clock: Any
    pages: dict[str, str] = field(default_factory=dict)

    @property
    def other_url(self) -> str:
        return f"http://localhost:{self.other.port}"

    def link(self, account: str, return_url: str = "") -> str:
        """Make a link and return its URL."""
        now = self.clock.now()
        issued = self.links.create(account, now=now, expires_at=now + 3600, return_url=return_url)
        return f"{self.url}/connect/{issued.text}"


def answer_shop(got: Any) -> Any:
    """Accept one key."""
    if got.headers.get("x-key") != "good-key":
        return 401, {"message": "<script>document.title = 'words of the vendor'</script>"}
    return {"items": []}


@contextmanager
def open_site(root: Path, *, has_frames: bool = False) -> Iterator[Site]:
    """Start everything. With `has_frames`, the other site may embed the pages."""
    with ExitStack() as stack:
        listener = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        vendor = stack.enter_context(start_vendor(answer_shop))
        other = stack.enter_context(start_vendor())
        (root / "oidc").mkdir(parents=True)
        provider = stack.enter_context(oidc(root / "oidc", callback=f"{url}/connect/callback/people"))
        host = f"127.0.0.1:{provider.port}"
        texts = {
            "conn.yaml": f'version: 1\ntrusted_hosts: ["{vendor.host}", "{host}"]\n',
            "connectors/shop/connector.yaml": KEYED.format(url=vendor.url, host=vendor.host),
            "connectors/people/connector.yaml": PEOPLE.format(issuer=provider.url, host=host),
            "accounts/acme.yaml": "connector: shop\nlabel: Acme Ltd\n",
            "accounts/ada.yaml": "connector: people\n",
        }
        for name, text in texts.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        origin = f"http://localhost:{other.port}"
        settings = build_connect_settings(url, "Example CRM", [origin], [origin] if has_frames else [])
        location = StoreLocation.read(str(root / "service.sqlite3"), root)
        environ = {"PEOPLE_CLIENT_ID": BASIC.name, "PEOPLE_CLIENT_SECRET": BASIC.secret}
        vault = MemoryVault()
        source = WorkspaceConfiguration(load_workspace(root))
        deployment = Deployment(source, location, vault, environ, connect=settings)
        app = stack.enter_context(open_service(deployment))
        stack.enter_context(serve(app, listener))
        site = Site(url, vendor, provider, other, vault, LinkStore(open_engine(location)), deployment.clock)
        other.answer = lambda got: (
            200,
            {"Content-Type": "text/html"},
            site.pages.get(got.path, "<h1>Example CRM</h1>"),
        )
        yield site


@contextmanager
def serve(app: Any, listener: Any) -> Iterator[None]:
    """Serve in a thread until the block is left."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, proxy_headers=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Start Debian's Chromium. A missing one is a failure."""
    program = shutil.which("chromium")
    assert program, "Install chromium (apt-get install chromium)."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_tab(browser: Browser, **options: Any) -> Iterator[Page]:
    """Open a tab of a browser with cookies of its own. A page that breaks its own policy fails the test."""
    context: BrowserContext = browser.new_context(**{"viewport": {"width": 1024, "height": 800}, **options})
    context.set_default_timeout(30_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    try:
        yield page
        assert complaints == []
    finally:
        context.close()


@cache
def read_axe() -> str:
    """Return axe-core, as its package has it."""
    return (packages.node_modules("axe-core", AXE) / "axe-core/axe.min.js").read_text(encoding="utf-8")


def find_violations(page: Page | Frame) -> list[str]:
    """Return what axe-core finds wrong with a page."""
    page.evaluate(read_axe())
    result: Mapping[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{found['id']}: {json.dumps([node['html'] for node in found['nodes']])}" for found in result["violations"]]
