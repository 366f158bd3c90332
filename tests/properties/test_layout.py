"""`lay_out` keeps the syntax tree and the comments of any expression, and its result stays as it is."""

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conn_engine.config.formatting import find_expressions, format_document
from conn_engine.config.load import load_workspace
from conn_engine.documents import read_document
from conn_engine.errors import ExpressionError
from conn_engine.expressions.layout import lay_out
from conn_engine.expressions.pure import parse_expression
from conn_engine.expressions.syntax_trees import has_same_tree
from conn_engine.expressions.tokens import LexError, lex

ROOT = Path(__file__).resolve().parents[2]
Tokens = list[str]
GAPS = st.sampled_from(
    ["", "", " ", " ", "   ", "\n", "\n    ", "\n\n\n ", " /* a note */ ", "/* two\n   lines */", "\t"]
)
LEAVES = st.sampled_from(
    ["a", "b", "response", "`a b`", "$x", "$", "$$", "'text'", '"it"', "1", "2.5", "true", "null", "*", "%", "/x y/i"]
).map(lambda text: [text])
BINARY = st.sampled_from(
    ["+", "-", "*", "/", "%", "&", "=", "!=", "<", "<=", ">=", "and", "or", "in", "~>", "??", "?:", "."]
)
SIGNS = st.sampled_from([[], ["<"], [">"]])
FIELDS = st.sampled_from(["'k'", '"key"', "a"])


def build(parts: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    """Build larger expressions from smaller ones, as lists of tokens."""
    few = st.lists(parts, max_size=4)
    return st.one_of(
        st.builds(lambda one, sign, other: [*one, sign, *other], parts, BINARY, parts),
        st.builds(lambda one: ["-", *one], parts),
        st.builds(lambda one, two, three: ["(", *one, ")", "?", *two, ":", *three], parts, parts, parts),
        st.builds(lambda one, two: ["(", *one, "?", *two, ")"], parts, parts),
        st.builds(lambda one, where: ["(", *one, ")", "[", *where, "]"], parts, parts),
        st.builds(lambda one, by, sign: [*one, "^", "(", *sign, *by, ")"], parts, parts, SIGNS),
        st.builds(lambda items: ["[", *separate(items, ","), "]"], few),
        st.builds(lambda one, two: ["[", *one, "..", *two, "]"], parts, parts),
        st.builds(lambda items: ["(", *separate(items, ";"), ")"], st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda key, one: ["{", key, ":", *one, "}"], FIELDS, parts),
        st.builds(
            lambda one, two, items: ["{", "'x'", ":", *one, ",", "'y'", ":", *two, ",", "'z'", ":", *items, "}"],
            parts, parts, parts,
        ),
        st.builds(lambda one, key, two: [*one, "{", key, ":", *two, "}"], LEAVES, FIELDS, parts),
        st.builds(lambda items: ["$f", "(", *separate(items, ","), ")"], few),
        st.builds(lambda one: ["$f", "(", "?", ",", *one, ")"], parts),
        st.builds(lambda one: ["function", "(", "$v", ",", "$i", ")", "{", *one, "}"], parts),
        st.builds(lambda one: ["function", "(", "$v", ")", "<", "n", "-", ":", "n", ">", "{", *one, "}"], parts),
        st.builds(lambda one, two: ["(", "$x", ":=", *one, ";", *two, ")"], parts, parts),
        st.builds(lambda one, two: ["a", "@", "$b", "#", "$i", ".", "(", *one, "and", *two, ")"], parts, parts),
        st.builds(lambda one: [*one, "~>", "|", "a", "|", "{", "'b'", ":", *one, "}", "|"], parts),
    )  # fmt: skip


def separate(items: list[Tokens], sign: str) -> Tokens:
    return [token for index, item in enumerate(items) for token in ([sign, *item] if index else item)]


@st.composite
def texts(draw: st.DrawFn) -> str:
    tokens = draw(st.recursive(LEAVES, build, max_leaves=12))
    text = draw(GAPS).lstrip("\n")
    for index, token in enumerate(tokens):
        gap = draw(GAPS)
        is_joined = bool(index) and (tokens[index - 1][-1] + token[0]).replace("`", "a").replace("$", "a").isalnum()
        text += (gap or " ") + token if is_joined else gap + token
    return text + draw(st.sampled_from(["", "\n", " /* end */"]))


def list_comments(text: str) -> list[tuple[int, str]]:
    """The comments of an expression, each with the number of tokens before it."""
    tokens, comments, end = lex(text), [], 0
    for index, start in enumerate([*(token.start for token in tokens), len(text)]):
        rest = text[end:start]
        while "/*" in rest:
            comment, _, rest = rest[rest.index("/*") :].partition("*/")
            comments.append((index, comment))
        end = tokens[index].end if index < len(tokens) else end
    return comments


@pytest.mark.slow
@given(texts(), st.booleans())
def test_the_tree_and_the_comments_stay_and_the_layout_is_stable(text: str, in_lines: bool) -> None:
    try:
        written = [(token.kind, token.text) for token in lex(text)]
        parse_expression(text)
    except (LexError, ExpressionError):
        assume(False)
    laid_out = lay_out(text, in_lines=in_lines)
    assert has_same_tree(text, laid_out)
    assert [(token.kind, token.text) for token in lex(laid_out)] == written
    assert list_comments(laid_out) == list_comments(text)
    assert lay_out(laid_out, in_lines=in_lines) == laid_out
    if "\n" not in text and not in_lines:
        assert "\n" not in laid_out


WORKSPACES = [ROOT, ROOT / "example"]
EXPRESSIONS = sorted(
    {
        text
        for root in WORKSPACES
        for file, document in load_workspace(root).documents()
        for _, text in find_expressions(document, file.kind)
        if "{{" not in text
    }
)


def test_bundled_documents_are_formatted() -> None:
    for root in WORKSPACES:
        for file, document in load_workspace(root).documents():
            assert format_document(document, file.kind) == document.text, f"run conn fmt {document.file}"
    skeleton = ROOT / "cli" / "conn_cli" / "skeleton" / "connector"
    for name, kind in (("connector.yaml", "connector"), ("unified/crm.yaml", "unified")):
        document = read_document(skeleton / name, name)
        assert format_document(document, kind) == document.text


@pytest.mark.parametrize("gap", [" ", "\n", "\n        "])
def test_a_bundled_expression_keeps_its_tree_whatever_its_spaces(gap: str) -> None:
    assert len(EXPRESSIONS) > 300
    for text in EXPRESSIONS:
        scattered = gap.join(token.text for token in lex(text)) + "\n"
        laid_out = lay_out(scattered, in_lines=True)
        assert has_same_tree(text, laid_out), text
        assert lay_out(laid_out, in_lines=True) == laid_out, text
