"""The pages without scripts in a real browser: forms, links, and accessibility."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_bench import find_violations
from page_bench import Studio, open_studio
from playwright.sync_api import Browser, expect

sys.path.insert(0, str(Path(__file__).parents[1] / "service/studio"))

from studio_bench import write_shop
from test_new_connector import OPENAPI

from conn_engine.config import load_workspace
from conn_engine.releases import open_store
from conn_engine.releases.actors import Act
from conn_engine.releases.promotion import make_release
from conn_engine.wire import FrozenClock

RECORDING = "/recordings/shop/crm.contacts.list.json"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("views") / "shop"
    write_shop(root)
    (root / ".conn").mkdir()
    with open_store(root / ".conn/releases.sqlite3", create=True) as store:
        for number, message in enumerate(("First", "Second")):
            (root / "accounts/globex.yaml").write_text(f"connector: shop\nlabel: {message}\n")
            make_release(store, load_workspace(root), Act("ada", FrozenClock().now() + number), message=message)
    with open_studio(root) as studio:
        yield studio


def test_promote_and_roll_back_with_a_reason(shop: Studio, chromium: Browser) -> None:
    with shop.open(chromium) as page:
        for message, reason in (("First", "for the demo"), ("Second", "the label is right now")):
            page.goto(f"{shop.url}/releases")
            release = page.locator("select option", has_text=message).get_attribute("value")
            page.get_by_label("Release").select_option(release)
            page.get_by_label("Channel").fill("staging")
            page.get_by_label("Why").last.fill(reason)
            page.get_by_role("button", name="Check and promote").click()
            expect(page.locator(".message.note")).to_have_text("staging was moved.")
            expect(page.get_by_role("cell", name=reason)).to_be_visible()
        page.get_by_label("Why").first.fill("the customer complained")
        page.get_by_role("button", name="Roll staging back").click()
        expect(page.get_by_role("cell", name="the customer complained")).to_be_visible()
        assert find_violations(page) == []


def test_a_new_connector_from_a_document_ends_in_its_mapping(shop: Studio, chromium: Browser) -> None:
    with shop.open(chromium) as page:
        page.goto(f"{shop.url}/new")
        assert find_violations(page) == []
        page.get_by_label("An OpenAPI document").fill(json.dumps(OPENAPI))
        page.get_by_role("button", name="Propose a connector").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("parts")
        assert find_violations(page) == []
        page.get_by_label("Expression of first_name").fill("$uppercase(response.first_name)")
        page.get_by_label("Accept last_name").uncheck()
        page.get_by_role("button", name="Save as files").click()
        page.wait_for_url("**/edit/parts/crm.contacts.list")
        expect(page.get_by_text("$uppercase(response.first_name)").first).to_be_visible()


@pytest.mark.parametrize(
    "path", ["/", "/coverage", "/recordings", RECORDING, "/deliveries", "/impact?ref=main", "/syncs"]
)
@pytest.mark.parametrize("width", [1400, 390])
def test_pages_are_accessible_and_fit(shop: Studio, chromium: Browser, path: str, width: int) -> None:
    with shop.open(chromium, viewport={"width": width, "height": 844}) as page:
        page.goto(f"{shop.url}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert find_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width + 1
