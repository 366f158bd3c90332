"""People of a team work in the portal in a real browser: a log-in, a saved override, a role, a conflict."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from browser_bench import find_violations, open_tab, serve
from page_bench import CONTACTS, choose, editor, result, row
from playwright.sync_api import Browser, Page, expect
from processes.oidc import BASIC, oidc

from conn_cli.scaffold import copy_example
from conn_engine.config import load_workspace
from conn_engine.config.portal_models import PortalLoginSettings
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.egress import Trust
from conn_engine.wire import MACHINE_CLOCK
from conn_service.connect.settings import build_connect_settings
from conn_service.http.accounts import WorkspaceConfiguration
from conn_service.http.service import Deployment, open_service
from conn_service.http.tokens import TokenScope, TokenStore
from conn_service.listening import listen
from conn_service.portal.routes import PortalSettings, build_portal_routes
from conn_service.revisions import Changes, RevisedConfiguration, Revision, RevisionRequest, RevisionStore, Subject
from conn_service.store import open_engine
from conn_service.syncs import tables
from conn_service.syncs.store import RunRow, SyncStore

pytestmark = pytest.mark.slow
LOWER = "$lowercase(response.properties.email)"
PAGES = (
    "accounts", "accounts/acme", "connectors", "connectors/hubspot", "deliveries", "endpoints", "syncs", "syncs/runs"
)  # fmt: skip
ROLES = {"viewer": ("*",), "releaser": ("ada@example.com",)}


@dataclass
class TeamPortal:
    """A service with the example's accounts, whose portal people reach at `url`."""

    url: str
    location: StoreLocation
    source: WorkspaceConfiguration

    def issue(self, scope: TokenScope) -> str:
        engine = open_engine(self.location)
        text = TokenStore(engine).create("Ada", [scope], now=MACHINE_CLOCK.now()).text
        engine.dispose()
        return text

    def change(self, edit: Any) -> None:
        """Change the document of Acme, as `/admin` does."""
        engine = open_engine(self.location)
        changes = Changes(RevisedConfiguration(self.source, RevisionStore(engine)))
        changes.edit(Subject("account", "acme"), edit, RevisionRequest("a colleague", "replace"))
        engine.dispose()

    @contextmanager
    def open(self, browser: Browser, scope: TokenScope | None, path: str = "/") -> Iterator[Page]:
        """Open a page of the portal in a tab, after a log-in with a token that has a scope."""
        with open_tab(browser, viewport={"width": 1400, "height": 900}) as page:
            failures: list[str] = []
            page.on("pageerror", lambda error: failures.append(str(error)))
            page.goto(f"{self.url}{path}")
            if scope is not None:
                page.get_by_label("Token").fill(self.issue(scope))
                page.get_by_role("button", name="Log in with the token").click()
            yield page
            assert failures == []


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeamPortal]:
    folder = tmp_path_factory.mktemp("portal")
    root = folder / "tour"
    copy_example(root)
    (folder / "oidc").mkdir()
    with ExitStack() as stack:
        listener = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        provider = stack.enter_context(oidc(folder / "oidc", callback=f"{url}/portal/login/callback"))
        login = PortalLoginSettings(
            issuer=provider.url, client_id=BASIC.name, name="Example SSO", role_claim="email", roles=ROLES
        )
        location = StoreLocation.read(str(folder / "service.sqlite3"), folder)
        trust = Trust((f"127.0.0.1:{provider.port}",))
        settings = PortalSettings(str(location.file), "", login, BASIC.secret, trust)
        connect = build_connect_settings(url)
        source = WorkspaceConfiguration(load_workspace(root))
        build = partial(build_portal_routes, settings=settings, connect=connect)
        deployment = Deployment(source, location, MemoryVault(), {}, connect=connect, more_routes=build)
        stack.enter_context(serve(stack.enter_context(open_service(deployment)), listener))
        yield TeamPortal(f"{url}/portal", location, source)


def review(page: Page) -> None:
    page.keyboard.press("ControlOrMeta+s")
    expect(page.get_by_role("heading", name="Lines that change")).to_be_visible()


def save(page: Page) -> None:
    """Save, and accept what the checks find."""
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Save although expected results change").or_(page.get_by_text("Saved as revision")).wait_for()
    if page.get_by_label("Save although expected results change").is_visible():
        page.get_by_label("Save although expected results change").check()
        page.get_by_role("button", name="Save", exact=True).click()


