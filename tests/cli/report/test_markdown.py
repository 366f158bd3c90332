"""Texts of others in Markdown are code, wherever they stand: nothing in them is read as Markdown or HTML."""

import re
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from conn_cli.report.drift import draw_markdown
from conn_cli.report.markdown import cell, code, html_code
from conn_engine.analysis.drift import Drift, DriftDifference, Reader
from conn_engine.analysis.drift.changes import ResponseChange
from conn_engine.diagnostics import Span

PARTS = ["`", "``", "|", "\\", "\\|", "@octocat", "[a](http://evil.example)", "![x](y)", "<b>", "</details>", "<!--"]
PARTS += ["*", "_", "\n", "\n\n# x", " ", "$x$", ":smile:", "#12", "http://evil.example", "~~", "&lt;", "a"]
texts = st.one_of(st.text(), st.lists(st.sampled_from(PARTS), max_size=10).map("".join))
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def inline(text):
    return [token for block in READER.parse(text) for token in (block.children or [])]


def one_line(text):
    return " ".join(text.split())


@settings(max_examples=300)
@given(texts)
@example("`")
@example("a`` ` ```b")
@example("\\")
def test_a_text_is_one_code_span(text):
    for before, after in (("- ", " after"), ("### ", ": x"), ("", "")):
        tokens = inline(f"{before}{code(text)}{after}")
        spans = [token.content for token in tokens if token.type == "code_inline"]
        assert spans == ([one_line(text).replace("\x00", "\ufffd")] if one_line(text) else [])
        assert {token.type for token in tokens} <= {"text", "code_inline"}
        said = "".join(token.content for token in tokens if token.type == "text").strip()
        assert said == (after.strip() if before else "")


@settings(max_examples=300)
@given(texts, texts)
@example("a|b", "a\\|b\\\\|c")
@example("\\", "|")
def test_a_text_does_not_leave_its_cell(left, right):
    table = f"| one | two | three |\n|---|---|---|\n| {cell(left)} | {cell(right)} | end |\n\nafter"
    blocks = READER.parse(table)
    assert [block.type for block in blocks].count("tr_open") == 2
    cells = [
        [(child.type, child.content) for child in inner.children or []]
        for outer, inner in pairwise(blocks)
        if outer.type == "td_open"
    ]
    assert len(cells) == 3
    for text, children in zip((left, right), cells, strict=False):
        wanted = re.sub(r"\\\|", lambda found: "\\\u00a6", one_line(text)).replace("\x00", "\ufffd")
        assert children == ([("code_inline", wanted)] if wanted else [])
    assert cells[2] == [("text", "end")]


@settings(max_examples=200)
@given(texts)
def test_a_text_in_a_line_of_html_is_text(text):
    (block,) = READER.parse(f"<summary>{html_code(text)}: not caught</summary>\n")
    inside = re.fullmatch(r"<summary><code>(.*)</code>: not caught</summary>\n?", block.content)[1]
    assert not re.search(r"[<>`*_@\[\]!|]", re.sub(r"&#\d+;", "", inside))


def test_drift_says_names_of_the_vendor_as_code():
    text = "@octocat | [l](http://evil.example) `<b>`"
    span = Span(f"{text}.yaml", 1, 1)
    reader = Reader((text,), text, "base", span, ("acme",))
    findings = (DriftDifference(text, ResponseChange("enum_grown", (text,), text), "breaks", (reader,)),)
    shown = draw_markdown(Drift(text, findings, (text,), ((text, text),)))
    tokens = inline(shown)
    assert {token.type for token in tokens} <= {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
    assert not re.search("octocat|evil", "".join(token.content for token in tokens if token.type == "text"))
    assert sum(one_line(text) in token.content for token in tokens if token.type == "code_inline") == 5
