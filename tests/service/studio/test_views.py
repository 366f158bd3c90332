"""The pages without scripts: what they show of the example, with links that lead somewhere."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from studio_bench import HOST, READ_ONLY, ask, open_page, write_shop

from conn_engine.config import load_workspace
from conn_engine.releases import open_store
from conn_engine.releases.actors import Act
from conn_engine.releases.promotion import make_release
from conn_engine.releases.store_location import StoreLocation
from conn_engine.wire import FrozenClock
from conn_service.revisions import Revision, RevisionStore, Subject
from conn_service.store import DEFAULT_FILE, open_engine
from conn_service.studio.session import StudioSession


def read(client: TestClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/", ["4 of 4 accounts", "Acme Corporation", "hubspot crm ", "No mistakes were found"]),
        ("/?search=gl", ["Globex GmbH", "1 of 4 accounts"]),
        ("/?search=%3Cimg%3E", ["No account has “<img>”"]),
        ("/coverage?connector=hubspot", ["crm.contacts", "first_name", "in 15 records", "department not mapped –"]),
        ("/recordings?connector=github", ["ticketing.users.list", "largest_page", "initech"]),
        (
            "/recordings/hubspot/crm.contacts.list.json",
            ["GET /crm/v3/objects/contacts", "Request to api.hubapi.com", "Okonkwo"],
        ),
        ("/deliveries", ["github: comment_created", "1 event"]),
        ("/deliveries?account=initech", ["github: comment_created"]),
        ("/impact", ["not in a git repository"]),
        ("/syncs", ["hubspot_contacts_incremental", "No sync has run here yet"]),
        ("/releases", ["There is no release yet"]),
    ],
)
def test_pages(page: TestClient, path: str, texts: list[str]) -> None:
    shown = read(page, path)
    for text in texts:
        assert text in shown, shown


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/recordings/hubspot/nothing.json", 'hubspot has no recording "nothing.json"'),
        ("/recordings/hubspot/..%2f..%2fconn.yaml", "has no recording"),
        ("/recordings/nobody/x.json", "nobody"),
        ("/deliveries?account=acm", "acme"),
        ("/coverage?connector=hubsopt", "hubspot"),
        ("/syncs/runs/x", "no sync has run yet"),
        ("/impact?ref=main", "not in a git repository"),
    ],
)
def test_what_does_not_exist_is_said_on_the_page(page: TestClient, path: str, text: str) -> None:
    assert text in read(page, path, 422 if "coverage" not in path else 200)


def write_release(root: Path) -> None:
    """Write a workspace with a release of it."""
    write_shop(root)
    (root / ".conn").mkdir()
    with open_store(root / ".conn/releases.sqlite3", create=True) as store:
        make_release(store, load_workspace(root), Act("ada", FrozenClock().now()), message="First <b>version</b>")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a change since the commit on main, and a release of it."""
    root = tmp_path_factory.mktemp("views")
    write_release(root)
    acme = root / "accounts/acme.yaml"
    acme.write_text(acme.read_text().replace("response.mail", "$lowercase(response.mail)"))
    return root


@pytest.fixture(scope="module")
def client(repository: Path) -> Iterator[TestClient]:
    opened = open_page(repository)
    yield opened
    opened.__exit__(None, None, None)


def test_the_overview_says_how_much_of_a_mapping_the_recordings_have(client: TestClient) -> None:
    """Only Acme maps the e-mail address, which is not part of the connector."""
    assert "shop crm 1 1 2026-01-01 100%" in read(client, "/")


def test_every_link_of_a_page_leads_somewhere(client: TestClient) -> None:
    links = {
        unescape(link)
        for path in ("/", "/recordings", "/recordings/shop/crm.contacts.list.json")
        for link in re.findall(r'href="(/[^"]*)"', client.get(path).text)
    }
    assert {"/edit/acme", "/edit/acme/crm.contacts.list?case=default", "/coverage?connector=shop"} <= links
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_the_impact_of_a_branch(client: TestClient) -> None:
    assert "on the branch main," in read(client, "/impact")
    shown = read(client, "/impact?ref=main")
    assert "1 account changed, 1 unchanged" in shown and "email shop crm.contacts.list value changed" in shown
    assert 'there is no revision "nothing"' in read(client, "/impact?ref=nothing", 422)
    assert "there is no revision" in read(client, "/impact?ref=main%00", 422)


