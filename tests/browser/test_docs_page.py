"""The page /docs in a real browser: a token shows the account's operations, and nothing comes from elsewhere."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_bench import find_violations, open_tab, serve
from playwright.sync_api import Browser, expect
from vendor import start_vendor

from conn_engine.config import load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets.vault.memory import MemoryVault
from conn_service.http.accounts import WorkspaceConfiguration
from conn_service.http.service import Deployment, open_service
from conn_service.http.tokens import TokenStore
from conn_service.listening import listen
from conn_service.store import open_engine

sys.path.insert(0, str(Path(__file__).parents[1] / "service/http"))
from service_bench import CONNECTOR, CRM, NOW, answer_people


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URL of a service, and a token for its account."""
    with start_vendor(answer_people) as vendor:
        texts = {
            "conn.yaml": f'version: 1\ntrusted_hosts: ["{vendor.host}"]\n',
            "connectors/shop/connector.yaml": CONNECTOR.format(url=vendor.url, host=vendor.host),
            "connectors/shop/unified/crm.yaml": CRM,
            "accounts/acme.yaml": "connector: shop\nlabel: Acme Ltd\n",
        }
        for name, text in texts.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        location = StoreLocation.read(str(tmp_path / "service.sqlite3"), tmp_path)
        source = WorkspaceConfiguration(load_workspace(tmp_path))
        listener = listen("127.0.0.1", 0)
        deployment = Deployment(source, location, MemoryVault({"acme": {"token": "t"}}), {})
        with open_service(deployment) as app, serve(app, listener):
            token = TokenStore(open_engine(location)).create("page", ["unified:read"], now=NOW, accounts=("acme",))
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", token.text


def test_a_token_shows_the_operations_and_sends_a_request(chromium: Browser, service: tuple[str, str]) -> None:
    url, token = service
    with open_tab(chromium) as page:
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.goto(f"{url}/docs")
        assert find_violations(page) == []
        page.get_by_label("Token").fill("conn_wrong")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("alert")).to_contain_text("no valid token")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("alert")).to_be_empty()
        expect(page.get_by_text("Unified API of Acme Ltd")).to_be_visible()
        page.get_by_text("List contacts", exact=True).click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        expect(page.locator(".live-responses-table")).to_contain_text("p1@example.com")
        assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
        assert all(one.startswith((url, "data:")) for one in requested), requested
        assert f"{url}/unified/crm/contacts" in requested
