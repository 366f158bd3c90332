"""Rules of the importer of manifests that streams in the wild depend on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_engine.expressions import evaluate
from conn_import import Options, import_source, read_source

Build = Callable[..., Any]
RETRIED = [408, 500, 502, 503, 504]
"""What the engine does not try again by itself, but the kit does."""
WINDOWS = {
    "type": "DatetimeBasedCursor", "cursor_field": "at", "datetime_format": "%Y-%m-%d", "start_datetime": "2026-01-01",
    "start_time_option": {"inject_into": "request_parameter", "field_name": "since"},
}  # fmt: skip


def stream(name: str = "things", requester: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """A stream; `selector` are parts of its record selector, `retriever` of its retriever."""
    extractor = {"type": "DpathExtractor", "field_path": []}
    return {
        "type": "DeclarativeStream",
        "name": name,
        "retriever": {
            "type": "SimpleRetriever",
            "requester": {
                "type": "HttpRequester", "url_base": "https://api.v.example", "path": "/things", **(requester or {})
            },
            "record_selector": {"type": "RecordSelector", "extractor": extractor, **parts.pop("selector", {})},
            **parts.pop("retriever", {}),
        },
        **parts,
    }  # fmt: skip


def manifest(*streams: dict[str, Any]) -> dict[str, Any]:
    names = [one.get("name", "things") for one in streams]
    return {"type": "DeclarativeSource", "check": {"type": "CheckStream", "stream_names": names}, "streams": [*streams]}


@pytest.fixture
def made(imported: Build) -> Build:
    return lambda *streams, **options: imported(manifest(*streams), **options)


def test_removed_fields_are_removed_through_lists(made: Build) -> None:
    removal = {"type": "RemoveFields", "field_pointers": [["rows", "*", "secret"], ["**", "ssn"], ["a", "b"]]}
    result = made(stream(transformations=[removal]))
    assert not result.lost
    record = {"rows": [{"secret": 1, "ssn": 2, "id": 3}], "a": {"b": 4, "c": {"ssn": 5}}}
    mapping = result.operation("things.list")["record_mapping"]
    assert evaluate(mapping, record | {"record": record}) == {"rows": [{"id": 3}], "a": {"c": {}}}


def test_an_absolute_url_in_the_path_is_the_url(made: Build) -> None:
    result = made(stream(requester={"path": "https://files.v.example/v2/rows"}))
    assert (result.data["base_url"], result.operation("things.list")["path"]) == ("https://files.v.example", "/v2/rows")


@pytest.mark.parametrize("handler", [None, {"type": "DefaultErrorHandler"}])
def test_what_fails_is_tried_again_as_often_as_by_the_kit(made: Build, handler: Any) -> None:
    result = made(stream(requester={"error_handler": handler} if handler else {}))
    (rule,) = [*result.data.get("errors", []), *result.operation("things.list").get("errors", [])]
    assert rule["then"]["retry"]["times"] == 5
    assert [status for status in range(400, 600) if evaluate(rule["when"], {"status": status})] == RETRIED


def test_a_parent_key_of_the_root_is_the_whole_record(made: Build) -> None:
    parent = stream("boards")
    router = {
        "type": "SubstreamPartitionRouter",
        "parent_stream_configs": [{"stream": parent, "parent_key": "/", "partition_field": "board"}],
    }
    result = made(stream(retriever={"partition_router": router}), parent)
    assert result.operation("things.list")["parents"]["key"] == "$"
    assert result.data["part_failure"] == "continue"


def test_a_stream_with_parts_goes_on_after_a_refused_one(made: Build) -> None:
    assert made(stream(incremental_sync=WINDOWS)).data["part_failure"] == "continue"
    assert "part_failure" not in made(stream()).data


def test_a_stream_of_two_kinds_is_two_operations(made: Build) -> None:
    delegating = {
        "type": "StateDelegatingStream", "name": "things",
        "full_refresh_stream": stream(requester={"path": "/all"}),
        "incremental_stream": stream(requester={"path": "/changes"}, incremental_sync=WINDOWS),
    }  # fmt: skip
    result = made(delegating)
    assert result.operation("things.list")["path"] == "/all"
    assert result.operation("things_changes.list")["path"] == "/changes"
    assert result.lost


SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "other": {"$ref": "shared.json"}}}
LOADER = {"type": "JsonFileSchemaLoader", "file_path": "./schemas/things.json"}


class TestFilesBesideAManifest:
    """Schemas and the specification, which a manifest leaves to files in its folder."""

    @staticmethod
    def result(folder: Path, **parts: Any) -> Any:
        (folder / "manifest.json").write_text(json.dumps(manifest(stream(**parts))))
        return import_source(read_source(folder / "manifest.json"), Options("vendor"))

    @staticmethod
    def write(path: Path, data: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data))

    def test_a_schema(self, tmp_path: Path) -> None:
        self.write(tmp_path / "schemas" / "things.json", SCHEMA)
        self.write(tmp_path / "schemas" / "shared.json", {"type": "object", "properties": {"inner": {}}})
        files = self.result(tmp_path, schema_loader=LOADER).files
        (schema,) = [json.loads(text) for name, text in files.items() if name.endswith(".schema.json")]
        assert schema["properties"]["id"] == {"type": "integer"}
        assert "inner" in json.dumps(schema)

    def test_a_specification(self, tmp_path: Path) -> None:
        properties = {"token": {"type": "string", "title": "The token", "airbyte_secret": True}}
        self.write(tmp_path / "spec.json", {"connectionSpecification": {"type": "object", "properties": properties}})
        authenticator = {"type": "BearerAuthenticator", "api_token": "{{ config['token'] }}"}
        made = self.result(tmp_path, requester={"authenticator": authenticator})
        assert "The token" in made.files["connector.yaml"]

    @pytest.mark.parametrize("name", ["../outside.json", "link.json", "/etc/outside.json", "schemas/things.txt"])
    def test_nothing_else_is_read(self, tmp_path: Path, name: str) -> None:
        folder = tmp_path / "folder"
        for path in (tmp_path / "outside.json", folder / "schemas" / "things.txt"):
            self.write(path, {"type": "object", "properties": {"private": {}}})
        (folder / "link.json").symlink_to(tmp_path / "outside.json")
        loader = {"type": "JsonFileSchemaLoader", "file_path": name}
        made = self.result(folder, schema_loader=loader)
        assert "private" not in json.dumps(dict(made.files))
