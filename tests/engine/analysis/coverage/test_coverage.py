"""Coverage of a small workspace, counted by hand; accounts that behave alike share a row."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from conn_cli.report import coverage as report
from conn_engine.analysis.coverage import OperationCoverage, measure_coverage
from conn_engine.analysis.coverage.report import CoverageReport, find_below
from conn_engine.config import load_workspace
from conn_engine.documents import dump_json
from conn_engine.errors import UsageError

MODEL = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "phone": {"type": ["string", "null"]},
        "address": {"type": "object", "properties": {"city": {"type": "string"}, "zip": {"type": "string"}}},
    },
}
MAPPING = {"id": "response.id", "name": "response.n", "address": {"city": "response.town"}, "extra": "response.<x>"}
ITEMS = [{"id": "1", "n": "A", "town": "B", "unread<b>": 1}, {"id": "2", "n": "C", "deep": {"a": [{"b": 1}]}}]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    mapping = {**MAPPING, "extra": "response.nothing"}
    recording = {
        "format": 1, "connector": "shop", "operation": "m.things.list", "source": "sample",
        "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://shop.example",
        "exchanges": [{
            "request": {"method": "GET", "url": "https://shop.example/things"},
            "response": {"status": 200, "body": ITEMS},
        }],
    }  # fmt: skip
    operations = {"list": {"method": "get", "path": "/things"}, "get": {"method": "get", "path": "/things/{{id}}"}}
    unified = {"things": {"list": {"response_mapping": mapping}, "get": {"response_mapping": mapping}}}
    own = {"unified": {"m": {"things": {"list": {"response_mapping": {"phone": "response.town"}}}}}}
    files: dict[str, Any] = {
        "conn.yaml": {"version": 1},
        "models/m/thing.schema.json": MODEL,
        "connectors/shop/connector.yaml": {"base_url": "https://shop.example", "resources": {"things": operations}},
        "connectors/shop/unified/m.yaml": {"resources": unified},
        "connectors/shop/recordings/m.things.list.json": recording,
        "accounts/one.yaml": {"connector": "shop", "context": {"unread": 1}},
        "accounts/two.yaml": {"connector": "shop", "context": {"unread": 2}},
        "accounts/own.yaml": {"connector": "shop", "override": own},
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    return tmp_path


def rows(root: Path, **options: Any) -> dict[tuple[str, tuple[str, ...]], OperationCoverage]:
    return {(row.operation, row.accounts): row for row in measure_coverage(load_workspace(root), **options)}


def test_fields_are_seen_empty_or_unmapped(root: Path) -> None:
    row = rows(root)["m.things.list", ("one", "two")]
    assert {one.field: (one.state, one.records, one.model) for one in row.fields} == {
        "id": ("seen", 2, True),
        "name": ("seen", 2, True),
        "address.city": ("seen", 1, True),
        "address.zip": ("unmapped", 0, True),
        "phone": ("unmapped", 0, True),
        "extra": ("empty", 0, False),
    }
    assert row.unread == ("deep.a.b", "unread<b>")
    assert (row.percent, row.mapped, row.model) == (75.0, 4, 5)


def test_a_field_that_an_expression_leaves_out_is_not_read(root: Path) -> None:
    file = root / "connectors/shop/unified/m.yaml"
    mapping = {"id": "response.id", "extra": '$omit(response, ["id", "town"])'}
    file.write_text(json.dumps({"resources": {"things": {"list": {"response_mapping": mapping}}}}), encoding="utf-8")
    assert rows(root)["m.things.list", ("one", "two")].unread == ("town",)


def test_a_field_that_is_read_in_one_recording_is_read(root: Path) -> None:
    file = root / "connectors/shop/unified/m.yaml"
    mapping = {"id": "response.id", "extra": "response.id = '1' ? response"}
    file.write_text(json.dumps({"resources": {"things": {"list": {"response_mapping": mapping}}}}), encoding="utf-8")
    first = root / "connectors/shop/recordings/m.things.list.json"
    recording = json.loads(first.read_text(encoding="utf-8"))
    for path, number in ((first, "1"), (first.with_suffix(".other.json"), "2")):
        recording["exchanges"][0]["response"]["body"] = [{"id": number, "x": 1, f"only_{number}": 1}]
        path.write_text(json.dumps({**recording, "scenario": f"s{number}"}), encoding="utf-8")
    assert rows(root)["m.things.list", ("one", "two")].unread == ("only_2",)


def test_an_override_has_a_row_of_its_own(root: Path) -> None:
    row = rows(root)["m.things.list", ("own",)]
    assert {one.field: one.records for one in row.fields if one.state == "seen"}["phone"] == 1


def test_an_operation_without_recording_is_shown_and_below_no_minimum_unseen(root: Path) -> None:
    row = rows(root)["m.things.get", ("one", "own", "two")]
    assert (row.cases, row.percent, row.mapped) == (0, 0.0, 4)
    assert find_below([row], 1) == [row]


def test_names_are_checked(root: Path) -> None:
    with pytest.raises(UsageError, match="orders"):
        rows(root, operation="orders.list")
    with pytest.raises(UsageError, match="nobody"):
        rows(root, accounts=["nobody"])


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_html_is_self_contained_and_escaped(root: Path) -> None:
    found = list(rows(root).values())
    page = Page()
    text = report.draw_html(found, find_below(found, 90), 90)
    page.feed(text)
    assert page.links == [] and "script" not in page.tags and "b" not in page.tags
    assert text.count("<details>") == len(found)
    assert "unread&lt;b&gt;" in text


def test_machine_output_is_stable(root: Path) -> None:
    first, again = list(rows(root).values()), list(rows(root).values())
    assert dump_json(CoverageReport.from_rows(first, None).data()) == dump_json(
        CoverageReport.from_rows(again, None).data()
    )
