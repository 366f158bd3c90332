"""An author maps in a real browser: the three columns, the editor, the keyboard, the narrow screen, hostile data."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_bench import find_violations
from page_bench import (
    CONTACTS,
    NOTE_TIMES,
    Studio,
    add_recording,
    choose,
    editor,
    measure_keys,
    open_studio,
    read_record,
    result,
    row,
)
from playwright.sync_api import Browser, expect

from conn_cli.scaffold import copy_example

ROOT = Path(__file__).resolve().parents[2]
PLACE = f"/acme/{CONTACTS}"
HOSTILE = "<img src=x onerror=\"document.title='taken'\">"
RECORDS = 100


def make_records(root: Path) -> list[dict[str, Any]]:
    record = read_record(root)
    numbers = range(1, RECORDS + 1)
    return [{**record, "id": str(n), "properties": {**record["properties"], "hs_object_id": str(n)}} for n in numbers]


def make_hostile(root: Path) -> dict[str, Any]:
    record = read_record(root)
    values = {
        "firstname": HOSTILE,
        "lastname": "\u202egnp.exe",
        "company": "x" * 5_000_000,
        "jobtitle": "</script><script>document.title='taken'</script>",
        HOSTILE: "a name can be hostile too",
        "big": 9007199254740993,
    }
    return {**record, "properties": {**record["properties"], **values}}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The example, which no test saves to."""
    root = tmp_path_factory.mktemp("studio") / "tour"
    copy_example(root)
    (root / "connectors/hubspot/recordings/crm.deals.delete.json").unlink()
    add_recording(root, "many", make_records(root))
    add_recording(root, "hostile", [make_hostile(root)])
    with open_studio(root) as started:
        yield started


def test_from_the_start_to_a_record(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium) as page:
        page.get_by_role("link", name="globex").click()
        page.get_by_role("link", name="crm.companies.list").click()
        expect(page).to_have_url(f"{studio.url}/edit/globex/crm.companies.list")
        expect(result(page, "name")).to_be_visible()
        page.go_back()
        expect(page.get_by_role("heading", name="Choose an operation of Globex GmbH")).to_be_visible()
        page.get_by_role("combobox", name="Account").fill("acm")
        page.get_by_role("option", name="acme").click()
        page.get_by_role("link", name="crm.contacts.list").click()
        expect(result(page, "email")).to_contain_text("ADA.OKONKWO@EXAMPLE.COM")
        expect(page).to_have_title("crm.contacts.list · acme · Conn studio")


def test_a_place_has_a_url(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, f"{PLACE}?record=2&field=title") as page:
        expect(page.get_by_label("Record, by number or ID")).to_have_value("3")
        expect(row(page, "title")).to_have_attribute("aria-expanded", "true")
        page.get_by_role("button", name="Next record").click()
        row(page, "email").click()
        expect(page).to_have_url(f"{studio.url}/edit{PLACE}?record=3&field=email")
        page.get_by_label("Record, by number or ID").fill("106")
        page.keyboard.press("Enter")
        expect(result(page, "id")).to_contain_text("106")


def test_a_value_leads_to_its_fields_and_a_field_to_its_value(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, PLACE) as page:
        leaf = page.get_by_role("treeitem").filter(has_text="jobtitle")
        expect(leaf).to_contain_text("title")
        expect(page.get_by_role("treeitem").filter(has_text="hs_object_id")).to_have_class("line unread")
        page.get_by_role("searchbox").fill("procure")
        expect(page.get_by_role("treeitem")).to_have_count(2)
        leaf.click()
        page.get_by_role("button", name="Go to title").click()
        expect(row(page, "title")).to_have_attribute("aria-expanded", "true")
        row(page, "department").click()
        page.get_by_role("button", name="Map department to this").click()
        expect(editor(page)).to_have_text("response.properties.jobtitle")
        expect(result(page, "department")).to_contain_text("Head of Procurement")
        expect(page.get_by_role("status")).to_contain_text("department in ")
        page.get_by_role("button", name="Leave out").click()
        expect(result(page, "department")).to_contain_text("no value")
        page.get_by_role("button", name="Use the level below").click()
        expect(row(page, "department")).to_contain_text("not mapped")
        expect(page.get_by_role("button", name="Review & save…")).to_be_disabled()


