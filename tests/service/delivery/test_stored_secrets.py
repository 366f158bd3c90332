"""Secrets of endpoints in the vault: a new one, the time in which both sign, and the end of the previous ones."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from standardwebhooks import Webhook, WebhookVerificationError

from conn_engine.config import Workspace, load_workspace
from conn_engine.errors import ConfigurationError, UsageError
from conn_service.delivery import EndpointSecrets, ResolvedEndpoint, find_endpoint, list_endpoints, parse_overlap
from conn_service.delivery.requests import build_request
from conn_service.store import DatabaseVault, read_vault_keys

ENVIRON = {"CONN_VAULT_KEY": "a long key for tests", "CONN_NO_KEYRING": "1", "OLD_SECRET": "whsec_b2xkIHNlY3JldA=="}
NOW = 1_700_000_000.0
CONN = """\
version: 1
env: [OLD_SECRET]
endpoint_hosts: ["*.example.com"]
endpoints:
  app: { url: 'https://app.example.com/in', secret: '{{env.OLD_SECRET}}' }
  bare: { url: 'https://app.example.com/bare' }
"""
FILES = {
    "conn.yaml": CONN,
    "connectors/shop/connector.yaml": "base_url: https://api.example.com\nresources: {}\n",
    "accounts/acme.yaml": "connector: shop\nendpoints: { own: { url: 'https://acme.example.com/in' } }\n",
}


class Desk:
    """A workspace with endpoints, its store, and a clock."""

    def __init__(self, root: Path, engine: sa.Engine, environ: Mapping[str, str] = ENVIRON) -> None:
        self.time = NOW
        self.engine, self.root = engine, root
        self.secrets = EndpointSecrets(engine, environ, self)
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    async def asleep(self, seconds: float) -> None:
        self.time += seconds

    @property
    def workspace(self) -> Workspace:
        return load_workspace(self.root)

    def find(self, name: str, environ: Mapping[str, str] = ENVIRON) -> ResolvedEndpoint:
        return find_endpoint(self.workspace, name, environ=environ, stored=self.secrets.find)

    def rotate(self, name: str = "app", overlap: float = 3600.0, **options: bool) -> Any:
        endpoint = self.find(name)
        return self.secrets.rotate(endpoint.key, endpoint.signing_keys, overlap, **options)

    def verifies(self, secret: str, name: str = "app") -> bool:
        """Return whether a receiver that only knows a secret accepts what is sent now."""
        moment = int(datetime.now(UTC).timestamp())
        request = build_request(self.find(name), "evt_1", b"{}", moment)
        try:
            Webhook(secret).verify(b"{}", dict(request.headers.items()))
        except WebhookVerificationError:
            return False
        return True


@pytest.fixture
def desk(tmp_path: Path, engine: sa.Engine) -> Desk:
    return Desk(tmp_path, engine)


def test_both_secrets_sign_until_the_time_is_over(desk: Desk) -> None:
    done = desk.rotate()
    assert done.previous_until == NOW + 3600
    assert (desk.verifies(done.secret), desk.verifies(ENVIRON["OLD_SECRET"])) == (True, True)
    assert desk.find("app", {}) == desk.find("app"), "the variable of the document is not needed any more"
    desk.time += 3601
    assert (desk.verifies(done.secret), desk.verifies(ENVIRON["OLD_SECRET"])) == (True, False)


def test_the_previous_secret_is_ended_by_a_command(desk: Desk) -> None:
    done = desk.rotate()
    assert desk.secrets.end_previous("app") == 1
    assert (desk.verifies(done.secret), desk.verifies(ENVIRON["OLD_SECRET"])) == (True, False)
    assert desk.secrets.end_previous("app") == 0


def test_a_second_rotation_keeps_the_end_of_the_first_secret(desk: Desk) -> None:
    first = desk.rotate(overlap=100.0)
    second = desk.rotate(overlap=1000.0)
    assert len(desk.find("app").signing_keys) == 3
    desk.time += 101
    assert [desk.verifies(one) for one in (second.secret, first.secret, ENVIRON["OLD_SECRET"])] == [True, True, False]
    desk.rotate()
    desk.rotate()
    with pytest.raises(UsageError, match="4 secrets of the endpoint app sign its events already"):
        desk.rotate()
    desk.secrets.end_previous("app")
    assert len(desk.find("app").signing_keys) == 1


def test_an_endpoint_of_an_account_gets_its_first_secret(desk: Desk) -> None:
    done = desk.rotate("accounts/acme/own", is_private=True)
    assert (done.previous_until, done.public_key[:5]) == (None, "whpk_")
    [key] = desk.find("accounts/acme/own").signing_keys
    assert key.public_key == done.public_key
    assert desk.find("bare").signing_keys == ()
    desk.secrets.remove_account("acme")
    assert desk.find("accounts/acme/own").signing_keys == (), "a new account of the same name has no old secret"


def test_the_names_of_other_accounts_stay(desk: Desk) -> None:
    desk.rotate("accounts/acme/own")
    desk.secrets.remove_account("acm")
    assert len(desk.find("accounts/acme/own").signing_keys) == 1


def test_a_secret_is_shown_once(desk: Desk) -> None:
    done = desk.rotate()
    assert desk.secrets.show("app").secret == done.secret
    with pytest.raises(UsageError, match="was shown already"):
        desk.secrets.show("app")
    desk.rotate(is_shown=True)
    with pytest.raises(UsageError, match="was shown already"):
        desk.secrets.show("app")
    with pytest.raises(UsageError, match="the vault has no secret of the endpoint bare"):
        desk.secrets.show("bare")


def test_the_secret_of_the_document_is_used_again(desk: Desk) -> None:
    done = desk.rotate()
    desk.secrets.remove("app")
    assert (desk.verifies(done.secret), desk.verifies(ENVIRON["OLD_SECRET"])) == (False, True)
    with pytest.raises(UsageError, match="the vault has no secret"):
        desk.secrets.remove("app")


def test_nothing_is_signed_with_another_secret_if_the_vault_cannot_be_read(desk: Desk) -> None:
    desk.rotate()
    closed = EndpointSecrets(desk.engine, {"CONN_NO_KEYRING": "1"}, desk)
    with pytest.raises(ConfigurationError, match="needs a key, and none is set") as raised:
        find_endpoint(desk.workspace, "app", environ=ENVIRON, stored=closed.find)
    assert raised.value.hint is not None
    vault = DatabaseVault(desk.engine, read_vault_keys(ENVIRON), "endpoints of the store")
    assert vault.delete("app")
    with pytest.raises(ConfigurationError, match="in the vault cannot be used: it is missing"):
        desk.find("app")


def test_a_url_has_no_secret(desk: Desk) -> None:
    with pytest.raises(UsageError, match="is a URL"):
        desk.rotate("https://hooks.example.com/in")


def test_a_changed_key_of_the_vault_keeps_the_secrets(desk: Desk) -> None:
    done = desk.rotate()
    new = {**ENVIRON, "CONN_VAULT_KEY": "another long key", "CONN_VAULT_OLD_KEY": ENVIRON["CONN_VAULT_KEY"]}
    assert DatabaseVault(desk.engine, read_vault_keys(new)).rotate().encrypted == 1
    later = EndpointSecrets(desk.engine, {**ENVIRON, "CONN_VAULT_KEY": "another long key"}, desk)
    assert (later.find("app") or ())[0] == done.secret


def test_the_list_tells_where_the_secret_is(desk: Desk) -> None:
    desk.rotate()
    entries = {entry.key: entry for entry in list_endpoints(desk.engine, desk.workspace, desk.secrets)}
    assert (entries["app"].rotated_at, entries["app"].previous_until) == (NOW, NOW + 3600)
    assert entries["bare"].rotated_at is None
    desk.time += timedelta(hours=2).total_seconds()
    entries = {entry.key: entry for entry in list_endpoints(desk.engine, desk.workspace, desk.secrets)}
    assert entries["app"].previous_until is None


@pytest.mark.parametrize("text", ["", "a day", "1", "P91D", "-P1D", None, 3600])
def test_what_is_not_an_overlap(text: object) -> None:
    with pytest.raises(UsageError, match="not a duration of at most 90 days"):
        parse_overlap(text)
    assert parse_overlap("PT12H") == 43_200


def test_no_secret_is_in_the_file_of_the_store(tmp_path: Path, desk: Desk) -> None:
    done = desk.rotate()
    desk.engine.dispose()
    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (done.secret, ENVIRON["OLD_SECRET"]):
        assert not any(secret.removeprefix("whsec_").encode() in text for text in texts)
    assert json.dumps(repr(done)).find("whsec_") == -1
