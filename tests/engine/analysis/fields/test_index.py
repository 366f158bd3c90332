"""The vendor's fields in the recordings of a small workspace, counted manually."""

import json
from pathlib import Path

import pytest
from field_shop import ITEMS, MAPPING, UNIFIED, build, record

from conn_engine.analysis.fields import FieldIndex, RecordedFields, find_reading_operations
from conn_engine.conditions import USUAL
from conn_engine.config import Workspace
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.expressions import expression
from conn_engine.testing.field_readers import FieldReaders
from conn_engine.testing.vendor_records import map_vendor_records


def find(workspace: Workspace, resource: str = "things", index: FieldIndex | None = None) -> RecordedFields:
    effective = workspace.effective(account="acme")
    names = find_reading_operations(effective, resource)
    return (index or FieldIndex()).find_fields(workspace, effective, names)


def test_fields_have_types_an_example_and_a_count_of_records(tmp_path: Path) -> None:
    found = find(build(tmp_path, recordings={"m.things.list": record("m.things.list", ITEMS)}))
    assert {one.name: (one.type, one.example, one.filled) for one in found.fields.values()} == {
        "id": ("number in text", "1", 2),
        "props.email": ("string", "a@example.com", 1),
        "props.score": ("number in text", "87", 2),
        "props.`first name`": ("string", "Ada", 1),
        "props.`true`": ("boolean", True, 1),
        "tags": ("list of string or list", "x", 1),
        "note": ("string", None, 0),
        "phones.n": ("list of number", 1, 1),
    }
    assert (found.records, found.problems, found.is_complete) == (2, (), True)


def test_every_name_reads_its_field(tmp_path: Path) -> None:
    odd = {name: {"x": name} for name in ("a b", "a`b", 'a"b', "and", "é", "", "a\nb", "null")}
    found = find(build(tmp_path, recordings={"m.things.list": record("m.things.list", [{"odd": odd}])}))
    assert len(found.fields) == len(odd)
    for one in found.fields.values():
        assert expression(f"response.{one.name}").evaluate({"response": {"odd": odd}}, USUAL) == one.path[1]


def test_recordings_of_list_and_get_count_and_those_of_writes_do_not(tmp_path: Path) -> None:
    workspace = build(
        tmp_path,
        recordings={
            "m.things.list": record("m.things.list", [{"id": "1"}]),
            "m.things.get": record("m.things.get", {"id": "1", "more": 1}),
            "items.get": record("items.get", {"id": "1", "raw": 1}),
            "m.things.create": record("m.things.create", {"id": "1", "written": 1}),
            "other.list": record("other.list", [{"id": "1", "other": 1}], path="/other"),
        },
    )
    found = find(workspace)
    assert [name.text for name in found.operations] == ["m.things.list", "m.things.get", "things.list", "items.get"]
    assert [one.name for one in found.fields.values()] == ["id", "raw", "more"]
    assert found.records == 3
    assert [name.text for name in find(workspace, "items").operations] == ["m.things.get", "items.get"]
    assert [name.text for name in find(workspace, "things.list").operations] == ["m.things.list", "things.list"]


def test_an_accounts_own_recording_replaces_the_shared_one(tmp_path: Path) -> None:
    recordings = {
        "m.things.list": record("m.things.list", [{"id": "1"}]),
        "acme/m.things.list": record("m.things.list", [{"id": "1", "mine": 1}], "acme"),
        "beta/m.things.list": record("m.things.list", [{"id": "1", "theirs": 1}], "beta"),
    }
    assert [one.name for one in find(build(tmp_path, recordings=recordings)).fields.values()] == ["id", "mine"]


