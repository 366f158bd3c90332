"""Laws of edits: the data is the data with the change applied, and no other line is touched."""

import copy
import json

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conn_engine.documents import Document, dump_json, parse
from conn_engine.documents.edits import drop_value, put_value

WORDS = st.sampled_from(
    ["a", "b", "c d", "on", "1", "", "x: y", "# z", "a\nb", "a\n\nb\n", "[x]", "*p", "&q", "é😀", "$f(x) & 'y'"]
)
SCALARS = st.one_of(WORDS, st.none(), st.booleans(), st.integers(-9, 9), st.just(1.5))
KEYS = st.sampled_from(["a", "b", "c", "d e", "on", "1", "x.y", "#h", "é"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=8,
)
DATA = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)
STYLES = st.sampled_from(["block", "indented", "flow", "mixed", "json", "json lines", "windows"])
LAWS = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class _Indented(yaml.SafeDumper):
    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def write(data, style, comments):
    if style.startswith("json"):
        return json.dumps(data) if style == "json" else dump_json(data)
    flow = {"flow": True, "mixed": None}.get(style, False)
    text = yaml.dump(
        data,
        Dumper=_Indented if style == "indented" else yaml.SafeDumper,
        sort_keys=False,
        default_flow_style=flow,
        allow_unicode=True,
        width=10_000,
    )
    if comments:
        text = "# head\n\n" + "".join(_remark(line, number) for number, line in enumerate(text.splitlines(True)))
    return text.replace("\n", "\r\n") if style == "windows" else text


def _remark(line, number):
    indent = line[: len(line) - len(line.lstrip(" "))]
    is_plain = line.rstrip()[-1:].isalnum() and ":" in line and not set("'\"|[{") & set(line)
    return (f"{indent}# above {number}\n" if is_plain else "") + (
        line.rstrip("\n") + f"  # {number}\n" if is_plain else line
    )


def read(text, style):
    return parse(text, "a.json" if style.startswith("json") else "a.yaml")


def list_paths(data, path=()):
    yield path
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, item in steps:
        yield from list_paths(item, (*path, step))


def apply(data, path, value):
    made = copy.deepcopy(data)
    node = made
    for part in path[:-1]:
        if isinstance(node, dict):
            node.setdefault(part, None)
        node[part] = {} if node[part] is None else node[part]
        node = node[part]
    if isinstance(node, list) and path[-1] == len(node):
        node.append(value)
    else:
        node[path[-1]] = value
    return made


def as_json(data):
    return json.dumps(data, sort_keys=True)


def lines_of(document: Document, path):
    span = document.span(path)
    return range(document.key_span(path).line, span.end_line + 1)


def are_kept(before, after, changed):
    """Whether all lines but the changed ones are still there, in order."""
    rest = iter(after.splitlines())
    return all(line in rest for number, line in enumerate(before.splitlines(), 1) if number not in changed)


@LAWS
@given(DATA, STYLES, st.booleans(), VALUES, st.data())
def test_putting_a_value_changes_that_value_alone(data, style, comments, value, draw):
    document = read(write(data, style, comments), style)
    path = draw.draw(st.sampled_from([path for path in list_paths(document.data) if path]))
    made = read(put_value(document, path, value), style)
    assert as_json(made.data) == as_json(apply(document.data, path, value))
    assert are_kept(document.text, made.text, lines_of(document, path))


@LAWS
@given(DATA, STYLES, st.booleans(), VALUES, st.data())
def test_adding_a_value_keeps_every_line(data, style, comments, value, draw):
    document = read(write(data, style, comments), style)
    parents = [path for path in list_paths(document.data) if _can_take(_get(document.data, path))]
    parent = draw.draw(st.sampled_from(parents))
    node = _get(document.data, parent)
    path = (*parent, len(node)) if isinstance(node, list) else (*parent, f"new {draw.draw(KEYS)}", draw.draw(KEYS))
    made = read(put_value(document, path, value), style)
    assert as_json(made.data) == as_json(apply(document.data, path, value))
    is_block = not style.startswith("json") and style not in ("flow", "mixed")
    assert are_kept(document.text, made.text, () if node and is_block else lines_of(document, parent))


@LAWS
@given(DATA, STYLES, st.booleans(), st.data())
def test_dropping_a_value_takes_the_parents_that_it_leaves_empty(data, style, comments, draw):
    document = read(write(data, style, comments), style)
    path = draw.draw(st.sampled_from([path for path in list_paths(document.data) if path]))
    made = read(drop_value(document, path), style)
    expected = copy.deepcopy(document.data)
    while len(path) > 1 and len(_get(expected, path[:-1])) == 1:
        path = path[:-1]
    del _get(expected, path[:-1])[path[-1]]
    assert json.dumps(made.data) == json.dumps(expected)


@LAWS
@given(DATA, DATA, STYLES, st.booleans())
def test_a_document_becomes_any_other(data, other, style, comments):
    document = read(write(data, style, comments), style)
    assert as_json(read(put_value(document, (), other), style).data) == as_json(other)


def _get(data, path):
    for part in path:
        data = data[part]
    return data


def _can_take(node):
    return isinstance(node, dict | list) or node is None
