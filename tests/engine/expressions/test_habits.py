"""The fixes for JSONata written like another language."""

import pytest
from evaluating import expression

from conn_engine.errors import ExpressionError

DATA = {"a": "x", "c": [1, 2]}


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("a && b", "`and`"),
        ("a || b", "`or`"),
        ('a == "x"', "one `=`"),
        ('a !== "x"', "`!=`"),
        ("a and not b", "$not(…)"),
        ("a is null", "`=`"),
        ("a?.b", "write `.`"),
        ("$map(c, x => x)", "function($x) { … }"),
        ("c[0:2]", "x[[0..2]]"),
        ("if (a) b", "condition ? this : that"),
        ("a | upper", "x ~> $uppercase"),
        ("a; b", "(…; …)"),
        ('"x": a', "put an object in braces"),
        ("{{a}}", "needed in templates"),
        ("a & 'x", "close the quote"),
        ('a + "y"', "join text with `&`"),
        ("a-b-c", "`a-b`"),
        ("a * 2", "$number(…)"),
        ("a > 1", "convert both"),
        ("len(c)", "conn explain functions"),
        ("uppercase(a)", "call a function with a $: $uppercase(…)"),
        ("$string(a", "add the missing )"),
        ("a +", "complete the expression"),
        ("a.b c", ""),
        ('"!" & a b', ""),
    ],
)
def test_the_mend_says_how_jsonata_has_it(evaluator: str, text: str, mend: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        expression(text).evaluate(DATA)
    assert mend in caught.value.hint
    assert bool(mend) is bool(caught.value.hint)
