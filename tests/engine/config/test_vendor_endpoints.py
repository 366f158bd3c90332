"""`vendor` in credentials: the public OAuth endpoints are below what the document sets, with their origin."""

from pathlib import Path

import msgspec
import pytest

from conn_engine.auth.credentials import OAuth2
from conn_engine.config import Effective, load_workspace
from conn_engine.config.vendors import find_known, find_vendor, load_facts
from conn_engine.errors import ConfigurationError
from conn_engine.lint import lint_paths

FACTS = load_facts("oauth-endpoints")
RESOURCES = "resources: {things: {path: /things, list: {}}}\n"


def build(root: Path, credentials: str, override: str = "{}") -> Effective:
    files = {
        "conn.yaml": "version: 1\n",
        "connectors/shop/connector.yaml": (
            f"base_url: https://api.hubapi.com\nenv: [ID]\ncredentials: {credentials}\n{RESOURCES}"
        ),
        "accounts/one.yaml": f"connector: shop\noverride: {override}\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return load_workspace(root).effective(account="one")


def test_a_client_id_and_a_vendor_are_enough(tmp_path: Path) -> None:
    effective = build(tmp_path, '{format: oauth2, vendor: HubSpot, client_id: "{{env.ID}}"}')
    credentials = effective.connector.credentials
    assert isinstance(credentials, OAuth2)
    assert credentials.authorization_url == "https://app.hubspot.com/oauth/authorize"
    assert (credentials.token_url, credentials.client_authentication) == (
        "https://api.hubapi.com/oauth/v1/token",
        "body",
    )
    span = effective.span(("credentials", "config", "token_url"))
    assert span is not None
    assert span.file == "oauth-endpoints.yaml"
    assert lint_paths(tmp_path, []).findings == []


def test_what_the_document_sets_wins(tmp_path: Path) -> None:
    effective = build(
        tmp_path, "{format: oauth2, config: {vendor: hubspot, token_url: https://eu.example.com/token, pkce: false}}"
    )
    credentials = effective.connector.credentials
    assert isinstance(credentials, OAuth2)
    assert credentials.token_url == "https://eu.example.com/token"
    assert credentials.authorization_url == "https://app.hubspot.com/oauth/authorize"


def test_the_document_itself_is_not_changed(tmp_path: Path) -> None:
    build(tmp_path, "{format: oauth2, config: {vendor: hubspot}}")
    workspace = load_workspace(tmp_path)
    workspace.effective(account="one")
    assert workspace.document("connector", "shop").data["credentials"]["config"] == {"vendor": "hubspot"}


def test_each_option_of_a_choice_is_filled(tmp_path: Path) -> None:
    options = (
        "{key: bearer, oauth: {format: oauth2, vendor: linear}, app: {format: oauth2_client_credentials, vendor: xero}}"
    )
    effective = build(tmp_path, f"{{format: choice, by: context.login, options: {options}}}")
    filled = effective.data["credentials"]["config"]["options"]
    oauth, application = (filled[name]["config"] for name in ("oauth", "app"))
    assert (oauth["scope_separator"], oauth["token_url"]) == (",", "https://api.linear.app/oauth/token")
    # It has no page for consent.
    assert application == {"vendor": "xero", "token_url": "https://identity.xero.com/connect/token"}


def test_an_override_that_names_a_vendor_is_filled_and_needs_the_grant_for_its_host(tmp_path: Path) -> None:
    effective = build(tmp_path, "{format: oauth2, vendor: hubspot}", "{credentials: {vendor: linear}}")
    assert effective.data["credentials"]["config"]["token_url"] == "https://api.linear.app/oauth/token"
    with pytest.raises(ConfigurationError):
        effective.check_authority()


def test_an_unknown_vendor_is_refused_where_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match='the OAuth endpoints of "hubspto" are not known') as refused:
        build(tmp_path, "{format: oauth2, vendor: hubspto}")
    assert refused.value.hint == 'did you mean "hubspot"?'
    (finding,) = refused.value.findings
    assert finding.span is not None
    assert (finding.span.file, finding.span.line) == ("connectors/shop/connector.yaml", 3)


@pytest.mark.parametrize("vendor", FACTS)
def test_every_entry_is_what_credentials_accept(vendor: str) -> None:
    entry = FACTS[vendor]
    credentials = msgspec.convert(entry["credentials"], OAuth2)
    for url in (credentials.authorization_url, credentials.token_url):
        assert url is not None
        assert url.startswith("https://")
    assert find_vendor(FACTS, entry["label"].upper()) == vendor


def test_what_is_known_of_a_vendor_is_found_in_any_spelling() -> None:
    assert sorted(find_known("Hub Spot")) == ["oauth-endpoints", "rate-limits", "webhook-schemes"]
    assert find_known("nobody at all") == {}
