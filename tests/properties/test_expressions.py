"""Expressions, whatever they hold: where a template ends, one result per record, layers over one another."""

import json
from typing import Any

import pytest
from evaluating import chosen, evaluate, expression, mapping, render_path, template, use
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from conn_engine.config import Layers, merge
from conn_engine.errors import ExpressionError
from conn_engine.expressions import DEFAULT_LIMITS, UNDEFINED, evaluators, overlay
from conn_engine.expressions.tokens import LexError, analyse, lex

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12) | st.sampled_from(
    ["}}", "{{", "'", '"', "\\", "/*", "*/", "`", "{{x}}", "$", "/", "]})"]
)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
objects = st.dictionaries(texts, documents, max_size=4)
blanks = st.sampled_from(["", " ", "\n", " /* }} */ "])


@given(document=documents, before=texts, after=texts, blank=blanks, tight=st.booleans())
def test_the_end_of_a_template_is_found_after_any_json(
    document: Any, before: str, after: str, blank: str, tight: bool
) -> None:
    before, after = before.replace("{{", "").rstrip("{"), after.replace("{{", "")
    source = f"{blank}{json.dumps(document, ensure_ascii=tight)}{blank}"
    parsed = template(f"{before}{{{{{source}}}}}{after}")
    assert parsed.expressions == [(source, len(before) + 2)]
    assert "".join(part if isinstance(part, str) else "{{" + part[0] + "}}" for part in parsed.parts) == parsed.text


@pytest.mark.parametrize("evaluator", evaluators())
@settings(deadline=None)
@given(document=documents)
def test_json_is_an_expression_for_itself(evaluator: str, document: Any) -> None:
    with use(evaluator):
        made = template(f"{{{{{json.dumps({'v': document})}}}}}").render({})
    assert made == {"v": document}


@settings(deadline=None)
@given(text=st.text(st.sampled_from("ab$(){}[]'\"`/*|.,:;?=<>~&%@#^+-1 \\\n"), max_size=24))
def test_what_jlens_can_read_the_lexer_can_cut(text: str) -> None:
    """And inside `{{…}}` it ends where it ends: the lexer agrees with the evaluator on each string and bracket."""
    try:
        expression(text)
    except ExpressionError as error:
        assert -1 <= error.offset <= len(text)
        return
    tokens = lex(text)
    assert all(text[token.start : token.end] == token.text for token in tokens)
    assert analyse(tokens).calls == expression(text).calls()
    parsed = template("{{" + text + "}}")
    assert parsed.expressions == [(text, 2)]


@given(text=st.text(max_size=40))
def test_any_text_is_a_template_or_an_error_with_a_place_in_it(text: str) -> None:
    try:
        parsed = template(text)
    except ExpressionError as error:
        assert 0 <= error.offset <= len(text)
    else:
        assert bool(parsed.expressions) is ("{{" in text)
    try:
        lex(text)
    except LexError as error:
        assert 0 <= error.offset <= len(text)


