"""A customer connects an account in a real browser: with a key, by consent, by keyboard, on a phone, in a frame."""

from pathlib import Path

import pytest
from browser_bench import Site, find_violations, open_site, open_tab
from playwright.sync_api import Browser, Page, expect


def fill(page: Page, key: str, store: str = "main") -> None:
    page.get_by_label("Region").select_option("eu")
    page.get_by_label("Name of the store").fill(store)
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Connect").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_key_with_a_mistake_and_then_success(chromium: Browser, site: Site, scheme: str) -> None:
    site.vault.delete("acme")
    url = site.link("acme")
    with open_tab(chromium, color_scheme=scheme) as page:
        page.goto(url)
        expect(page).to_have_title("Connect Shop to Example CRM")
        assert find_violations(page) == []
        fill(page, "", store="Main 1")
        expect(page).to_have_title("Error: Connect Shop to Example CRM")
        expect(page.get_by_role("alert")).to_be_focused()
        expect(page.get_by_label("API key")).to_have_attribute("aria-invalid", "true")
        assert find_violations(page) == []
        page.get_by_role("link", name="Enter a value for “API key”.").click()
        expect(page.get_by_label("API key")).to_be_focused()
        fill(page, "wrong-key")
        expect(page.get_by_role("alert")).to_contain_text("Shop did not accept this")
        expect(page.get_by_label("Name of the store")).to_have_value("main")
        expect(page.get_by_label("API key")).to_have_value("")
        assert find_violations(page) == [] and "wrong-key" not in page.content()
        fill(page, "good-key")
        expect(page.get_by_role("heading", name="Shop is connected")).to_be_visible()
        assert find_violations(page) == []
        page.goto(url)
        expect(page.get_by_role("heading", name="Shop is connected")).to_be_visible()
    assert site.vault.load("acme") == {"api_key": "good-key", "captured": {"region": "eu", "store": "main"}}
    with open_tab(chromium, color_scheme=scheme) as page:
        page.goto(url)
        expect(page.get_by_role("heading", name="This link was already used")).to_be_visible()
        assert find_violations(page) == []


def test_the_keyboard_is_enough(chromium: Browser, site: Site) -> None:
    site.vault.delete("acme")
    with open_tab(chromium) as page:
        page.goto(site.link("acme", site.other_url))
        keyboard = page.keyboard
        for keys in ("e", None, "main", None, "good-key"):
            if keys is None:
                continue
            keyboard.press("Tab")
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", "the focus is visible"
            keyboard.type(keys)
        keyboard.press("Tab")
        expect(page.get_by_role("button", name="Connect")).to_be_focused()
        keyboard.press("Enter")
        page.wait_for_url(f"{site.other_url}/?connect_status=connected")
    assert site.vault.load("acme") is not None


