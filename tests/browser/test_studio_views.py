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
from vendor import start_vendor

from conn_engine.config import load_workspace
from conn_engine.releases import open_store
from conn_engine.releases.actors import Act
from conn_engine.releases.promotion import make_release
from conn_engine.wire import FrozenClock

RECORDED = "connectors/shop/recordings/crm.contacts.list.json"
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


def write_pages(root: Path) -> None:
    """Write a workspace whose mapping is for a page of 130 records."""
    write_shop(root)
    path = root / RECORDED
    recording = json.loads(path.read_text())
    people = [{"id": str(number), "mail": f"p{number}@x.example"} for number in range(130)]
    recording["exchanges"][0]["response"]["body"] = {"items": people}
    path.write_text(json.dumps(recording))
    mapping = 'response_mapping: \'response.items.{ "id": id, "email": mail }\''
    text = f"resources:\n  contacts:\n    list:\n      resource: people\n      each: page\n      {mapping}\n"
    (root / "connectors/shop/unified/crm.yaml").write_text(text)
    (root / "accounts/acme.yaml").write_text("connector: shop\n")


def test_an_item_of_a_page_is_explained_and_a_long_list_can_be_expanded(chromium: Browser, tmp_path: Path) -> None:
    write_pages(tmp_path / "pages")
    with open_studio(tmp_path / "pages") as studio, studio.open(chromium, "/acme/crm.contacts.list") as page:
        unified = page.locator("#unified")
        page.get_by_role("button", name="Why item 1 has its values").click()
        expect(unified.get_by_text("email = p1@x.example")).to_be_visible()
        expect(unified.get_by_role("group", name="Why email has this value")).to_contain_text("gives p1@x.example")
        assert find_violations(page) == []
        page.get_by_role("button", name="Why item 1 has its values").click()
        expect(unified.get_by_role("group")).to_have_count(0)
        expect(unified.get_by_text("p24@x.example")).to_be_visible()
        expect(unified.get_by_text("p25@x.example")).to_have_count(0)
        page.get_by_role("button", name="Show 100 of 105 more items").click()
        page.get_by_role("button", name="Show 5 of 5 more items").click()
        expect(unified.get_by_text("p129@x.example")).to_be_visible()


def test_steps_are_changed_as_a_text_and_saved(chromium: Browser, tmp_path: Path) -> None:
    write_shop(tmp_path / "steps")
    with open_studio(tmp_path / "steps") as studio, studio.open(chromium, "/acme/crm.contacts.list") as page:
        page.get_by_role("link", name="Change the steps before and after").click()
        assert find_violations(page) == []
        page.get_by_label("Steps in accounts/acme.yaml").last.fill("- name: x\n  transform: result[id = '2']")
        page.get_by_role("button", name="Review").click()
        expect(page.get_by_text("1 no longer returned")).to_be_visible()
        assert find_violations(page) == []
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".message.note")).to_have_text("accounts/acme.yaml was saved.")
        assert "crm.contacts.list.after" in studio.read("accounts/acme.yaml")


def test_a_recording_is_made_from_the_vendor_after_a_confirmation(
    chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "live"
    write_shop(root)
    monkeypatch.setenv("CONN_NO_KEYRING", "1")
    with start_vendor(lambda _: {"items": [{"id": "7", "mail": "ada@real.example"}]}) as vendor:
        connector = root / "connectors/shop/connector.yaml"
        connector.write_text(
            connector.read_text()
            .replace("https://shop.example", vendor.url)
            .replace("pagination", "credentials: { format: bearer }\nauthorization: { format: bearer }\npagination")
        )
        (root / "conn.yaml").write_text(f'version: 1\ntrusted_hosts: ["{vendor.host}"]\n')
        monkeypatch.setenv("CONN_ACME_TOKEN", "tok-aVerySecretOne-42")
        with open_studio(root) as studio, studio.open(chromium) as page:
            page.goto(f"{studio.url}{RECORDING}")
            page.get_by_role("link", name="Record it again").click()
            assert find_violations(page) == []
            page.get_by_role("button", name="Continue").click()
            expect(page.get_by_text("GET 127.0.0.1/people")).to_be_visible()
            assert find_violations(page) == []
            assert vendor.arrived == []
            page.get_by_role("button", name="Send, and replace the recording").click()
            expect(page.locator(".message.note")).to_contain_text("1 exchange, 1 record")
            assert find_violations(page) == []
            assert "ada@real.example" not in studio.read(RECORDED)
            assert len(vendor.arrived) == 1


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
