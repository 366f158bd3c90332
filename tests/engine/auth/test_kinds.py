"""The kinds of credentials: what they ask for, what they store, and when they end."""

from typing import Any

import msgspec
import pytest
from evaluating import usual

from conn_engine.auth import (
    ApiKey,
    BasicCredentials,
    BearerCredentials,
    Credentials,
    NoCredentials,
    OAuth2,
    OAuth2ClientCredentials,
    build_renewal,
    renew_if_due,
)
from conn_engine.errors import ConfigurationError, CredentialError, UsageError
from conn_engine.wire import FrozenClock, Renew

NOW = 1_760_000_000.0
HOSTS = ("auth.example.com",)
SCOPE = {"env": {"ID": "the:id", "SECRET": "s3cr&t ü"}, "context": {"domain": "auth.example.com"}}
STORED = {
    "oauth": {
        "token": {
            "access_token": "old-access",
            "refresh_token": "old-refresh",
            "scope": "a b",
            "expires_at": NOW - 5,
        }
    },
    "extra": {"kept": True},
}
OAUTH2 = OAuth2(client_id="{{env.ID}}", client_secret="{{env.SECRET}}", token_url="https://{{context.domain}}/token")


class TestKinds:
    @pytest.mark.parametrize(
        ("credentials", "values", "document"),
        [
            (NoCredentials(), {}, {}),
            (ApiKey(), {"api_key": " k "}, {"api_key": "k"}),
            (BearerCredentials(), {"token": "t"}, {"token": "t"}),
            (BasicCredentials(), {"username": "u", "password": "p"}, {"username": "u", "password": "p"}),
            (BasicCredentials(password_required=False), {"username": "u"}, {"username": "u"}),
            (OAUTH2, {"oauth.token.access_token": "a"}, {"oauth": {"token": {"access_token": "a"}}}),
            (
                OAuth2ClientCredentials(),
                {"client_id": "i", "client_secret": "s"},
                {"client_id": "i", "client_secret": "s"},
            ),
            (OAuth2ClientCredentials(client_id="{{env.ID}}"), {}, {}),
        ],
    )
    def test_documents(self, credentials: Credentials, values: dict[str, str], document: dict[str, Any]) -> None:
        assert credentials.document(values) == document

    def test_a_missing_and_an_unknown_value(self) -> None:
        with pytest.raises(UsageError, match=r'"api_key" .API key. is missing'):
            ApiKey().document({"api_key": " "})
        with pytest.raises(UsageError, match='no field "tokn"') as raised:
            BearerCredentials().document({"tokn": "x"})
        assert raised.value.hint == "use one of its fields: token"

    @pytest.mark.parametrize(
        "credentials",
        [
            NoCredentials(),
            ApiKey(),
            BearerCredentials(),
            BasicCredentials(),
            OAUTH2,
            OAuth2ClientCredentials(),
        ],
    )
    def test_samples_have_every_field_and_differ(self, credentials: Credentials) -> None:
        one, two = credentials.sample(1), credentials.sample(2)
        assert not credentials.is_expired(one, NOW)
        assert (one != two) is bool(credentials.fields())
        for asked in credentials.fields():
            node: Any = one
            for name in asked.name.split("."):
                node = node[name]
            assert isinstance(node, str)

    def test_typed_credentials_neither_end_nor_renew(self) -> None:
        for credentials in (NoCredentials(), ApiKey(), BearerCredentials(), BasicCredentials()):
            assert not credentials.is_expired({}, NOW)
            assert not credentials.renewable({})
            with pytest.raises(CredentialError, match="cannot be renewed"):
                next(credentials.exchange(usual(SCOPE), HOSTS, FrozenClock(NOW))({}))

    def test_the_documented_example_loads(self) -> None:
        data = {"format": "oauth2", "client_id": "{{env.CLIENT_ID}}"}
        credentials = msgspec.convert(data, Credentials)
        assert isinstance(credentials, OAuth2)
        assert not credentials.renewable(STORED)
        with pytest.raises(ConfigurationError, match="no `token_url`"):
            next(credentials.exchange(usual(env={"CLIENT_ID": "x"}), HOSTS, FrozenClock(NOW))(STORED))


class TestEnd:
    @pytest.mark.parametrize(
        ("token", "expired"),
        [
            ({}, True),
            ({"access_token": ""}, True),
            ({"access_token": "a"}, False),
            ({"access_token": "a", "expires_at": NOW + 61}, False),
            ({"access_token": "a", "expires_at": NOW + 60}, True),
            ({"access_token": "a", "expires_at": str(NOW + 1000)}, False),
            ({"access_token": "a", "expires_at": "whenever"}, False),
            ({"access_token": "a", "expires_at": NOW + 20, "obtained_at": NOW - 10}, False),
            ({"access_token": "a", "expires_at": NOW + 14, "obtained_at": NOW - 16}, True),
        ],
    )
    def test_expired_within_the_buffer(self, token: dict[str, Any], expired: bool) -> None:
        assert OAUTH2.is_expired({"oauth": {"token": token}}, NOW) is expired

    def test_documents_of_another_shape(self) -> None:
        for document in ({}, {"oauth": None}, {"oauth": {"token": "text"}}, {"oauth": []}):
            assert OAUTH2.is_expired(document, NOW)
            assert not OAUTH2.renewable(document)

    def test_proactive_renewal(self) -> None:
        flow = renew_if_due(OAUTH2, "acme", STORED, usual(SCOPE), HOSTS, FrozenClock(NOW))
        effect = next(flow)
        assert isinstance(effect, Renew)
        assert (effect.account, effect.stale) == ("acme", STORED)
        with pytest.raises(StopIteration) as end:
            flow.send({"new": 1})
        assert end.value.value == {"new": 1}

    def test_what_has_not_ended_or_cannot_be_renewed_is_used(self) -> None:
        fresh = {"oauth": {"token": {"access_token": "a", "refresh_token": "r"}}}
        ended = {"oauth": {"token": {"access_token": "a", "expires_at": 1}}}
        for document in (fresh, ended):
            with pytest.raises(StopIteration) as end:
                next(renew_if_due(OAUTH2, "acme", document, usual(SCOPE), HOSTS, FrozenClock(NOW)))
            assert end.value.value == document

    def test_the_effect_shows_no_secret(self) -> None:
        assert "old-refresh" not in repr(build_renewal(OAUTH2, "acme", STORED, usual(SCOPE), HOSTS, FrozenClock(NOW)))
