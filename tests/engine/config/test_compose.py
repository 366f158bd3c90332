"""Mappings of several levels: when they merge as data, and when their results must be merged."""

from evaluating import usual

from conn_engine.config import Layers, mapping_layers, merge
from conn_engine.expressions import compile_mapping

RECORD = {"a": 1, "b": 2, "keep": 3}


def _merged(*mappings):
    data = merge([{"unified": {"crm": {"things": {"list": {"response_mapping": each}}}}} for each in mappings])
    return data["unified"]["crm"]["things"]["list"]["response_mapping"]


def _result(*mappings):
    return compile_mapping(mapping_layers(_merged(*mappings))).apply_one(usual(response=RECORD))


def test_objects_merge_as_data_field_by_field():
    assert _merged({"x": "response.a", "y": "response.b"}, {"y": "response.keep"}) == {
        "x": "response.a",
        "y": "response.keep",
    }


def test_an_object_over_an_expression_keeps_what_the_expression_made():
    below = {"id": "response.a", "custom": '{"one": response.a, "two": response.b}'}
    above = {"custom": {"two": "response.keep"}}
    assert isinstance(_merged(below, above), Layers)
    assert _result(below, above) == {"id": 1, "custom": {"one": 1, "two": 3}}


def test_an_expression_over_an_object_replaces_that_field_and_no_other():
    below = {"id": "response.a", "custom": {"one": "response.a"}}
    assert _result(below, {"custom": "response.b"}) == {"id": 1, "custom": 2}


def test_replace_drops_everything_below():
    assert _result({"id": "response.a"}, {"replace": {"only": "response.b"}}) == {"only": 2}


def test_base_is_the_result_of_the_level_below():
    assert _result({"n": "response.a"}, {"n": "$base.n + 10"}, {"n": "$base.n + 100"}) == {"n": 111}


def test_null_removes_a_field_also_where_layers_compose():
    assert _result({"id": "response.a", "n": "response.b"}, {"n": None}) == {"id": 1}
    assert _result('{"id": response.a, "n": response.b}', {"n": None}) == {"id": 1}
    assert _result({"n": "response.a", "m": "response.b"}, {"n": "$base.n"}, {"m": None}) == {"n": 1}


def test_a_removed_field_is_no_mapped_field_any_more():
    layers = mapping_layers(_merged({"a": "response.a", "n": {"x": "response.b"}}, {"a": "$base.a", "n": None}))
    assert set(compile_mapping(layers).fields) == {"a"}
