"""Endpoints of accounts: they replace those of other levels, reach only what conn.yaml allows, and read no other
secret."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from conn_engine.config import Workspace, load_workspace
from conn_engine.errors import ConfigurationError
from conn_engine.lint import lint_workspace
from conn_service.delivery import find_endpoint, find_subscribed_endpoints, find_trust, has_endpoint
from conn_service.delivery.places import list_places

ENVIRON = {"ACME_HOOK": "whsec_c2VjcmV0", "CLIENT_SECRET": "no"}
CONN = """\
version: 1
env: [ACME_HOOK, CLIENT_SECRET]
endpoint_secrets: { acme: [ACME_HOOK], other: [OTHER_HOOK] }
trusted_hosts: ["10.0.0.0/8", "hooks.corp.test", "127.0.0.1:8080"]
endpoint_hosts: ["*.example.com", "hooks.corp.test"]
endpoints:
  default: { url: 'https://app.example.org/in', events: ['*'] }
  audit: { url: 'https://audit.example.org/in', events: [crm.contact.created] }
"""
OWN = """\
connector: shop
endpoints:
  default: { url: 'https://acme.example.com/in', secret: '{{env.ACME_HOOK}}', events: [crm.contact.*] }
  deals: { url: 'https://deals.example.com/in', events: [crm.deal.created] }
