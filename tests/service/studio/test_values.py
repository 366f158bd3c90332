"""The values of records as the page reads them."""

from typing import Any

import pytest

from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED
from conn_service.studio.values import describe_expression_error, describe_value


@pytest.mark.parametrize(
    ("value", "described"),
    [
        (9007199254740991, 9007199254740991),
        (9007199254740993, {"$number": "9007199254740993"}),
        (-(10**30), {"$number": f"-1{'0' * 30}"}),
        (True, True),
        (1.5, 1.5),
        ("x" * 4_000, "x" * 4_000),
        ("x" * 5_000_000, {"$text": "x" * 4_000, "length": 5_000_000}),
        ({"$number": "1"}, {"$object": {"$number": "1"}}),
        ({"a": [UNDEFINED, None, {"b": 2**60}]}, {"a": [None, None, {"b": {"$number": str(2**60)}}]}),
        ("\u202egnp.exe <img onerror>", "\u202egnp.exe <img onerror>"),
    ],
)
def test_a_value_is_exact_and_of_a_size_that_can_be_shown(value: Any, described: Any) -> None:
    assert describe_value(value) == described


@pytest.mark.parametrize(
    ("text", "offset", "token", "expected"),
    [
        ("a & b", 2, "&", (2, 3)),
        ("'\U0001f600' & $x", 6, "$x", (7, 9)),
        ("'\U0001f600\U0001f600'", 4, "", (6, 6)),
        ("a", -1, "", (None, None)),
        ("a", 9, "", (None, None)),
        ("", 0, "", (None, None)),
        ("a b", 0, "other", (0, 0)),
    ],
)
def test_the_place_of_an_error_counts_in_utf_16(text: str, offset: int, token: str, expected: Any) -> None:
    fault = describe_expression_error(ExpressionError("x", text=text, offset=offset, token=token))
    assert (fault["offset"], fault["end"]) == expected