def test_a_phone(chromium: Browser, site: Site) -> None:
    with open_tab(chromium, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page:
        page.goto(site.link("acme", site.other_url))
        fill(page, "x" * 300)
        for _ in range(2):
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            heights = page.evaluate(
                "[...document.querySelectorAll('input:not([type=hidden]),select,button')]"
                ".map(one => one.getBoundingClientRect().height)"
            )
            assert min(heights) >= 44
            page.evaluate("document.documentElement.style.fontSize = '200%'")


def test_a_consent_without_scripts(chromium: Browser, site: Site) -> None:
    site.vault.delete("ada")
    url = site.link("ada", f"{site.other_url}/done?step=2")
    with open_tab(chromium, java_script_enabled=False) as page:
        page.goto(url)
        page.get_by_role("button", name="Continue to People").click()
        page.wait_for_url(f"{site.provider.url}/**")
        page.get_by_role("link", name="[ Cancel ]").click()
        expect(page.get_by_role("heading", name="Access was not granted")).to_be_visible()
        page.get_by_role("link", name="Try again").click()
        page.get_by_role("button", name="Continue to People").click()
        page.wait_for_url(f"{site.provider.url}/**")
        page.locator("[name=login]").fill("ada")
        page.locator("[name=password]").fill("any")
        page.locator("button[type=submit]").click()
        page.locator("button[type=submit]").click()
        page.wait_for_url(f"{site.other_url}/done?step=2&connect_status=connected")
        page.goto(url)
        expect(page.get_by_role("link", name="Continue to Example CRM")).to_have_attribute(
            "href", f"{site.other_url}/done?step=2&connect_status=connected"
        )
    document = site.vault.load("ada")
    assert document is not None
    assert site.provider.userinfo(document["oauth"]["token"]["access_token"]).json()["sub"] == "ada"


def test_pages_between_are_accessible(chromium: Browser, site: Site) -> None:
    with open_tab(chromium) as page:
        page.goto(site.link("ada"))
        assert find_violations(page) == []
        page.goto(f"{site.url}/connect/callback/people?state=x&code=y")
        expect(page.get_by_role("heading", name="This log-in is no longer valid")).to_be_visible()
        assert find_violations(page) == []


def test_a_consent_ends_in_the_browser_that_began_it(chromium: Browser, site: Site) -> None:
    """An attacker agrees with an account of his own, and leads a victim to the redirect."""
    url = site.link("ada")
    asked: list[str] = []
    with open_tab(chromium) as attacker:
        attacker.on("request", lambda request: asked.append(request.url))
        attacker.goto(url)
        attacker.get_by_role("button", name="Continue to People").click()
        attacker.wait_for_url(f"{site.provider.url}/**")
    stolen = site.provider.consent(next(found for found in asked if "/auth?" in found), "mallory")
    site.vault.delete("ada")
    with open_tab(chromium) as victim:
        victim.goto(url)
        victim.goto(stolen)
        expect(victim.get_by_role("heading", name="This log-in was started in another browser")).to_be_visible()
        assert find_violations(victim) == []
    assert site.vault.load("ada") is None


def test_another_site_cannot_send_the_form(chromium: Browser, site: Site) -> None:
    site.vault.delete("acme")
    url = site.link("acme")
    with open_tab(chromium) as page:
        page.goto(url)
        token = page.locator("[name=token]").get_attribute("value")
        site.pages["/evil"] = (
            f'<form method="post" action="{url}"><input name="token" value="{token}">'
            '<input name="context.region" value="eu"><input name="context.store" value="main">'
            '<input name="credential.api_key" value="good-key"><button>Go</button></form>'
        )
        page.goto(f"{site.other_url}/evil")
        page.get_by_role("button").click()
        expect(page.get_by_role("heading", name="This form was sent from another site")).to_be_visible()
    assert site.vault.load("acme") is None


def test_a_frame_is_refused(chromium: Browser, site: Site) -> None:
    site.pages["/embed"] = f'<iframe src="{site.link("acme")}" width="500" height="700"></iframe>'
    context = chromium.new_context()
    page = context.new_page()
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(f"{site.other_url}/embed")
    assert page.frames[1].get_by_role("heading").count() == 0
    context.close()


def test_a_frame_is_allowed(chromium: Browser, tmp_path: Path) -> None:
    with open_site(tmp_path, has_frames=True) as site:
        back = f"{site.other_url}/back"
        site.pages["/embed"] = f'<iframe src="{site.link("acme", back)}" width="390" height="700" title="x"></iframe>'
        with open_tab(chromium) as page:
            page.goto(f"{site.other_url}/embed")
            frame = page.frame_locator("iframe")
            frame.get_by_label("Region").select_option("eu")
            frame.get_by_label("Name of the store").fill("main")
            frame.get_by_label("API key").fill("good-key")
            assert find_violations(page.frames[1]) == []
            frame.get_by_role("button", name="Connect").click()
            frame.get_by_role("link", name="Continue to Example CRM").click()
            page.wait_for_url(f"{back}?connect_status=connected")
        assert site.vault.load("acme") is not None
        site.pages["/embed"] = f'<iframe src="{site.link("ada")}" width="390" height="700" title="x"></iframe>'
        with open_tab(chromium) as page:
            page.goto(f"{site.other_url}/embed")
            with page.expect_popup() as opened:
                page.frame_locator("iframe").get_by_role("link", name="Continue in a new window").click()
            window = opened.value
            window.get_by_role("button", name="Continue to People").click()
            window.wait_for_url(f"{site.provider.url}/**")
            window.locator("[name=login]").fill("ada")
            window.locator("[name=password]").fill("any")
            window.locator("button[type=submit]").click()
            window.locator("button[type=submit]").click()
            expect(window.get_by_role("heading", name="People is connected")).to_be_visible()
        assert site.vault.load("ada") is not None
