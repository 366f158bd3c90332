"""Expressions of other languages, rewritten only if the result is valid."""

import pytest

from conn_engine.expressions import expression
from conn_engine.expressions.rewriting import rewrite_call, rewrite_habits, rewrite_join


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("a == 1", "a = 1"),
        ("a === 'b == c'", "a = 'b == c'"),
        ("a !== 1 && !b", "a != 1 and $not(b)"),
        ("!(a == 1)", "$not((a = 1))"),
        ("a || b", "a or b"),
        ("a?.b?.c", "a.b.c"),
        ("a is not defined", "$not($exists(a))"),
        ("a is none", "a = null"),
        ("a is not none", "a != null"),
        ("'x' if a == 1 else 'y'", "a = 1 ? 'x' : 'y'"),
        ("a.b | default('x')", "a.b ?? 'x'"),
        ("tags | join(', ')", "$join(tags, ', ')"),
        ("tags | first", "tags[0]"),
        ("{{a.b}}-{{c}}", "a.b & '-' & c"),
        ("it's {{a = 1}}", '"it\'s " & (a = 1)'),
    ],
)
def test_a_habit_is_rewritten(text: str, rewritten: str) -> None:
    assert rewrite_habits(text, is_value=False) == rewritten
    expression(rewritten)


def test_or_is_a_default_only_in_a_value() -> None:
    assert rewrite_habits("a || 'x'", is_value=True) == "a ?? 'x'"
    assert rewrite_habits("a == 1 || b", is_value=True) == "a = 1 or b"


@pytest.mark.parametrize("text", ["a b", "x => y", "a | tweak", "$string(a", "{{a", "(a == 1", "a" * 3000 + " == 1"])
def test_what_is_not_certain_stays(text: str) -> None:
    assert rewrite_habits(text, is_value=False) == ""


@pytest.mark.parametrize(
    ("text", "name", "rewritten"),
    [
        ("now()", "now", "$now()"),
        ("a.b.toUpperCase() & 'x'", "toUpperCase", "$uppercase(a.b) & 'x'"),
        ("a.split(',')", "split", "$split(a, ',')"),
        ("tweak(a)", "tweak", ""),
    ],
)
def test_a_call_is_rewritten(text: str, name: str, rewritten: str) -> None:
    assert rewrite_call(text, name, text.index(name)) == rewritten


def test_a_template_of_javascript_becomes_a_join() -> None:
    assert rewrite_join("${a.b} (${c})") == "a.b & ' (' & c & ')'"
