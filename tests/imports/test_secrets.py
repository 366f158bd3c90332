"""Requests that were really sent hold real keys: nothing of them lands in a file, and what carried them is listed."""

import json
from pathlib import Path
from typing import Any

import pytest

from conn_import import Options, import_source, read_source
from conn_import.secrecy import looks_secret

KEY = "Zq9Xv7LmP3wT8rKd4Yb2"
PASSWORD = "correct-horse-battery"
TOKEN = "ghp_" + "a1B2" * 9


def written(folder: Path, document: dict[str, Any]) -> tuple[str, list[tuple[str, list[str]]]]:
    """All files of an import with samples as one text, and what it lists as left out."""
    path = folder / "document.json"
    path.write_text(json.dumps(document))
    imported = import_source(read_source(path), Options("vendor", samples=True))
    imported.write(folder / "made")
    return "\n".join(file.read_text() for file in (folder / "made").rglob("*.*") if file.is_file()), imported.losses


def collection(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"info": {"name": "C"}, "item": list(items), **more}


def request(path: str, **more: Any) -> dict[str, Any]:
    return {"name": path, "request": {"method": "GET", "url": f"https://api.c.example/{path}", **more}}


def key(name: str) -> dict[str, Any]:
    return {"type": "apikey", "apikey": [{"key": "key", "value": name}, {"key": "value", "value": KEY}]}


def entry(url: str, **headers: str) -> dict[str, Any]:
    said = [{"name": name.replace("_", "-"), "value": value} for name, value in headers.items()]
    content = {"mimeType": "application/json", "text": '{"items": [{"id": 1}]}'}
    answer = {"status": 200, "headers": [], "content": content}
    return {"request": {"method": "GET", "url": url, "headers": said}, "response": answer}


def test_a_users_password_in_a_url_of_a_collection(tmp_path: Path) -> None:
    text, losses = written(tmp_path, collection({"request": f"https://ada:{PASSWORD}@api.c.example/v1/things"}))
    assert PASSWORD not in text + str(losses)
    assert "base_url: https://api.c.example" in text
    assert ("a user name and password in a URL: they belong in the credential", ["/v1/things"]) in losses


def test_a_users_password_in_a_url_of_a_har(tmp_path: Path) -> None:
    text, losses = written(tmp_path, {"log": {"entries": [entry(f"https://ada:{PASSWORD}@api.c.example/things")]}})
    assert PASSWORD not in text + str(losses)
    assert "base_url: https://api.c.example" in text


def test_a_key_in_a_path_is_a_parameter(tmp_path: Path) -> None:
    text, _ = written(tmp_path, {"log": {"entries": [entry(f"https://api.c.example/bot123:{KEY}/things")]}})
    assert KEY not in text
    text, _ = written(tmp_path, collection(request(f"bot123:{KEY}/things")))
    assert KEY not in text


def test_the_header_of_a_folders_key_is_the_credential_and_the_folder_is_counted(tmp_path: Path) -> None:
    own = [{"key": "X-Acme", "value": "short"}]
    folder = {"name": "F", "auth": key("X-Acme"), "item": [request("a", header=own), request("b", header=own)]}
    text, losses = written(tmp_path, collection(folder, request("c"), auth=key("X-Other")))
    assert "name: X-Acme" in text
    assert "short" not in text
    assert any("apikey (header X-Other) authorization: another one was chosen" in what for what, _ in losses)


def test_the_collections_own_authorisation_counts_for_every_request_without_one(tmp_path: Path) -> None:
    bearer = {"type": "bearer", "bearer": [{"key": "token", "value": KEY}]}
    items = [request("a"), request("b"), request("c", auth=key("X-Acme")), request("d", auth={"type": "noauth"})]
    text, losses = written(tmp_path, collection(*items, auth=bearer))
    assert "authorization: bearer" in text
    assert KEY not in text + str(losses)


def test_a_header_whose_value_looks_like_a_secret(tmp_path: Path) -> None:
    header = [{"key": "X-Custom", "value": KEY}, {"key": "X-Version", "value": "2026-01-01"}]
    text, losses = written(tmp_path, collection(request("a", header=header), request("b", header=header)))
    assert KEY not in text
    assert "X-Version: " in text
    assert any("the value of the header X-Custom" in what for what, _ in losses)


BEARER = {"type": "bearer", "bearer": [{"key": "token", "value": KEY}]}
TOGETHER = 'all: [bearer, { format: header, name: X-App-Key, value: "{{x_app_key}}" }]'


def test_a_key_beside_the_token_of_a_collection_is_the_accounts(tmp_path: Path) -> None:
    header = [{"key": "X-App-Key", "value": KEY}]
    text, losses = written(tmp_path, collection(request("a", header=header), request("b", header=header), auth=BEARER))
    assert KEY not in text
    assert TOGETHER in text
    assert not losses


def test_a_key_beside_the_token_of_a_har_is_the_accounts(tmp_path: Path) -> None:
    calls = [entry("https://api.c.example/a", X_App_Key=KEY, Authorization=f"Bearer {TOKEN}") for _ in range(2)]
    calls.append(entry("https://api.c.example/b", X_App_Key=KEY, X_Csrf_Token=KEY))
    text, losses = written(tmp_path, {"log": {"entries": calls}})
    assert KEY not in text and TOKEN not in text
    assert TOGETHER in text
    assert ("authorization by header X-Csrf-Token", []) in losses


@pytest.mark.parametrize("name", ["X-Token", "x-acme-key", "X-Auth"])
def test_a_header_of_a_contract_that_is_a_key_is_never_context(imported, api, name: str) -> None:
    header = {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
    made = imported(api({"/a": {"get": {"parameters": [header], "responses": {}}}}))
    assert made.data["authorization"] == {"format": "header", "config": {"name": name}}
    assert made.data["credentials"] == {"format": "api_key"}
    assert "fields" not in made.data and "authorization" not in str(made.lost)


def test_a_key_that_is_none(imported, api) -> None:
    header = {"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string"}}
    made = imported(api({"/a": {"get": {"parameters": [header], "responses": {}}}}))
    assert made.data["headers"] == {"Idempotency-Key": "{{context.idempotency_key}}"}


def test_a_vendors_token_in_a_description(tmp_path: Path) -> None:
    text, _ = written(tmp_path, collection(request("a"), info={"name": "C", "description": f"curl -H {TOKEN}"}))
    assert TOKEN not in text
    assert "[redacted]" in text


@pytest.mark.parametrize("value", [KEY, TOKEN, f"Bearer {KEY}", "Token abc", "sk-proj-9f8e7d6c5b4a39281706"])
def test_what_looks_like_a_secret(value: str) -> None:
    assert looks_secret(value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01",
        "2023-05-01-preview-of-the-api",
        "application/vnd.acme.v3+json",
        "v2",
        "en-GB",
        "",
        "return-minimal",
    ],
)
def test_what_does_not(value: str) -> None:
    assert not looks_secret(value)


def test_a_base_path_without_its_slash(tmp_path: Path) -> None:
    paths = {"/a": {"get": {"responses": {"200": {"description": "ok"}}}}}
    text, _ = written(tmp_path, {"swagger": "2.0", "host": "api.c.example", "basePath": "v2/", "paths": paths})
    assert "base_url: https://api.c.example/v2\n" in text


def test_rows_of_a_har_that_are_none(tmp_path: Path) -> None:
    one = entry("https://api.c.example/things?limit=1")
    one["request"]["headers"] = []
    one["request"]["queryString"] = True
    assert "path: /things" in written(tmp_path, {"log": {"entries": [one]}})[0]
