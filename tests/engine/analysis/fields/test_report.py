"""The report of a resource's fields: recordings, descriptions of the vendor, and what reads them."""

from pathlib import Path
from typing import Any

import pytest
from field_shop import ITEMS, OPERATIONS, UNIFIED, build, record

from conn_engine.analysis.fields import (
    FieldsReport,
    ResourceField,
    find_describe,
    find_reading_operations,
    report_fields,
)
from conn_engine.analysis.fields.described import read_descriptions
from conn_engine.config import OperationName
from conn_engine.errors import MissingRecording

DESCRIBE = {"method": "get", "path": "/fields", "record_mapping": {
    "name": "record.place", "label": "record.title", "type": "record.kind", "custom": "record.own"}}  # fmt: skip
CONNECTOR = {
    "base_url": "https://shop.example",
    "resources": {"things": {**OPERATIONS, "describe": DESCRIBE}, "items": {"get": {"path": "/things"}}},
}
NAME = OperationName("vendor", "", "things", "describe")


def describe(*rows: dict[str, Any]) -> dict[str, Any]:
    return record("things.describe", list(rows), path="/fields")


def report(root: Path, recordings: dict[str, Any], **more: Any) -> FieldsReport:
    workspace = build(root, {"connectors/shop/connector.yaml": CONNECTOR}, recordings)
    return report_fields(workspace, workspace.effective(account="acme"), "things", **more)


def find(found: FieldsReport, name: str) -> ResourceField:
    return next(field for field in found.fields if field.name == name)


def test_a_recorded_description_adds_labels_types_and_fields(tmp_path: Path) -> None:
    described = describe(
        {"place": "props.score", "title": "Score", "kind": "number", "own": True},
        {"place": "props.`first name`", "title": "First name", "kind": "text", "own": False},
        {"place": "props.renewal", "title": "Renewal", "kind": "month", "own": True},
        {"place": "phones", "title": "Phones", "kind": "list"},
        {"place": "phones[n=2].n", "title": "Second", "kind": "number"},
    )
    found = report(tmp_path, {"m.things.list": record("m.things.list", ITEMS), "things.describe": described})
    assert (found.described_by, found.live, found.records, found.problems) == ("things.describe", False, 2, [])
    assert found.model_resource == "m.things"
    assert find(found, "props.score") == ResourceField(
        name="props.score", label="Score", type="number", custom=True, recorded_type="number in text", recorded=True,
        example="87", filled=2, read_by=["custom_fields"],
    )  # fmt: skip
    assert find(found, "props.`first name`").label == "First name"
    renewal = find(found, "props.renewal")  # no record has it: what passes everything on does not read it
    assert (renewal.recorded, renewal.filled, renewal.read_by) == (False, 0, [])
    phones = find(found, "phones")
    assert (phones.filled, phones.recorded_type, phones.recorded) == (1, "list of object", True)
    second = find(found, "phones[n=2].n")
    assert (second.filled, second.example, second.custom) == (1, 2, None)
    assert [field.name for field in found.keep_unmapped().fields] == [
        "tags", "note", "phones.n", "props.renewal", "phones", "phones[n=2].n",
    ]  # fmt: skip


def test_a_null_is_read_by_what_would_pass_its_value_on(tmp_path: Path) -> None:
    items = [{"id": "1", "props": {"email": None, "odd": None}}]
    found = report(tmp_path, {"m.things.list": record("m.things.list", items)})
    assert {field.name: (field.filled, field.read_by) for field in found.fields} == {
        "id": (1, ["id"]),
        "props.email": (0, ["email"]),
        "props.odd": (0, ["custom_fields"]),
    }


def test_an_object_that_is_sometimes_null_is_no_field_of_its_own(tmp_path: Path) -> None:
    items: list[Any] = [{"props": {"a": 1}}, {"props": None}, {"props": {}}]
    found = report(tmp_path, {"m.things.list": record("m.things.list", items)})
    assert [field.name for field in found.fields] == ["props.a"]


