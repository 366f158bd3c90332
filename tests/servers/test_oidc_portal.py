"""oidc-provider: people log in to the portal of a service. Their pages at the provider are walked by plain HTTP."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from processes import oidc as oidcs
from processes.oidc import Oidc

sys.path += [str(Path(__file__).parents[1] / "service" / name) for name in ("portal", "studio")]

from portal_bench import ORIGIN, Portal, open_portal

from conn_engine.config.portal_models import PortalLoginSettings
from conn_engine.transport.egress import Trust
from conn_engine.wire import MACHINE_CLOCK

CALLBACK = f"{ORIGIN}/portal/login/callback"
ROLES = {"editor": ("ada@example.com",), "releaser": ("grace@example.com",)}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oidc]:
    with oidcs.oidc(tmp_path_factory.mktemp("provider"), callback=CALLBACK) as started:
        yield started


@pytest.fixture(scope="module", params=[oidcs.BASIC, oidcs.POST], ids=["basic", "post"])
def opened(
    request: pytest.FixtureRequest, provider: Oidc, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Portal]:
    client = request.param
    login = PortalLoginSettings(issuer=provider.url, client_id=client.name, role_claim="email", roles=ROLES)
    trust = Trust((f"127.0.0.1:{provider.port}",))
    more = {"login": login, "client_secret": client.secret, "trust": trust}
    with open_portal(tmp_path_factory.mktemp("portal"), settings=more, clock=MACHINE_CLOCK) as portal:
        yield portal


@pytest.fixture
def portal(opened: Portal) -> Portal:
    opened.client.cookies.clear()
    return opened


def begin(portal: Portal) -> str:
    """Return where the portal sends a browser."""
    answer = portal.get("/login/oidc?next=/audit", follow_redirects=False)
    assert answer.status_code == 303, answer.text
    location: str = answer.headers["location"]
    return location


def come_back(portal: Portal, url: str) -> Any:
    """Open the address that the provider redirects a browser to."""
    assert url.startswith(CALLBACK)
    return portal.get(f"/login/callback?{urlsplit(url).query}", follow_redirects=False)


@pytest.mark.parametrize(("person", "role"), [("ada", "editor"), ("grace", "releaser")])
def test_a_person_logs_in_with_the_role_of_the_address(portal: Portal, provider: Oidc, person: str, role: str) -> None:
    back = provider.consent(begin(portal), person)
    answer = come_back(portal, back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/audit"), answer.text
    assert f"{person}@example.com ({role})" in portal.get("/audit").text
    assert come_back(portal, back).status_code == 403, "once"


def test_what_a_person_saves_has_the_subject(portal: Portal, provider: Oidc) -> None:
    come_back(portal, provider.consent(begin(portal), "ada"))
    digest = portal.ask("operation", account="acme", operation="crm.contacts.list")["file"]["digest"]
    edits = [{"operation": "crm.contacts.list", "field": "title", "expression": "'Dr'"}]
    portal.ask("save", account="acme", edits=edits, digest=digest, reason="asked for")
    assert "oidc:ada (ada@example.com)" in portal.get("/audit?target=accounts/acme").text


def test_a_person_without_a_role_and_one_who_declines(portal: Portal, provider: Oidc) -> None:
    refused = come_back(portal, provider.consent(begin(portal), "bob"))
    assert refused.status_code == 403 and "bob@example.com has no role" in refused.text
    declined = come_back(portal, provider.consent(begin(portal), "ada", deny=True))
    assert declined.status_code == 403 and "You were not logged in" in declined.text
    assert portal.get("/audit", follow_redirects=False).status_code == 303


def test_a_code_of_another_log_in_is_refused_by_the_provider(portal: Portal, provider: Oidc) -> None:
    """It fits another PKCE challenge."""
    other = urlsplit(provider.consent(begin(portal), "ada")).query
    mine = provider.consent(begin(portal), "ada")
    code = next(part for part in other.split("&") if part.startswith("code="))
    mixed = "&".join(code if part.startswith("code=") else part for part in urlsplit(mine).query.split("&"))
    answer = come_back(portal, f"{CALLBACK}?{mixed}")
    assert answer.status_code == 502 and "set-cookie" not in answer.headers
