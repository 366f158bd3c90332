"""One change in the text of a document: comments, quotes, anchors, brackets and line breaks around it stay."""

import pytest

from conn_engine.documents import parse
from conn_engine.documents.edits import SharedTextError, drop_value, lift_value, put_value, rename_key
from conn_engine.errors import ConfigurationError

PUT = {
    "a scalar keeps the comment after it": ("a: 1   # one\nb: 2\n", ("a",), 3, "a: 3   # one\nb: 2\n"),
    "double quotes stay": ('a: "x"\n', ("a",), 'say "y"', 'a: "say \\"y\\""\n'),
    "single quotes stay": ("a: 'x'\n", ("a",), "it's", "a: 'it''s'\n"),
    "a text that reads as a number is quoted": ("a: x\n", ("a",), "01234", "a: '01234'\n"),
    "a text of several lines": ("a: x # c\nb: 1\n", ("a",), "f(\n  1\n)", "a: |- # c\n  f(\n    1\n  )\nb: 1\n"),
    "a block of one line stays one": ("a: |\n  x & 1\nb: 1\n", ("a",), "y & 1\n", "a: |\n  y & 1\nb: 1\n"),
    "a character beyond the basic plane stays": ("a: |\n  '😀'\n", ("a",), "'😀' & x\n", "a: |\n  '😀' & x\n"),
    "the comment of a block's header": ("a: | # c\n  x\n\nb: 1\n", ("a",), "y", "a: y # c\n\nb: 1\n"),
    "a block becomes a scalar": ("a: # c\n  b: 1\n  c: 2\nd: 3\n", ("a",), 4, "a: 4 # c\nd: 3\n"),
    "a scalar becomes a block": ("a: 1 # c\nd: 3\n", ("a",), {"b": [1]}, "a: # c\n  b:\n    - 1\nd: 3\n"),
    "an anchor without aliases stays": ("a: &x 1\n", ("a",), 2, "a: &x 2\n"),
    "a tag goes": ("a: !!str 1\n", ("a",), 2, "a: 2\n"),
    "missing parents": ("a: 1\n", ("b", "c", "d"), 2, "a: 1\nb:\n  c:\n    d: 2\n"),
    "after the last value, before its blank lines": (
        "a:\n  b: 1\n\n# end\n",
        ("a", "c"),
        2,
        "a:\n  b: 1\n  c: 2\n\n# end\n",
    ),
    "a parent without a value": ("a: # c\nb: 1\n", ("a", "x"), 1, "a: # c\n  x: 1\nb: 1\n"),
    "a parent that is empty": ("a: {}\n", ("a", "x"), 1, "a:\n  x: 1\n"),
    "an empty document": ("", ("a", "b"), 1, "a:\n  b: 1\n"),
    "a document of comments": ("# nothing yet", ("a",), 1, "# nothing yet\na: 1\n"),
    "no line break at the end": ("a: 1", ("b",), 2, "a: 1\nb: 2"),
    "line breaks of Windows": (
        "a:\r\n  b: 1\r\nc: 2\r\n",
        ("a", "d"),
        {"e": 1},
        "a:\r\n  b: 1\r\n  d:\r\n    e: 1\r\nc: 2\r\n",
    ),
    "brackets": ("a: {b: 1, c: [x]} # c\n", ("a", "c", 1), "y, z", 'a: {b: 1, c: [x, "y, z"]} # c\n'),
    "brackets on several lines": ("a: {\n  b: 1\n}\n", ("a", "c"), 2, "a: {\n  b: 1,\n  c: 2\n}\n"),
    "an alias in brackets stays": ("a: &x 1\nb: [*x, 2]\n", ("b", 1), 3, "a: &x 1\nb: [*x, 3]\n"),
    "after an alias": ("a: &x {k: 1}\nb:\n  c: *x\n", ("b", "d"), 1, "a: &x {k: 1}\nb:\n  c: *x\n  d: 1\n"),
    "in place of an alias": ("a: &x {k: 1}\nb: *x # c\n", ("b",), 1, "a: &x {k: 1}\nb: 1 # c\n"),
    "lists that are not indented": (
        "a:\n- 1\nb:\n- c: 1\n",
        ("a", 1),
        {"x": [1], "y": 2},
        "a:\n- 1\n- x:\n  - 1\n  y: 2\nb:\n- c: 1\n",
    ),
    "a key of a list's item": ("- a: 1\n  b: 2 # c\n- x\n", (0, "b"), 3, "- a: 1\n  b: 3 # c\n- x\n"),
    "a key that needs quotes": ("a: 1\n", ("x: y",), 1, "a: 1\n'x: y': 1\n"),
    "only what differs": (
        "a:\n  b: 1 # one\n  # two\n  c: 2\n",
        ("a",),
        {"b": 1, "c": 3},
        "a:\n  b: 1 # one\n  # two\n  c: 3\n",
    ),
    "another document": ("# head\na: 1\nb: 2  # of b\n", (), {"c": "x\ny"}, "# head\nc: |-\n  x\n  y\n"),
    "the same value": ("a:   1\n", ("a",), 1, "a:   1\n"),
}
DROP = {
    "a key with the comment above it": ("a: 1\n# of b\nb: 2\nc: 3\n", ("b",), "a: 1\nc: 3\n"),
    "the heading of a document stays": ("# heading\na: 1\nb: 2\n", ("a",), "# heading\nb: 2\n"),
    "blank lines around it stay": ("a: 1\n\n# other\n\nb: 2\n\nc: 3\n", ("b",), "a: 1\n\n# other\n\n\nc: 3\n"),
    "parents that become empty": ("a:\n  b:\n    c: 1\nd: 2\n", ("a", "b", "c"), "d: 2\n"),
    "the last value of a document": ("# c\na:\n  b: 1\n", ("a", "b"), "# c\n{}\n"),
    "the last line": ("a: 1\nb: 2", ("b",), "a: 1"),
    "the first key of a list's item": ("- a: 1\n  b: 2\n", (0, "a"), "- b: 2\n"),
    "an item": ("a:\n  - 1\n  # of 2\n  - 2 # two\n  - 3\n", ("a", 1), "a:\n  - 1\n  - 3\n"),
    "in brackets": ("a: {b: 1, c: 2, d: 3}\n", ("a", "c"), "a: {b: 1, d: 3}\n"),
    "the first in brackets": ("a: [1, 2, 3]\n", ("a", 0), "a: [2, 3]\n"),
    "JSON": ('{\n  "a": 1,\n  "b": 2\n}\n', ("b",), '{\n  "a": 1\n}\n'),
    "an alias": ("a: &x 1\nb: *x\nc: 1\n", ("b",), "a: &x 1\nc: 1\n"),
    "what does not exist": ("a: 1\n", ("b", "c"), "a: 1\n"),
}
LIFTED = {
    "a block": (
        "a:\n  b: 1\n  c: # of c\n    # of d\n    d: |\n      x\n        y\n    e: {}\nf: 2\n",
        ("a", "c"),
        "a:\n  b: 1\n  # of c\n  # of d\n  d: |\n    x\n      y\n  e: {}\nf: 2\n",
    ),
    "brackets in brackets": ("a: { b: 1, c: { d: 2, e: [3] } } # x\n", ("a", "c"), "a: { b: 1, d: 2, e: [3] } # x\n"),
    "brackets in a block": ("a:\n  c: { d: 2, e: 3 } # x\n  f: 4\n", ("a", "c"), "a:\n  d: 2\n  e: 3 # x\n  f: 4\n"),
    "Windows": ("a:\r\n  c:\r\n    d: 2\r\n", ("a", "c"), "a:\r\n  d: 2\r\n"),
    "JSON": ('{"a": {"c": {"d": 1}}}', ("a", "c"), '{"a": {"d": 1}}'),
}
SHARED = "a: &x\n  k: 1  # one\nb: *x\nc:\n  - *x\n"


