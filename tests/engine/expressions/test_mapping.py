"""Mappings: fields, layers, `$base`, exactly one result per record, and the field that fails."""

from typing import Any

import pytest
from evaluating import mapping

from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED


def scopes(*records: Any) -> list[dict[str, Any]]:
    return [{"response": record, "context": {"region": "eu"}} for record in records]


RECORDS = scopes(
    {"id": "1", "first": "Ann", "tags": ["a"], "city": "Town", "n": 1},
    {"id": "2", "first": None, "tags": [], "nested": [[1], [2]]},
    {"id": "3"},
)


def test_fields_of_a_tree(evaluator: str) -> None:
    made = mapping([{"id": "response.id", "name": "response.first", "tags": "response.tags", "kind": "'lead'", "v": 2}])
    assert made.apply(RECORDS) == [
        {"id": "1", "name": "Ann", "tags": ["a"], "kind": "lead", "v": 2},
        {"id": "2", "name": None, "tags": [], "kind": "lead", "v": 2},
        {"id": "3", "kind": "lead", "v": 2},
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_one_result_per_record_whatever_it_is(evaluator: str, count: int) -> None:
    some = RECORDS[:count]
    assert mapping(["response.first"]).apply(some) == ["Ann", None, UNDEFINED][:count]
    assert mapping(["response.tags"]).apply(some) == [["a"], [], UNDEFINED][:count]
    assert mapping(["response.nested"]).apply(some) == [UNDEFINED, [[1], [2]], UNDEFINED][:count]
    assert mapping(["nothing"]).apply(some) == [UNDEFINED] * count
    assert mapping([{"a": "nothing"}]).apply(some) == [{}] * count
    assert mapping([]).apply(some) == [UNDEFINED] * count


def test_apply_one(evaluator: str) -> None:
    assert mapping(["response.id & '!'"]).apply_one(RECORDS[0]) == "1!"
    assert mapping(["zzz"]).apply_one(RECORDS[0]) is UNDEFINED
    assert mapping(["null"]).apply_one(RECORDS[0]) is None


def test_a_nested_object_without_any_field_is_left_out(evaluator: str) -> None:
    tree = {
        "id": "response.id",
        "address": {"city": "response.city", "geo": {"lat": "response.lat"}},
        "empty": {},
        "kept": "{'city': response.zzz}",
    }
    assert mapping([tree]).apply(RECORDS) == [
        {"id": "1", "address": {"city": "Town"}, "empty": {}, "kept": {}},
        {"id": "2", "empty": {}, "kept": {}},
        {"id": "3", "empty": {}, "kept": {}},
    ]


def test_lists_of_a_tree_keep_items_whole_and_drop_undefined_ones(evaluator: str) -> None:
    tree = {"l": ["response.id", "response.tags", "response.first", 5, None, {"c": "response.city"}, ["response.n"]]}
    assert mapping([tree]).apply(RECORDS) == [
        {"l": ["1", ["a"], "Ann", 5, None, {"c": "Town"}, [1]]},
        {"l": ["2", [], None, 5, None, []]},
        {"l": ["3", 5, None, []]},
    ]


def test_numbers_and_names_of_a_tree_come_out_as_written(evaluator: str) -> None:
    tree = {"big": 2**63 + 1, "float": 2.0, "small": 1.5, "no": False, 'a"b\n': "response.id", "": 1, "é": {"$x": "1"}}
    result = mapping([tree]).apply_one(RECORDS[0])
    assert result == {"big": 2**63 + 1, "float": 2.0, "small": 1.5, "no": False, 'a"b\n': "1", "": 1, "é": {"$x": 1}}
    assert type(result["float"]) is float
    assert list(result) == list(tree)


def test_layers_are_laid_over_one_another(evaluator: str) -> None:
    made = mapping(
        [
            {"id": "response.id", "a": {"x": "1", "y": "[1,2]"}, "gone": "5"},
            "{'id': 'e-' & response.id, 'a': {'y': [3]}, 'b': context.region}",
            {"a": {"z": "response.first"}, "c": {"d": "context.region"}},
        ]
    )
    assert made.apply(RECORDS) == [
        {"id": "e-1", "a": {"x": 1, "y": [3], "z": "Ann"}, "gone": 5, "b": "eu", "c": {"d": "eu"}},
        {"id": "e-2", "a": {"x": 1, "y": [3], "z": None}, "gone": 5, "b": "eu", "c": {"d": "eu"}},
        {"id": "e-3", "a": {"x": 1, "y": [3]}, "gone": 5, "b": "eu", "c": {"d": "eu"}},
    ]


def test_an_undefined_layer_changes_nothing_and_a_scalar_replaces(evaluator: str) -> None:
    assert mapping([{"id": "response.id"}, "zzz"]).apply_one(RECORDS[0]) == {"id": "1"}
    assert mapping([{"id": "response.id"}, "null"]).apply_one(RECORDS[0]) is None
    assert mapping([{"id": "response.id"}, "[1]"]).apply_one(RECORDS[0]) == [1]
    assert mapping(["zzz", {"id": "response.id"}]).apply_one(RECORDS[0]) == {"id": "1"}


def test_base_is_the_result_of_the_layers_below(evaluator: str) -> None:
    made = mapping(
        [
            {"name": "response.first", "id": "response.id"},
            {"name": "$uppercase($base.name ?: 'none')"},
            "$merge([$base, {'label': $base.name & '/' & response.id}])",
            {"all": "$count($keys($base))", "r": "context.region"},
        ]
    )
    assert made.apply(RECORDS) == [
        {"name": "ANN", "id": "1", "label": "ANN/1", "all": 3, "r": "eu"},
        {"name": "NONE", "id": "2", "label": "NONE/2", "all": 3, "r": "eu"},
        {"name": "NONE", "id": "3", "label": "NONE/3", "all": 3, "r": "eu"},
    ]
    assert mapping(["$base.x ? 1 : 'no base'"]).apply(RECORDS) == ["no base"] * 3


def test_base_may_not_be_assigned() -> None:
    with pytest.raises(ExpressionError) as caught:
        mapping([{"a": "($base := 1; $base)"}])
    assert caught.value.at == "a"


def test_the_root_of_an_expression_is_its_own_scope(evaluator: str) -> None:
    made = mapping(
        [
            {"a": "response.tags.($$.response.id & $)", "b": "$$.context.region", "c": "$string($$.response.n)"},
            {"d": "$base.b & $$.response.id", "e": "$.response.id"},
        ]
    )
    assert made.apply(RECORDS) == [
        {"a": "1a", "b": "eu", "c": "1", "d": "eu1", "e": "1"},
        {"b": "eu", "d": "eu2", "e": "2"},
        {"b": "eu", "d": "eu3", "e": "3"},
    ]


def test_variables_of_one_field_are_not_those_of_another(evaluator: str) -> None:
    made = mapping([{"a": "$x := response.id", "b": "$x", "c": "($x := 2; $x)", "d": "$conn_scope"}])
    assert made.apply(RECORDS[:2]) == [{"a": "1", "c": 2}, {"a": "2", "c": 2}]


@pytest.mark.parametrize("text", ["1, 'x': 2", "1}.{'a': 2", "1; 2", "1 /*", "(1", "}", "a: 1"])
def test_a_field_cannot_break_out_of_its_place(evaluator: str, text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        mapping([{"ok": "1", "n": {"bad": text}}])
    assert (caught.value.at, caught.value.text) == ("n.bad", text)


def test_a_comment_at_the_end_of_a_field_does_no_harm(evaluator: str) -> None:
    assert mapping([{"a": "1 /* } */", "b": "2"}]).apply_one({}) == {"a": 1, "b": 2}


def test_the_field_that_fails_is_named_with_its_record(evaluator: str) -> None:
    made = mapping([{"id": "response.id", "a": {"b": ["1", "  $uppercase(response.n)"]}}])
    assert made.apply(RECORDS[1:]) == [{"id": "2", "a": {"b": [1]}}, {"id": "3", "a": {"b": [1]}}]
    with pytest.raises(ExpressionError) as caught:
        made.apply([RECORDS[2], RECORDS[0]])
    error = caught.value
    assert (error.at, error.code, error.offset, error.token) == ("a.b.1", "T0410", 2, "$uppercase")
    assert error.text == "  $uppercase(response.n)"
    assert error.hint == "if the value can be null, write $uppercase(x[$]), which skips an empty value"
    assert error.message.startswith("record 1, a.b.1: ")
    with pytest.raises(ExpressionError) as caught:
        made.apply_one(RECORDS[0])
    assert caught.value.message.startswith("a.b.1: ")


def test_the_layer_that_fails_is_found_when_it_needs_base(evaluator: str) -> None:
    made = mapping([{"name": "response.first"}, {"name": "$base.name + 1"}])
    with pytest.raises(ExpressionError) as caught:
        made.apply(RECORDS)
    assert (caught.value.at, caught.value.code, caught.value.offset) == ("name", "T2001", 11)
    assert caught.value.message.startswith("record 0, name: ")


def test_an_expression_layer_that_fails_has_no_field() -> None:
    with pytest.raises(ExpressionError) as caught:
        mapping(["{'a': response.first + 1}"]).apply(RECORDS)
    assert (caught.value.at, caught.value.offset) == ("", 21)


def test_fields_and_reads() -> None:
    made = mapping(
        [{"id": "response.id", "a": {"b": "context.region & response.x.y"}}, "response.z", {"id": "$base.id"}]
    )
    assert made.fields == {"id": "$base.id", "a.b": "context.region & response.x.y"}
    assert made.reads() == {
        "id": {("response", "id")},
        "a.b": {("context", "region"), ("response", "x", "y")},
        "": {("response", "z")},
    }


@pytest.mark.parametrize("layer", [{"a": object()}, {"a": {1, 2}}, b"x"])
def test_what_is_not_json_is_no_mapping(layer: Any) -> None:
    with pytest.raises(ExpressionError) as caught:
        mapping([layer])
    assert caught.value.code == "layer"


def test_a_mapping_nested_without_end_is_refused() -> None:
    tree: dict[str, Any] = {}
    tree["a"] = tree
    with pytest.raises(ExpressionError) as caught:
        mapping([tree])
    assert caught.value.code == "layer"


def test_strings_that_look_like_long_numbers_survive(evaluator: str) -> None:
    assert mapping([{"id": "response.id"}]).apply(scopes({"id": "9007199254740993"})) == [{"id": "9007199254740993"}]


def test_results_share_nothing_with_the_scopes(evaluator: str) -> None:
    data = scopes({"tags": ["a", {"b": 1}]})
    result = mapping([{"t": "response.tags"}, {"u": "$base.t"}]).apply(data)
    result[0]["t"][1]["b"] = "changed"
    assert data == scopes({"tags": ["a", {"b": 1}]})
