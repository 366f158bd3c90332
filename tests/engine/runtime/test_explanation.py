"""`explain_value`: every level's expression with what it read and gave; the level named effective gave the value."""

import json
from pathlib import Path
from typing import Any

import pytest

from conn_engine.config import load_workspace
from conn_engine.errors import UsageError
from conn_engine.expressions import UNDEFINED
from conn_engine.testing.explanation import Explanation, explain_record, explain_value

ITEMS = [
    {"id": "1", "n": "Ada", "tags": [{"t": "x"}, {"t": "y"}], "size": 3},
    {"id": "2", "n": "Bo", "size": 30},
]
BASE = {
    "id": "response.id",
    "name": "response.n",
    "size": "response.size > 10 ? 'big' : 'small'",
    "tags": "response.tags.t",
}


def workspace(tmp_path: Path, override: Any, after: Any = None) -> Path:
    recording = {
        "format": 1, "connector": "shop", "operation": "m.things.list", "source": "sample",
        "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://shop.example", "exchanges": [{
            "request": {"method": "GET", "url": "https://shop.example/things"},
            "response": {"status": 200, "body": ITEMS},
        }],
    }  # fmt: skip
    unified: dict[str, Any] = {"response_mapping": BASE}
    if after:
        unified["after"] = after
    files: dict[str, Any] = {
        "conn.yaml": {"version": 1},
        "connectors/shop/connector.yaml": {
            "base_url": "https://shop.example",
            "resources": {"things": {"list": {"method": "get", "path": "/things"}}},
        },
        "connectors/shop/unified/m.yaml": {"resources": {"things": {"list": unified}}},
        "connectors/shop/recordings/m.things.list.json": recording,
        "accounts/acme.yaml": {
            "connector": "shop",
            "override": {"unified": {"m": {"things": {"list": {"response_mapping": override}}}}},
        },
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    return tmp_path


def explained(root: Path, field: str, record: str = "1") -> Explanation:
    opened = load_workspace(root)
    effective = opened.effective(account="acme")
    return explain_value(opened, effective, effective.resolve("m.things.list"), record, field)


def told(found: Explanation) -> list[tuple[str, Any, bool]]:
    return [(said.origin.level, said.value, said.effective) for said in found.levels]


def test_a_field_of_one_level_with_what_it_read_and_why(tmp_path: Path) -> None:
    found = explained(workspace(tmp_path, {}), "size", "2")
    assert (found.value, told(found)) == ("big", [("base", "big", True)])
    assert found.levels[0].reads == (("response.size", 30),)
    assert any("30 > 10" in line for line in found.levels[0].decisions)


def test_an_override_shadows_and_base_is_still_explained(tmp_path: Path) -> None:
    found = explained(workspace(tmp_path, {"name": "$uppercase(response.n)"}), "response_mapping.name")
    assert (found.value, told(found)) == ("ADA", [("account", "ADA", True), ("base", "Ada", False)])


def test_a_whole_mapping_that_builds_on_base(tmp_path: Path) -> None:
    found = explained(workspace(tmp_path, '{"name": $base.name & "!"}'), "name")
    assert (found.value, told(found)) == ("Ada!", [("account", "Ada!", True), ("base", "Ada", False)])
    assert found.levels[0].reads[-1][0] == "$base"


def test_a_level_that_gives_nothing_lets_the_one_below_through(tmp_path: Path) -> None:
    found = explained(workspace(tmp_path, '{"other": 1}'), "name")
    assert (found.value, told(found)) == ("Ada", [("account", UNDEFINED, False), ("base", "Ada", True)])


def test_a_removed_field(tmp_path: Path) -> None:
    found = explained(workspace(tmp_path, {"name": None}), "name")
    assert found.value is UNDEFINED
    assert not any(said.effective for said in found.levels)


def test_lists_are_read_through(tmp_path: Path) -> None:
    found = explained(workspace(tmp_path, {}), "tags")
    assert (found.value, found.levels[0].reads) == (["x", "y"], (("response.tags.t", ["x", "y"]),))


def test_a_step_after_the_mapping_is_reported(tmp_path: Path) -> None:
    after = [{"name": "only", "transform": "result[size = 'big']"}]
    assert explained(workspace(tmp_path, {}, after), "name", "1").later
    assert not explained(workspace(tmp_path, {}, after), "name", "2").later


@pytest.mark.parametrize(
    ("field", "record", "said"), [("nome", "1", "does not map"), ("name", "9", "choose a recorded id: 1, 2")]
)
def test_what_is_not_there(tmp_path: Path, field: str, record: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        explained(workspace(tmp_path, {}), field, record)
    assert said in f"{refused.value.message} {refused.value.hint}"


def test_an_item_of_a_list(tmp_path: Path) -> None:
    root = workspace(tmp_path, {"tags": "response.tags"})
    assert explained(root, "tags[1].t").value == "y"
    assert explained(root, "tags.1.t").value == "y"
    assert explained(root, "tags.t").value == ["x", "y"]
    found = explained(root, "tags[2].t")
    assert (found.value, told(found)) == (UNDEFINED, [("account", UNDEFINED, False), ("base", UNDEFINED, False)])


def test_objects_of_two_levels_are_one_value(tmp_path: Path) -> None:
    root = workspace(tmp_path, {"more": {"a": "response.n", "none": "response.gone", "b": {"c": None}}})
    unified = json.loads((root / "connectors/shop/unified/m.yaml").read_text())
    mapped = unified["resources"]["things"]["list"]["response_mapping"]
    mapped["more"] = {"a": "'base'", "size": "response.size", "b": {"c": "'gone'"}}
    (root / "connectors/shop/unified/m.yaml").write_text(json.dumps(unified))
    found = explained(root, "more")
    assert found.value == {"a": "Ada", "size": 3, "b": {}}
    assert told(found)[0] == ("account", {"a": "Ada", "b": {"c": None}}, True)
    assert told(found)[1] == ("base", {"a": "base", "size": 3, "b": {"c": "gone"}}, True)  # size comes from there
    assert found.levels[0].reads == (("response.n", "Ada"), ("response.gone", UNDEFINED))
    found = explained(root, "more.a")
    assert told(found) == [("account", "Ada", True), ("base", "base", False)]
    found = explained(root, "more.b.c")
    assert (found.value, [said.effective for said in found.levels]) == (UNDEFINED, [False, False])


@pytest.mark.parametrize("dropping", [{}, {"tags": {"deep": "response.n"}}, '{"id": response.id}'])
def test_a_level_that_replaces_leaves_nothing_of_those_below(tmp_path: Path, dropping: Any) -> None:
    if isinstance(dropping, dict):
        dropping = {"id": "response.id", **dropping}
    found = explained(workspace(tmp_path, {"replace": dropping}), "tags.x")
    assert (found.value, found.levels[0].origin.path[-1] in ("replace", "tags")) == (UNDEFINED, True)
    assert told(found) == [("account", UNDEFINED, False), ("base", UNDEFINED, False)]
    assert [said.origin.overridden for said in found.levels] == [False, True]


def test_an_override_that_gives_nothing_hides_what_is_below_where_it_took_its_place(tmp_path: Path) -> None:
    found = explained(workspace(tmp_path, {"name": "response.gone"}), "name")
    assert (found.value, told(found)) == (UNDEFINED, [("account", UNDEFINED, False), ("base", "Ada", False)])


def test_a_record_is_explained_by_its_position_and_field_by_field(tmp_path: Path) -> None:
    root = workspace(tmp_path, {"size": "$number(response.n)", "name": "response.("})
    opened = load_workspace(root)
    effective = opened.effective(account="acme")
    name = effective.resolve("m.things.list")
    rows = explain_record(opened, effective, name, 1)
    assert [(row.field, row.value, row.levels[0].origin.level) for row in rows] == [
        ("id", "2", "base"),
        ("name", UNDEFINED, "account"),
        ("size", UNDEFINED, "account"),
        ("tags", UNDEFINED, "base"),
    ]
    assert [bool(row.error) for row in rows] == [False, True, True, False]
    assert {(row.record, row.index) for row in rows} == {("2", 1)}
    assert explain_value(opened, effective, name, 1, "id") == rows[0]
    assert explain_value(opened, effective, name, "2", "id", scenario="default") == rows[0]
    for record, scenario in ((2, None), ("2", "other")):
        with pytest.raises(UsageError, match=r"has no recording of|has a record at position 2"):
            explain_value(opened, effective, name, record, "id", scenario=scenario)


def test_the_fields_of_a_mapping_of_one_expression_are_explained(tmp_path: Path) -> None:
    root = workspace(tmp_path, '{"id": response.id, "made": response.size}')
    opened = load_workspace(root)
    effective = opened.effective(account="acme")
    rows = explain_record(opened, effective, effective.resolve("m.things.list"), "1")
    assert {row.field: row.value for row in rows}["made"] == 3
