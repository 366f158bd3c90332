"""The laws of laying one level over another."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conn_engine.config.merge import (
    MISSING,
    Layers,
    dead,
    inherit,
    is_equal_json,
    leaves,
    lookup,
    mapping_layers,
    merge,
    merge_over,
    statements,
)

KEYS = st.sampled_from(["a", "b", "c", "base_url", "query", "headers", "config", "x-y"])
SCALARS = st.one_of(
    st.integers(-3, 3), st.booleans(), st.text("ab$ ", max_size=4), st.floats(allow_nan=False, width=16)
)
LISTS = st.lists(SCALARS, max_size=3)
TREES = st.recursive(
    st.dictionaries(KEYS, st.one_of(SCALARS, LISTS), max_size=3),
    lambda inner: st.dictionaries(KEYS, st.one_of(SCALARS, LISTS, inner), max_size=3),
    max_leaves=12,
)
OVERRIDES = st.recursive(
    st.dictionaries(KEYS, st.one_of(SCALARS, LISTS, st.none()), max_size=3),
    lambda inner: st.dictionaries(KEYS, st.one_of(SCALARS, LISTS, st.none(), inner), max_size=3),
    max_leaves=12,
)
MAPPING = ("unified", "crm", "contacts", "list", "response_mapping")
EXPRESSIONS = st.sampled_from(["response.a", "response.b", "$uppercase(response.c)", "'fixed'"])
FIELDS = st.dictionaries(st.sampled_from(["id", "email", "name"]), EXPRESSIONS, min_size=1, max_size=3)


def at(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return value


def mapped(*mappings: Any) -> Any:
    return lookup(merge([at(MAPPING, mapping) for mapping in mappings]), MAPPING)


@given(TREES)
def test_identity(base: dict[str, Any]) -> None:
    assert merge([base]) == base
    assert is_equal_json(merge([base, {}]), base)
    assert is_equal_json(merge([{}, base]), base)


@given(TREES, OVERRIDES)
def test_idempotence(base: dict[str, Any], override: dict[str, Any]) -> None:
    once = merge([base, override])
    assert is_equal_json(merge([base, override, override]), once)


@given(TREES, OVERRIDES, OVERRIDES)
def test_inputs_are_left_alone(base: dict[str, Any], one: dict[str, Any], two: dict[str, Any]) -> None:
    before = copy.deepcopy((base, one, two))
    merge([base, one, two])
    assert (base, one, two) == before


@given(TREES, OVERRIDES)
def test_null_removes(base: dict[str, Any], override: dict[str, Any]) -> None:
    merged = merge([base, override])
    for path, value in leaves(override):
        if value is None:
            assert lookup(merged, path) is MISSING


@given(TREES, OVERRIDES)
def test_what_an_override_says_holds(base: dict[str, Any], override: dict[str, Any]) -> None:
    """Scalars and arrays as a whole; also those equal to a default, which merging does not know."""
    merged = merge([base, override])
    for path, value in leaves(override):
        if value is not None:
            assert is_equal_json(lookup(merged, path), value)


@given(TREES, SCALARS)
def test_locality(base: dict[str, Any], value: Any) -> None:
    """An override of one leaf changes that leaf only."""
    for path, _ in list(leaves(base)):
        merged = merge([base, at(path, value)])
        assert is_equal_json(lookup(merged, path), value)
        assert is_equal_json(
            {p: v for p, v in leaves(merged) if p != path}, {p: v for p, v in leaves(base) if p != path}
        )


@given(st.lists(SCALARS, max_size=4), st.lists(SCALARS, max_size=4))
def test_arrays_are_replaced(below: list[Any], above: list[Any]) -> None:
    assert is_equal_json(merge([{"a": below}, {"a": above}])["a"], above)


@given(TREES, OVERRIDES, OVERRIDES)
def test_levels_are_laid_one_by_one(base: dict[str, Any], one: dict[str, Any], two: dict[str, Any]) -> None:
    assert is_equal_json(merge([base, one, two]), merge_over(merge_over(base, one), two))


@given(TREES, OVERRIDES, OVERRIDES)
def test_provenance_is_complete(base: dict[str, Any], one: dict[str, Any], two: dict[str, Any]) -> None:
    layers = [base, one, two]
    for path, value in leaves(merge(layers)):
        found = statements(layers, path)
        assert is_equal_json(found[0].value, value)
        assert [said.layer for said in found] == sorted({said.layer for said in found}, reverse=True)
        assert not found[0].overridden
        assert all(said.overridden for said in found[1:])
        said = {index for index, layer in enumerate(layers) if lookup(layer, path) is not MISSING}
        assert said <= {statement.layer for statement in found}


@given(TREES, OVERRIDES)
def test_dead_leaves_change_nothing_and_the_others_do(base: dict[str, Any], override: dict[str, Any]) -> None:
    found = {path for _, path in dead([base, override])}
    whole = merge([base, override])
    for path, _ in leaves(override):
        changed = not is_equal_json(merge([base, without(override, path)]), whole)
        assert changed == (path not in found) or (not changed and _shape_only(override, path))
    for path in found:
        assert is_equal_json(merge([base, without(override, path)]), whole) or _shape_only(override, path)


def _shape_only(override: dict[str, Any], path: tuple[Any, ...]) -> bool:
    """Without the leaf its objects are gone or empty, which may change the objects' existence, no leaf."""
    return len(path) > 1 and len(lookup(override, path[:-1])) == 1


