"""Mistakes are made where they are said to be made, and a test that looks notices them."""

import json
from pathlib import Path
from typing import Any

import pytest

from conn_engine.config import load_workspace
from conn_engine.errors import ConfigurationError
from conn_engine.mutants import Bench, Mutant
from conn_engine.mutants.edits import DROPPED, changed_literals, changed_paths, with_value

BASE = "https://shop.example"
CONNECTOR = """\
base_url: https://shop.example
pagination: {format: page, config: {page_param: p, has_more: body.more}}
errors:
  - {when: status = 404, then: empty}
resources:
  things:
    list: {method: get, path: /things, query: {view: all}, response_path: data.items, record_filter: record.id != '9'}
    get: {method: get, path: "/things/{{id}}"}
"""
UNIFIED = """\
resources:
  things:
    list:
      response_mapping: &thing
        id: response.id
        name: response.n
        city: response.c
        big: "response.size > 10 ? 'big' : 'small'"
    get:
      response_mapping: *thing
"""


def recording(operation: str, call: dict[str, Any], *exchanges: Any) -> dict[str, Any]:
    rows = [
        {"request": {"method": "GET", "url": BASE + path, "query": query}, "response": {"status": status, "body": body}}
        for path, query, status, body in exchanges
    ]
    return {
        "format": 1, "connector": "shop", "operation": operation, "source": "sample", "base_url": BASE,
        "recorded_at": "2026-01-01T00:00:00Z", "call": call, "exchanges": rows,
    }  # fmt: skip


def thing(number: int, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "n": f"n{number}", "c": f"c{number}", **more}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace whose tests are green, with goldens that its own engine wrote."""
    from conn_engine.runtime.goldens import update_golden
    from conn_engine.runtime.suite import Selection, run_suite
    from conn_engine.secrets import Redactor

    first = {"data": {"items": [thing(1, size=11), thing(9)]}, "more": True}
    second = {"data": {"items": [thing(2, size=10)]}, "more": False}
    listing = recording(
        "m.things.list", {}, ("/things", {"view": "all", "p": "1"}, 200, first),
        ("/things", {"view": "all", "p": "2"}, 200, second),
    )  # fmt: skip
    gone = recording("m.things.get", {"id": "7"}, ("/things/7", {}, 404, {}))
    files = {
        "conn.yaml": "version: 1\n",
        "connectors/shop/connector.yaml": CONNECTOR,
        "connectors/shop/unified/m.yaml": UNIFIED,
        "connectors/shop/recordings/m.things.list.json": json.dumps(listing),
        "connectors/shop/recordings/m.things.get.json": json.dumps(gone),
        "models/m/thing.schema.json": json.dumps({"type": "object"}),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    workspace = load_workspace(tmp_path)
    for report in run_suite(workspace, Selection()):
        for judgement in report.judgements:
            update_golden(judgement, Redactor())
    return tmp_path


def verdicts(root: Path) -> dict[tuple[str, str], bool]:
    bench = Bench(load_workspace(root), "shop")
    return {(mutant.kind, mutant.text): bench.verdict(mutant).killed for mutant in bench.mutants()}


def test_every_kind_of_mistake_is_made_and_noticed_by_tests_that_look(root: Path) -> None:
    found = verdicts(root)
    assert found == {
        ("error_rule", "rule dropped: status = 404"): True,
        ("pagination", "no pagination"): True,
        ("pagination", "has_more: body.more -> body.more_x"): True,
        ("pagination", "page_param: p -> p_x"): True,
        ("query", "query parameter view dropped"): True,
        ("response_path", "data.items -> data.items_x"): True,
        ("response_path", "data.items -> data"): True,
        ("record_filter", "record_filter dropped"): True,
        ("literal", "'9' -> '9x'"): True,
        ("path", "id is read elsewhere"): True,
        ("drop_field", "id dropped"): True,
        ("drop_field", "name dropped"): True,
        ("drop_field", "city dropped"): True,
        ("drop_field", "big dropped"): True,
        ("swap_paths", "response.id -> response.n"): True,
        ("swap_paths", "response.n -> response.c"): True,
        ("swap_paths", "response.c -> response.id"): True,
        ("literal", "10 -> 11"): True,
        ("literal", "'big' -> 'bigx'"): True,
        ("literal", "'small' -> 'smallx'"): True,
        ("path", "size is read elsewhere"): True,
    }


def test_a_shared_line_is_one_mutant_of_every_operation(root: Path) -> None:
    bench = Bench(load_workspace(root), "shop")
    dropped = [mutant for mutant in bench.mutants() if mutant.text == "name dropped"]
    assert [len(mutant.changes) for mutant in dropped] == [2]
    assert dropped[0].span is not None
    assert (dropped[0].span.file, dropped[0].span.line) == ("connectors/shop/unified/m.yaml", 6)


def test_an_operation_without_pagination_has_none_to_lose(root: Path) -> None:
    path = root / "connectors/shop/connector.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('{{id}}"}', '{{id}}", pagination: {format: none}}'))
    lost = [mutant.path for mutant in Bench(load_workspace(root), "shop").mutants() if mutant.text == "no pagination"]
    assert lost == ["pagination"]


def test_a_mistake_that_no_case_runs_survives(root: Path) -> None:
    (root / "connectors/shop/recordings/m.things.get.json").unlink()
    assert verdicts(root)["error_rule", "rule dropped: status = 404"] is False


def test_red_tests_cannot_be_scored(root: Path) -> None:
    golden = root / "connectors/shop/expected/m.things.list.json"
    golden.write_text(golden.read_text(encoding="utf-8").replace('"n1"', '"n0"'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="fails on"):
        Bench(load_workspace(root), "shop")


def test_the_original_is_left_alone(root: Path) -> None:
    bench = Bench(load_workspace(root), "shop")
    before = json.dumps(bench.effective.data)
    mutants: list[Mutant] = bench.mutants()
    for mutant in mutants:
        assert json.dumps(mutant.apply(bench.effective).data) != before, mutant
    assert json.dumps(bench.effective.data) == before


def test_edits() -> None:
    data = {"a": [{"b": 1}, 2], "c": {"d": None}}
    assert with_value(data, ("a", 0, "b"), 5) == {"a": [{"b": 5}, 2], "c": {"d": None}}
    assert with_value(data, ("a", 0), DROPPED) == {"a": [2], "c": {"d": None}}
    assert with_value(data, ("c", "d"), DROPPED) == {"a": [{"b": 1}, 2], "c": {}}
    assert [row[3] for row in changed_literals("x = 'a' and true ? 1 : 1.5")] == [
        "x = 'ax' and true ? 1 : 1.5", "x = 'a' and false ? 1 : 1.5", "x = 'a' and true ? 2 : 1.5",
        "x = 'a' and true ? 1 : 1.51",
    ]  # fmt: skip
    assert [row[1] for row in changed_paths("$f(a.b.`c d`) & x.$g()")] == ["b", "`c d`"]
    assert list(changed_literals("not (an expression")) == []