"""
SHOP = "base_url: https://api.example.com\nresources: { people: { path: /people, list: {} } }\n"


def make(root: Path, files: Mapping[str, str] = {}) -> Workspace:
    given = {
        "conn.yaml": CONN,
        "connectors/shop/connector.yaml": SHOP,
        "accounts/acme.yaml": OWN,
        "accounts/other.yaml": "connector: shop\n",
    }
    for name, text in {**given, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return load_workspace(root)


def find_account_endpoint(root: Path, url: str, conn: str = CONN, secret: str = "") -> str:
    """Return what is wrong with an endpoint of an account, "" if nothing is."""
    more = f", secret: '{secret}'" if secret else ""
    text = f"connector: shop\nendpoints: {{ own: {{ url: '{url}'{more} }} }}\n"
    workspace = make(root, {"conn.yaml": conn, "accounts/acme.yaml": text})
    found = [one for one in lint_workspace(workspace, [root / "accounts"]).findings if one.code == "SEC118"]
    try:
        find_endpoint(workspace, "accounts/acme/own", environ=ENVIRON)
    except ConfigurationError as error:
        assert [one.message for one in found][:1] == [error.message.partition("cannot be used: ")[2]]
        assert error.hint == found[0].hint
        return error.message
    assert found == []
    return ""


def test_an_account_replaces_and_adds_endpoints(tmp_path: Path) -> None:
    workspace = make(tmp_path)
    subscribed = {
        name: find_subscribed_endpoints(workspace, name, account="acme")
        for name in ("crm.contact.created", "crm.contacts.created", "crm.deal.created", "crm.deal.created.twice")
    }
    assert subscribed == {
        "crm.contact.created": ["audit", "accounts/acme/default"],
        "crm.contacts.created": [],
        "crm.deal.created": ["accounts/acme/deals"],
        "crm.deal.created.twice": [],
    }
    assert find_subscribed_endpoints(workspace, "crm.deal.created", account="other") == ["default"]
    assert find_subscribed_endpoints(workspace, "crm.deal.created", account=None) == ["default"]


def test_a_sync_delivers_to_the_endpoint_of_its_account(tmp_path: Path) -> None:
    workspace = make(tmp_path)
    own = find_endpoint(workspace, "default", account="acme", environ=ENVIRON)
    assert (own.key, own.url, own.signing_keys[0].content) == (
        "accounts/acme/default", "https://acme.example.com/in", b"secret",
    )  # fmt: skip
    assert find_endpoint(workspace, own.key, environ=ENVIRON) == own
    shared = find_endpoint(workspace, "default", account="other", environ=ENVIRON)
    assert (shared.key, shared.account) == ("default", "")
    assert find_endpoint(workspace, "default", environ=ENVIRON) == shared


def test_the_level_is_the_account_then_its_environment_then_all(tmp_path: Path) -> None:
    environment = "endpoints: { default: { url: 'https://eu.example.org/in' } }\n"
    files = {"environments/eu.yaml": environment, "accounts/acme.yaml": f"environment: eu\n{OWN}"}
    workspace = make(tmp_path, files | {"accounts/other.yaml": "connector: shop\nenvironment: eu\n"})
    keys = [
        find_endpoint(workspace, "default", account=account, environment=environment, environ=ENVIRON).key
        for account, environment in (("acme", "eu"), ("other", "eu"), ("other", None))
    ]
    assert keys == ["accounts/acme/default", "eu/default", "default"]
    assert sorted(place.key for place in list_places(workspace)) == [
        "accounts/acme/deals", "accounts/acme/default", "audit", "default", "eu/default",
    ]  # fmt: skip


def test_an_endpoint_that_is_gone_is_reported_with_its_file(tmp_path: Path) -> None:
    workspace = make(tmp_path, {"accounts/acme.yaml": "connector: shop\n"})
    assert not has_endpoint(workspace, "accounts/acme/default")
    assert not has_endpoint(workspace, "accounts/nobody/default")
    with pytest.raises(ConfigurationError, match="there is no endpoint") as raised:
        find_endpoint(workspace, "accounts/acme/default", environ=ENVIRON)
    assert raised.value.hint.startswith("add it to accounts/acme.yaml")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://acme.example.com/in", True),
        ("https://hooks.corp.test/in", True),
        ("https://evil.example.net/in", False),
        ("https://a.b.example.com/in", False),
        ("https://acme.example.com:8443/in", False),
        ("http://acme.example.com/in", False),
        ("https://127.0.0.1:8080/in", False),
        ("https://10.1.2.3/in", False),
    ],
)
def test_only_hosts_that_conn_yaml_allows(tmp_path: Path, url: str, *, allowed: bool) -> None:
    message = find_account_endpoint(tmp_path, url)
    assert (message == "") == allowed
    assert allowed or "which conn.yaml does not allow" in message


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://evil.example.net/in", ""),
        ("http://evil.example.net/in", "without TLS"),
        ("https://10.1.2.3/in", "an internal address"),
        ("https://2130706433/in", "an internal address"),
        ("https://hooks.internal/in", "an internal address"),
        ("https://localhost/in", "an internal address"),
    ],
)
def test_every_host_is_every_public_host(tmp_path: Path, url: str, problem: str) -> None:
    conn = CONN.replace('["*.example.com", "hooks.corp.test"]', '["*"]')
    message = find_account_endpoint(tmp_path, url, conn)
    assert message == "" if not problem else problem in message


def test_an_internal_host_is_reached_only_if_it_is_listed_for_accounts_too(tmp_path: Path) -> None:
    workspace = make(tmp_path)
    shared = find_endpoint(workspace, "default", environ=ENVIRON)
    own = find_endpoint(workspace, "accounts/acme/default", environ=ENVIRON)
    assert find_trust(workspace, shared).hosts == ("10.0.0.0/8", "hooks.corp.test", "127.0.0.1:8080")
    assert find_trust(workspace, own).hosts == ("hooks.corp.test",)


def test_only_variables_that_conn_yaml_lists(tmp_path: Path) -> None:
    url = "https://acme.example.com/in"
    assert not find_account_endpoint(tmp_path, url, secret="{{env.ACME_HOOK}}")
    for name in ("CLIENT_SECRET", "OTHER_HOOK"):
        message = find_account_endpoint(tmp_path, url, secret=f"{{{{env.{name}}}}}")
        assert f'reads "{name}", which conn.yaml does not list as a secret of this account' in message
    allowed = CONN.replace("acme: [ACME_HOOK]", "acme: [CLIENT_SECRET]")
    assert not find_account_endpoint(tmp_path, url, allowed, secret="{{env.CLIENT_SECRET}}")


def test_an_account_has_as_many_endpoints_as_conn_yaml_allows(tmp_path: Path) -> None:
    workspace = make(tmp_path, {"conn.yaml": f"{CONN}endpoints_per_account: 1\n"})
    found = lint_workspace(workspace, [tmp_path / "accounts"]).findings
    assert [(one.code, one.path, one.message) for one in found] == [
        ("SEC118", "endpoints.deals", "the account has 2 endpoints, and conn.yaml allows 1 for each account")
    ]
    assert find_endpoint(workspace, "accounts/acme/default", environ=ENVIRON).key == "accounts/acme/default"
    with pytest.raises(ConfigurationError, match="allows 1 for each account"):
        find_endpoint(workspace, "accounts/acme/deals", environ=ENVIRON)
    many = "".join(f"  e{number}: {{ url: 'https://acme.example.com/{number}' }}\n" for number in range(11))
    text = f"connector: shop\nendpoints:\n{many}"
    found = lint_workspace(make(tmp_path, {"accounts/acme.yaml": text}), [tmp_path / "accounts"]).findings
    assert [one.path for one in found] == ["endpoints.e10"]


@pytest.mark.parametrize(
    "more",
    [
        "url: 'https://acme.example.com/{{env.CLIENT_SECRET}}'",
        "url: '{{env.CLIENT_SECRET}}'",
        "url: 'https://acme.example.com/in', secret: '{{env.ACME_HOOK & env.CLIENT_SECRET}}'",
        "url: 'https://acme.example.com/in', claim_check: { store: /etc }",
    ],
)
def test_an_account_can_neither_read_more_nor_choose_a_storage(tmp_path: Path, more: str) -> None:
    workspace = make(tmp_path, {"accounts/acme.yaml": f"connector: shop\nendpoints: {{ own: {{ {more} }} }}\n"})
    with pytest.raises(ConfigurationError, match="accounts/acme"):
        find_endpoint(workspace, "accounts/acme/own", environ=ENVIRON)


def test_a_sync_may_name_an_endpoint_that_only_accounts_have(tmp_path: Path) -> None:
    sync = "source: { connector: shop, resource: people }\nemit: { event: person.updated, endpoint: deals }\n"
    workspace = make(tmp_path, {"syncs/people.yaml": sync})
    assert [one.message for one in lint_workspace(workspace).findings if one.code == "SYN103"] == []
    workspace = make(tmp_path, {"syncs/people.yaml": sync.replace("deals", "deels")})
    found = [one for one in lint_workspace(workspace).findings if one.code == "SYN103"]
    assert [one.hint for one in found] == ['did you mean "deals"?']
