"""An author saves in a real browser: a review, a commit, a conflict, a draft, and a page that is read-only."""

from collections.abc import Iterator
from pathlib import Path

import launching
import pytest
import studio_tutorial
from browser_bench import find_violations
from page_bench import CONTACTS, ROOT, Studio, choose, editor, open_studio, result, row
from playwright.sync_api import Browser, Page, expect

from conn_cli.scaffold import copy_example

PLACE = f"/acme/{CONTACTS}"
ACME = "accounts/acme.yaml"
UPPER = "    email: $uppercase(response.properties.email)\n"
LOWER = "$lowercase(response.properties.email)"


def run_git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    done = launching.run(["git", *who, *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("saving") / "tour"
    copy_example(root)
    run_git(root, "init", "-q")
    run_git(root, "config", "user.name", "Ada")
    run_git(root, "config", "user.email", "ada@example.com")
    run_git(root, "add", "-A")
    run_git(root, "commit", "-qm", "The example")
    with open_studio(root) as started:
        yield started


@pytest.fixture(autouse=True)
def untouched(studio: Studio) -> Iterator[None]:
    """Each test begins with the files as they are in the example."""
    yield
    run_git(studio.root, "checkout", "-q", "--", ".")


def review(page: Page) -> None:
    page.keyboard.press("ControlOrMeta+s")
    expect(page.get_by_role("heading", name="Lines that change")).to_be_visible()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(f"Saved in {ACME}")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_custom_field_is_mapped_reviewed_and_saved(chromium: Browser, studio: Studio) -> None:
    before = studio.read(ACME)
    with studio.open(chromium, PLACE) as page:
        page.get_by_role("treeitem").filter(has_text="hs_analytics_source").click()
        page.get_by_label("Map another field to this value").select_option("+")
        expect(page.get_by_label("Name of the custom field")).to_have_value("hs_analytics_source")
        page.keyboard.insert_text("source")
        page.keyboard.press("Enter")
        expect(editor(page)).to_contain_text('"source": response.properties.hs_analytics_source')
        expect(page.locator("#unified li").filter(has_text="sourceORGANIC_SEARCH")).to_be_visible()
        expect(page.get_by_role("status")).to_contain_text("custom_fields.source in ")
        review(page)
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(f"{ACME} belongs to acme only: 3 accounts unchanged")
        expect(dialog.get_by_role("row").filter(has_text="custom_fields.source").first).to_contain_text("added")
        page.get_by_role("button", name="Check every account with its recordings").click()
        expect(dialog).to_contain_text("Checked: 1 changed account, 3 unchanged accounts.")
        assert find_violations(page) == []
        save(page)
        page.reload()
        expect(page.locator("#unified li").filter(has_text="sourceORGANIC_SEARCH")).to_be_visible()
        expect(page.get_by_role("button", name="Review & save…")).to_be_disabled()
    after = studio.read(ACME)
    kept = [line for line in before.splitlines() if line in after.splitlines()]
    assert len(kept) >= len(before.splitlines()) - 4
    assert UPPER in after and '"source": response.properties.hs_analytics_source' in after


def test_a_change_is_committed_with_its_message(chromium: Browser, studio: Studio) -> None:
    head = run_git(studio.root, "rev-parse", "HEAD").strip()
    with studio.open(chromium, PLACE) as page:
        choose(page, "email", LOWER)
        review(page)
        expect(page.locator("pre.diff .removed")).to_have_count(1)
        page.get_by_label("Commit to git").check()
        page.get_by_label("Commit message").fill("Write the addresses of Acme in small letters")
        save(page)
        expect(page.get_by_text("and committed as ")).to_be_visible()
    assert run_git(studio.root, "log", "-1", "--format=%s") == "Write the addresses of Acme in small letters\n"
    assert run_git(studio.root, "diff", "--numstat", head).split() == ["1", "1", ACME]
    run_git(studio.root, "reset", "-q", "--hard", head)


def test_a_file_that_changed_meanwhile_is_not_overwritten(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, PLACE) as page:
        choose(page, "email", LOWER)
        expect(result(page, "email").locator("ins")).to_be_visible()
        path = studio.root / ACME
        path.write_text(path.read_text("utf-8").replace("Acme Corporation", "Acme Incorporated"), "utf-8")
        review(page)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text(f"{ACME} has changed since you started. Nothing was saved.")
        changes = page.locator(".sides pre.diff")
        expect(changes.nth(0)).to_contain_text("Acme Incorporated")
        expect(changes.nth(1)).to_contain_text(LOWER)
        assert find_violations(page) == []
        assert LOWER not in studio.read(ACME)
        page.get_by_role("button", name="Make my edits to the new version").click()
        expect(page.get_by_role("heading", name="Lines that change")).to_be_visible()
        save(page)
    assert "Acme Incorporated" in studio.read(ACME) and LOWER in studio.read(ACME)


def test_a_draft_is_kept_and_comes_back(chromium: Browser, studio: Studio) -> None:
    before = studio.read(ACME)
    with studio.open(chromium, PLACE) as page:
        choose(page, "email", LOWER)
        review(page)
        page.get_by_role("button", name="Keep as a draft").click()
        expect(page.get_by_text("Kept as a draft.")).to_be_visible()
    assert studio.read(ACME) == before
    with studio.open(chromium, f"{PLACE}?field=email") as page:  # a tab that knows nothing of the other
        expect(page.get_by_text("These edits are a draft that you saved earlier.")).to_be_visible()
        expect(editor(page)).to_have_text(LOWER)
        page.get_by_role("button", name="Discard the edits").click()
        expect(editor(page)).to_have_text("$uppercase(response.properties.email)")
        page.reload()
        expect(editor(page)).to_have_text("$uppercase(response.properties.email)")


def test_a_text_that_two_places_share_is_changed_in_one(chromium: Browser, studio: Studio) -> None:
    path = studio.root / ACME
    listing, single = "list: {response_mapping: &shared {title: response.id}}", "get: {response_mapping: *shared}"
    path.write_text(
        f"connector: hubspot\noverride: {{unified: {{crm: {{contacts: {{{listing}, {single}}}}}}}}}\n", "utf-8"
    )
    with studio.open(chromium, PLACE) as page:
        choose(page, "title", "'new'")
        expect(page.locator(".fault")).to_contain_text("crm.contacts.get.response_mapping")
        page.get_by_role("button", name="Change only this one").click()
        expect(result(page, "title").locator("ins")).to_contain_text("new")
        review(page)
        expect(page.get_by_role("dialog")).not_to_contain_text("crm.contacts.get")


def test_a_field_is_removed_by_the_keyboard_only(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, f"{PLACE}?field=email") as page:
        expect(editor(page)).to_be_visible()
        page.keyboard.press("2")
        page.keyboard.press("Tab")
        for _ in range(9):
            focused = page.evaluate("document.activeElement.textContent")
            if focused == "Use the level below":
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(result(page, "email").locator("ins")).to_contain_text("ada.okonkwo@example.com")
        review(page)
        expect(page.get_by_role("button", name="Save", exact=True)).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        review(page)
        expect(page.get_by_role("button", name="Save", exact=True)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"Saved in {ACME}")).to_be_visible()
        expect(row(page, "email")).to_contain_text("response.properties.email")
    assert UPPER not in studio.read(ACME)


def test_a_page_that_is_read_only_says_why(chromium: Browser, tmp_path: Path) -> None:
    root = tmp_path / "tour"
    with open_studio(root, "--read-only") as studio, studio.open(chromium, PLACE) as page:
        choose(page, "email", LOWER)
        expect(result(page, "email").locator("ins")).to_contain_text("ada.okonkwo@example.com")
        review(page)
        expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
        expect(page.get_by_role("button", name="Keep as a draft")).to_be_disabled()
        expect(page.locator(".dialog-foot")).to_contain_text("the page was started with --read-only")


def test_the_tutorial_leads_to_its_file(chromium: Browser, studio: Studio) -> None:
    pictures: list[str] = []
    with studio.open(chromium) as page:
        studio_tutorial.follow(page, pictures.append)
    assert studio_tutorial.SECOND in studio.read(studio_tutorial.FILE)
    text = (ROOT / "docs/tutorials/map-in-the-page.md").read_text("utf-8")
    assert studio_tutorial.SECOND in text
    assert [name for name in pictures if f"../pictures/{name}.png" not in text] == []