def without(tree: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    made = copy.deepcopy(tree)
    parent = lookup(made, path[:-1])
    del parent[path[-1]]
    return made


@given(FIELDS, FIELDS)
def test_object_mappings_merge_by_field(below: dict[str, Any], above: dict[str, Any]) -> None:
    assert mapped(below, above) == {**below, **above}


@given(FIELDS, EXPRESSIONS)
def test_a_mapping_as_expression_is_laid_over(below: dict[str, Any], above: str) -> None:
    made = mapped(below, above)
    assert isinstance(made, Layers)
    assert mapping_layers(made) == [below, above]
    assert mapping_layers(mapped(above, below)) == [above, below]
    assert mapping_layers(mapped(below, above, below)) == [below, above, below]


@given(FIELDS, FIELDS)
def test_base_in_a_field_keeps_the_layers(below: dict[str, Any], above: dict[str, Any]) -> None:
    asking = {**above, "email": "$uppercase($base.email)"}
    assert mapping_layers(mapped(below, asking)) == [below, asking]


@given(FIELDS, st.one_of(FIELDS, EXPRESSIONS), FIELDS)
def test_replace_drops_what_is_below(below: dict[str, Any], above: Any, top: dict[str, Any]) -> None:
    assert mapping_layers(mapped(below, {"replace": above})) == [above]
    assert mapping_layers(mapped(below, {"replace": above}, top)) == [above, top]


@given(FIELDS, st.one_of(FIELDS, EXPRESSIONS), FIELDS)
def test_provenance_of_what_replace_drops(below: dict[str, Any], above: Any, top: dict[str, Any]) -> None:
    layers = [at(MAPPING, below), at(MAPPING, {"replace": above}), at(MAPPING, top)]
    for field in below:
        found = statements(layers, (*MAPPING, field))
        assert [said.layer for said in found] == ([2, 1, 0] if field in top else [1, 0])
        assert found[-1].overridden
        own = isinstance(above, dict) and field in above
        assert found[-2].path == ((*MAPPING, "replace", field) if own else (*MAPPING, "replace"))


@given(FIELDS)
def test_null_removes_a_field_or_a_mapping(below: dict[str, Any]) -> None:
    field = next(iter(below))
    assert field not in mapped(below, {field: None})
    assert mapped(below, None) is MISSING
    assert mapped(below, None, below) == below


@given(FIELDS, FIELDS, EXPRESSIONS)
def test_provenance_of_mappings(below: dict[str, Any], above: dict[str, Any], text: str) -> None:
    field = next(iter(below))
    layers = [at(MAPPING, below), at(MAPPING, text), at(MAPPING, above)]
    found = statements(layers, (*MAPPING, field))
    assert [said.layer for said in found] == ([2, 1, 0] if field in above else [1, 0])
    assert found[-1].value == below[field]
    whole = next(said for said in found if said.layer == 1)
    assert (whole.path, whole.value) == (MAPPING, text)
    assert [said.value for said in statements(layers, MAPPING)] == [above, text, below]
    assert not any(said.overridden for said in statements(layers, MAPPING))


def test_another_format_replaces_the_settings() -> None:
    below = {"pagination": {"format": "cursor", "config": {"cursor_field": "next"}}}
    above = {"pagination": {"format": "page", "config": {"page_param": "p"}}}
    assert merge([below, above]) == above
    same_format = {"pagination": {"format": "cursor", "config": {"size": 5}}}
    assert merge([below, same_format])["pagination"]["config"] == {"cursor_field": "next", "size": 5}
    assert merge([{"query": {"format": "json", "limit": 1}}, {"query": {"format": "xml"}}]) == {
        "query": {"format": "xml", "limit": 1}
    }


def test_null_on_an_operation_removes_what_it_inherits() -> None:
    merged = merge(
        [
            {"pagination": {"format": "page"}, "resources": {"contacts": {"list": {"path": "/c"}}}},
            {"resources": {"contacts": {"list": {"pagination": None}}}},
        ]
    )
    operation = merged["resources"]["contacts"]["list"]
    assert operation == {"path": "/c", "pagination": None}
    assert inherit(merged["pagination"], MISSING, operation["pagination"]) is MISSING


def test_inheritance() -> None:
    assert inherit({"a": 1, "b": 2}, MISSING, {"b": None, "c": 3}) == {"a": 1, "c": 3}
    assert inherit("x", "y") == "y"
    assert inherit(MISSING, MISSING) is MISSING


def test_dead_leaves_of_strategies_and_removals() -> None:
    base = {
        "base_url": "u",
        "pagination": {"format": "cursor", "config": {"size": 1}},
        "resources": {"contacts": {"list": {"path": "/c"}}},
    }
    override = {
        "base_url": "u",
        "label": None,
        "pagination": {"format": "cursor", "config": {"size": 2}},
        "resources": {"contacts": {"list": {"pagination": None, "headers": None}}},
    }
    assert [path for _, path in dead([base, override])] == [
        ("base_url",),
        ("label",),
        ("resources", "contacts", "list", "headers"),
    ]
    assert dead([at(MAPPING, {"id": "response.id"}), at(MAPPING, {"id": "response.id", "x": "1"})]) == [
        (1, (*MAPPING, "id"))
    ]
    assert dead([at(MAPPING, "response.x"), at(MAPPING, "response.x")]) == [(1, MAPPING)]
    assert dead([at(MAPPING, "response.x"), at(MAPPING, {"id": "response.id"})]) == []
