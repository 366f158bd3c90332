"""A change reaches the operations that read the changed one's records: children of parents, and what they complete."""

import json
from pathlib import Path
from typing import Any

import pytest

from conn_engine.analysis.drift import Drift, DriftDifference, OperationDrift, drift
from conn_engine.analysis.drift.changes import ResponseChange
from conn_engine.analysis.drift.forms import ResponsePaths, collect_response_paths
from conn_engine.analysis.population import Digests, Side, group_accounts
from conn_engine.config import load_workspace

CONNECTOR: dict[str, Any] = {
    "base_url": "https://acme.example",
    "resources": {
        "spaces": {"list": {"method": "get", "path": "/spaces", "response_path": "items"}},
        "people": {
            "get": {"method": "get", "path": "/people/{{id}}"},
            "many": {"method": "get", "path": "/people"},
        },
        "boards": {
            "list": {
                "method": "get",
                "path": "/spaces/{{space}}/boards",
                "response_path": "items",
                "headers": {"X-Plan": "{{parent.space.plan.name}}"},
                "parents": {"as": "space", "from": "spaces.list", "when": "record.open"},
            }
        },
        "issues": {
            "list": {
                "method": "get",
                "path": "/issues",
                "response_path": "items",
                "parents": [
                    {"as": "kind", "values": ["a"]},
                    {"as": "board", "union": [{"values": [1]}, {"from": "boards.list", "key": "meta.uid"}]},
                ],
                "record_mapping": {"id": "record.key", "who": "record.by.login", "board": "parent.board.title"},
                "recurse": {"as": "board", "key": "below", "when": "record.more"},
                "enrich": [
                    {"name": "author", "when": "record.who", "response_path": "person",
                     "request": {"resource": "people", "method": "get", "id": "{{record.who}}"}},
                    {"name": "stats", "batch": 10, "match": "issue", "response_path": "rows",
                     "transform": "$merge([record, {'views': response.views}])", "request": {"path": "/people"}},
                ],
            },
            "fields": {"method": "get", "path": "/fields", "response_path": "fields"},
            "wide": {
                "method": "get",
                "path": "/wide",
                "chunk": {"values": {"from": "issues.fields", "key": "name"}, "size": 2, "param": "f"},
            },
        },
        "comments": {
            "list": {
                "method": "get",
                "path": "/comments/{{issue}}",
                "parents": {"as": "issue", "from": "issues.list", "when": "record.author.active"},
            }
        },
    },
}  # fmt: skip
UNIFIED = {
    "resources": {
        "issues": {"list": {"response_mapping": {"id": "response.id", "by": "response.author.name"}}},
        "notes": {"list": {"resource": "comments", "response_mapping": {"of": "parent.issue.author.email"}}},
    }
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    chunked = {"resources": {"boards": {"list": {"parents": {"key": "slug"}}}}}
    files: dict[str, Any] = {
        "conn.yaml": {"version": 1},
        "connectors/acme/connector.yaml": CONNECTOR,
        "connectors/acme/unified/m.yaml": UNIFIED,
        "accounts/one.yaml": {"connector": "acme"},
        "accounts/two.yaml": {"connector": "acme", "override": chunked},
    }
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(data, indent=1), encoding="utf-8")
    return folder


def found(workspace: Path, operation: str, before: Any, now: Any, endpoint: ResponseChange | None = None) -> Drift:
    resource, _, method = operation.partition(".")
    forms = [ResponsePaths() if body is None else collect_response_paths([body] * 4) for body in (before, now)]
    groups = group_accounts(Side(load_workspace(workspace), Digests()), "acme")
    return drift("acme", [OperationDrift(resource, method, forms[0], forms[1], endpoint)], groups)


