"""What mappings are tried and measured by: coverage, a trial on given records, the models' schemas, HAR files."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.errors import ConfigurationError, ExpressionError, UsageError
from conn_engine.runtime.call import cursor_token, decode_cursor, encode_cursor
from conn_engine.runtime.model_schemas import check_records, schema_path
from conn_engine.secrets import Redactor
from conn_engine.testing.coverage import find_paths, measure
from conn_engine.testing.har_files import export_recording, import_recording
from conn_engine.testing.trial import map_records
from conn_engine.wire import FrozenClock

# --- coverage ---


def test_coverage_counts_values() -> None:
    results = [{"id": "1", "email": "a", "address": {"city": "X"}, "tags": []}, {"id": "2", "email": None}]
    made = measure(["id", "email", "address.city", "address", "tags"], results, [("tags", "k"), ("phone",)])
    assert made.seen == {"id": 2, "email": 1, "address.city": 1, "address": 1, "tags": 0}
    assert made.empty == ("tags",)
    assert made.unread == ("phone", "tags.k")


def test_paths_have_values_and_the_items_of_a_list_share_one() -> None:
    raw = [{"id": 1, "address": {"city": "X"}, "tags": [{"k": 1}, {"l": []}]}, {"phone": None, "none": {}}, 7, None]
    assert find_paths(raw) == {("id",), ("address", "city"), ("tags", "k"), ("phone",), ("none",)}


# --- trial ---


def test_a_trial_takes_a_record_a_list_or_a_whole_answer(make: Callable[..., Workspace]) -> None:
    effective = make().effective(account="acme")
    name = effective.resolve("contacts.list")
    one = {"id": "1", "first_name": "Ada"}
    assert map_records(effective, name, {"id": 1, "name": "Ada"})[0] == [one]
    assert map_records(effective, name, [{"id": 1, "name": "Ada"}])[0] == [one]
    assert map_records(effective, name, {"items": [{"id": 1, "name": "Ada"}], "next": "x"})[0] == [one]
    assert map_records(effective, name, {"items": []})[0] == []


def test_a_trial_needs_a_mapping_and_names_what_fails(make: Callable[..., Workspace]) -> None:
    effective = make().effective(account="acme")
    with pytest.raises(UsageError, match="response_mapping"):
        map_records(effective, effective.resolve("people.list"), [])
    crm: Any = {
        "resources": {"contacts": {"list": {"resource": "people", "response_mapping": {"n": "$number(response.name)"}}}}
    }
    effective = make({"connectors/shop/unified/crm.yaml": crm}).effective(account="acme")
    values, [problem], _ = map_records(effective, effective.resolve("contacts.list"), [{"name": "x"}, {"name": "1"}])
    assert values == [{}, {"n": 1}]
    assert (problem.field, problem.records, problem.first_ids) == ("n", 1, ("record 1 of page 1",))
    assert problem.text == "$number(response.name)"
    assert problem.at == "crm.contacts.list.response_mapping.n"
    crm["resources"]["contacts"]["list"]["on_error"] = "fail"
    effective = make({"connectors/shop/unified/crm.yaml": crm}).effective(account="acme")
    with pytest.raises(ExpressionError) as caught:
        map_records(effective, effective.resolve("contacts.list"), [{"name": "x"}])
    assert caught.value.text == "$number(response.name)"
    assert caught.value.at == "crm.contacts.list.response_mapping.n"


def test_a_trial_of_a_page_mapping_runs_once(make: Callable[..., Workspace]) -> None:
    mapped = "[response.items.{'id': $string(id), 'of': $count($$.response.items)}]"
    operation = {"resource": "people", "each": "page", "response_mapping": mapped}
    crm = {"resources": {"contacts": {"list": operation}}}
    effective = make({"connectors/shop/unified/crm.yaml": crm}).effective(account="acme")
    answer = {"items": [{"id": 1}, {"id": 2}]}
    expected = [{"id": "1", "of": 2}, {"id": "2", "of": 2}]
    assert map_records(effective, effective.resolve("contacts.list"), answer)[0] == expected


# --- models ---


def test_faults_of_many_records_are_one_row_each(tmp_path: Path) -> None:
    path = schema_path([tmp_path], "crm", "contact")
    assert path is not None
    rows = check_records(path, [{"id": n} for n in range(3)] + [{"id": "a", "odd": 1}, {"id": "b"}, "text"])
    assert [(row.path, row.records, row.example) for row in rows] == [
        ("id", 3, "0"),
        ("", 1, "a"),
        ("", 1, "#6"),
    ]
    assert rows[0].message == "is not of type string"
    assert "odd" in rows[1].message


@pytest.mark.parametrize(
    ("schema", "value", "mend"),
    [
        ({"type": ["string", "null"]}, ["a"], "…[0]"),
        ({"type": ["string", "null"]}, {"a": 1}, "….name"),
        ({"type": "string"}, 1, "$string(…)"),
        ({"type": "string"}, None, "the value is null"),
        ({"type": "number"}, "1", "$number(…)"),
        ({"type": "array"}, "a", "[ … ]"),
        ({"type": "boolean"}, "yes", "compare it"),
        ({"type": "string", "format": "date-time"}, "31.1.2026", "$dateParse(…"),
        ({"type": "string", "format": "date"}, "2026-01-31T00:00:00Z", "$substring(…, 0, 10)"),
        ({"properties": {"b": {}}, "additionalProperties": False}, {"a": 1}, "custom_fields"),
        ({"enum": ["a"]}, "b", ""),
    ],
)
def test_a_violation_has_advice_for_the_expression(tmp_path: Path, schema: Any, value: Any, mend: str) -> None:
    file = tmp_path / "thing.schema.json"
    file.write_text(json.dumps({"properties": {"x": schema}}))
    [row] = check_records(file, [{"id": "1", "x": value}])
    assert mend in row.fix
    assert bool(row.fix) is bool(mend)


def test_an_edited_schema_of_the_workspace_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "crm" / "gadget.schema.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"type": "object"}))
    assert schema_path([tmp_path], "crm", "gadget") == file
    assert check_records(file, [{"id": 1}]) == []
    file.write_text(json.dumps({"type": "object", "required": ["name"]}))
    os.utime(file, ns=(1, 1))
    assert [row.message for row in check_records(file, [{"id": None}])] == ["lacks the required field name"]
    assert check_records(file, [{"id": None}])[0].example == "#1"
    assert schema_path([tmp_path], "crm", "nothing") is None


@pytest.mark.parametrize("text", ["{", '{"type": 5}', "[1]", '{"$ref": "#/nowhere"}', '{"$ref": "other.json"}', "\xff"])
def test_a_file_that_is_no_schema_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "models" / "crm" / "contact.schema.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError) as error:
        check_records(file, [{"id": "1"}])
    assert [finding.span.file for finding in error.value.findings if finding.span] == ["models/crm/contact.schema.json"]


@pytest.mark.parametrize("at", ["http://{address}/schema.json", "file://{file}"])
def test_a_schema_fetches_nothing(tmp_path: Path, at: str) -> None:
    (tmp_path / "any.json").write_text("true")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        host, port = server.getsockname()
        address = at.format(address=f"{host}:{port}", file=tmp_path / "any.json")
        (tmp_path / "thing.schema.json").write_text(json.dumps({"$ref": address}))
        with pytest.raises(ConfigurationError, match="nothing is fetched"):
            check_records(tmp_path / "thing.schema.json", [{"id": "1"}])
        with pytest.raises(TimeoutError):
            server.accept()


# --- cursors ---


@pytest.mark.parametrize("state", [{"cursor": "a/b+ü"}, {"page": 3, "seen": 20}, {"url": "https://x.example.com/?a=b"}])
def test_a_cursor_comes_back_as_it_was(state: dict[str, Any]) -> None:
    token = encode_cursor(state)
    assert token is not None
    assert token.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(token) == state
    assert cursor_token(state) == next(iter(state.values()))
    assert encode_cursor(None) is None


# --- HAR ---


def test_a_recording_made_of_a_har_file_goes_back_into_one(
    make: Callable[..., Workspace], recorded: Callable[..., Any], tmp_path: Path
) -> None:
    page = {"items": [{"id": 1, "name": "Ada"}]}
    source = "connectors/shop/recordings/crm.contacts.list.json"
    workspace = make({source: recorded("crm.contacts.list", [("GET", "/people", page)])})
    har = tmp_path / "out.har"
    assert export_recording(workspace.root / source, har) == 1
    effective = workspace.effective(account="acme")
    name = effective.resolve("contacts.list")
    target = tmp_path / "made" / "back.json"
    options: dict[str, Any] = {"redactor": Redactor(), "clock": FrozenClock(1_700_000_000)}
    assert import_recording(effective, name, har, target, scenario="default", **options)[0] == 1
    back = json.loads(target.read_text())
    assert (back["source"], back["base_url"]) == ("har", "https://api.example.com/v1")
    assert back["recorded_at"] == "2023-11-14T22:13:20Z"
    assert back["exchanges"][0]["response"]["body"] == page
    with pytest.raises(UsageError, match=r"cannot read nothing\.har"):
        import_recording(effective, name, tmp_path / "nothing.har", target, scenario="x", **options)
