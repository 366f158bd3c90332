"""Leaves that are followed without the evaluator give what the evaluator gives, whatever the data holds."""

import json
from dataclasses import replace
from typing import Any

import pytest
from evaluating import chosen, mapping, use, usual
from hypothesis import given, settings
from hypothesis import strategies as st

from conn_engine.expressions import DEFAULT_LIMITS, evaluators
from conn_engine.expressions.plain import PageScopes, plain

names = st.sampled_from(["a", "b", "c", "_x1", "length", "and", "null", "function", "é"])
common = st.sampled_from(["a", "b"])  # most paths are to find something
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=4) | names
scalars = st.none() | st.booleans() | numbers | texts
data = st.recursive(
    scalars,
    lambda inner: st.dictionaries(names, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=16,
)
objects = st.fixed_dictionaries({}, optional={"a": scalars, "b": scalars, "c": data})
scopes = st.fixed_dictionaries({"a": objects | st.dictionaries(names, data, max_size=4) | data, "b": data | objects})

paths = st.lists(common, min_size=1, max_size=2).map(".".join) | st.lists(names, min_size=1, max_size=4).map(".".join)
keys = st.lists(names | st.sampled_from(["l*", "*"]), min_size=1, max_size=3).map(
    lambda some: json.dumps(some if len(some) > 1 else some[0], ensure_ascii=False)
)
choices = st.tuples(st.sampled_from(["$omit", "$pick"]), paths, keys).map(lambda parts: "{}({}, {})".format(*parts))
leaves = paths | paths | choices | st.sampled_from([" a.b ", "a.b[]", "a.b[0]", "$.a", "$$.a.b", "a.*", "`a`.b", "{}"])
trees = st.recursive(
    leaves | st.none() | st.booleans() | numbers,
    lambda inner: st.dictionaries(names, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=10,
)
layers = st.lists(st.dictionaries(names, trees, max_size=4) | leaves, min_size=1, max_size=3)


def outcome(run: Any) -> Any:
    """The result with its types and the order of its fields, or that it fails."""
    try:
        return json.dumps(run())
    except Exception as error:
        return f"{type(error).__name__} {getattr(error, 'at', '')}"


@pytest.mark.slow
@pytest.mark.parametrize("evaluator", evaluators())
@settings(deadline=None, max_examples=150)
@given(made=layers, pages=st.lists(st.lists(scopes, min_size=1, max_size=4), min_size=1, max_size=3))
def test_a_mapping_gives_what_its_expressions_give(
    evaluator: str, made: list[Any], pages: list[list[dict[str, Any]]]
) -> None:
    with use(evaluator):
        try:
            compiled = mapping(made)
        except Exception:  # a keyword where no name may stand
            return
        for page in pages:  # one after the other: what was not plain on a page is computed on the next
            before = json.dumps(page)
            alone = outcome(
                lambda page=page: [compiled._slow(usual(scope), chosen(), None, DEFAULT_LIMITS) for scope in page]
            )
            assert outcome(lambda page=page: compiled.apply(page)) == alone
            assert json.dumps(page) == before


@pytest.mark.parametrize("text", ["a", " a.b\n", "a._x1.B2", "$omit(a, 'b')", '$pick(a.b, ["c d", "e*"])'])
def test_plain(text: str) -> None:
    assert plain(text) is not None


@pytest.mark.parametrize(
    "text",
    (
        *(
            "a.and",
            "or",
            "null",
            "true",
            "a.in.b",
            "function",
            "",
            "é",
            "1.a",
            "`a`.b",
            "$",
            "$.a",
            "$$.a",
            "a[]",
            "a[0]",
        ),
        *(
            "a .b",
            "a.%",
            "a.*",
            "a/* */",
            "$omit(a, b)",
            "$omit(a, 'b\\n')",
            "$omit($.a, 'b')",
            "$omit(a)",
            "$pick(a, [])",
        ),
    ),
)
def test_not_plain(text: str) -> None:
    assert plain(text) is None


def column(text: str, *values: Any, limits: Any = DEFAULT_LIMITS) -> list[Any] | None:
    leaf = plain(text)
    assert leaf is not None
    return PageScopes([{"a": value} for value in values], limits).column(leaf)


@pytest.mark.parametrize(
    "value", [[1], [], {}, float("nan"), float("inf"), 2**53, -(2**70), 1e300, "\ud800", (1,), b""]
)
def test_what_only_the_evaluator_can_say(value: Any) -> None:
    assert column("a.b", {"b": 1}, {"b": value}) is None
    assert column("$omit(a, 'c')", {"b": value}) is None


def test_lists_on_the_way_are_for_the_evaluator() -> None:
    assert column("a.b", [{"b": 1}]) is None
    assert column("a.b.c", {"b": []}, {}) is None
    assert column("$omit(a, 'b')", [{"c": 1}]) is None
    assert column("$omit(a, 'b')", None) is None


def test_a_page_near_the_bounds_is_for_the_evaluator() -> None:
    limits = replace(DEFAULT_LIMITS, string_bytes=10)
    assert column("a", "12345", "67890", limits=limits) == ["12345", "67890"]
    assert column("a", "12345", "678901", limits=limits) is None