def test_descriptions_without_recordings_are_enough_and_nothing_is_an_error(tmp_path: Path) -> None:
    found = report(tmp_path, {"things.describe": describe({"place": "a"})})
    assert ([field.name for field in found.fields], found.records) == (["a"], 0)
    with pytest.raises(MissingRecording, match=r"m.things.list has no recording with records") as raised:
        report(tmp_path / "none", {})
    assert raised.value.hint == "record it: conn record m.things.list --account acme"
    moved = {"m.things.list": record("m.things.list", ITEMS, path="/elsewhere")}
    with pytest.raises(MissingRecording, match=r"no recording of m.things.list can be read: connectors/shop"):
        report(tmp_path / "moved", moved)


def test_a_description_that_cannot_be_replayed_is_a_problem(tmp_path: Path) -> None:
    moved = record("things.describe", [{"place": "a"}], path="/elsewhere")
    found = report(tmp_path, {"m.things.list": record("m.things.list", ITEMS), "things.describe": moved})
    (problem,) = found.problems
    assert problem.startswith(
        "connectors/shop/recordings/things.describe.json: no response is recorded for GET /fields"
    )


def test_descriptions_of_the_vendor_replace_the_recorded_ones(tmp_path: Path) -> None:
    recordings = {"m.things.list": record("m.things.list", ITEMS), "things.describe": describe({"place": "old"})}
    found = report(tmp_path, recordings, descriptions=read_descriptions(NAME, [{"name": "new"}]))
    assert (found.live, [field.name for field in found.fields if not field.recorded]) == (True, ["new"])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a", ("a",)),
        ("a.b", ("a", "b")),
        ("a.`b c`.d", ("a", "b c", "d")),
        ('a."b\\"c"', ("a", 'b"c')),
        ("a.'b c'", ("a", "b c")),
        ("a[id=7].value", ("a", "value")),
        ("a[x.y='z' and w=1][0]", ("a",)),
        ("a[`b c`=true].`d e`", ("a", "d e")),
        ("and[id=1].in", ("and", "in")),
        *((bad, None) for bad in (
            "a b", "a.", ".a", "a..b", "a, b", "a & b", "a + 1", "$", "$exists(a)", "a.$uppercase(b)", "a[$x]", "(a)",
            "a[b(c)]", "a{b: c}", "a ~> b", "a[", "a]", "a := 1", "a.*", "a.%", "a^(b)", "7", "a.7", "a = b", "a[b>1]",
            "/x/", "a /* b */ c", "a ? b : c", 'a."\\x"',
        )),
    ],
)  # fmt: skip
def test_a_name_is_a_place_and_computes_nothing(name: str, path: tuple[str, ...] | None) -> None:
    found = read_descriptions(NAME, [{"name": name}])
    assert [field.path for field in found.fields] == ([] if path is None else [path])
    assert bool(found.problems) == (path is None)


def test_unusable_descriptions_are_problems_and_each_field_counts_once() -> None:
    records = [{"name": "a"}, {"name": "`a`"}, {"name": 7}, {}, None, "text", {"name": ""}, {"name": "$$\n::error::"}]
    found = read_descriptions(NAME, records)
    assert [field.name for field in found.fields] == ["a"]
    assert found.problems == (
        "things.describe returns 5 records without a name",
        'things.describe returns 1 name that cannot be a place: "$$\\n::error::"',
    )
    many = read_descriptions(NAME, ({"name": f"f{number}"} for number in range(6000)))
    assert len(many.fields) == 5000
    assert many.problems == ("things.describe describes more than 5,000 fields: the others are left out",)


def test_only_a_listing_describes_fields(tmp_path: Path) -> None:
    one = {**CONNECTOR, "resources": {**CONNECTOR["resources"], "things": {**OPERATIONS, "describe": "/x/{{id}}"}}}  # type: ignore[dict-item]
    for connector, expected in ((CONNECTOR, NAME), (one, None)):
        workspace = build(tmp_path, {"connectors/shop/connector.yaml": connector})
        effective = workspace.effective(account="acme")
        assert find_describe(effective, find_reading_operations(effective, "things")) == expected
        assert NAME not in find_reading_operations(effective, "things")
    assert UNIFIED["things"]["list"] == {}
