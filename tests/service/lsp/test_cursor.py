"""What is at the cursor (`‸`), also in a document that is not valid yet."""

import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conn_service.lsp.cursor import locate_cursor

CASES = [
    ("‸", "key", (), ""),
    ("con‸", "key", (), "con"),
    ("a: 1\nb‸", "key", (), "b"),
    ("a:\n  ‸", "key", ("a",), ""),
    ("a:\n  b: 1\n‸", "key", (), ""),
    ("a:\n  b: 1\n  ‸\nc: 2", "key", ("a",), ""),
    ("a:\n  b‸: 1", "key", ("a",), "b"),
    ("a: ‸", "value", ("a",), ""),
    ("a: response.‸", "value", ("a",), "response."),
    ("a: x # note ‸", None, (), ""),
    ("# note ‸", None, (), ""),
    ("a: 'it''s re‸'", "value", ("a",), "it's re"),
    ('a: "say \\"re‸\\""', "value", ("a",), 'say "re'),
    ('a: "open re‸', "value", ("a",), "open re"),
    ('a: "open\nb: re‸', "value", ("b",), "re"),
    ("a: |\n  one\n    two.‸\nb: 1", "value", ("a",), "one\n  two."),
    ("a: |\n\n  one.‸", "value", ("a",), "\none."),
    ("a: >-\n  ‸", "value", ("a",), ""),
    ("a: |\n  one\n‸", "key", (), ""),
    ("a: |\n  b: 1\nc:\n  ‸", "key", ("c",), ""),
    ("- a: |\n    one.‸", "value", (0, "a"), "one."),
    ("- a\n- ‸", "item", (1,), ""),
    ("- a: 1\n  ‸", "key", (0,), ""),
    ("x:\n- a: 1\n- b‸", "item", ("x", 1), "b"),
    ("x:\n  - a: 1\n    b: re‸", "value", ("x", 0, "b"), "re"),
    ("x:\n  - - ‸", "item", ("x", 0, 0), ""),
    ("x: { a: 1, b‸", "key", ("x",), "b"),
    ("x: { a: re‸ }", "value", ("x", "a"), "re"),
    ("x: { a: re‸", "value", ("x", "a"), "re"),
    ("x: { a: 1\ny: re‸", "value", ("y",), "re"),
    ("x: {\n  a: [1, {b: re‸}]\n}\ny: 1", "value", ("x", "a", 1, "b"), "re"),
    ("x: [a, re‸]", "item", ("x", 1), "re"),
    ("x: { a: 'x, y: re‸' }", "value", ("x", "a"), "x, y: re"),
    ("x: { a: 1 }\ny‸", "key", (), "y"),
    ('{"x": {"a": "re‸"}}', "value", ("x", "a"), "re"),
    ('{"x": {"a‸', "key", ("x",), "a"),
    ("a: one\n  two.‸", "value", ("a",), "one two."),
    ("a: &n\n  b‸", "key", ("a",), "b"),
    ("a: &n re‸", "value", ("a",), "re"),
    ("a.b[0]: re‸", "value", ("a.b[0]",), "re"),
    ('"a: b": re‸', "value", ("a: b",), "re"),
    ("a: b: c\nd:\n  ‸", "key", ("d",), ""),
]


@pytest.mark.parametrize(("text", "kind", "path", "typed"), CASES, ids=[case[0] for case in CASES])
def test_the_place_of_the_cursor(text, kind, path, typed):
    place = locate_cursor(text.replace("‸", ""), text.index("‸"))
    assert (place and (place.kind, place.path, place.text)) == (kind and (kind, path, typed))


@pytest.mark.parametrize(("text", "kind", "path", "typed"), CASES, ids=[case[0] for case in CASES])
def test_line_ends_of_windows_change_nothing(text, kind, path, typed):
    text = text.replace("\n", "\r\n")
    place = locate_cursor(text.replace("‸", ""), text.index("‸"))
    assert (place and (place.kind, place.path, place.text.replace("\r", ""))) == (kind and (kind, path, typed))


@pytest.mark.parametrize("text", ["[" * 20_000, "a: |\n" + " \n" * 9_000, "- " * 9_000, "a: {\n" * 9_000])
def test_a_long_text_is_read_in_linear_time(text):
    calls = 0

    def count(*_):
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        locate_cursor(text, len(text))
    finally:
        sys.setprofile(None)
    assert calls < 40 * len(text)


def test_a_key_knows_the_other_keys_of_its_mapping():
    text = "a:\n  b: 1\n  ‸\n  c: { x: 1 }\n  d: |\n    e: 1\nf: 1"
    assert locate_cursor(text.replace("‸", ""), text.index("‸")).keys == ("b", "c", "d")


@example('[]":', 3)
@given(st.text(st.sampled_from("ab:-|>{}[]'\",# \n\t&é😀"), max_size=40), st.integers(0, 40))
def test_any_text_has_a_place_or_none(text, offset):
    place = locate_cursor(text, min(offset, len(text)))
    assert place is None or place.kind in ("key", "value", "item")
