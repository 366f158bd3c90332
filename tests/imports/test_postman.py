"""Postman collections and HAR files: what carries the key, what has no answer, and versions that are refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from conn_engine.errors import ConfigurationError
from conn_import import Options, import_source, read_source

KEY = "Zq9Xv7LmP3wT8rKd4Yb2"


def collection(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"info": {"name": "C"}, "item": list(items), **more}


def request(path: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    return {"name": path, "request": {"method": method, "url": f"https://api.c.example/{path}", **more}}


def header(name: str, value: str) -> list[dict[str, Any]]:
    return [{"key": name, "value": value}]


def entry(url: str, kind: str = "application/json", text: str = '{"items": [{"id": 1}]}', **headers: str) -> Any:
    rows = [{"name": name, "value": value} for name, value in headers.items()]
    answer = {"status": 200, "headers": [], "content": {"mimeType": kind, "text": text}}
    return {"request": {"method": "GET", "url": url, "headers": rows}, "response": answer}


def har(*entries: Any) -> dict[str, Any]:
    return {"log": {"entries": list(entries)}}


def header_way(name: str, **config: str) -> dict[str, Any]:
    return {"format": "header", "config": {"name": name, **config}}


@pytest.mark.parametrize(
    ("name", "value", "authorization"),
    [
        ("Authorization", "Bearer {{token}}", {"format": "bearer"}),
        ("authorization", "Basic {{key}}", {"format": "basic"}),
        ("Authorization", "{{key}}", header_way("Authorization")),
        ("Authorization", KEY, header_way("Authorization")),
        ("Authorization", f"Token token={KEY}", header_way("Authorization", value="Token token={{api_key}}")),
        ("Authorization", f"Acme-Key {KEY}", header_way("Authorization", value="Acme-Key {{api_key}}")),
        ("X-Acme-Key", "{{key}}", header_way("X-Acme-Key")),
        ("X-Acme-Key", KEY, header_way("X-Acme-Key")),
    ],
)
def test_a_header_that_carries_the_key_is_the_credential(imported, name, value, authorization) -> None:
    made = imported(collection(request("as", header=header(name, value)), request("bs"), request("cs")))
    assert made.data["authorization"] == authorization
    assert KEY not in made.text and "authorization" not in str(made.lost)


@pytest.mark.parametrize("value", ["Bearer abc", f"Acme-Key {KEY}", KEY, f"Token token={KEY}"])
def test_a_header_that_carries_the_key_of_a_har(imported, value) -> None:
    made = imported(har(entry("https://api.c.example/v1/things", Authorization=value)))
    config = {} if value == KEY else {"value": value.replace(KEY, "{{api_key}}")}
    assert made.data["authorization"] == (
        {"format": "bearer"} if value == "Bearer abc" else header_way("Authorization", **config)
    )
    assert KEY not in made.text + made.imported.files["README.md"]


def test_a_signature_in_a_header_is_no_key(imported) -> None:
    made = imported(collection(request("as", header=header("Authorization", "Digest username=a"))))
    assert made.data["authorization"] == {"format": "none"}
    assert any(what.startswith("the apikey (header Authorization) authorization") for what in made.lost)


@pytest.mark.parametrize(("sample", "kind"), [("Bearer {token}", "bearer"), (None, "header")])
def test_the_authorization_parameter_of_a_contract_without_schemes(imported, api, sample, kind) -> None:
    parameter = {"name": "Authorization", "in": "header", "schema": {"type": "string"}}
    parameter |= {"example": sample} if sample else {}
    paths = {"/as": {"get": {"parameters": [parameter], "responses": {}}}, "/bs": {"get": {"responses": {}}}}
    assert imported(api(paths)).data["authorization"]["format"] == kind
    schemes = {"securitySchemes": {"s": {"type": "http", "scheme": "basic"}}}
    made = imported(api(paths, components=schemes, security=[{"s": []}]))
    assert made.data["authorization"] == {"format": "basic"} and "credential" not in str(made.lost)


@pytest.mark.parametrize(
    "document",
    [
        {
            "id": "1",
            "name": "C",
            "order": ["a"],
            "requests": [{"id": "a", "url": "https://a.example", "method": "GET"}],
        },
        {"id": "1", "name": "C", "folders": [], "requests": []},
        {"info": {"name": "C", "schema": "https://schema.getpostman.com/json/collection/v1.0.0/"}, "requests": []},
    ],
)
def test_a_collection_of_version_1_is_refused_by_its_name(imported, document) -> None:
    with pytest.raises(ConfigurationError, match="version 1 Postman collections") as caught:
        imported(document)
    assert "v2.1" in (caught.value.hint or "")


def test_calls_of_a_har_without_an_answer_are_named(imported) -> None:
    silent = {"request": {"method": "POST", "url": "https://api.c.example/v1/others", "headers": []}}
    made = imported(har(entry("https://api.c.example/v1/things"), silent, {**silent, "response": {}}))
    assert made.names == {"things.list"}
    assert made.lost["requests without a response"] == ["POST https://api.c.example/v1/others"]


def test_the_bodies_of_a_har_are_learned_together(imported) -> None:
    def sent(body: dict[str, Any]) -> dict[str, Any]:
        one = entry("https://api.c.example/v1/things", text='{"id": 1}')
        one["request"] |= {"method": "POST", "postData": {"mimeType": "application/json", "text": json.dumps(body)}}
        return one

    made = imported(har(sent({"a": 1}), sent({"b": "x"}), entry("https://api.c.example/v1/others")))
    kept = json.loads(made.imported.files["schemas/operations.json"])["operations"]["things.create"]["request"]
    assert kept["properties"] == {"a": {"type": "integer"}, "b": {"type": "string"}}


def test_a_har_without_json_says_what_there_is(imported) -> None:
    page = entry("https://www.c.example/", "text/html; charset=utf-8", "<p>")
    with pytest.raises(ConfigurationError, match="no JSON response") as caught:
        imported(har(page, entry("https://cdn.c.example/a.png", "image/png", "x")))
    assert "https://www.c.example (text/html), https://cdn.c.example (image/png)" in (caught.value.hint or "")


def saved(body: Any) -> list[dict[str, Any]]:
    return [{"code": 201, "body": json.dumps(body)}]


def test_a_body_and_its_answer_are_a_sample_that_replays(tmp_path: Path) -> None:
    body = {"name": "{{name}}", "size": 3, "api_key": KEY}
    sent = request("v1/things", "POST", body={"mode": "raw", "raw": json.dumps(body)})
    sent["response"] = saved({"id": "t_1", "name": "box"})
    form = request("v1/notes", "POST", body={"mode": "urlencoded", "urlencoded": [{"key": "text", "value": "hi"}]})
    form["response"] = saved({"id": "n_1"})
    alone = request("v1/others", "POST", body={"mode": "raw", "raw": '{"a": 1}'})
    (tmp_path / "collection.json").write_text(json.dumps(collection(sent, form, alone, request("v1/things"))))
    made = import_source(read_source(tmp_path / "collection.json"), Options("vendor", samples=True))
    found = {one.operation: one for one in made.recordings}
    assert set(found) == {"things.create", "notes.create"}
    assert found["things.create"].call.body == {"name": "name", "size": 3, "api_key": "[redacted].1."}
    assert found["things.create"].exchanges[0].request.body == found["things.create"].call.body
    assert found["notes.create"].exchanges[0].request.form == {"text": "hi"}
    assert KEY not in str(made.files)


def test_requests_that_repeat_one_add_what_they_show(imported) -> None:
    def create(body: dict[str, Any], *answers: Any) -> dict[str, Any]:
        sent = request("v1/things", "POST", body={"mode": "raw", "raw": json.dumps(body)})
        return {**sent, "response": [one for answer in answers for one in saved(answer)]}

    made = imported(
        collection(create({"a": 1}), create({"b": {"c": "x"}}, {"id": 1}), request("v1/others")), samples=True
    )
    kept = json.loads(made.imported.files["schemas/operations.json"])["operations"]["things.create"]["request"]
    assert list(kept["properties"]) == ["a", "b"]
    assert [one.call.body for one in made.imported.recordings] == [{"b": {"c": "x"}}]
    assert made.lost["requests with the method and path of an earlier request"] == ["POST /v1/things"]


def test_the_query_of_a_graphql_request_is_the_operations(imported) -> None:
    def graphql(name: str, query: str) -> dict[str, Any]:
        said = {"query": query, "variables": '{"first": 3}'}
        return {**request("graphql", "POST", body={"mode": "graphql", "graphql": said}), "name": name}

    made = imported(
        collection(
            graphql("List things", "query($first: Int) { things(first: $first) { id } }"),
            graphql("Get thing", "query { thing { id } }"),
            graphql("With a variable", "query { thing(id: {{id}}) { id } }"),
            request("things"),
        )
    )
    bodies = [row["body"] for rows in made.data["resources"].values() for row in rows.values() if "body" in row]
    assert bodies == [
        {"query": "query($first: Int) { things(first: $first) { id } }", "variables": "{{ body ?: {} }}"},
        {"query": "query { thing { id } }", "variables": "{{ body ?: {} }}"},
    ]
    assert any("GraphQL" in what for what in made.lost)
