"""Reading documents: the core schema, bounds, faults with place and fix, places, comments, Markdown."""

import pytest
from measuring import count_calls, cpu_limit

from conn_engine.diagnostics import Span
from conn_engine.documents import FencedBlock, Suppression, find_markdown_blocks, parse
from conn_engine.errors import ConfigurationError


def refused(text: str, file: str = "x.yaml") -> list:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, file)
    assert caught.value.findings
    return list(caught.value.findings)


def test_scalars_follow_the_yaml_1_2_core_schema():
    text = """
    a: NO
    b: on
    c: 12:30:45
    d: 0o17
    e: .5
    f: 1e3
    g: ~
    h: null
    i: 2024-01-01
    j: 2024-01-01T10:00:00Z
    k: 0x1F
    l: 1_000
    m: "12"
    n: 9007199254740993
    o: -.inf
    p: 007
    q: True
    r: yes
    s:
    t: +12
    u: 0b1
    v: -1.5E-2
    w: !!str 12
    x: =
    """
    assert parse(text, "x.yaml").data == {
        "a": "NO",
        "b": "on",
        "c": "12:30:45",
        "d": 15,
        "e": 0.5,
        "f": 1000.0,
        "g": None,
        "h": None,
        "i": "2024-01-01",
        "j": "2024-01-01T10:00:00Z",
        "k": 31,
        "l": "1_000",
        "m": "12",
        "n": 9007199254740993,
        "o": float("-inf"),
        "p": 7,
        "q": True,
        "r": "yes",
        "s": None,
        "t": 12,
        "u": "0b1",
        "v": -0.015,
        "w": "12",
        "x": "=",
    }


def test_keys_are_texts_as_written():
    data = parse("404: a\ntrue: b\non: c\n~: d\n1.50: e\n", "x.yaml").data
    assert data == {"404": "a", "true": "b", "on": "c", "~": "d", "1.50": "e"}


def test_json_is_accepted_as_yaml_with_its_escapes_and_tabs():
    text = '{\n\t"a": "\\ud83d\\ude00",\n\t"b": [1, 2.5, null, true]\n}'
    assert parse(text, "x.yaml").data == parse(text, "x.json").data == {"a": "😀", "b": [1, 2.5, None, True]}


def test_surrogate_pairs_are_read_in_yaml_and_keep_places():
    text = 'a: "\\ud83d\\ude00!"\nb: \\ud83D\\uDE00\nc: \'\\uD83D\\uDE00\'\nd: "\\\\ud83d x"\n'
    document = parse(text, "x.yaml")
    assert document.data == {"a": "😀!", "b": "\\ud83D\\uDE00", "c": "\\uD83D\\uDE00", "d": "\\ud83d x"}
    assert document.position(("a",), 1) == (1, 17)
    assert document.span(("b",)) == Span("x.yaml", 2, 4, 2, 16)


@pytest.mark.parametrize("text", ['{"a": "\\ud83d"}', '{"a": "\\ude00\\ud83d"}', '{"\\udfff": 1}'])
def test_half_a_surrogate_pair_is_refused(text):
    assert refused(text, "x.json")[0].code == "DOC002"


def test_byte_order_mark_and_windows_line_ends():
    document = parse("\ufeffa: 1\r\nb:\r\n  c: |\r\n    x\r\n    y\r\n", "x.yaml")
    assert document.data == {"a": 1, "b": {"c": "x\ny\n"}}
    assert document.key_span(("a",)) == Span("x.yaml", 1, 1, 1, 2)
    assert document.position(("b", "c"), 2) == (5, 5)
    assert document.line(4) == "    x"


