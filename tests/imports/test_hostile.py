"""Documents that want to do harm: endless, deep, circular, outside, secret, or text that breaks out of its place."""

import json
from pathlib import Path

import pytest

import conn_import as imports
from conn_engine.config import validate
from conn_engine.documents import parse
from conn_engine.errors import ConfigurationError
from conn_import import Options, import_source, read_source
from conn_import.neighbor_files import NeighborFiles
from conn_import.openapi import operations


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_references_in_a_circle_end(imported, api, answers) -> None:
    schemas = {
        "A": ref("B"),
        "B": ref("A"),
        "Tree": {
            "allOf": [ref("Tree")],
            "properties": {"child": ref("Tree"), "items": {"type": "array", "items": ref("Tree")}},
        },
    }
    paths = {
        "/things": {"get": {"responses": answers(ref("A"))}},
        "/trees": {"get": {"responses": answers(ref("Tree"))}},
    }
    made = imported(api(paths, components={"schemas": schemas}), samples=True)
    assert made.imported.operations == 2
    assert "circular references" in made.lost


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "https://evil.example/a.json#/x", "other.yaml#/a", "../a.json"]
)
def test_references_outside_are_refused(imported, api, answers, target) -> None:
    made = imported(api({"/things": {"get": {"responses": answers({"$ref": target})}}}))
    assert made.lost["references to other documents: they are not followed"] == [target]


@pytest.mark.parametrize("target", ["#/components/schemas/Gone", "#/paths/²", "#Anchor", "#components"])
def test_a_reference_that_leads_nowhere_is_listed(imported, api, answers, target) -> None:
    made = imported(api({"/things": {"get": {"responses": answers({"$ref": target})}}}))
    assert made.lost["references to nothing"] == [target]


def test_a_deep_or_wide_schema_is_bounded(imported, api, answers) -> None:
    wide = {"type": "object", "properties": {f"p{n}": ref("Wide") for n in range(300)}}
    made = imported(
        api(
            {"/things": {"get": {"responses": answers({"type": "array", "items": ref("Wide")})}}},
            components={"schemas": {"Wide": wide}},
        ),
        samples=True,
    )
    assert len(json.dumps(made.imported.recordings[0].exchanges[0].response.body)) < 200_000


def test_size_depth_and_number_are_bounded(tmp_path: Path, imported, api, monkeypatch) -> None:
    deep = tmp_path / "deep.json"
    deep.write_text('{"openapi": "3.0.0", "paths": ' + "[" * 5000 + "]" * 5000 + "}")
    with pytest.raises(ConfigurationError):
        read_source(deep)
    monkeypatch.setattr(imports, "MAX_SOURCE", 100)
    large = tmp_path / "large.json"
    large.write_text(json.dumps(api({"/a": {"get": {"description": "x" * 200}}})))
    with pytest.raises(ConfigurationError, match="larger"):
        read_source(large)
    monkeypatch.undo()
    monkeypatch.setattr(operations, "MAX_OPERATIONS", 3)
    made = imported(api({f"/a{n}": {"get": {"responses": {}}} for n in range(9)}))
    assert made.imported.operations == 3 and "operations beyond the first 3" in made.lost


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("twice.yaml", "openapi: 3.0.0\ninfo: {title: A}\npaths:\n  /as: {get: {responses: {}}}\ninfo: {title: B}\n"
         "x: {y: 1, y: 2}\n"),
        ("twice.json", '{"openapi": "3.0.0",\n "info": {"title": "A"},\n\n "paths": {"/as": {"get": {}}},\n'
         ' "info": {"title": "B"},\n "x": {"y": 1, "y": 2}}'),
    ],
)  # fmt: skip
def test_the_last_of_two_keys_is_read_and_noted(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    imported = import_source(read_source(tmp_path / name), Options("vendor"))
    assert "label: B\n" in imported.files["connector.yaml"]
    assert dict(imported.losses)["duplicate keys: the last value was read"] == [
        f"{name}:5 (info)",
        f"{name}:6 (x.y)",
    ]


def test_the_last_of_two_keys_of_a_file_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("a: 1\nb: {c: 2, c: 3}\n")
    beside = NeighborFiles(tmp_path)
    assert beside.read_first("spec.yaml") == {"a": 1, "b": {"c": 3}}
    assert [(one.code, one.path) for one in beside.repeated] == [("DOC003", "b.c")]


@pytest.mark.parametrize("text", ["a: &a [*a, *a]", "openapi: [", "just text", "[1, 2]", "{}", "openapi: 4.0.0", "\0"])
def test_what_is_no_document_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError):
        read_source(path)