def test_what_an_edit_changes_is_struck(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, PLACE) as page:
        choose(page, "email", "$lowercase(response.properties.email)")
        expect(result(page, "email").locator("del")).to_contain_text("ADA.OKONKWO@EXAMPLE.COM")
        expect(result(page, "email").locator("ins")).to_contain_text("ada.okonkwo@example.com")
        expect(page.get_by_role("status")).to_contain_text("Of 8 records, your edits change email in 7.")
        page.get_by_role("button", name="Copy up").click()
        expect(editor(page)).to_have_text("response.properties.email")
        expect(row(page, "email")).to_contain_text("edited")


def test_a_broken_expression_leaves_the_last_good_result(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, PLACE) as page:
        choose(page, "email", "$lowercase(response.properties.email)")
        expect(result(page, "email").locator("ins")).to_contain_text("ada.okonkwo@example.com")
        page.keyboard.type(" & $upcase(1")
        expect(page.get_by_text("Last good result")).to_be_visible()
        expect(result(page, "email")).to_contain_text("ada.okonkwo@example.com")
        expect(result(page, "email")).to_contain_text("last good")
        expect(page.locator(".fault .message")).to_be_visible()
        expect(page.locator(".cm-lintRange-error")).to_have_count(1)
        page.get_by_role("button", name="Errors").click()
        expect(page.locator("#mapping button.row:not(.add)")).to_have_count(1)
        choose(page, "email", "$uppercase(response.properties.email)")
        expect(page.get_by_text("Last good result")).to_have_count(0)
        expect(page.locator(".fault .message")).to_have_count(0)


def test_an_evaluation_that_is_stopped_leaves_the_last_good_result(chromium: Browser, studio: Studio) -> None:
    report = json.dumps({"kind": "error", "code": "stopped", "message": "the evaluation was stopped", "fix": "wait"})
    with studio.open(chromium, PLACE) as page:
        choose(page, "email", "response.id")
        expect(result(page, "email").locator("ins")).to_contain_text("101")
        page.route(
            "**/api/evaluate", lambda route: route.fulfill(status=503, content_type="application/json", body=report)
        )
        page.keyboard.type(" & 1")
        expect(page.get_by_text("Last good result")).to_be_visible()
        expect(page.locator("#unified .message")).to_contain_text("the evaluation was stopped")
        expect(result(page, "email")).to_contain_text("101")
        page.unroute("**/api/evaluate")
        page.keyboard.type(" & 2")
        expect(result(page, "email").locator("ins")).to_contain_text("10112")
        expect(page.get_by_text("Last good result")).to_have_count(0)


def test_no_error_is_shown_while_a_name_is_completed(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, PLACE) as page:
        choose(page, "title", "")
        page.keyboard.type("response.properties.jobt")
        option = page.get_by_role("option", name="jobtitle")
        expect(option).to_contain_text("text")
        page.keyboard.press("Backspace")
        page.wait_for_timeout(900)
        expect(page.locator(".fault .message")).to_have_count(0)
        option.click()
        expect(editor(page)).to_have_text("response.properties.jobtitle")
        choose(page, "title", "")
        page.keyboard.type("$lowerc")
        page.get_by_role("option", name="$lowercase").click()
        page.keyboard.type("(context.")
        expect(page.locator(".signature")).to_contain_text("$lowercase(text?)")
        expect(page.get_by_role("option", name="portal_id")).to_contain_text("4801337")


def test_records_that_fail_are_listed_by_id(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, PLACE) as page:
        choose(page, "title", "$number(response.properties.jobtitle)")
        expect(page.locator(".fault .many")).to_have_text(
            "Fails in 5 of 8 records: 101, 102, 103, 106, 9007199254740993."
        )
        page.get_by_label("Record, by number or ID").fill("4")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Last good result")).to_have_count(0)
        page.get_by_label("Record, by number or ID").fill("101")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Last good result")).to_be_visible()
        expect(page.get_by_role("status")).to_contain_text("with an error")


def test_why_a_field_has_its_value(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, PLACE) as page:
        result(page, "email").click()
        why = page.get_by_role("group", name="Why email has this value")
        expect(why).to_contain_text("accounts/acme.yaml:")
        expect(why.locator("li.effective")).to_contain_text("gives ADA.OKONKWO@EXAMPLE.COM")
        expect(why).to_contain_text("connectors/hubspot/unified/crm.yaml:")
        result(page, "email").click()
        expect(why).to_have_count(0)


