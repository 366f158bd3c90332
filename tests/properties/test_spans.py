"""Laws of places: every path of any data, in any style of YAML or JSON, points at the text of its value."""

import json
import re

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conn_engine.documents import Document, dump_json, dump_yaml, format_path, parse, parse_path, write_whole
from conn_engine.documents.faults import SourceText
from conn_engine.documents.yaml_text import COMPOSER, SlowComposer, load
from conn_engine.errors import ConfigurationError

CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=40),
    st.text(st.sampled_from("ab \n'\"\\:#-{}[]é😀\t"), max_size=60),
    st.sampled_from(["NO", "on", "12:30:45", "0o17", "1e3", "~", "null", "2024-01-01", "1_000", "<<", "=", "-", ""]),
)
SCALARS = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
)
KEYS = st.one_of(st.text(st.sampled_from("abc"), min_size=1, max_size=3), TEXTS)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
STYLES = st.sampled_from([None, '"', "'", "|", ">"])
ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u....|\\x..|\\u....|\\U.{8}|\\.")
LAWS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def emit(data: object, style: str | None, flow: bool | None, width: int) -> str:
    """YAML in which texts have the style, where the emitter can give it; nothing but texts is left plain."""

    class Dumper(yaml.CSafeDumper):
        def ignore_aliases(self, _data: object) -> bool:
            return True

    def text(dumper: yaml.CSafeDumper, value: str) -> yaml.Node:
        # Plain style is left to the emitter only for words that no schema takes for something else.
        shown = style or (None if value.isalpha() and value.isascii() and len(value) > 5 else "'")
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=shown)

    Dumper.add_representer(str, text)
    return str(
        yaml.dump(data, Dumper=Dumper, default_flow_style=flow, allow_unicode=True, width=width, sort_keys=False)
    )


def paths(data: object, at: tuple = ()) -> list[tuple]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(path for key, value in inner for path in paths(value, (*at, key)))]


def at(data: object, path: tuple) -> object:
    for part in path:
        data = data[part]
    return data


def stretch(document: Document, span) -> str:
    """The text of a span, from the document's own lines."""
    lines = document.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if span.line == span.end_line:
        return lines[span.line - 1][span.column - 1 : span.end_column - 1]
    middle = lines[span.line : span.end_line - 1]
    return "\n".join(
        [lines[span.line - 1][span.column - 1 :], *middle, lines[span.end_line - 1][: span.end_column - 1]]
    )


def check_spans(document: Document, data: object) -> None:
    for path in paths(data):
        value = at(data, path)
        text = stretch(document, document.span(path))
        if isinstance(value, dict | list):
            if not value or text[:1] in "[{":
                assert text[0] in "[{", (path, text)
                continue
            first = next(iter(value.items())) if isinstance(value, dict) else (0, value[0])
            if isinstance(value, dict):
                key = stretch(document, document.key_span((*path, first[0])))
                assert gives(key, first[0])
                assert text.startswith((key, "? ")), (path, text)
            else:
                assert text.startswith("-")
        else:
            assert gives(text, value), (path, text)
        if path and isinstance(path[-1], str):
            assert gives(stretch(document, document.key_span(path)), path[-1])


def gives(text: str, value: object) -> bool:
    """Whether a scalar's own text gives the value. Continuation lines need some indentation of their own."""
    if text[:1] in ("|", ">"):
        return isinstance(value, str)  # its indentation and its last breaks depend on what is around it
    return (parse(f"x:\n    {text}", "x.yaml").data["x"] if text else None) == value


@given(DATA, STYLES, st.sampled_from([True, False, None]), st.sampled_from([20, 80, 1000]))
@LAWS
def test_every_path_of_yaml_starts_its_value(data, style, flow, width):
    text = emit(data, style, flow, width)
    document = parse(text, "x.yaml")
    assert document.data == data
    check_spans(document, data)


