"""What an import reports about webhooks: it lists them and what helps to write them, and invents no verification."""

import json
from typing import Any

import pytest

from conn_import import Options, import_source, read_source

NAMES = "webhooks: the document does not say how to verify a delivery"
HEADERS = "headers of webhooks: usually one of them has the signature"
TYPE = "the place of a webhook's event type"
OK = {"responses": {"200": {"description": "ok"}}}


def webhook(*parameters: Any, **properties: Any) -> dict[str, Any]:
    """A webhook of a document whose body has these properties."""
    schema = {"type": "object", "properties": properties}
    body = {"requestBody": {"content": {"application/json": {"schema": schema}}}} if properties else {}
    return {"post": {**OK, **body, "parameters": list(parameters)}}


def header(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string"}}


def imported(tmp_path: Any, **document: Any) -> tuple[dict[str, list[str]], str]:
    """What was left out, and the connector."""
    said = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "servers": [{"url": "https://api.example.com"}]}
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps({**said, "paths": {"/a": {"get": OK}}, **document}))
    made = import_source(read_source(file), Options("t"))
    return {what: places for what, places, *_ in made.losses}, made.files["connector.yaml"]


@pytest.mark.parametrize("key", ["webhooks", "x-webhooks"])
def test_names_headers_and_the_type_are_listed(tmp_path: Any, key: str) -> None:
    components = {"parameters": {"proof": header("X-Signature-256")}}
    signed = {"$ref": "#/components/parameters/proof"}
    declared = {
        "order-created": webhook(signed, header("User-Agent"), type={"const": "order.created"}, v={"const": "1"}),
        "order-paid": webhook(signed, header("X-Event"), type={"enum": ["order.paid"]}, v={"const": "1"}),
    }
    lost, text = imported(tmp_path, components=components, **{key: declared})
    assert lost[NAMES] == ["order-created", "order-paid"]
    assert lost[HEADERS] == ["X-Signature-256", "X-Event"]
    assert lost[TYPE] == ["body.type"]
    assert "\nwebhooks:" not in text and "verify:" not in text.replace("\nverify: ", "")


@pytest.mark.parametrize(
    "declared",
    [
        {"one": webhook(type={"const": "a"})},
        {"one": webhook(type={"const": "a"}), "two": webhook(type={"const": "a"})},
        {"one": webhook(type={"const": "a"}), "two": webhook(kind={"const": "b"})},
        {"one": webhook(type={"const": "a"}), "two": webhook(type={"type": "string"})},
        {"one": webhook(type={"enum": ["a", "b"]}), "two": webhook(type={"const": "c"})},
        {"one": webhook(type={"const": 1}), "two": webhook(type={"const": 2})},
        {"one": webhook(**{"a b": {"const": "a"}}), "two": webhook(**{"a b": {"const": "b"}})},
        {"one": webhook(), "two": webhook()},
        {"one": {}, "two": None, "three": {"$ref": "#/nowhere"}, "four": {"post": []}},
    ],
)
def test_a_type_is_not_guessed(tmp_path: Any, declared: dict[str, Any]) -> None:
    lost, _ = imported(tmp_path, webhooks=declared)
    assert lost[NAMES] == list(declared) and TYPE not in lost


def test_a_type_deeper_inside_is_found(tmp_path: Any) -> None:
    def within(kind: str) -> dict[str, Any]:
        return webhook(meta={"type": "object", "properties": {"event": {"const": kind}}})

    assert imported(tmp_path, webhooks={"a": within("x"), "b": within("y")})[0][TYPE] == ["body.meta.event"]


@pytest.mark.parametrize("declared", [None, [], "x", {}, 1])
def test_what_is_no_webhooks_is_nothing(tmp_path: Any, declared: Any) -> None:
    assert NAMES not in imported(tmp_path, webhooks=declared)[0]


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("lanternWebhookRouting", "the verification and the events of its webhooks: they are in a script"),
        ("unauthenticatedWebhookRouting", "the events of its webhooks, which are not signed: they are in a script"),
    ],
)
def test_a_script_of_an_entry_is_named(tmp_path: Any, script: str, what: str) -> None:
    entry = {"display_name": "Lantern", "auth_mode": "API_KEY", "proxy": {"base_url": "https://api.lantern.example"}}
    file = tmp_path / "providers.yaml"
    file.write_text(json.dumps({"lantern": {**entry, "webhook_routing_script": script}}))
    made = import_source(read_source(file), Options("lantern"))
    assert {name: places for name, places, *_ in made.losses}[what] == [script]
    assert "\nwebhooks:" not in made.files["connector.yaml"]
