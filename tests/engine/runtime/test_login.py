"""A log-in by consent in two phases, the second of which another process may take, against a real token endpoint."""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from conn_engine.auth import Consent, as_consent_credentials
from conn_engine.config import Workspace
from conn_engine.errors import CredentialError
from conn_engine.runtime.drive import afinish, finish
from conn_engine.runtime.login import AccountLogin
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.egress import Trust
from conn_engine.transport.live import AsyncLive, Live
from conn_engine.wire import FrozenClock

CONNECTOR = """\
base_url: {url}
hosts: ["{host}"]
credentials:
  format: oauth2
  authorization_url: {url}/authorize
  token_url: {url}/token
  client_id: "{{{{env.SHOP_ID}}}}"
  client_secret: "{{{{env.SHOP_SECRET}}}}"
env: [SHOP_ID, SHOP_SECRET]
authorization: {{ format: bearer }}
resources:
  people: {{ list: {{ method: get, path: /people }} }}
"""
ENVIRON = {"SHOP_ID": "shop-id", "SHOP_SECRET": "a-secret-of-the-shop"}
BACK = "https://app.example.com/callback"
TRUST = Trust(("127.0.0.0/8",))


@pytest.fixture
def begin(make: Callable[..., Workspace], site: Any) -> Callable[[], AccountLogin]:
    site.answer = lambda got: {"access_token": "new-access-token", "refresh_token": "new-refresh", "expires_in": 60}
    files = {
        "connectors/shop/connector.yaml": CONNECTOR.format(url=site.url, host=site.host),
        "connectors/shop/unified/crm.yaml": "resources: {}\n",
        "accounts/acme.yaml": "connector: shop\n",
    }

    def build() -> AccountLogin:
        effective = make(files).effective(account="acme")
        assert effective.connector.credentials is not None
        credentials = as_consent_credentials(effective.connector.credentials)
        assert credentials is not None
        return AccountLogin(effective, credentials, {}, ENVIRON, FrozenClock(1_700_000_000.0), Redactor())

    return build


def redirect(consent: Consent) -> dict[str, str]:
    """What a vendor that grants access sends back."""
    asked = dict(parse_qsl(urlsplit(consent.url).query))
    assert (asked["client_id"], asked["redirect_uri"]) == ("shop-id", BACK)
    return {"state": asked["state"], "code": "code-of-consent"}


def test_the_second_phase_needs_only_the_stored_consent(begin: Callable[[], AccountLogin], site: Any) -> None:
    vault = MemoryVault()

    async def first() -> dict[str, Any]:
        async with AsyncLive(trust=TRUST) as transport:
            login = begin()
            assert login.find_redirect_uri() is None
            return dataclasses.asdict(await afinish(login.begin(BACK), transport, vault, FrozenClock()))

    consent = Consent(**asyncio.run(first()))
    login = begin()
    with Live(login.redactor, trust=TRUST) as transport:
        document = finish(login.finish(consent, redirect(consent)), transport, vault, FrozenClock())
    assert document["oauth"]["token"]["access_token"] == "new-access-token"
    assert site.arrived[-1].path == "/token"
    sent = dict(parse_qsl(site.arrived[-1].body.decode()))
    assert (sent["code"], sent["redirect_uri"], sent["code_verifier"]) == ("code-of-consent", BACK, consent.verifier)
    assert "code-of-consent" not in login.redactor.text("the code is code-of-consent")


def test_a_redirect_of_another_login_is_refused_before_anything_is_sent(
    begin: Callable[[], AccountLogin], site: Any
) -> None:
    login = begin()
    with Live(login.redactor, trust=TRUST) as transport:
        consents = [finish(login.begin(BACK), transport, MemoryVault(), FrozenClock()) for _ in range(2)]
        assert consents[0].state != consents[1].state
        with pytest.raises(CredentialError, match="does not belong to this login"):
            finish(login.finish(consents[0], redirect(consents[1])), transport, MemoryVault(), FrozenClock())
    assert site.arrived == []
