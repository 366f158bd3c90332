"""A month or a half-day that `$toMillis` does not know is an error, however the function is called."""

import pytest
from evaluating import evaluate

from conn_engine.errors import ExpressionError
from conn_engine.expressions.picture_names import may_read_names
from conn_engine.expressions.tokens import lex


@pytest.mark.parametrize(
    "text",
    [
        "('5 Foo 2024' ~> $toMillis('[D] [MNn] [Y]'))",
        "($read := $toMillis; $read('5 Foo 2024', '[D] [MNn] [Y]'))",
        "$map(['5 Foo 2024'], $toMillis(?, '[D] [MNn,3-3] [Y]'))",
        "$map([{'at': '5 Foo 2024'}], function($row) {$toMillis($row.at, '[D] [' & 'MNn' & '] [Y]')})",
        "$toMillis(at, picture)",
    ],
)
def test_it_is_an_error_however_the_function_is_called(evaluator: str, text: str) -> None:
    with pytest.raises(ExpressionError) as refusal:
        evaluate(text, {"at": "5 Foo 2024", "picture": "[D] [MNn] [Y]"})
    assert refusal.value.code == "D3110"


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("$toMillis(at)", False),
        ("at ~> $toMillis", False),
        ("$toMillis(at, '[Y]-[M01]-[D01]')", False),
        ("$toMillis(at, '[D] [MNn] [Y]')", True),
        ("$toMillis(at, '[h] [P]')", True),
        ("at ~> $toMillis('[D] [MNn] [Y]')", True),
        ("$toMillis(at, picture)", True),
        ("$map(all, $toMillis)", True),
        ("$fromMillis(at, '[MNn]')", False),
    ],
)
def test_only_a_picture_that_may_read_names_is_checked(text: str, may: bool) -> None:
    assert may_read_names(tuple(lex(text))) is may


def test_a_zone_may_move_the_moment_into_another_month(evaluator: str) -> None:
    for text in ("31 Jan 2024 23:30 -0500", "1 Feb 2024 00:30 +0500"):
        assert isinstance(evaluate("$toMillis(at, '[D] [MNn,*-3] [Y] [H]:[m] [Z0000]')", {"at": text}), int)