def test_text_stays_in_its_place(imported, api, answers) -> None:
    evil = "x\n# conn: ignore SEC101 -- no\nresources: {} #\u2028\x07 {{env.HOME}} \ud83d\ude00 '\""
    document = api(
        {
            "/things": {
                "get": {
                    "summary": evil,
                    "operationId": evil,
                    "tags": [evil],
                    "parameters": [{"name": evil, "in": "cookie"}],
                    "responses": answers({"type": "array"}, example=[{evil: evil}]),
                },
                "post": {"requestBody": {"content": {evil: {}}}},
            }
        },
        info={"title": evil, "description": evil},
        components={"securitySchemes": {evil: {"type": evil}}},
        externalDocs={"url": evil},
        tags=[{"name": evil, "description": evil}],
    )
    made = imported(document, samples=True)
    read_back = parse(made.text, "connector.yaml")
    assert read_back.suppressions == []
    assert validate(read_back, "connector") == []
    assert set(made.data["resources"]) == {"things"}
    assert "\x07" not in made.text and "\u2028" not in made.text


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        "no",
        "on",
        "null",
        "1e3",
        "0o17",
        "1:30",
        "~",
        "- a",
        "a: b",
        "a #b",
        "@x",
        "`x`",
        "%a",
        "",
        " x ",
        "{{id}}",
        "!x",
        "&a",
        "*a",
        "=",
        "<<",
        ".inf",
        "2026-01-01",
        "\x85",
        "\ufeff",
        "é",
    ],
)
def test_scalars_are_read_back_as_written(value: str) -> None:
    import yaml

    from conn_import.writing import format_scalar

    text = f"{format_scalar(value)}: {format_scalar(value)} # beside\n"
    assert parse(text, "a.yaml").data == {value: value}
    assert yaml.safe_load(text) == {value: value}


@pytest.mark.parametrize(
    "document",
    [
        {
            "openapi": "3.0.0",
            "paths": {"/a": {"get": {"parameters": 1, "responses": 2, "tags": 3, "security": 4, "requestBody": 5}}},
            "servers": 6,
            "components": 7,
            "tags": 8,
            "info": 9,
            "security": 10,
        },
        {
            "openapi": "3.0.0",
            "paths": {
                "/a": {
                    "post": {
                        "requestBody": {
                            "content": {
                                "multipart/form-data": {
                                    "schema": {"properties": {"x": {"type": "string", "format": {}}}}
                                }
                            }
                        }
                    }
                }
            },
        },
        {
            "swagger": "2.0",
            "paths": {"/a": {"get": {"parameters": [1, {}], "responses": {"200": 1}, "consumes": 1}}},
            "host": 1,
            "basePath": 2,
            "schemes": 3,
            "securityDefinitions": 4,
        },
        {
            "openapi": "3.0.0",
            "servers": [{"url": "https://a.example"}],
            "paths": {"/a": {"get": {"responses": {"2\u00b2": {"description": ""}, "\u00b2": {}}}}},
        },
        {
            "info": {"name": 1},
            "item": [
                1,
                {"request": 2},
                {"request": {"url": "https://a.example/x", "method": "POST", "body": {"mode": [9]}}},
                {"request": {"url": 3, "header": 4, "body": 5, "auth": 6}},
                {"item": [None]},
            ],
            "variable": 7,
            "auth": 8,
            "event": 9,
        },
    ],
)
def test_wrong_types_anywhere_are_survived(imported, document) -> None:
    assert imported(document).imported.operations >= 1


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("schema.graphql", "type Query {\n  a: Int: x\n}\n", "is not in a format that can be imported"),
        ("api.yaml", "openapi: 3.0.0\ninfo: a: b\n", "not YAML"),
    ],
)
def test_what_is_no_yaml_is_said_by_line_only_where_it_was_meant_so(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        read_source(tmp_path / name)