@given(DATA, st.sampled_from([None, 2]), st.booleans())
@LAWS
def test_every_path_of_json_starts_its_value(data, indent, ascii_only):
    document = parse(json.dumps(data, indent=indent, ensure_ascii=ascii_only), "x.json")
    assert document.data == data
    for path in paths(data):
        value = at(data, path)
        text = stretch(document, document.span(path))
        assert json.loads(text) == value
        if path and isinstance(path[-1], str):
            assert json.loads(stretch(document, document.key_span(path))) == path[-1]


@given(DATA)
@LAWS
def test_what_is_dumped_is_read_back(data):
    assert parse(dump_json(data), "x.json").data == data
    assert parse(dump_yaml(data), "x.yaml").data == data
    assert yaml.safe_load(dump_yaml({"x": data}))["x"] == data  # YAML 1.1 readers agree


@given(st.text(CHARACTERS, max_size=60) | TEXTS, STYLES, st.sampled_from([20, 80]), st.data())
@LAWS
def test_a_position_inside_a_scalar_is_its_character(value, style, width, choice):
    check_positions(parse(emit({"x": {"y": [value]}}, style, False, width), "x.yaml"), value, choice)


@given(st.text(CHARACTERS, max_size=60) | TEXTS, st.booleans(), st.data())
@LAWS
def test_a_position_inside_a_json_string_is_its_character(value, ascii_only, choice):
    text = json.dumps({"x": {"y": [value]}}, ensure_ascii=ascii_only)
    check_positions(parse(text, "x.json"), value, choice)


def check_positions(document: Document, value: str, choice) -> None:
    assert document.data == {"x": {"y": [value]}}
    offset = choice.draw(st.integers(0, max(0, len(value) - 1)))
    places = [document.position(("x", "y", 0), i) for i in range(len(value) + 1)]
    assert places == sorted(places)
    if not value:
        return
    line, column = document.position(("x", "y", 0), offset)
    found = document.line(line)[column - 1 :]
    expected = value[offset]
    # A break, or the blank it is folded to, may stand at the end of a line; others stand as themselves.
    at_break = expected in " \n\x85\u2028\u2029" and not found.strip()
    assert found[:1] == expected or at_break or unescaped(found) == expected, (offset, places, document.text)


def unescaped(text: str) -> object:
    escape = ESCAPE.match(text)
    return parse(f'x: "{escape[0]}"', "x.yaml").data["x"] if escape else None


@given(DATA, st.sampled_from([True, False]))
@settings(max_examples=100, deadline=None)
def test_both_composers_read_the_same(data, flow):
    text = emit(data, None, flow, 40)
    fast, slow = (load(SourceText("x.yaml", text), composer) for composer in (COMPOSER, SlowComposer))
    assert fast[0] == slow[0] == data
    fast_document, slow_document = (Document("x.yaml", text, got[0], lambda got=got: got[1]) for got in (fast, slow))
    for path in paths(data):
        assert fast_document.span(path).line == slow_document.span(path).line
        assert fast_document.span(path).column == slow_document.span(path).column


@given(st.text(max_size=200) | st.text(st.sampled_from("ab:{}[]&*!|>'\"\\#,-?%@ \n\t\r\ufeff1~"), max_size=60))
@settings(max_examples=250, deadline=None)
@pytest.mark.parametrize("file", ["x.yaml", "x.json"])
def test_any_text_is_read_or_refused_with_a_place(file, text):
    try:
        document = parse(text, file)
    except ConfigurationError as fault:
        assert fault.findings
        for finding in fault.findings:
            assert finding.span.file == file
            assert 1 <= finding.span.line <= len(text.splitlines()) + 2
    else:
        for path in paths(document.data):
            document.span(path)
            document.position(path, 3)


@given(st.lists(st.text(CHARACTERS, max_size=8) | st.integers(0, 999), max_size=6).map(tuple))
def test_a_dotted_path_is_read_back(path):
    assert parse_path(format_path(path)) == path


@given(st.lists(st.text(max_size=30), min_size=1, max_size=3))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_is_always_one_of_the_texts_written(tmp_path, texts):
    path = tmp_path / "x" / "file.txt"
    for text in texts:
        content = text.encode("utf-8", "replace")
        write_whole(path, content)
        assert path.read_bytes() == content
    assert [one.name for one in path.parent.iterdir()] == ["file.txt"]