def test_a_recording_is_replayed_again_only_if_it_or_the_requests_change(tmp_path: Path) -> None:
    index = FieldIndex()
    workspace = build(tmp_path, recordings={"m.things.list": record("m.things.list", ITEMS)})
    find(workspace, index=index)
    draft = {
        "resources": {"things": {"response_mapping": {"id": "response.("}, "list": {"response_mapping": {"x": "1"}}}}
    }
    for text in (json.dumps(draft), json.dumps({"resources": UNIFIED})):
        drafted = workspace.with_texts({"connectors/shop/unified/m.yaml": text})
        assert find(drafted, index=index).records == 2
    assert index.replayed == 1
    path = tmp_path / "connectors/shop/recordings/m.things.list.json"
    path.write_text(json.dumps(record("m.things.list", [*ITEMS, *ITEMS])), encoding="utf-8")
    assert (find(workspace, index=index).records, index.replayed) == (4, 2)
    connector = {"base_url": "https://shop.example", "resources": {"things": {"list": "/elsewhere"}}}
    moved = workspace.with_texts({"connectors/shop/connector.yaml": json.dumps(connector)})
    found = find(moved, index=index)
    assert (found.records, index.replayed) == (0, 3)
    assert "no response is recorded for GET /elsewhere" in found.problems[0]


def test_the_index_keeps_the_most_recent_recordings(tmp_path: Path) -> None:
    recordings = {f"m.things.list.{n}": record("m.things.list", [{"id": str(n)}]) for n in range(5)}
    index = FieldIndex(most_bytes=1)
    workspace = build(tmp_path, recordings=recordings)
    for _ in range(2):
        assert find(workspace, index=index).records == 5
    assert (index.replayed, len(index._known)) == (10, 1)


def test_fields_without_end_are_bounded(tmp_path: Path) -> None:
    many = [{f"key {n} of {m}": n for n in range(2000)} for m in range(4)]
    found = find(build(tmp_path, recordings={"m.things.list": record("m.things.list", many)}))
    assert (len(found.fields), found.is_complete, found.records) == (5000, False, 4)


def test_a_file_that_is_not_a_recording_is_an_error(tmp_path: Path) -> None:
    workspace = build(tmp_path, recordings={"m.things.list": {"format": 1}})
    with pytest.raises(ConfigurationError, match="missing required field"):
        find(workspace)


def test_readers_are_the_fields_whose_value_depends_on_the_path(tmp_path: Path) -> None:
    override = {"unified": {"m": {"things": {"response_mapping": {"score": "$number(response.props.score)"}}}}}
    files = {"accounts/acme.yaml": {"connector": "shop", "override": override}}
    workspace = build(tmp_path, files, {"m.things.list": record("m.things.list", ITEMS)})
    effective = workspace.effective(account="acme")
    names = find_reading_operations(effective, "things")
    index = FieldIndex()
    readers = FieldReaders(effective, names)
    recordings = [one.records for one in index.read_recordings(workspace, effective, names)]
    fields = find(workspace, index=index).fields
    found = {fields[path].name: names for path, names in readers.find_all(list(fields), recordings).items()}
    assert found == {
        "id": ["id"],
        "props.email": ["email"],
        "props.score": ["score", "custom_fields"],
        "props.`first name`": ["custom_fields"],
        "props.`true`": ["custom_fields"],
        "tags": [],
        "note": [],
        "phones.n": [],
    }
    email = ("props", "email")
    assert readers.find_all([email], []) == {email: ["email", "custom_fields"]}  # nothing shows what is left out


def test_an_unknown_resource_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    effective = build(tmp_path).effective(account="acme")
    with pytest.raises(UsageError) as raised:
        find_reading_operations(effective, "thing")
    assert raised.value.message == 'connector "shop" has no resource "thing"'
    assert "things" in raised.value.hint


def test_records_are_mapped_by_a_draft_in_which_one_field_is_broken(tmp_path: Path) -> None:
    workspace = build(tmp_path, recordings={"m.things.list": record("m.things.list", ITEMS)})
    draft = {"resources": {"things": {"response_mapping": {**MAPPING, "email": "response.props.("}, "list": {}}}}
    effective = workspace.with_texts({"connectors/shop/unified/m.yaml": json.dumps(draft)}).effective(account="acme")
    name = effective.resolve("m.things.list")
    (recording,) = FieldIndex().read_recordings(workspace, effective, [name])
    results = map_vendor_records(effective, name, recording.records)
    assert [result.value["custom_fields"]["score"] for result in results] == ["87", "9"]
    assert [list(result.errors) for result in results] == [["email"], ["email"]]