@pytest.mark.parametrize(
    ("types", "now", "tier"),
    [
        ({}, "1", "breaks"),
        ({"n": "number"}, "1", "touches"),
        ({"n": "number"}, {"a": 1}, "breaks"),
        ({"n": "text"}, True, "touches"),
        ({"other": "number"}, "1", "breaks"),
    ],
)
def test_another_type_that_record_types_make_the_same_of_breaks_nothing(
    tmp_path: Path, types: dict[str, str], now: Any, tier: str
) -> None:
    row = {"method": "get", "path": "/x", "response_path": "items", "record_types": types}
    files: dict[str, Any] = {
        "conn.yaml": {"version": 1},
        "connectors/acme/connector.yaml": {"base_url": "https://a.example", "resources": {"x": {"list": row}}},
        "connectors/acme/unified/m.yaml": {"resources": {"x": {"list": {"response_mapping": {"id": "response.n"}}}}},
        "accounts/one.yaml": {"connector": "acme"},
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    difference = found(tmp_path, "x.list", {"items": [{"n": 1}]}, {"items": [{"n": now}]}).differences[0]
    assert difference.tier == tier
    assert ("x.list record_types.n", 1) in readers(difference) or "n" not in types


@pytest.mark.parametrize(("gone", "read"), [("uid", True), ("nick", True), ("on", True), ("of", False)])
def test_an_enrichment_reads_the_record_by_its_key_its_condition_and_its_transform(
    tmp_path: Path, gone: str, *, read: bool
) -> None:
    enrich = {"name": "more", "batch": 5, "key": "uid", "match": "of", "when": "record.on", "request": {"path": "/p"}}
    row = {"method": "get", "path": "/x", "enrich": [{**enrich, "transform": "{'n': record.nick}"}]}
    for name, data in {
        "conn.yaml": {"version": 1},
        "connectors/acme/connector.yaml": {"base_url": "https://a.example", "resources": {"x": {"list": row}}},
        "accounts/one.yaml": {"connector": "acme"},
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    before = {"uid": 1, "nick": "a", "of": 1, "on": True}
    now = {key: value for key, value in before.items() if key != gone}
    (difference,) = found(tmp_path, "x.list", [before], [now]).differences
    assert readers(difference) == ({("x.list enrich more", 1)} if read else set())


def test_what_reads_before_the_types_is_broken_all_the_same(tmp_path: Path) -> None:
    row = {"method": "get", "path": "/x", "record_types": {"n": "number"}, "record_filter": "record.n > 1"}
    for name, data in {
        "conn.yaml": {"version": 1},
        "connectors/acme/connector.yaml": {"base_url": "https://a.example", "resources": {"x": {"list": row}}},
        "accounts/one.yaml": {"connector": "acme"},
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    (difference,) = found(tmp_path, "x.list", [{"n": 1}], [{"n": "1"}]).differences
    assert difference.tier == "breaks"


def readers(difference: DriftDifference) -> set[tuple[str, int]]:
    return {(reader.what, len(reader.accounts)) for reader in difference.readers}


@pytest.mark.parametrize(
    ("operation", "before", "path", "expected"),
    [
        ("spaces.list", {"items": [{"id": 1, "x": 1}]}, "items.id", {("boards.list parents space", 1)}),
        ("spaces.list", {"items": [{"slug": 1, "x": 1}]}, "items.slug", {("boards.list parents space", 1)}),
        ("spaces.list", {"items": [{"open": 1, "x": 1}]}, "items.open", {("boards.list parents space", 2)}),
        ("spaces.list", {"items": [{"plan": {"name": "p", "x": 1}}]}, "items.plan.name",
         {("boards.list headers.X-Plan", 2)}),
        ("boards.list", {"items": [{"meta": {"uid": 1, "x": 1}}]}, "items.meta.uid",
         {("issues.list parents board", 2)}),
        ("boards.list", {"items": [{"title": 1, "x": 1}]}, "items.title", {("issues.list record_mapping.board", 2)}),
        ("issues.fields", {"fields": [{"name": 1, "x": 1}]}, "fields.name", {("issues.wide chunk", 2)}),
        # through what `record_mapping` makes of it
        ("issues.list", {"items": [{"key": 1, "x": 1}]}, "items.key",
         {("issues.list record_mapping.id", 2), ("m.issues.list id", 2), ("comments.list parents issue", 2),
          ("issues.list enrich stats", 2)}),
        ("issues.list", {"items": [{"by": {"login": 1, "x": 1}}]}, "items.by.login",
         {("issues.list record_mapping.who", 2), ("issues.list enrich author", 2)}),
        # what is looked up, and what reads it in the completed record
        ("people.get", {"person": {"name": 1, "x": 1}}, "person.name", {("m.issues.list by", 2)}),
        ("people.get", {"person": {"active": 1, "x": 1}}, "person.active", {("comments.list parents issue", 2)}),
        ("people.get", {"person": {"email": 1, "x": 1}}, "person.email", {("m.notes.list of", 2)}),
        ("people.get", {"person": 1, "x": 1}, "person", {
            ("issues.list enrich author", 2), ("m.issues.list by", 2), ("comments.list parents issue", 2),
            ("m.notes.list of", 2)}),
        # a request that is written in the enrichment and asks what an operation asks
        ("people.many", {"rows": [{"views": 1, "x": 1}]}, "rows.views", {("issues.list enrich stats", 2)}),
        ("people.many", {"rows": [{"issue": 1, "x": 1}]}, "rows.issue", {("issues.list enrich stats", 2)}),
    ],
)  # fmt: skip
def test_what_is_gone_reaches_whoever_reads_it_from_elsewhere(
    workspace: Path, operation: str, before: Any, path: str, expected: set[tuple[str, int]]
) -> None:
    now = json.loads(json.dumps(before))
    holder: Any = now
    *above, last = path.split(".")
    for name in above:
        holder = holder[name][0] if isinstance(holder[name], list) else holder[name]
    del holder[last]
    (difference,) = found(workspace, operation, before, now).differences
    assert (difference.tier, ".".join(difference.change.path), readers(difference)) == ("breaks", path, expected)
    assert all(reader.span is not None for reader in difference.readers)


def test_the_pieces_of_a_list_are_merged_by_the_key_of_its_own_records(workspace: Path) -> None:
    (difference,) = found(workspace, "issues.wide", [{"id": 1, "x": 1}], [{"x": 1}]).differences
    assert (difference.tier, readers(difference)) == ("breaks", {("issues.wide chunk", 2)})


def test_its_own_records_are_read_for_more(workspace: Path) -> None:
    before = {"items": [{"key": 1, "below": 1, "more": 1}]}
    found_ = found(workspace, "issues.list", before, {"items": [{"key": 1}]}).differences
    assert {difference.change.path[-1]: difference.tier for difference in found_} == {
        "below": "breaks",
        "more": "breaks",
    }
    assert {what for difference in found_ for what, _ in readers(difference)} == {"issues.list recurse"}


@pytest.mark.parametrize("operation", ["spaces.list", "people.get", "people.many", "issues.fields"])
def test_an_endpoint_that_is_gone_reaches_them_all(workspace: Path, operation: str) -> None:
    gone = ResponseChange("endpoint_gone", (), "responds with 410")
    (difference,) = found(workspace, operation, None, None, gone).differences
    assert difference.tier == "breaks"
    assert difference.accounts == {"one", "two"}
    whats = {what for what, _ in readers(difference)}
    if operation == "people.get":
        assert whats >= {"issues.list enrich author", "m.issues.list by"}


def test_what_nobody_reads_stays_noise(workspace: Path) -> None:
    before = {"items": [{"idle": 1, "x": 1}], "person": {"idle": 1, "x": 1}, "rows": [{"idle": 1}]}
    now = {"items": [{"x": 1, "new": 1}], "person": {"x": 1, "new": 1}, "rows": [{"new": 1}], "other": 1}
    for operation in ("spaces.list", "people.get", "people.many", "boards.list", "issues.list"):
        rows = found(workspace, operation, before, now).differences
        assert {(row.change.path, row.tier) for row in rows if row.tier != "noise"} == set()
        assert len(rows) == 7
