"""Multipart bodies of OpenAPI documents, of collections and of HAR files: fields, files, parts in JSON."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from conn_engine.bodies import Upload
from conn_engine.config import load_workspace
from conn_engine.diagnostics import Severity
from conn_engine.errors import UsageError
from conn_engine.lint import lint_paths
from conn_engine.runtime.call import Call
from conn_engine.runtime.plans import plan_operation
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault.memory import MemoryVault

STRING = {"type": "string"}


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


FILE = {"type": "string", "format": "binary"}


def taking(content: dict[str, Any]) -> dict[str, Any]:
    return {"/files": {"post": {"requestBody": {"content": content}, "responses": {}}}}


def multipart(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return taking({"multipart/form-data": {"schema": schema, **more}})


def sent(made: Any, tmp_path: Path, body: Any, files: dict[str, bytes]) -> dict[str, list[tuple[str, str, str]]]:
    """The parts of the request, read by the standard library: file name, media type and content, by field."""
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    made.imported.write(tmp_path / "connectors" / "vendor")
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts" / "me.yaml").write_text("connector: vendor\n")
    assert [one for one in lint_paths(tmp_path, []).findings if one.severity >= Severity.WARNING] == []
    wiring = wire_account(load_workspace(tmp_path), "me", environ={}, vault=MemoryVault({"me": {}}))
    call = Call(body=body, files={name: Upload(data, f"{name}.txt") for name, data in files.items()})
    request = plan_operation(wiring, wiring.effective.resolve("files.create", raw=True), call)
    assert request is not None
    content = request.body if request.body is not None else request.payload.whole()  # type: ignore[union-attr]
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + (content or b""), policy=policy.HTTP)
    found: dict[str, list[tuple[str, str, str]]] = {}
    for part in message.iter_parts():  # type: ignore[attr-defined]
        name = part.get_param("name", header="content-disposition")
        text = part.get_payload(decode=True).decode()
        found.setdefault(name, []).append((part.get_filename() or "", part.get_content_type(), text))
    return found


def test_a_multipart_body_is_the_caller_s_fields_and_files(imported, api, tmp_path) -> None:
    schema = obj(title=STRING, size={"type": "integer"}, document=FILE, pages={"type": "array", "items": FILE})
    made = imported(api(multipart(schema)))
    row = made.operation("files.create")
    assert row["body_format"] == "multipart" and "body" not in row
    assert "body_format: multipart # files: document, pages\n" in made.text
    assert set(made.lost) == {"authorization: the document has no security scheme"}
    assert sent(made, tmp_path, {"title": "A", "size": 3}, {"document": b"x"}) == {
        "title": [("", "text/plain", "A")],
        "size": [("", "text/plain", "3")],
        "document": [("document.txt", "application/octet-stream", "x")],
    }


def test_a_file_that_is_required_is_asked_for(imported, api, tmp_path) -> None:
    made = imported(api(multipart({**obj(title=STRING, document=FILE), "required": ["document"]})))
    with pytest.raises(UsageError, match='sends a file "document", but no file was passed') as caught:
        sent(made, tmp_path, {"title": "A"}, {})
    assert "--file document=PATH" in caught.value.hint


def test_objects_of_a_multipart_body_are_parts_in_json(imported, api, tmp_path) -> None:
    schema = {
        **obj(
            about=obj(a=STRING),
            rows={"type": "array", "items": obj(b=STRING)},
            tags={"type": "array", "items": STRING},
            deep=obj(c=STRING),
            note=STRING,
            picture={"type": "string"},
            doc=FILE,
        ),
        "required": ["doc"],
    }
    encoding = {
        "deep": {"style": "deepObject", "explode": True},
        "note": {"contentType": "application/json"},
        "picture": {"contentType": "image/png, image/jpeg"},
    }
    made = imported(api(multipart(schema, encoding=encoding)))
    body = {"about": {"a": "1"}, "rows": [{"b": "2"}], "tags": ["x", "y"], "deep": {"c": "3"}, "note": "n"}
    got = sent(made, tmp_path, body, {"doc": b"d", "picture": b"p"})
    assert got["about"] == [("", "application/json", '{"a":"1"}')]
    assert got["rows"] == [("", "application/json", '{"b":"2"}')]
    assert got["tags"] == [("", "text/plain", "x"), ("", "text/plain", "y")]
    assert [text for _, kind, text in got["deep[c]"]] == ["3"]
    assert got["note"] == [("", "application/json", '"n"')]
    assert got["doc"][0][0] == "doc.txt" and got["picture"][0][0] == "picture.txt"


@pytest.mark.parametrize(
    ("content", "chosen", "lost"),
    [
        ({"multipart/form-data": {"schema": obj(f=FILE)}, "application/json": {"schema": obj(a=STRING)}},
         "multipart", "bodies of application/json: multipart/form-data is sent instead"),
        ({"multipart/form-data": {"schema": obj(a=STRING)}, "application/json": {"schema": obj(a=STRING)}},
         None, "bodies of multipart/form-data: JSON is sent instead"),
        ({"multipart/form-data": {"schema": obj(f=FILE)}, "application/x-www-form-urlencoded": {"schema": obj(f=FILE)}},
         "form", "bodies of multipart/form-data: a form is sent instead"),
        ({"multipart/form-data": {"schema": FILE}}, "multipart",
         "the field names of a multipart body: the document has none"),
    ],
)  # fmt: skip
def test_which_of_several_bodies_is_sent(imported, api, content, chosen, lost) -> None:
    made = imported(api(taking(content)))
    assert made.operation("files.create").get("body_format") == chosen
    assert made.lost[lost] == ["POST /files"]


@pytest.mark.parametrize("name", ["a'b", 'a"b', "a\\b", "a b", "a-b", "or", "a}}b", "a`b", "{{x}}", "$x"])
def test_any_name_of_a_field_makes_a_sound_body(imported, api, tmp_path, name) -> None:
    made = imported(api(multipart({**obj(**{name: obj(a=STRING), f"{name}2": FILE}), "required": [f"{name}2"]})))
    sayable = not set("`{}") & set(name)
    assert ("JSON parts whose names cannot be used in an expression" in made.lost) is not sayable
    got = sent(made, tmp_path, {name: {"a": "1"}}, {f"{name}2": b"x"})
    if sayable and name.isalnum():
        assert got[name][0][1:] == ("application/json", '{"a":"1"}')


def test_the_form_of_a_collection(imported) -> None:
    rows = [{"key": "title", "type": "text", "value": "A"}, {"key": "scan", "type": "file", "src": "/home/me/a.pdf"}]
    request = {"method": "POST", "url": "https://desk.example/files", "body": {"mode": "formdata", "formdata": rows}}
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    made = imported({"info": {"name": "Desk", "schema": schema}, "item": [{"name": "Upload", "request": request}]})
    assert made.operation("files.create")["body_format"] == "multipart"
    assert "body_format: multipart # files: scan\n" in made.text
    assert "/home/me" not in made.text


@pytest.mark.parametrize(
    ("body", "form", "header"),
    [
        ({"mode": "raw", "raw": "<a/>", "options": {"raw": {"language": "xml"}}}, "raw", "application/xml"),
        ({"mode": "raw", "raw": "a b", "options": {"raw": {"language": "text"}}}, "raw", "text/plain"),
        ({"mode": "file", "file": {"src": "/home/me/a.pdf"}}, "raw", None),
        ({"mode": "graphql", "graphql": {"query": "{ me { id } }"}}, "graphql", None),
    ],
)
def test_other_bodies_of_a_collection(imported, body, form, header) -> None:
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    request = {"method": "POST", "url": "https://desk.example/files", "body": body}
    made = imported({"info": {"name": "Desk", "schema": schema}, "item": [{"name": "Upload", "request": request}]})
    row = made.operation("files.create")
    assert row["body_format"] == form and row.get("headers", {}).get("Content-Type") == header
    assert "/home/me" not in made.text and not any(what.startswith("operations") for what in made.lost)


def test_the_form_of_a_har(imported, tmp_path) -> None:
    text = (
        '--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nA\r\n'
        '--b\r\nContent-Disposition: form-data; name="scan"; filename="a.pdf"\r\n\r\nx\r\n--b--\r\n'
    )
    request = {
        "method": "POST", "url": "https://desk.example/files", "headers": [], "queryString": [],
        "postData": {"mimeType": "multipart/form-data; boundary=b", "text": text},
    }  # fmt: skip
    answer = {"status": 201, "headers": [], "content": {"mimeType": "application/json", "text": json.dumps({"id": 1})}}
    made = imported({"log": {"version": "1.2", "entries": [{"request": request, "response": answer}]}})
    assert made.operation("files.create")["body_format"] == "multipart"
    assert "body_format: multipart # files: scan\n" in made.text