leaves = st.sampled_from(
    [
        "r.a",
        "r.b.c",
        "r",
        "$$.r.a",
        "r.a[]",
        "[r.a, r.b]",
        "{'x': r.a, 'y': {'z': r.b}}",
        "zzz",
        "null",
        "r.l.($$.r.a)",
        "($x := r.a; $x)",
        "$base.p",
        "$base",
        "r.a = null ? 'n' : r.a",
        "$count(r.l)",
    ]
)
trees = st.recursive(
    leaves | st.none() | st.integers() | st.booleans(),
    lambda inner: st.dictionaries(st.sampled_from("pqr"), inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=8,
)
layers = st.lists(leaves | st.dictionaries(st.sampled_from("pqr"), trees, max_size=3), min_size=1, max_size=4)
records = st.fixed_dictionaries(
    {}, optional={"a": documents, "b": st.fixed_dictionaries({}, optional={"c": documents}), "l": st.lists(scalars)}
)


@pytest.mark.parametrize("evaluator", evaluators())
@settings(deadline=None, max_examples=150)
@given(layers=layers, page=st.lists(records, max_size=4))
def test_a_page_at_once_gives_what_leaf_by_leaf_gives(
    evaluator: str, layers: list[Any], page: list[dict[str, Any]]
) -> None:
    scopes = [{"r": record} for record in page]
    with use(evaluator):
        made = mapping(layers)
        assert made.apply(scopes) == [made._slow(scope, chosen(), None, DEFAULT_LIMITS) for scope in scopes]


PLACE = ("unified", "crm", "contacts", "list", "response_mapping")
fields = st.recursive(
    st.sampled_from(["r.a", "r.b.c", "r.l", "1", "null", "r.a = null ? 'n' : r.a"]) | st.none() | st.integers(),
    lambda inner: st.dictionaries(st.sampled_from("pqr"), inner, max_size=3),
    max_leaves=6,
)
objects_of_fields = st.dictionaries(st.sampled_from("pqr"), fields, max_size=3)


@settings(deadline=None)
@given(levels=st.lists(objects_of_fields, min_size=2, max_size=3), page=st.lists(records, min_size=1, max_size=3))
def test_levels_side_by_side_give_what_they_give_merged(
    levels: list[dict[str, Any]], page: list[dict[str, Any]]
) -> None:
    merged: Any = merge([tree(level) for level in levels])
    for key in PLACE:
        merged = merged[key]
    assume(not isinstance(merged, Layers))  # an object over an expression cannot be merged
    assume(not any(empty(level) for level in levels))  # an object that is written empty says that there is one
    scopes = [{"r": record} for record in page]
    assert mapping(levels).apply(scopes) == mapping([merged]).apply(scopes)


def empty(said: Any, depth: int = 0) -> bool:
    """Whether an object below the mapping's own is written without fields, or with nothing but removals."""
    if not isinstance(said, dict):
        return False
    return (depth > 0 and all(value is None for value in said.values())) or any(
        empty(value, depth + 1) for value in said.values()
    )


def tree(said: dict[str, Any]) -> dict[str, Any]:
    """A configuration that says a mapping, and nothing else."""
    node: Any = said
    for key in reversed(PLACE):
        node = {key: node}
    return {"unified": node["unified"]}


@pytest.mark.parametrize("evaluator", evaluators())
@settings(deadline=None)
@given(document=documents)
def test_a_field_passes_through_as_it_is(evaluator: str, document: Any) -> None:
    with use(evaluator):
        assert evaluate("a", {"a": document}) == document
        assert mapping(["a", {"b": "a"}]).apply_one({"a": document})["b"] == document
        assert evaluate("b", {"a": document}) is UNDEFINED


def _separates(below: Any, above: Any, top: Any) -> bool:
    """Whether a value that is not an object lies between two objects: then the order of merging matters."""
    if not (isinstance(below, dict) and isinstance(top, dict)):
        return False
    if not isinstance(above, dict):
        return True
    shared = below.keys() & above.keys() & top.keys()
    return any(_separates(below[key], above[key], top[key]) for key in shared)


@given(below=objects, above=objects, top=objects)
@example(below={"a": {"b": 1}}, above={"a": None}, top={"a": {}})
def test_overlay_is_associative_and_leaves_its_arguments_alone(
    below: dict[str, Any], above: dict[str, Any], top: dict[str, Any]
) -> None:
    before = json.dumps([below, above, top])
    if not _separates(below, above, top):
        assert overlay(overlay(below, above), top) == overlay(below, overlay(above, top))
    assert overlay(below, {}) == below == overlay({}, below) == overlay(below, below)
    assert json.dumps([below, above, top]) == before


@given(value=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_a_value_in_a_path_is_one_segment(value: str) -> None:
    try:
        path = render_path("/a/{{v}}/b", {"v": value})
    except ExpressionError as error:
        assert error.code == "unsafe_path"
        return
    assert path.count("/") == 3
    assert not set(path) & set("?# \\\r\n")
    assert path.isascii()