def test_an_editor_maps_a_field_and_saves_a_revision(chromium: Browser, portal: TeamPortal) -> None:
    with portal.open(chromium, "portal:edit", f"/edit/umbrella/{CONTACTS}") as page:
        expect(page.get_by_text("Ada (editor)")).to_be_visible()
        choose(page, "title", "'Dr'")
        expect(result(page, "title").locator("ins").first).to_contain_text("Dr")
        review(page)
        page.get_by_label("Why").fill("Umbrella wants titles")
        assert find_violations(page) == []
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("breaks what worked, so that nothing was changed")
        page.get_by_label("Save although expected results change").check()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved as revision 1 of accounts/umbrella.yaml")).to_be_visible()
        page.reload()
        expect(row(page, "title")).to_contain_text("'Dr'")
        page.get_by_role("link", name="Log", exact=True).click()
        entry = page.get_by_role("row").filter(has_text="accounts/umbrella")
        expect(entry).to_contain_text("Umbrella wants titles")
        entry.locator("summary").click()
        expect(entry.locator("pre")).to_contain_text("title:")
        assert find_violations(page) == []


def test_a_viewer_tries_edits_and_cannot_save_them(chromium: Browser, portal: TeamPortal) -> None:
    with portal.open(chromium, "portal:view", f"/edit/acme/{CONTACTS}") as page:
        expect(page.get_by_text("Ada (viewer)")).to_be_visible()
        choose(page, "email", LOWER)
        expect(result(page, "email").locator("ins")).to_contain_text("ada.okonkwo@example.com")
        review(page)
        expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
        expect(page.get_by_role("button", name="Keep as a draft")).to_be_disabled()
        expect(page.locator(".dialog-foot")).to_contain_text("your role is viewer")


def rename_acme(current: Revision, _workspace: Any) -> dict[str, str]:
    return {name: text.replace("Acme Corporation", "Acme Ltd") for name, text in current.files.items()}


def test_somebody_else_has_saved_meanwhile(chromium: Browser, portal: TeamPortal) -> None:
    with portal.open(chromium, "portal:edit", f"/edit/acme/{CONTACTS}") as page:
        choose(page, "email", LOWER)
        expect(result(page, "email").locator("ins")).to_be_visible()
        portal.change(rename_acme)
        review(page)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("accounts/acme.yaml has changed since you started")
        changes = page.locator(".sides pre.diff")
        expect(changes.nth(0)).to_contain_text("Acme Ltd")
        expect(changes.nth(1)).to_contain_text(LOWER)
        page.get_by_role("button", name="Make my edits to the new version").click()
        expect(page.get_by_role("heading", name="Lines that change")).to_be_visible()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved as revision 2 of accounts/acme.yaml")).to_be_visible()


def test_a_person_logs_in_at_the_provider_and_out_again(chromium: Browser, portal: TeamPortal) -> None:
    with portal.open(chromium, None, f"/edit/acme/{CONTACTS}?field=email") as page:
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        assert find_violations(page) == []
        page.get_by_role("link", name="Log in with Example SSO").click()
        page.locator("[name=login]").fill("ada")
        page.locator("[name=password]").fill("any")
        page.locator("[type=submit]").click()
        page.locator("[type=submit]").click()
        expect(page.get_by_text("ada@example.com (releaser)")).to_be_visible()
        expect(editor(page)).to_contain_text("response.properties.email")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        page.goto(f"{portal.url}/audit")
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_an_editor_creates_a_link_that_a_customer_opens_and_revokes_another(
    chromium: Browser, portal: TeamPortal
) -> None:
    with portal.open(chromium, "portal:edit", "/accounts?connector=hubspot") as page:
        assert find_violations(page) == []
        page.get_by_role("link", name="acme", exact=True).click()
        assert find_violations(page) == []
        page.get_by_role("button", name="Create a link").click()
        url = page.get_by_label("Link", exact=True).input_value()
        assert find_violations(page) == []
        with open_tab(chromium) as customer:
            answer = customer.goto(url)
            assert answer is not None
            assert answer.status == 200
        page.get_by_role("link", name="acme", exact=True).click()
        page.get_by_role("button", name="Revoke the link").click()
        expect(page.locator(".message.note")).to_have_text("The link was revoked.")


def test_a_schedule_is_paused_and_resumed(chromium: Browser, portal: TeamPortal) -> None:
    engine = open_engine(portal.location)
    SyncStore(engine).streams.get("hubspot_contacts_incremental", "umbrella")
    engine.dispose()
    with portal.open(chromium, "portal:edit", "/syncs") as page:
        for action, done in (("Pause", "paused"), ("Resume", "resumed")):
            assert find_violations(page) == []
            page.get_by_role("button", name=f"{action} hubspot_contacts_incremental of umbrella").click()
            expect(page.locator(".message.note")).to_have_text(f"The schedule was {done}.")