@pytest.mark.parametrize(("text", "path", "value", "expected"), PUT.values(), ids=PUT)
def test_a_value_is_put_and_the_rest_of_the_text_stays(text, path, value, expected):
    assert put_value(parse(text, "a.yaml"), path, value) == expected


@pytest.mark.parametrize(("text", "path", "expected"), DROP.values(), ids=DROP)
def test_a_value_is_dropped_and_the_rest_of_the_text_stays(text, path, expected):
    assert drop_value(parse(text, "a.json" if text.startswith("{") else "a.yaml"), path) == expected


@pytest.mark.parametrize(("text", "path", "expected"), LIFTED.values(), ids=LIFTED)
def test_the_entries_of_a_mapping_are_lifted(text, path, expected):
    assert lift_value(parse(text, "a.json" if text.startswith("{") else "a.yaml"), path) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a: { c: { d: 1 }, d: 2 }\n",
        "a: { c: &x { d: 1 } }\nb: *x\n",
        "a: &x\n  d: 1\nb: { c: *x }\n",
        "a:\n  c: {}\n",
        "a: { c: [1] }\n",
    ],
)
def test_a_mapping_that_cannot_be_lifted_is_refused_or_lifted_exactly(text):
    document = parse(text, "a.yaml")
    path = ("b", "c") if "b: {" in text else ("a", "c")
    try:
        lifted = parse(lift_value(document, path), "a.yaml").data
    except ConfigurationError:
        return
    assert lifted == {**document.data, path[0]: document.data[path[0]]["c"]}