def test_undo_survives_a_reload(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, PLACE) as page:
        choose(page, "email", "response.id")
        choose(page, "title", "'x'")
        expect(result(page, "title").locator("ins")).to_contain_text("x")
        page.reload()
        expect(result(page, "title").locator("ins")).to_contain_text("x")
        expect(editor(page)).to_have_text("'x'")
        editor(page).click()
        page.keyboard.press("ControlOrMeta+z")
        expect(editor(page)).not_to_contain_text("'x'")
        expect(result(page, "title").locator("ins")).to_have_count(0)
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name="Undo")).to_be_disabled()
        page.get_by_role("button", name="Redo").click()
        expect(result(page, "email").locator("ins")).to_contain_text("101")


def test_every_kind_of_mapping_can_be_read(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, f"/globex/{CONTACTS}") as page:
        choose(page, "response_mapping")
        expect(editor(page)).to_contain_text("$base.last_name")
        row(page, "query_mapping.limit").click()
        expect(editor(page)).to_contain_text("$min([$number(query.limit), 50])")
        page.locator("summary").filter(has_text="after").click()
        expect(page.locator("pre.code")).to_contain_text("with_email")


def test_a_file_of_an_environment_warns_of_its_accounts(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, "/acme/crm.deals.list") as page:
        page.get_by_label("Edit the file of").select_option("environment")
        expect(page.get_by_text("Edits go to environments/production.yaml, which")).to_be_visible()
        row(page, "currency").click()
        expect(editor(page)).to_contain_text("deal_currency_code")


def test_an_operation_without_a_recording_says_how_to_record(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, "/acme") as page:
        page.locator(".choices a").filter(has_text="no recording").first.click()
        expect(page.get_by_text("conn record ")).to_be_visible()
        page.goto(f"{studio.url}/edit{PLACE}?case=missing_scope")
        expect(page.get_by_text("403 from GET")).to_be_visible()


def test_the_keyboard_is_enough(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, PLACE) as page:
        expect(result(page, "email")).to_be_visible()
        press = page.keyboard.press
        press("2")
        expect(row(page, "id")).to_be_focused()
        for _ in range(6):
            press("ArrowDown")
        expect(row(page, "email")).to_be_focused()
        press("ArrowRight")
        expect(editor(page)).to_be_visible()
        expect(row(page, "email")).to_be_focused()
        press("e")
        expect(editor(page)).to_be_focused()
        press("ControlOrMeta+a")
        page.keyboard.insert_text("response.id")
        expect(result(page, "email").locator("ins")).to_contain_text("101")
        expect(editor(page)).to_be_focused()
        press("Escape")  # the completions
        press("Escape")
        expect(row(page, "email")).to_be_focused()
        press("1")
        press("ArrowDown")
        expect(page.get_by_role("treeitem").nth(1)).to_be_focused()
        press("ArrowLeft")
        expect(page.get_by_role("treeitem").nth(1)).to_have_attribute("aria-expanded", "false")
        press("n")
        expect(page.get_by_label("Record, by number or ID")).to_have_value("2")
        press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Next record")
        press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        stops = page.evaluate("document.querySelectorAll('#mapping button.row[tabindex=\"0\"]').length")
        assert stops == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(chromium: Browser, studio: Studio, scheme: Any) -> None:
    with studio.open(chromium, color_scheme=scheme) as page:
        expect(page.get_by_role("link", name="globex")).to_be_visible()
        assert find_violations(page) == []
        page.goto(f"{studio.url}/edit{PLACE}")
        page.get_by_role("treeitem").filter(has_text="jobtitle").click()
        choose(page, "email", "$lowercase(response.properties.email)")
        expect(page.get_by_role("status")).to_contain_text("email in 7")
        result(page, "title").click()
        expect(page.get_by_role("group", name="Why title")).to_be_visible()
        assert find_violations(page) == []
        choose(page, "email", "$upcase(")
        expect(page.locator(".fault .message")).to_be_visible()
        page.get_by_role("combobox", name="Account").click()
        expect(page.get_by_role("option", name="globex")).to_be_visible()
        assert find_violations(page) == []
        page.get_by_role("button", name="Keyboard shortcuts").click()
        assert find_violations(page) == []