def test_promote_and_roll_back_ask_for_a_reason(client: TestClient, repository: Path) -> None:
    shown = client.get("/releases").text
    assert "First &lt;b&gt;version&lt;/b&gt;" in shown and "<b>" not in shown
    first = re.findall(r'<option value="(\w{64})"', shown)[0]
    form = {"release": first, "channel": "staging", "reason": "for the demo"}
    own = {"origin": f"http://{HOST}"}
    assert client.post("/releases/promote", data=form).status_code == 415  # not from a page
    assert client.post("/releases/promote", data=form, headers={"origin": "http://evil.test"}).status_code == 403
    answer = client.post("/releases/promote", data={**form, "reason": " "}, headers=own)
    assert answer.status_code == 422 and "the reason is missing" in answer.text
    answer = client.post("/releases/promote", data=form, headers=own, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/releases?moved=staging")
    shown = read(client, "/releases?moved=staging")
    assert "staging was moved" in shown and "for the demo" in shown and f"Serves {first[:12]}" in shown
    second = release_a_break(repository)
    refused = client.post("/releases/promote", data={**form, "release": second}, headers=own)
    assert "was not promoted to staging" in refused.text and "lint: " in refused.text
    assert 'name="despite" value="yes"' in refused.text and f"Serves {second[:12]}" not in read(client, "/releases")
    despite = {**form, "release": second, "reason": "Acme agreed", "despite": "yes"}
    shown = unescape(client.post("/releases/promote", data=despite, headers=own).text)
    assert second[:12] in shown and "Acme agreed" in shown
    back = {"channel": "staging", "reason": "wrong", "expected": first}
    answer = client.post("/releases/roll-back", data=back, headers=own)
    assert answer.status_code == 422 and "serves another release by now" in answer.text
    client.post("/releases/roll-back", data={**back, "expected": second}, headers=own)
    assert f"Serves {first[:12]}" in read(client, "/releases") and "wrong" in read(client, "/releases")


def release_a_break(root: Path) -> str:
    """Release a document with a mistake, and return the ID."""
    acme = root / "accounts/acme.yaml"
    text = acme.read_text()
    acme.write_text(text.replace("$lowercase(", "$lower("))
    with open_store(root / ".conn/releases.sqlite3") as store:
        made = make_release(store, load_workspace(root), Act("ada", FrozenClock().now() + 1), message="Second")
    acme.write_text(text)
    return made.release.id


def test_a_promotion_checks_the_accounts_of_the_service_too(tmp_path: Path) -> None:
    write_release(tmp_path)
    session = StudioSession(tmp_path)
    engine = open_engine(StoreLocation(file=tmp_path / DEFAULT_FILE))
    umbra = Revision(Subject("account", "umbra"), 1, {"accounts/umbra.yaml": "connector: mail\n"})
    revisions = RevisionStore(engine)
    revisions.add(umbra, {}, "put", seen=revisions.read_change())
    query = {"release": "latest", "channel": "production", "reason": "for umbra"}
    refused = ask(session, "page", 422, page="promote", query=query)
    assert 'account "umbra" refers to the connector "mail"' in refused["message"]
    shop = Revision(Subject("account", "umbra"), 2, {"accounts/umbra.yaml": "connector: shop\n"})
    revisions.add(shop, umbra.files, "put", seen=revisions.read_change())
    engine.dispose()
    assert ask(session, "page", page="promote", query=query) == {"location": "/releases?moved=production"}


def test_a_read_only_page_moves_no_channel(tour: Path) -> None:
    session = StudioSession(tour, READ_ONLY)
    assert ask(session, "page", 403, page="promote", query={"release": "latest"})["code"] == "read_only"