def test_records_that_were_set_aside_are_retried_and_a_run_is_cancelled(chromium: Browser, portal: TeamPortal) -> None:
    name, engine = "hubspot_contacts_incremental", open_engine(portal.location)
    store, runs = SyncStore(engine), {"complete": f"{name}:acme:1", "running": f"{name}:acme:2"}
    for status, run in runs.items():
        values = [run, name, "acme", "", "schedule", False, status, "", 1.0, None, None, {}, "fetch", 0, {}, {}, {}]
        store.create_run(RunRow(*values))
    values = {"run_id": runs["complete"], "sync": name, "account": "acme", "key": "7", "stage": "transform"}
    with engine.begin() as connection:
        rest = {"record": "{}", "message": "no number", "at": 1.0, "is_open": True, "field": "age"}
        connection.execute(sa.insert(tables.set_aside).values(values | rest))
    engine.dispose()
    with portal.open(chromium, "portal:edit", f"/syncs/runs/{runs['complete']}") as page:
        expect(page.get_by_role("row", name="transform age 1")).to_be_visible()
        assert find_violations(page) == []
        page.get_by_role("button", name="Retry").click()
        expect(page.locator(".message.note")).to_have_text(
            "A retry was requested. A worker performs it within a minute."
        )
        expect(page.get_by_role("button", name="Retry")).to_have_count(0)
        assert find_violations(page) == []
        page.goto(f"{portal.url}/syncs/runs/{runs['running']}")
        page.get_by_role("button", name="Cancel the run").click()
        expect(page.locator("h1")).to_contain_text("cancelled")
        page.goto(f"{portal.url}/audit?target=syncs/{name}/runs/{runs['running']}")
        expect(page.get_by_role("row").filter(has_text="cancel")).to_be_visible()


def test_a_releaser_edits_an_environment_after_a_check_of_its_accounts(chromium: Browser, portal: TeamPortal) -> None:
    path = f"/edit/globex/{CONTACTS}?level=environment"
    with portal.open(chromium, "portal:edit", path) as page:
        expect(page.locator("#notices")).to_contain_text("your role is editor")
    with portal.open(chromium, "portal:release", path) as page:
        choose(page, "title", "'Dr'")
        expect(result(page, "title").locator("ins").first).to_be_visible()
        review(page)
        expect(page.get_by_text("environments/production.yaml is for 2 accounts")).to_be_visible()
        expect(page.get_by_role("dialog")).to_contain_text("changed account", timeout=60_000)
        assert find_violations(page) == []
        page.get_by_label("Why").fill("titles for all")
        save(page)
        expect(page.get_by_text("Saved as revision 1 of environments/production.yaml")).to_be_visible()
        page.wait_for_load_state("networkidle")
        page.goto(f"{portal.url}/audit?target=environments/production")
        expect(page.get_by_role("row").filter(has_text="titles for all")).to_be_visible()


def test_a_releaser_adds_a_connector_from_a_sample_and_opens_its_mapping(chromium: Browser, portal: TeamPortal) -> None:
    with portal.open(chromium, "portal:release", "/connectors") as page:
        page.get_by_role("link", name="New connector").click()
        assert find_violations(page) == []
        page.get_by_label("An OpenAPI document").fill(
            '{"data": [{"id": "7", "first_name": "Ada", "last_name": "Okonkwo"}]}'
        )
        page.get_by_label("URL of the sample answer").fill("https://api.people.example/v2/contacts")
        page.get_by_label("Name of the connector").fill("people")
        page.get_by_role("button", name="Propose a connector").click()
        expect(page.get_by_text("api.people.example", exact=True)).to_be_visible()
        assert find_violations(page) == []
        page.get_by_label("First account").fill("first")
        page.get_by_label("Why").fill("a new vendor")
        page.get_by_role("button", name="Save as a revision").click()
        expect(row(page, "first_name")).to_contain_text("response.first_name")
        page.wait_for_load_state("networkidle")
        page.goto(f"{portal.url}/audit?target=connectors/people")
        expect(page.get_by_role("row").filter(has_text="a new vendor")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_pages_of_the_service_are_accessible_and_fit(
    chromium: Browser, portal: TeamPortal, scheme: Any, width: int
) -> None:
    with portal.open(chromium, "portal:edit") as page:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844})
        for path in PAGES:
            page.goto(f"{portal.url}/{path}")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert find_violations(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
