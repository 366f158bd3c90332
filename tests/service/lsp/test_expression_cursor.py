"""What is at the end of the start of an expression."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conn_service.lsp.expression_cursor import locate_in_expression, locate_in_template

CASES = [
    ("", "name", (), ""),
    ("resp", "name", (), "resp"),
    ("response.", "field", ("response",), ""),
    ("response.properties.em", "field", ("response", "properties"), "em"),
    ("$upp", "function", (), "$upp"),
    ("$", "function", (), "$"),
    ("$uppercase(response.", "field", ("response",), ""),
    ("response.properties.(", "field", ("response", "properties"), ""),
    ("response.properties.(a or b", "field", ("response", "properties"), "b"),
    ("response.(a).", "field", ("response", "a"), ""),
    ("response.items[", "field", ("response", "items"), ""),
    ("response.items[id = 1].", "field", ("response", "items"), ""),
    ("response.items[0].", "field", ("response", "items"), ""),
    ("response.items.{ 'a': ", "field", ("response", "items"), ""),
    ("[response.", "field", ("response",), ""),
    ("{ 'a': resp", "name", (), "resp"),
    ("a ? b : response.", "field", ("response",), ""),
    ("a & response.b & context.", "field", ("context",), ""),
    ("response.`a b`.", "field", ("response", "a b"), ""),
    ("response.`a", "field", ("response",), "a"),
    ("response.items.$.", "field", ("response", "items"), ""),
    ("response.items[$.", "field", ("response", "items"), ""),
    ("response.items.($$.", "field", (), ""),
    ("$map(response.items, function($v) { $v.", "field", ("response", "items"), ""),
    ("$map(response.items, function($v, $i) { $i.", "field", None, ""),
    ("$filter(response.items, function($v) { true }).", "field", ("response", "items"), ""),
    ("$f(response.items).", "field", None, ""),
    ("( $c := response.company; $c.", "field", ("response", "company"), ""),
    ("( $c := response.company; $c", "function", (), "$c"),
    ("a in resp", "name", (), "resp"),
    ("response.items^(", "field", ("response", "items"), ""),
    ("'it is resp", None, None, None),
    ("/* resp", None, None, None),
    ("12", None, None, None),
    ("response ", None, None, None),
    ("'a' ", None, None, None),
]


@pytest.mark.parametrize(("text", "kind", "steps", "typed"), CASES, ids=[case[0] for case in CASES])
def test_the_place_at_the_end(text, kind, steps, typed):
    place = locate_in_expression(text)
    assert (place and (place.kind, place.steps, place.typed)) == (kind and (kind, steps, typed))


def test_variables_of_the_expression_are_known():
    assert locate_in_expression("( $a := 1; $map(x, function($v, $i) { $").variables == ("a", "v", "i")


@pytest.mark.parametrize(
    ("text", "typed"), [("a {{context.x", "x"), ("a {{context.x}} b", None), ("a", None), ("{{a}}{{con", "con")]
)
def test_a_template_has_expressions_in_braces_only(text, typed):
    place = locate_in_template(text)
    assert (place and place.typed) == typed


@example("$\n")
@given(st.text(st.sampled_from("ab$.()[]{}'\"`,;:=?&/ \n1"), max_size=30))
def test_any_text_has_a_place_or_none(text):
    place = locate_in_expression(text)
    assert place is None or text.endswith(place.typed)
