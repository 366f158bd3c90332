"""The layout of expressions: spaces, lines of long brackets, and what stays as the author wrote it."""

import pytest

from conn_engine.expressions.layout import lay_out
from conn_engine.expressions.syntax_trees import has_same_tree


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a+b*-c", "a + b * -c"),
        ("a.b [0] ^( >c,<d )", "a.b[0]^(>c, <d)"),
        ("a?b:c", "a ? b : c"),
        ("{'a':1,'b':[ 1 .. 5 ]}", "{'a': 1, 'b': [1..5]}"),
        ("{ 'a':b?c,'d':e}", "{ 'a': b ? c, 'd': e }"),
        ("$map(a,function($x,$y)<nn:n>{-$x.y~>$sum})", "$map(a, function($x, $y)<nn:n> {-$x.y ~> $sum})"),
        ("function ($x) {$x}", "function($x) {$x}"),
        ("$f( ?,1 )", "$f(?, 1)"),
        ("a . * . b**2", "a.*.b ** 2"),
        ("a.%.b%2", "a.%.b % 2"),
        ("a@$b#$i.c", "a@$b#$i.c"),
        ("(a:=1;b)", "(a := 1; b)"),
        ("a/* c */+b", "a /* c */ + b"),
        ("$replace(a,/x  y/i,'  ')", "$replace(a, /x  y/i, '  ')"),
        ("a ~> |b|{'c':d}|", "a ~> |b|{'c':d}|"),  # the bars are both operators and brackets
        ("a =", "a ="),
        ("'a", "'a"),
        ("", ""),
    ],
)
def test_spaces_on_one_line(text: str, expected: str) -> None:
    assert lay_out(text, in_lines=False) == expected


def test_a_long_bracket_gets_a_line_for_each_item() -> None:
    fields = ", ".join(f"'field_{number}': response.properties.field_{number}" for number in range(3))
    assert lay_out(f"items.{{{fields}}}\n", in_lines=True) == (
        "items.{\n"
        "  'field_0': response.properties.field_0,\n"
        "  'field_1': response.properties.field_1,\n"
        "  'field_2': response.properties.field_2\n"
        "}\n"
    )
    assert lay_out(f"items.{{{fields}}}", in_lines=False) == f"items.{{{fields}}}"


def test_the_items_of_a_broken_bracket_are_indented() -> None:
    text = (
        "(\n    $a := b;   /* the\n  first */\n\n\n\n"
        "      $map($a,function($v){\n  {'id':$v.id,\n  'name':$v.name}\n  })\n  )"
    )
    assert lay_out(text, in_lines=True) == (
        "(\n"
        "  $a := b; /* the\n  first */\n"
        "\n"
        "  $map($a, function($v){\n"
        "    {\n"
        "      'id': $v.id,\n"
        "      'name': $v.name\n"
        "    }\n"
        "  })\n"
        ")"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a\n  ? b\n  : c\n    ? d\n    : e\n",
        "status = 429 or (\n  a = '0'\n  or $exists(b)\n)\n",
        "a\n  ? [{\n      'b': c\n    }]\n  : []\n",
        "$omit(a, [\n  'b', 'c', 'd',\n  'e'\n])\n",
        "/* first */\na\n",
        "a /* last */",
    ],
)
def test_what_the_author_arranged_stays(text: str) -> None:
    assert lay_out(text, in_lines=True) == text


def test_trees_differ_where_the_meaning_does() -> None:
    assert has_same_tree("a.b[0]", "a . b /* x */ [ 0 ]")
    assert has_same_tree("a.%.b", "a.%. b")
    for text, other in [("a - b", "`a-b`"), ("a.b[0]", "(a.b)[0]"), ("'a b'", "'a  b'"), ("/a/i", "/a/"), ("a", "a +")]:
        assert not has_same_tree(text, other)
