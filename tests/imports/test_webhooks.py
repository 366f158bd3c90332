"""What an import makes of webhooks: it lists them, writes a comment with what is known, and invents no verification."""

import json
from typing import Any

import pytest

from conn_engine.diagnostics import Severity
from conn_engine.lint import lint_paths
from conn_import import Options, import_source, read_source

NAMES = "webhooks, in a comment of connector.yaml: the document does not say how to verify a delivery"
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
    assert "\nwebhooks:" not in text and "\n# webhooks:" in text


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


def draft(tmp_path: Any, **document: Any) -> list[str]:
    """The comment with the webhooks, from its settings on."""
    lines = imported(tmp_path, **document)[1].splitlines()
    return lines[lines.index("# webhooks:") :]


def test_webhooks_are_a_comment_that_loads_without_its_marks(tmp_path: Any) -> None:
    record = {"type": "object", "properties": {"no": {"type": "string"}}}
    declared = {
        "made": webhook(header("X-Shop-Topic"), header("X-Shop-Hmac"), kind={"const": "person.made"}, person=record),
        "gone": webhook(kind={"const": "person.gone"}, person=record, at={"type": "string"}),
    }
    _, text = imported(tmp_path, webhooks=declared)
    assert "# Not verified: the document describes webhooks" in text
    assert "# Events in the document: person.made, person.gone." in text
    before, mark, after = text.partition("# webhooks:\n")
    assert after.splitlines() == [
        "#   verify: { format: hmac, signature: 'headers.\"x-shop-hmac\"' } # guess, from the name of the header",
        "#   events:",
        "#     type: body.kind # guess",
        "#     record: body.person # guess",
    ]
    fields = "fields: [{ name: webhook_secret, secret: true, required: false }]\n"
    place = tmp_path / "connectors" / "t" / "connector.yaml"
    place.parent.mkdir(parents=True)
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    place.write_text(before + fields + "".join(line[2:] for line in (mark + after).splitlines(keepends=True)))
    assert [one.message for one in lint_paths(tmp_path, []).findings if one.severity is Severity.ERROR] == []


def test_a_callback_of_an_operation_is_a_webhook(tmp_path: Any) -> None:
    body = webhook(event={"enum": ["paid", "sent"]}, data={"type": "object"})
    operation = {**OK, "callbacks": {"changed": {"{$request.body#/url}": body}}}
    lost, text = imported(tmp_path, paths={"/hooks": {"post": operation}})
    assert lost[NAMES] == ["changed (callback of POST /hooks)"] and "callbacks" not in lost
    assert "# Events in the document: paid, sent." in text
    assert "#     type: body.event # guess" in text and "#     record: body.data # guess" in text


@pytest.mark.parametrize(
    ("declared", "line"),
    [
        (webhook(header("X-Event-Id"), header("X-Topic"), a={"type": "string"}), "type: 'headers.\"x-topic\"' # guess"),
        (webhook(a={"type": "string"}), "type: body.type # guess: the document does not have it"),
        (webhook(header("Webhook-Signature")), "verify: { format: standard_webhooks } # guess, from the names of the"),
        (webhook(**{"event type": {"type": "string"}}), "type: body.`event type` # guess"),
    ],
)
def test_a_guess_about_a_webhook_comes_from_a_name(tmp_path: Any, declared: dict[str, Any], line: str) -> None:
    assert any(line in found for found in draft(tmp_path, webhooks={"one": declared}))


def test_deliveries_of_several_events_have_items(tmp_path: Any) -> None:
    schema = {"type": "array", "items": {"type": "object", "properties": {"topic": {"type": "string"}}}}
    declared = {"post": {**OK, "requestBody": {"content": {"application/json": {"schema": schema}}}}}
    assert draft(tmp_path, webhooks={"a": declared})[3:] == ["#     type: item.topic # guess"]


@pytest.mark.parametrize(("name", "step"), [("stripe", "conn webhook scheme stripe"), ("t", "conn explain webhooks")])
def test_the_scheme_of_a_vendor_is_proposed_if_it_is_known(tmp_path: Any, name: str, step: str) -> None:
    file = tmp_path / "openapi.json"
    document = {"openapi": "3.1.0", "info": {"title": "t"}, "servers": [{"url": "https://api.example.com"}]}
    file.write_text(json.dumps({**document, "paths": {"/a": {"get": OK}}, "webhooks": {"a": webhook()}}))
    text = import_source(read_source(file), Options(name)).files["connector.yaml"]
    assert step in text and ("webhook scheme" in text) == (name == "stripe")


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
