"""The vendor's schemas of requests, queries and answers: what an import keeps of them, and what they are used for."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from conn_cli.console import App
from conn_cli.main import execute
from conn_engine.wire import FrozenClock
from conn_import import schemas

STRING, INTEGER = {"type": "string"}, {"type": "integer"}
FILE = schemas.FILE
PERSON = {
    "type": "object",
    "required": ["id", "name", "secret"],
    "properties": {
        "id": {"type": "integer", "readOnly": True, "example": 7},
        "name": {"type": "string", "nullable": True, "pattern": "^\\p{L}", "xml": {"name": "x"}},
        "secret": {"type": "string", "writeOnly": True},
        "kind": {"enum": ["a", "b"], "type": "string", "nullable": True},
        "grade": {"enum": [1, 2], "type": "integer", "x-nullable": True},
        "boss": {"$ref": "#/components/schemas/Person"},
        "shape": {"oneOf": [{"$ref": "#/components/schemas/Gone"}, {"type": "string"}], "discriminator": {}},
        "pet": {"type": "object", "properties": {"kind": {}}, "discriminator": {"propertyName": "kind"}},
        "age": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
    },
}


@pytest.fixture
def document(api, answers) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Person"}
    body = {"content": {"application/json": {"schema": reference}}}
    parameters = [
        {"name": "size", "in": "query", "schema": INTEGER, "description": "How many."},
        {"name": "sort", "in": "query", "required": True, "schema": {"enum": ["name", "age"]}},
    ]
    return api({
        "/people": {
            "get": {"parameters": parameters, "responses": answers({"type": "array", "items": reference})},
            "post": {"requestBody": body, "responses": answers(reference)},
        },
        "/files": {"put": {"requestBody": {"content": {"image/png": {}}}, "responses": {}}},
    }, components={"schemas": {"Person": PERSON}})  # fmt: skip


def test_what_is_kept(imported, document) -> None:
    made = imported(document)
    create, listing = made.operation("people.create"), made.operation("people.list")
    assert create["request_schema"] == f"{FILE}#/operations/people.create/request"
    assert listing["query_schema"] == f"{FILE}#/operations/people.list/query"
    assert listing["response_schema"] == f"{FILE}#/operations/people.list/response"
    assert "request_schema" not in made.operation("files.update")
    kept = json.loads(made.imported.files[FILE])
    assert kept["operations"]["people.list"] == {
        "query": {
            "type": "object",
            "properties": {"size": {"type": "integer", "description": "How many."}, "sort": {"enum": ["name", "age"]}},
            "required": ["sort"],
        },
        "response": {"type": "array", "items": {"$ref": "#/$defs/Person"}},
    }
    assert kept["operations"]["people.create"]["request"] == {"$ref": "#/$defs/Person"}
    assert kept["$defs"] == {
        "Person": {
            "type": "object",
            "required": ["id", "name"],
            "properties": {
                "id": {"type": "integer", "readOnly": True},
                "name": {"type": ["string", "null"]},
                "secret": {"type": "string", "writeOnly": True},
                "kind": {"type": ["string", "null"], "enum": ["a", "b", None]},
                "grade": {"type": ["integer", "null"], "enum": [1, 2, None]},
                "boss": {"$ref": "#/$defs/Person"},
                "shape": {"anyOf": [{}, {"type": "string"}], "additionalProperties": True},
                "pet": {"type": "object", "properties": {"kind": {}}, "additionalProperties": True},
                "age": {"type": "integer", "minimum": 0},
            },
        }
    }


def test_a_vendors_token_in_a_schema(imported, document) -> None:
    token = "ghp_" + "a1B2" * 9
    field = {"type": "string", "description": f"Such as {token}.", "enum": [token]}
    document["components"]["schemas"]["Person"] = {"type": "object", "properties": {"name": field}}
    document["paths"]["/people"]["get"]["parameters"][0]["description"] = token
    assert token not in str(imported(document).imported.files)


def test_what_only_was_seen_is_open(imported) -> None:
    request = {"method": "POST", "url": "https://a.example/v1/things", "body": {"mode": "raw", "raw": '{"a": 1}'}}
    other = {"name": "o", "request": {"method": "GET", "url": "https://a.example/v1/others"}}
    made = imported({"info": {"name": "C"}, "item": [{"name": "t", "request": request}, other]})
    row = json.loads(made.imported.files[FILE])["operations"]["things.create"]
    assert row == {
        "request": {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": True}
    }


def test_a_file_that_would_be_too_large_is_left_out(imported, document, monkeypatch) -> None:
    monkeypatch.setattr(schemas, "_MOST_BYTES", 200)
    made = imported(document)
    assert FILE not in made.imported.files and "request_schema" not in made.text
    assert "the schemas of requests and responses: the file would be too large" in made.lost


def conn(folder: Path, *arguments: object) -> tuple[int, str]:
    stream = io.StringIO()
    environ = {"CONN_NO_KEYRING": "1"}
    app = App(folder=folder, environ=environ, stdin=io.StringIO(), stdout=stream, stderr=stream, clock=FrozenClock())
    return execute([str(argument) for argument in arguments], app), stream.getvalue()


@pytest.fixture
def workspace(tmp_path: Path, document) -> Path:
    (tmp_path / "document.json").write_text(json.dumps(document))
    assert conn(tmp_path, "init", ".")[0] == 0
    code, said = conn(tmp_path, "import", "document.json", "--name", "hr")
    assert code == 0, said
    (tmp_path / "accounts").mkdir(exist_ok=True)
    (tmp_path / "accounts" / "acme.yaml").write_text("connector: hr\n")
    return tmp_path


def test_a_key_that_the_vendor_does_not_take_is_refused(workspace: Path) -> None:
    code, said = conn(workspace, "run", "people.create", "-a", "acme", "--body", '{"nmae": "A"}', "--dry-run")
    assert code == 2 and 'unknown key "nmae"' in said and "name" in said
    code, said = conn(workspace, "run", "people.create", "-a", "acme", "--body", '{"boss": {"name": "A"}}', "--dry-run")
    assert code == 0, said


def test_the_vendors_parameters_are_offered(workspace: Path) -> None:
    code, said = conn(workspace, "run", "people.list", "-a", "acme", "-p", "sort=age", "-p", "siez=1", "--dry-run")
    assert code == 0 and 'did you mean "size"' in said
    code, said = conn(workspace, "run", "people.list", "-a", "acme", "-p", "sort=age", "-p", "size=1", "--dry-run")
    assert code == 0 and "warning" not in said
    code, said = conn(workspace, "show", "people.list", "-c", "hr")
    assert "takes -p size  integer; How many.\n" in said and "takes -p sort  name, age\n" in said
    code, said = conn(workspace, "show", "people.list", "-c", "hr", "--format", "json")
    assert json.loads(said)["query_parameters"] == {"size": "integer; How many.", "sort": "name, age"}


@pytest.mark.parametrize(("source", "found"), [("live", True), ("contract", False)])
def test_recorded_answers_are_judged(workspace: Path, source: str, found: bool) -> None:
    people = [{"id": "x", "name": None, "boss": {"id": 1, "name": "B", "kind": "c"}}, {"id": 1, "name": "C"}]
    request = {"method": "GET", "url": "https://api.t.example/people", "query": {"sort": "age"}}
    recording = {
        "format": 1, "connector": "hr", "operation": "people.list", "source": source,
        "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://api.t.example", "call": {"query": {"sort": "age"}},
        "exchanges": [{"request": request, "response": {"status": 200, "body": people}}],
    }  # fmt: skip
    place = workspace / "connectors" / "hr" / "recordings" / "people.list.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(recording))
    code, said = conn(workspace, "test", "people.list", "--raw", "--connector", "hr")
    assert code == 0, said
    assert ("REC200" in said) is found
    assert ("id is not of type integer" in said and "boss.kind is not one of" in said) is found


def test_a_part_that_is_not_there_is_named(workspace: Path) -> None:
    path = workspace / "connectors" / "hr" / "connector.yaml"
    path.write_text(path.read_text().replace("people.create/request", "people.create/gone"))
    code, said = conn(workspace, "lint")
    assert code == 1 and "CFG104" in said and 'has nothing at "/operations/people.create/gone"' in said