@pytest.mark.parametrize(
    ("text", "code", "place", "hint"),
    [
        ("a: {{id}}", "DOC009", (1, 4), "quote"),
        ("path: /x/{{id}}: y", "DOC002", (1, 16), "quote the value"),
        ("a: $x.{ 'id': id }", "DOC002", (1, 13), "block"),
        ("a:\n\tb: 1", "DOC002", (2, 1), "spaces"),
        ("a:\n  b: 1\n   c: 2", "DOC002", (3, 5), "indent this key"),
        ("a: `x`", "DOC002", (1, 4), "`"),
        ("a: @x", "DOC002", (1, 4), "@"),
        ("a: *b", "DOC004", (1, 4), "*"),
        ("a: &x [*x]", "DOC004", (1, 7), "write the value out"),
        ("a: 'x\nb: 1\n", "DOC002", (1, 4), ""),
        ('a: "\\d"', "DOC002", (1, 5), "backslash"),
        ("- a\nb: 1", "DOC002", (2, 1), "indentation"),
        ("a: 1\n---\nb: 2", "DOC002", (2, 1), "to its own file"),
        ("a: 1\nb: 2\na: 3", "DOC003", (3, 1), "remove one"),
        ("a: !!python/object/apply:os.system [x]", "DOC006", (1, 4), "remove the tag"),
        ("a: !!timestamp 2024-01-01", "DOC006", (1, 4), "remove the tag"),
        ("a: !!binary aGk=", "DOC006", (1, 4), "remove the tag"),
        ("a: !!int x", "DOC006", (1, 10), "remove the tag"),
        ("a: !mine {b: 1}", "DOC006", (1, 4), "remove the tag"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "DOC008", (3, 3), '"<<"'),
        ("? [a]\n: b", "DOC009", (1, 3), "quote"),
        ("a: \x07", "DOC002", (1, 4), "escape"),
        ("é😀: \x07", "DOC002", (1, 5), "escape"),
        ("a: " + "9" * 5000, "DOC005", (1, 4), ""),
        ('{"a": 1,}', "ok", (), ""),
    ],
)
def test_faults_of_yaml_name_their_place_and_mend(text, code, place, hint):
    if code == "ok":
        assert parse(text, "x.yaml").data == {"a": 1}
        return
    finding = refused(text)[0]
    assert (finding.code, (finding.span.line, finding.span.column)) == (code, place), finding
    assert hint in finding.hint


@pytest.mark.parametrize(
    ("text", "code", "place", "hint"),
    [
        ('{"a": 1,}', "DOC002", (1, 9), "comma"),
        ("{'a': 1}", "DOC002", (1, 2), "double quotes"),
        ('{\n "a": 1 // no\n}', "DOC002", (2, 9), "comments"),
        ('{"a": 1 "b": 2}', "DOC002", (1, 9), "add a comma"),
        ('{"a": NaN}', "DOC002", (1, 7), ""),
        ('{"a NaN": NaN}', "DOC002", (1, 11), ""),
        ('{"a": {"b": 1,\n "b": 2}}', "DOC003", (2, 2), "remove one"),
        ('{"a": ' + "1" * 5000 + "}", "DOC005", (1, 7), ""),
        ("", "DOC002", (1, 1), ""),
        ("a: 1", "DOC002", (1, 1), ""),
    ],
)
def test_faults_of_json_name_their_place_and_mend(text, code, place, hint):
    finding = refused(text, "x.json")[0]
    assert (finding.code, (finding.span.line, finding.span.column)) == (code, place), finding
    assert hint in finding.hint


@pytest.mark.parametrize("file", ["x.yaml", "x.json"])
def test_every_duplicate_key_is_reported_with_the_first_one(file):
    text = '{"a": 1, "b": {"c": 1, "c": 2}, "a": 3,\n "a": 4}'
    findings = sorted(refused(text, file), key=lambda finding: finding.span)
    assert [(finding.path, finding.span.line, finding.span.column) for finding in findings] == [
        ("b.c", 1, 24),
        ("a", 1, 33),
        ("a", 2, 2),
    ]
    assert [finding.related[0][0].column for finding in findings] == [16, 2, 2]


