"""The steps of docs/tutorials/map-in-the-page.md in a browser, for a test and for take_picture.py."""

from collections.abc import Callable

from page_bench import editor
from playwright.sync_api import Page, expect

__all__ = ["FILE", "OPERATION", "SECOND", "follow"]

OPERATION = "crm.contacts.list"
FILE = "accounts/umbrella.yaml"
FIRST = "response.properties.industry_score"
SECOND = "$number(response.properties.industry_score[$]) >= 80"


def follow(page: Page, shoot: Callable[[str], None]) -> None:
    """Follow the tutorial from the list of accounts to the saved file. `shoot` gets the name of each picture."""
    page.get_by_role("link", name="umbrella").click()
    page.get_by_role("link", name=OPERATION).click()
    page.get_by_role("treeitem").filter(has_text="industry_score").click()
    page.get_by_label("Map another field to this value").select_option("+")
    page.get_by_label("Name of the custom field").fill("vip")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(editor(page)).to_contain_text(f'"vip": {FIRST}')
    expect(page.locator("#unified li").filter(has_text="vip87")).to_be_visible()
    editor(page).click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text('$merge([$base.custom_fields, {\n  "vip": ' + SECOND + "\n}])")
    expect(page.locator("#unified li").filter(has_text="viptrue")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("custom_fields.vip in ")
    page.keyboard.press("Escape")
    page.locator("#unified li").filter(has_text="viptrue").scroll_into_view_if_needed()
    shoot("studio")
    page.get_by_role("button", name="Review & save…").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"{FILE} belongs to umbrella only: 3 accounts unchanged")
    shoot("studio-review")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(f"Saved in {FILE}")).to_be_visible()