def test_a_key_is_renamed_unless_the_name_is_taken():
    document = parse("# x\na: { b: 1, 'c': 2 } # y\n", "a.yaml")
    assert rename_key(document, ("a", "c"), "d e") == "# x\na: { b: 1, d e: 2 } # y\n"
    with pytest.raises(ConfigurationError, match="cannot be changed without rewriting"):
        rename_key(document, ("a", "c"), "b")


def test_json_keeps_its_shape():
    assert put_value(parse('{"a": 1}', "a.json"), ("b",), {"c": [1]}) == '{"a": 1, "b": {"c": [1]}}'
    indented = put_value(parse('{\n  "a": {\n    "x": 1\n  }\n}\n', "a.json"), ("a", "y"), {"z": 1})
    assert indented == '{\n  "a": {\n    "x": 1,\n    "y": {\n      "z": 1\n    }\n  }\n}\n'


@pytest.mark.parametrize("path", [("a", "k"), ("b", "k"), ("c", 0, "k"), ("c", 0, "new")])
def test_a_text_that_aliases_repeat_is_not_changed_without_a_choice(path):
    with pytest.raises(SharedTextError, match=r"an alias repeats this text, so a, b, c\[0\] are one value") as refused:
        put_value(parse(SHARED, "a.yaml"), path, 2)
    assert refused.value.paths == (("a",), ("b",), ("c", 0))


def test_a_text_that_aliases_repeat_changes_for_all_or_is_written_out_first():
    document = parse(SHARED, "a.yaml")
    assert put_value(document, ("b", "k"), 2, "change") == SHARED.replace("k: 1", "k: 2")
    assert put_value(document, ("b", "k"), 2, "write out") == SHARED.replace("b: *x", "b:\n  k: 2")
    assert put_value(document, ("a", "k"), 2, "write out") == "a: &x\n  k: 2  # one\nb:\n  k: 1\nc:\n  - k: 1\n"
    assert drop_value(document, ("a",), "write out") == "b:\n  k: 1\nc:\n  - k: 1\n"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("a: 1\n", ("a", "b"), "a.yaml: b cannot be set: its parent is a single value"),
        ("a: [1]\n", ("a", 3), r"a.yaml: \[3\] cannot be set: its parent is a list of 1"),
        ("a: 1\n? b\n: 2\nc: 3\n", ("b",), None),
        ("a: |+\n  x\n\n\nb: 1\n", ("b",), None),
    ],
)
def test_what_cannot_be_changed_in_place_is_refused_or_changed_exactly(text, path, message):
    document = parse(text, "a.yaml")
    if message is None:
        assert parse(put_value(document, path, 5), "a.yaml").data == {**document.data, path[0]: 5}
    else:
        with pytest.raises(ConfigurationError, match=message):
            put_value(document, path, 5)


def test_a_key_after_text_whose_blank_lines_count_is_refused():
    with pytest.raises(ConfigurationError, match="line 1: b cannot be changed without rewriting other lines"):
        put_value(parse("a: |+\n  x\n\n\n", "a.yaml"), ("b",), 1)


def test_an_item_of_a_long_list_is_found_without_visiting_all_before_it():
    text = "a:\n" + "".join(f"  - {number}\n" for number in range(5_000))
    assert put_value(parse(text, "a.yaml"), ("a", 4_999), "last").endswith("  - 4998\n  - last\n")


def test_a_block_of_another_document_is_refused():
    with pytest.raises(ConfigurationError, match="is a block of another document"):
        put_value(parse("a: 1\n", "page.md", language="yaml", first_line=5), ("a",), 2)


def test_an_alias_of_a_part_of_a_dropped_value_is_written_out():
    document = parse("a:\n  b: &part {x: 1}\n  c: 2\nd: *part # kept\ne: [*part]\n", "doc.yaml")
    for text in (drop_value(document, ("a",), "write out"), put_value(document, ("a",), 7, "write out")):
        data = parse(text, "doc.yaml").data
        assert (data["d"], data["e"], data.get("a")) == ({"x": 1}, [{"x": 1}], 7 if "a" in data else None)
        assert "# kept" in text