def test_a_message_counts_the_other_findings():
    with pytest.raises(ConfigurationError, match=r'x.yaml:2:1: the key "a" occurs twice \(and 1 more\)'):
        parse("a: 1\na: 2\na: 3\n", "x.yaml")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{chr(ord(name) - 1)}'] * 10)}]\n" for name in "bcdefghij"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (BOMB, "DOC004"),
        ("[" * 3_000_000, "DOC005"),
        ("- " * 3_000_000, "DOC005"),
        ("{a: " * 1_000_000, "DOC005"),
        ("? " * 1_000_000, "DOC005"),
        ('{"a":[' * 1_000_000, "DOC005"),
        ("[" * 101 + "]" * 101, "DOC005"),
        ("[" + "a," * 3_000_000 + "]", "DOC005"),
        ("a" * (8 * 1024 * 1024 + 1), "DOC005"),
        ("&a [*a," * 100_000, "DOC004"),
        ("!" * 5_000_000, "DOC006"),
    ],
    ids=lambda value: value[:12],
)
def test_bounds_hold_and_hold_quickly(text, code):
    with cpu_limit(10):
        assert refused(text)[0].code == code


@pytest.mark.parametrize(
    "text", ["[" * 100 + "]" * 100, "x: " + " " * 5_000_000 + "y", "a: 'b" + "\n" * 5_000_000 + "'"]
)
def test_what_is_within_bounds_is_read(text):
    assert parse(text, "x.yaml").data


def test_aliases_give_separate_data_with_the_place_of_the_anchor():
    document = parse("a: &x {k: [1]}\nb: *x\n", "x.yaml")
    assert document.data == {"a": {"k": [1]}, "b": {"k": [1]}}
    document.data["b"]["k"].append(2)
    assert document.data["a"] == {"k": [1]}
    assert document.span(("b", "k", 0)) == document.span(("a", "k", 0)) == Span("x.yaml", 1, 12, 1, 13)


@pytest.mark.parametrize(("text", "kind"), [("", "nothing"), ("- 1", "a list"), ("x", "text"), ("7", "a number")])
def test_a_top_that_is_no_mapping_is_said(text, kind):
    with pytest.raises(ConfigurationError, match=kind) as caught:
        parse(text, "x.yaml").require_mapping()
    assert caught.value.findings[0].code == "DOC007"


DOCUMENT = """\
# a comment
name: demo   # trailing
resources:
  contacts:
    list: { path: "/a", tags: [one, two] }

    get:
      path: /b

      # about nothing
errors:
- when: |
    status = 403
- when: !!str &x >-
    one
    two
empty:
last: 1
"""


def test_spans_of_values_and_keys():
    document = parse(DOCUMENT, "x.yaml")

    def place(span):
        return (span.line, span.column, span.end_line, span.end_column)

    assert place(document.span(("name",))) == (2, 7, 2, 11)
    assert place(document.key_span(("name",))) == (2, 1, 2, 5)
    assert place(document.span(("resources", "contacts", "list"))) == (5, 11, 5, 43)
    assert place(document.span(("resources", "contacts", "list", "tags", 1))) == (5, 37, 5, 40)
    assert place(document.span(("resources", "contacts"))) == (
        5,
        5,
        8,
        15,
    )  # up to its last value, no comments
    assert place(document.span(("errors", 0))) == (12, 3, 13, 17)
    assert place(document.key_span(("errors", 0))) == (12, 3, 13, 17)
    assert place(document.key_span(("errors", 0, "when"))) == (12, 3, 12, 7)
    assert place(document.span(("errors", 1, "when"))) == (14, 18, 16, 8)
    assert place(document.span(("empty",))) == (17, 7, 17, 7)
    assert document.span(("errors", "0", "when")) == document.span(("errors", 0, "when"))


