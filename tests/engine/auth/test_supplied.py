"""What a connector's `fields` call secret is a part of the credential, whatever kind that is."""

import pytest

from conn_engine.auth import Credentials, add_supplied_values, read_secret_fields
from conn_engine.auth.credential_document import SuppliedValue
from conn_engine.conditions import USUAL
from conn_engine.config.convert import convert

SECRET = SuppliedValue(name="webhook_secret", label="Signing secret", required=False)
KINDS = [
    {"format": "none"},
    {"format": "api_key"},
    {"format": "basic"},
    {"format": "bearer", "config": {"ask": [{"name": "tenant"}]}},
    {"format": "oauth2", "config": {"token_url": "https://a.example/t", "authorization_url": "https://a.example/a"}},
    {"format": "oauth1"},
    {"format": "session", "config": {"login": {"url": "https://a.example/login"}}},
    {"format": "mtls"},
    {"format": "mtls", "config": {"with": {"format": "bearer"}}},
    {
        "format": "choice",
        "config": {"by": "context.kind", "options": {"a": {"format": "basic"}, "b": {"format": "api_key"}}},
    },
]


@pytest.mark.parametrize("credentials", KINDS, ids=lambda credentials: credentials["format"])
def test_each_kind_asks_for_it_and_stores_it(credentials):
    before = convert(credentials, Credentials)
    made = add_supplied_values(before, [SECRET])
    assert [field for field in made.fields() if field not in before.fields()] == [SECRET.field()]
    assert made.sample()["webhook_secret"]
    assert add_supplied_values(made, [SECRET]).fields() == made.fields(), "asked only once"


def test_every_option_of_a_choice_asks_for_it():
    made = add_supplied_values(convert(KINDS[-1], Credentials), [SECRET])
    for name in ("a", "b"):
        assert "webhook_secret" in [field.name for field in made.option({"kind": name}, USUAL).fields()]


def test_a_connector_without_a_credential_has_one_then():
    assert [field.name for field in add_supplied_values(None, [SECRET]).fields()] == ["webhook_secret"]


def test_only_what_is_secret_belongs_to_the_credential():
    rows = [
        {"name": "region"},
        {"name": "webhook_secret", "label": "Signing secret", "secret": True, "required": False},
    ]
    assert read_secret_fields({"fields": rows}) == (SECRET,)
    assert read_secret_fields({"fields": [{"name": "a", "secret": True}]}) == (SuppliedValue(name="a"),)
    for faulty in ({}, {"fields": None}, {"fields": {"a": 1}}, {"fields": ["a", {"secret": True}, {"name": 1}]}):
        assert read_secret_fields(faulty) == ()
