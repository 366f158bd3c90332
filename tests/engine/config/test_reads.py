"""The walk over the texts of a configuration: which names each may use."""

from typing import Any

import pytest

from conn_engine.config.models import Connector, Inheritable
from conn_engine.config.reads import Text, find_texts
from conn_engine.roles import CREDENTIAL_SCOPES

PUBLISHED = {"url": "https://shop.example/keys/{{header.kid}}", "keys": "response.keys"}


def texts_of(data: dict[str, Any], model: Any = Connector) -> dict[str, Text]:
    return {".".join(map(str, text.path)): text for text in find_texts(model, data)}


def names_at(verify: dict[str, Any], key: str) -> frozenset[str]:
    names = texts_of({"webhooks": {"verify": verify}})[f"webhooks.verify.config.{key}"].names
    assert names is not None
    return names


def hmac(**more: Any) -> dict[str, Any]:
    return {"format": "hmac", "config": {"signature": "x", "content": "x", "when": "x", "expect": "x", **more}}


def test_a_setting_that_is_set_brings_its_names() -> None:
    assert "item" not in names_at(hmac(), "content")
    assert "timestamp" not in names_at(hmac(), "content")
    both = hmac(each="body.events", timestamp="x")
    assert {"item", "timestamp"} <= names_at(both, "content")
    assert "item" in names_at(both, "signature")
    assert "timestamp" not in names_at(both, "signature")
    assert {"item", "timestamp"}.isdisjoint(names_at(both, "when") | names_at(both, "each"))


def test_what_a_setting_brings_reaches_the_settings_inside_others() -> None:
    several = {
        "format": "any",
        "config": {"each": "body", "of": [hmac(), {"format": "token", "config": {"token": "x"}}]},
    }
    assert "item" in names_at(several, "of.0.config.when") & names_at(several, "of.1.config.token")


def test_a_setting_with_a_default_brings_its_names_too() -> None:
    jwt = {"format": "jwt", "config": {"expect": "x", "key_request": PUBLISHED, "issuer": "{{x}}"}}
    for key in ("expect", "key_request.url", "key_request.keys"):
        assert "header" in names_at(jwt, key)
    assert "header" not in names_at(jwt, "issuer")
    other = {"format": "public_key", "config": {"expect": "x", "key_request": PUBLISHED}}
    assert "header" not in names_at(other, "expect") | names_at(other, "key_request.url")


@pytest.mark.parametrize(
    ("key", "has", "lacks"),
    [
        ("create", {"new_secret", "url"}, {"response"}),
        ("renew", {"url"}, {"new_secret"}),
        ("delete", set(), {"new_secret"}),
    ],
)
def test_the_texts_of_a_step_are_over_what_its_place_declares(key: str, has: set[str], lacks: set[str]) -> None:
    step = {"name": "hook", "when": "x", "request": {"path": "/{{x}}"}, "transform": "response.id"}
    found = texts_of({"webhooks": {"subscription": {key: [step]}}, "connect": [step]})
    for name in ("when", "request.path"):
        text = found[f"webhooks.subscription.{key}.0.{name}"]
        assert text.names is not None
        assert has <= text.names
        assert lacks.isdisjoint(text.names)
        assert found[f"connect.0.{name}"].names == {"context", "connect"}
    assert found["connect.0.transform"].names == {"context", "connect", "response"}


def test_the_parts_of_a_credential_are_in_scope_where_a_delivery_is_verified_and_answered() -> None:
    request = {"url": "https://shop.example", "assertion": {"claims": {"iss": "{{x}}"}}, "body": {"a": "{{x}}"}}
    request["signature"] = {"format": "hmac", "config": {"key": "{{x}}"}}
    challenge = {"when": "x", "capture": {"key": "x"}, "request": request, "reply": {"body": "{{x}}"}}
    events = {"each": "x", "type": "x"}
    found = texts_of(
        {"webhooks": {"verify": hmac(), "challenge": [challenge], "events": events, "reply": {"body": "{{x}}"}}}
    )
    apart = {path for path, text in found.items() if text.over not in CREDENTIAL_SCOPES}
    signature = "webhooks.challenge.0.request.signature.config.key"  # has names of its own, which are not declared
    assert apart == {"webhooks.events.each", "webhooks.events.type", signature}
    assert "nonce" in (found["webhooks.challenge.0.request.assertion.claims.iss"].names or ())


def test_the_data_of_one_level_needs_no_format() -> None:
    found = texts_of({"pagination": {"config": {"cursor_field": "a", "next": "state + 1"}}}, Inheritable)
    assert [text.over for text in found.values()] == ["body", "paging"]
    assert "state" in (found["pagination.config.next"].names or ())