def test_a_phone(chromium: Browser, studio: Studio) -> None:
    size = {"width": 390, "height": 844}
    with studio.open(chromium, f"{PLACE}?field=email", viewport=size, has_touch=True, is_mobile=True) as page:
        expect(editor(page)).to_be_visible()
        for tab in ("Vendor record", "Mapping", "Unified record"):
            page.get_by_role("button", name=tab, exact=True).click()
            expect(page.locator("main > section:visible")).to_have_count(1)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        expect(result(page, "email")).to_contain_text("ADA.OKONKWO@EXAMPLE.COM")
        page.locator("summary").first.click()
        box = page.locator("#pick-case").bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert find_violations(page) == []


def test_a_small_desk_has_two_columns_and_a_tab(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, PLACE, viewport={"width": 1000, "height": 800}) as page:
        expect(page.locator("main > section:visible")).to_have_count(2)
        page.get_by_role("button", name="Vendor record").click()
        expect(page.get_by_role("tree")).to_be_visible()
        expect(row(page, "email")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 1000


def test_hostile_values_are_text(chromium: Browser, studio: Studio) -> None:
    with studio.open(chromium, f"{PLACE}?case=hostile") as page:
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        expect(result(page, "first_name")).to_contain_text(HOSTILE)
        expect(page.get_by_role("tree")).to_contain_text(HOSTILE)
        expect(page.get_by_role("tree")).to_contain_text("\\u202egnp.exe")
        expect(page.get_by_role("tree")).to_contain_text("9007199254740993")
        expect(page.get_by_role("tree")).to_contain_text("5,000,000 characters")
        assert page.locator("#main img, #main script").count() == 0
        assert "taken" not in page.title()
        assert len(page.content()) < 1_000_000
        page.get_by_role("treeitem").filter(has_text="a name can be hostile").click()
        choose(page, "department")
        page.get_by_role("button", name="Map department to this").click()
        expect(result(page, "department")).to_contain_text("a name can be hostile too")


def test_a_key_is_painted_quickly(chromium: Browser, studio: Studio) -> None:
    """The limit is five times what a quiet machine needs, and the best of three counts on a busy one."""
    best = float("inf")
    with studio.open(chromium) as page:
        page.add_init_script(NOTE_TIMES)
        page.goto(f"{studio.url}/edit{PLACE}?case=many&field=email")
        expect(page.get_by_role("status")).to_contain_text(f"{RECORDS} records")
        for _ in range(3):
            choose(page, "email", "'x'")
            page.keyboard.press("ControlOrMeta+a")
            times = sorted(measure_keys(page, "$lowercase(response.properties.email & 1"))
            assert len(times) == 40
            slow = times[int(len(times) * 0.95)]
            sys.stderr.write(
                f"\n40 keys, {RECORDS} records: median {times[20]:.0f} ms, 95th percentile {slow:.0f} ms\n"
            )
            best = min(best, slow)
            if best < 500:
                break
        assert page.evaluate("most") == 1, "one request is in flight at a time"
    assert best < 500


def test_many_accounts(chromium: Browser, tmp_path: Path) -> None:
    from benchmarks.customers import customers

    root = customers(tmp_path / "many", 2_000)
    with open_studio(root) as studio, studio.open(chromium) as page:
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        sys.stderr.write(f"\n2,000 accounts: first paint after {painted:.0f} ms\n")
        assert painted < 10_000
        page.get_by_role("combobox", name="Account").fill("account-01999")
        expect(page.get_by_role("option", name="account-01999")).to_be_visible()
        page.keyboard.press("Enter")
        page.get_by_role("link", name="crm.kind3.list").click()
        expect(result(page, "email")).to_be_visible()


def test_no_file_of_the_page_reads_html_or_names_another_site() -> None:
    files = [
        path
        for path in (ROOT / "engine/conn_service/studio/static").rglob("*")
        if path.suffix in (".js", ".css", ".html")
    ]
    assert len(files) > 10
    for path in files:
        text = path.read_text("utf-8")
        assert "http://www.w3.org/2000/svg" not in text or path.name == "codemirror.js"
        assert "://" not in text.replace("http://www.w3.org/2000/svg", ""), path
        if path.parent.name != "vendor":
            assert not any(word in text for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(")), path
    assert (ROOT / "engine/conn_service/studio/static/vendor/codemirror.js").stat().st_size <= 400_000
    lines = [
        path.read_text("utf-8").count("\n") for path in files if path.suffix == ".js" and path.parent.name != "vendor"
    ]
    assert sum(lines) < 2_500
    assert all(
        len(line) <= 160
        for path in files
        if path.suffix == ".js" and path.parent.name != "vendor"
        for line in path.read_text("utf-8").splitlines()
    )