def test_a_missing_path_stands_where_its_nearest_ancestor_does():
    document = parse(DOCUMENT, "x.yaml")
    assert document.span(("resources", "contacts", "get", "x", 3)) == document.span(("resources", "contacts", "get"))
    assert document.key_span(("resources", "contacts", "get", "x")) == document.key_span(
        ("resources", "contacts", "get")
    )
    assert document.key_span(("nothing",)) == document.span(())
    assert document.key_span(("errors", 7)) == document.key_span(("errors",))
    assert document.has_path(("errors", 1, "when"))
    assert not document.has_path(("errors", 2))


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("x: plain text", 6, (1, 10)),
        ("x: plain\n  folded", 6, (2, 3)),
        ("x: 'it''s here'", 5, (1, 11)),
        ('x: "a\\tb\\u00e9\\x41 z"', 5, (1, 19)),
        ('x: "a\\\n    b"', 1, (2, 5)),
        ('x: "a\n\n   b"', 2, (3, 4)),
        ("x: |\n  one\n  two\n", 4, (3, 3)),
        ("x: |2-\n   one\n  two\n", 1, (2, 4)),
        ("x: >\n  one\n  two\n\n  three\n    deep\n", 4, (3, 3)),
        ("x: >\n  one\n  two\n\n  three\n    deep\n", 8, (5, 3)),
        ("x: >\n  one\n  two\n\n  three\n    deep\n", 16, (6, 5)),
        ("x: !!str &a 'b'", 0, (1, 14)),
        ("x: 12345", 3, (1, 7)),
        ("x: abc", 99, (1, 7)),
        ("x: {a: 1}", 2, (1, 4)),
        ('{"x": "a\\"b\\ud83d\\ude00c"}', 4, (1, 24)),
    ],
)
def test_positions_inside_scalars(text, offset, place):
    assert parse(text, "x.yaml").position(("x",), offset) == place


def test_a_stretch_of_a_value():
    document = parse('x: "a\\tbcd"', "x.yaml")
    assert document.to_span(("x",), 2, 4) == Span("x.yaml", 1, 8, 1, 10)
    assert document.to_span(("x",), 2, 2) == Span("x.yaml", 1, 8, 1, 8)


def test_comments_that_silence():
    text = """\
# conn: ignore CFG001 -- we know
# more words

a: 1  # conn: ignore EXP002, ref003 — until spring
b: "# conn: ignore DOC001 -- in a text"
c: |
  # conn: ignore DOC001 -- in a block
d: x#conn:ignore CFG002
e: 1 # conn:ignore
"""
    assert parse(text, "x.yaml").suppressions == [
        Suppression(4, "CFG001", "we know", 1),
        Suppression(4, "EXP002", "until spring", 4),
        Suppression(4, "REF003", "until spring", 4),
        Suppression(9, "", "", 9),
    ]
    assert parse('{"a": "# conn: ignore X"}', "x.json").suppressions == []


def test_markdown_blocks_keep_their_lines():
    text = (
        "x\n```yaml title=a\na: 1\n```\n\n- item\n\n"
        '  ~~~ json\n  {"a": 1,\n   "a": 2}\n  ~~~\n'
        "`````\n```\nno\n`````\n```js\nopen"
    )
    blocks = find_markdown_blocks(text)
    assert blocks == [
        FencedBlock("yaml", 3, "a: 1\n", 0),
        FencedBlock("json", 9, '{"a": 1,\n "a": 2}\n', 2),
        FencedBlock("", 13, "```\nno\n", 0),
        FencedBlock("js", 17, "open\n", 0),
    ]
    yaml_block, json_block = blocks[:2]
    document = parse(yaml_block.text, "README.md", language="yaml", first_line=yaml_block.line)
    assert document.span(("a",)) == Span("README.md", 3, 4, 3, 5)
    assert document.line(3) == "a: 1"
    with pytest.raises(ConfigurationError) as caught:
        parse(
            json_block.text,
            "README.md",
            language="json",
            first_line=json_block.line,
            indent=json_block.indent,
        )
    assert caught.value.findings[0].span == Span("README.md", 10, 4, 10, 7)


def test_twice_the_lines_cost_twice_as_much():
    def read(number: int) -> None:
        text = "\n".join(f"key{i}:\n  name: value {i}\n  list: [1, 2, {{a: b}}]" for i in range(number))
        assert parse(text, "x.yaml").span((f"key{number - 1}", "list", 2, "a")).line == 3 * number

    read(1)  # imports
    assert count_calls(lambda: read(3000)) < 2.2 * count_calls(lambda: read(1500))


def test_many_places_of_a_long_scalar_are_found_in_time():
    document = parse('a: "' + "\\u0041" * 50_000 + '"\n', "x.yaml")
    with cpu_limit(10):
        for offset in range(0, 50_000, 10):
            assert document.position(("a",), offset) == (1, 5 + 6 * offset)
