"""What counts as a difference between two forms, and what a sample cannot tell."""

from typing import Any

import pytest

from conn_engine.analysis.drift.changes import find_changes
from conn_engine.analysis.drift.contract import Shape
from conn_engine.analysis.drift.endpoints import normalize_path
from conn_engine.analysis.drift.forms import ResponsePaths, collect_response_paths, collect_schema_paths


def found(before: list[Any] | ResponsePaths, now: list[Any] | ResponsePaths) -> list[tuple[str, str, bool]]:
    sides = [side if isinstance(side, ResponsePaths) else collect_response_paths(side) for side in (before, now)]
    return [(change.kind, ".".join(change.path), change.certain) for change in find_changes(*sides)]


def items(*records: Any) -> list[Any]:
    return [{"items": list(records)}]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([{"a": 1}], [{"a": 2}], []),
        ([{"a": 1}], [{}], [("gone", "a", True)]),
        ([{"a": 1}, {}], [{}], [("gone", "a", False)]),
        ([{"a": {"b": {"c": 1}}}], [{"x": 1}], [("gone", "a", True), ("added", "x", True)]),
        ([{"a": 1}], [{"a": "1"}], [("retyped", "a", True)]),
        ([{"a": 1}], [{"a": 1.5}], []),
        ([{"a": 1}], [{"a": 1}, {"a": "x"}], [("retyped", "a", False)]),
        ([{"a": True}], [{"a": 1}], [("retyped", "a", True)]),
        ([{"a": 1}], [{"a": None}], []),
        ([{"a": 1}, {"a": 1}, {"a": 1}], [{"a": None}, {"a": 2}], [("nullable", "a", True)]),
        (items({"id": 1}), items({"id": 1, "n": {"x": 1}}), [("added", "items.n", True)]),
        (items({"id": 1}), [{"items": []}], []),
        (items({"id": 1}), [{"items": None}], []),
        ([[{"id": 1}]], [[{"key": 1}]], [("gone", "id", True), ("added", "key", True)]),
        ([{"a": "2026-01-31"}], [{"a": "2026-01-31T10:00:00Z"}], [("retyped", "a", True)]),
        ([{"a": "2026-01-31T10:00:00+01:00"}], [{"a": "31 Jan 2026"}], [("retyped", "a", True)]),
        ([{"a": "12.5"}], [{"a": 12.5}], [("retyped", "a", True)]),
        ([{"a": "12.5"}], [{"a": "EUR 12.5"}], [("retyped", "a", True)]),
        ([{"a": "007"}], [{"a": "x7"}], []),  # no number: it was a text before
        ([{"a": "free"}], [{"a": "2026-01-31"}, {"a": "12"}], []),  # a free text may be anything
        ([{"a": "2026-01-31"}, {"a": "soon"}], [{"a": "later"}], []),
        ([{"a": "2026-01-31"}], [{"a": "2026-02-01"}, {"a": "soon"}], [("retyped", "a", False)]),
        ([{"a": {"b": 1}}], [{"a": [{"b": 1}]}], [("retyped", "a", True)]),
        ([{"a": [{"b": 1}]}], [{"a": {"b": 1}}], [("retyped", "a", True)]),
        ([{"a": [1]}], [{"a": ["x"]}], [("retyped", "a", True)]),
        ([{"a": [1]}], [{"a": []}], []),
        ([{"id": 1}], [[{"id": 1}]], [("retyped", "", True)]),
        ([{"a": [1, 2, 3]}, {}], [{}], [("gone", "a", False)]),  # three items are there once
    ],
)
def test_differences(before: list[Any], now: list[Any], expected: list[tuple[str, str, bool]]) -> None:
    assert found(before, now) == expected


def test_new_values_are_told_of_words_that_came_again_and_again() -> None:
    before = items(*({"s": word} for word in ["open", "done"] * 6))
    assert found(before, items({"s": "open"}, {"s": "blocked"})) == [("enum_grown", "items.s", True)]
    names = items(*({"s": f"name {n}"} for n in range(9)))
    assert found(names, items({"s": "another"})) == []


def schema(node: dict[str, Any]) -> ResponsePaths:
    return collect_schema_paths(Shape.from_node(node))


def test_documents_are_compared_by_what_they_describe() -> None:
    old = schema({"type": "object", "properties": {
        "a": {"type": "integer"}, "b": {"type": "string", "enum": ["x"]}, "c": {"type": "object"},
        "d": {"type": "array", "items": {"type": "object", "properties": {"e": {"type": "string"}}}},
    }})  # fmt: skip
    new = schema({"type": "object", "properties": {
        "a": {"type": "string"}, "b": {"type": "string", "enum": ["x", "y"]}, "c": {"type": "object"},
        "d": {"type": "array", "items": {"type": "object", "properties": {"f": {"type": "string"}}}},
    }})  # fmt: skip
    assert found(old, new) == [
        ("retyped", "a", True), ("enum_grown", "b", True), ("gone", "d.e", True), ("added", "d.f", True)
    ]  # fmt: skip


def test_an_object_that_a_document_does_not_describe_loses_no_field() -> None:
    now = schema({"type": "object", "properties": {"free": {"type": "object"}}})
    assert found([{"free": {"x": 1}}], now) == []


def test_a_schema_that_refers_to_itself_ends() -> None:
    node: dict[str, Any] = {"type": "object", "properties": {}}
    node["properties"]["child"] = node
    assert set(schema(node).fields) == {("child",)}


@pytest.mark.parametrize(
    ("path", "normal"),
    [("/a/{id}", "/a/{}"), ("/a/{{context.x}}/b/{{id}}/", "/a/{}/b/{}"), ("/a?x={{y}}", "/a"), ("/", "/"), ("", "/")],
)
def test_normal_paths(path: str, normal: str) -> None:
    assert normalize_path(path) == normal


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({"b": 1}, [{"b": 1}], "object became array"),
        ([{"b": 1}], {"b": 1}, "array became object"),
        ([1], ["x"], "array of number became array of string"),
        ("2026-01-31", "2026-01-31T10:00:00Z", "date became date-time"),
        ("7", 7, "number in text became number"),
    ],
)
def test_a_type_is_told_as_what_it_is(before: Any, now: Any, told: str) -> None:
    (change,) = find_changes(collect_response_paths([{"a": before}]), collect_response_paths([{"a": now}]))
    assert change.detail == told


def test_formats_of_documents() -> None:
    def text(**said: str) -> ResponsePaths:
        return schema({"type": "object", "properties": {"a": {"type": "string", **said}}})

    assert found(text(format="date"), text(format="date-time")) == [("retyped", "a", True)]
    assert found(text(format="date"), text()) == [("retyped", "a", True)]
    assert found([{"a": "2026-01-31"}], text()) == []  # it says no format
    assert found([{"a": "2026-01-31"}], text(format="date-time")) == [("retyped", "a", True)]
    assert found([{"a": 1}], text()) == [("retyped", "a", True)]
