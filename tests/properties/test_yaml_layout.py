"""`lay_out_yaml` keeps the data, the comments and their places, anchors and tags of any YAML, and its result stays."""

import json

import yaml
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.documents.yaml_layout import lay_out_yaml, list_comments

Lines = list[str]
COMMENTS = st.sampled_from(["# a note", "#tight", "# 'quotes' and: signs", "#"])
SCALARS = st.sampled_from(
    ["1", "2.50", "true", "null", "~", "text", "a b", "response.email", "$join(a.b)", "2026-01-01", "012", "1:30",
     '"text"', "'text'", '"yes"', "'no'", '"1"', "'it''s'", '"say \\"hi\\""', '"a\\nb"', "'{{id}}'", '"a: b"', "' x '",
     "'#'", '""', "'back\\slash'", "https://a.example/x?y=1", "-1", "x#y", "'*a'", '"é"', "*one", "!!str 5"]
)  # fmt: skip
KEYS = st.sampled_from(["name", "'quoted'", '"on"', '"200"', "long_key", "a.b", "$x"])
GAPS = st.sampled_from(["", " ", "   "])
ENDS = st.sampled_from(["", "", "", "  ", " # why", "     #why"])


@st.composite
def flows(draw: st.DrawFn, depth: int = 2) -> str:
    """A collection on one line, with any spaces."""
    gap = lambda: draw(GAPS)  # noqa: E731
    parts = st.one_of(SCALARS, flows(depth - 1)) if depth else SCALARS
    items = [draw(parts) for _ in range(draw(st.integers(0, 3)))]
    if draw(st.booleans()):
        keys = [f"k{number}" for number in range(len(items))]
        items = [f"{key}{'' if '*' in item else gap()}: {gap()}{item}" for key, item in zip(keys, items, strict=True)]
        return "{" + gap() + f"{gap()},{gap() or ' '}".join(items) + gap() + "}"
    return "[" + gap() + f"{gap()},{gap() or ' '}".join(items) + gap() + "]"


@st.composite
def values(draw: st.DrawFn, column: int, depth: int) -> Lines:
    """The lines of a value: what follows its key or dash, and the lines below."""
    kind = draw(st.sampled_from(["scalar", "scalar", "flow", "block", "folded", "below", "empty", "nested", "nested"]))
    deeper = column + draw(st.integers(1, 4))
    if kind == "scalar":
        return [draw(SCALARS) + draw(ENDS)]
    if kind == "flow":
        return [draw(flows()) + draw(ENDS)]
    if kind == "block":
        header = draw(st.sampled_from(["|", "|-", "|+", ">", "|  # why", f"|{deeper - column}"]))
        texts = draw(
            st.lists(st.sampled_from(["a: b", "  deeper", "", "# no comment", "'x'   y"]), min_size=1, max_size=4)
        )
        texts = ["first", *texts]
        return [header, *(" " * deeper + text if text else "" for text in texts)]
    if kind == "folded":
        return [
            "'one",
            *[" " * deeper + draw(st.sampled_from(["two", "", "# no comment"])) for _ in range(2)],
            " " * deeper + "end'",
        ]
    if kind == "below":
        return ["", " " * deeper + draw(SCALARS) + draw(ENDS)]
    if kind == "empty" or not depth:
        return [""]
    anchor = draw(st.sampled_from(["", "", " &two", " !!map"]))
    is_list = draw(st.booleans())
    if is_list:
        return ["", *draw(lists(deeper, depth - 1))]
    return [anchor + draw(ENDS), *draw(mappings(deeper, depth - 1))]


@st.composite
def mappings(draw: st.DrawFn, column: int, depth: int) -> Lines:
    lines: Lines = []
    for number in range(draw(st.integers(1, 3))):
        lines += draw(between(column))
        key = draw(KEYS)
        key = f"{key[:-1]}{number}{key[-1]}" if key[0] in "'\"" else f"{key}{number}"
        first, *rest = draw(values(column, depth))
        lines += [f"{' ' * column}{key}{draw(GAPS)}:{' ' + draw(GAPS) if first.strip() else ''}{first}", *rest]
        if draw(st.integers(0, 5)) == 0 and depth:
            flat = draw(lists(column, depth - 1))
            lines += [f"{' ' * column}flat{number}:", *flat]
    return lines


@st.composite
def lists(draw: st.DrawFn, column: int, depth: int) -> Lines:
    lines: Lines = []
    for _ in range(draw(st.integers(1, 3))):
        lines += draw(between(column))
        gap = draw(st.integers(1, 3))
        if depth and draw(st.booleans()):
            inner = draw(mappings(column + 1 + gap, depth - 1))
            while not inner[0].strip() or inner[0].strip().startswith("#"):
                inner = inner[1:]
            lines += [f"{' ' * column}-{' ' * gap}{inner[0].lstrip()}", *inner[1:]]
        else:
            first, *rest = draw(values(column, depth))
            lines += [f"{' ' * column}-{' ' * gap}{first}", *rest]
    return lines


@st.composite
def between(draw: st.DrawFn, column: int) -> Lines:
    """What may be before an entry: blank lines, and comments at the column of the entry or elsewhere."""
    parts = st.one_of(
        st.just(""),
        st.just("   "),
        st.builds(lambda at, text: " " * at + text, st.sampled_from([column, 0, 3]), COMMENTS),
    )
    return draw(st.lists(parts, max_size=2))


@st.composite
def texts(draw: st.DrawFn) -> str:
    lines = ["first: &one text", *draw(mappings(0, 3)), *draw(between(0))]
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines) + draw(st.sampled_from(["", "\n", "\n\n\n"]))


def read(text: str) -> str:
    return json.dumps(yaml.safe_load(text), default=repr)


def list_signs(text: str) -> list[tuple[type, str]]:
    """The anchors, aliases and tags, and which scalars are blocks."""
    tokens = (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken)
    found = [(type(token), str(token.value)) for token in yaml.scan(text) if isinstance(token, tokens)]
    scalars = [token for token in yaml.scan(text) if isinstance(token, yaml.ScalarToken)]
    return found + [(yaml.ScalarToken, token.style if token.style in ("|", ">") else "") for token in scalars]


@given(texts())
def test_data_comments_and_anchors_stay_and_the_layout_is_stable(text: str) -> None:
    try:
        data = read(text)
    except yaml.YAMLError:  # a comment between the lines of a value, or a list where YAML does not allow it
        return
    laid_out = lay_out_yaml(text)
    assert read(laid_out) == data
    assert list_comments(laid_out) == list_comments(text)
    assert list_signs(laid_out) == list_signs(text)
    assert lay_out_yaml(laid_out) == laid_out
    assert ("\r\n" in laid_out) == ("\r\n" in text)
