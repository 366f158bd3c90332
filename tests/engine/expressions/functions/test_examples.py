"""Every function of the registry: its example under both evaluators, and how it treats what is missing or wrong."""

import base64
import hashlib
from typing import Any

import pytest
from evaluating import evaluate, use

from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED
from conn_engine.expressions.functions import FUNCTIONS, Function

EVALUATORS = ["jlens", "jsonata-python"]
WITHOUT_ARGUMENTS = ("uuid", "randomHex")
REST = {
    **dict.fromkeys(("pick", "omit", "groupBy", "keyBy", "orderBy", "sortBy", "find", "lofilter"), ", 'k'"),
    **dict.fromkeys(("difference", "intersection"), ", [1]"),
    **dict.fromkeys(("levenshtein", "diceCoefficient"), ", 'k'"),
    **dict.fromkeys(("dateAdd", "dateSubtract"), ", 'P1D'"),
    **dict.fromkeys(("dateStart", "dateEnd"), ", 'day'"),
    **dict.fromkeys(("dateParse", "dateFormat", "dtFromFormat"), ", 'yyyy'"),
    **dict.fromkeys(("convertCurrencyToSubunit", "convertCurrencyFromSubunit"), ", 'EUR'"),
    "dateDiff": ", '2024-01-01'",
    "dateInZone": ", 'utc'",
    "mostSimilar": ", ['k']",
    "sign": ", 'SHA-256', 'k'",
    "signJwt": ", 'k'",
    "signKey": ", 'EdDSA', 'k'",
    "truncate": ", 3",
    "zipSqlResponse": ", [[1]]",
}
"""The arguments after the first."""


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("row", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_example(evaluator: str, row: Function) -> None:
    with use(evaluator):
        assert evaluate(row.example, {}) == row.expected
        assert f"${row.name}(" in row.example


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("row", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_an_undefined_first_argument_gives_undefined(evaluator: str, row: Function) -> None:
    if row.name not in WITHOUT_ARGUMENTS:
        with use(evaluator):
            assert evaluate(f"${row.name}(missing{REST.get(row.name, '')})", {}) is UNDEFINED


@pytest.mark.parametrize("row", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_documentation_is_one_sentence_or_two_on_one_line(row: Function) -> None:
    assert row.doc.endswith(".")
    assert "\n" not in row.doc
    assert len(row.doc) <= 120


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$base64encode('Hello, World!')", "SGVsbG8sIFdvcmxkIQ=="),
        ("$base64encode('😀 é')", base64.b64encode("😀 é".encode()).decode()),
        ("$base64encode('>>>???', true)", "Pj4-Pz8_"),
        ("$base64encode('')", ""),
        ("$base64decode('aMOpbGxv')", "héllo"),
        ("$base64decode('aMOp bGxv')", "héllo"),
        ("$base64decode('YQ')", "a"),
        ("'x' ~> $base64encode ~> $base64decode", "x"),
        ("['a', 'b'].$base64encode()", ["YQ==", "Yg=="]),
        ("$digest('42', 'MD5', 'hex')", "a1d0c6e83f027327d8461063f4ac58a6"),
        ("$digest('é')", hashlib.sha256("é".encode()).hexdigest()),
        (
            "$sign('x', 'SHA-512', 'k', 'base64-urlSafe')",
            "OPvLCUuZ-ac9hi0MsrAfmIIlnFYvuufz45_gXr8dy3pnWA2Moj3SoN5xDDVj2YgBiuFCTlstLeNN1PTt48f8TA",
        ),
        ("$jsonParse('nope')", None),
        ("$jsonParse('null')", None),
        ("$jsonParse('NaN')", None),
        ("$jsonParse('5')", 5),
        ("""$jsonParse('{"a":[1,null]}').a""", [1, None]),
        ("{'v': $jsonParse('nope'), 'e': $exists($jsonParse('nope'))}", {"v": None, "e": True}),
        ("$pick({'a': null, 'b': 2}, 'a')", {"a": None}),
        ("$omit({'a': 1, 'b': 2}, ['a', 'z'])", {"b": 2}),
        ("$pick({'x_1': 1, 'y': null, 'x': 3, 'x_2': 4}, ['y', 'x_*'])", {"x_1": 1, "y": None, "x_2": 4}),
        ("$omit({'x_1': 1, 'y': null, 'x': 3, 'x_2': 4}, ['y', 'x_*'])", {"x": 3}),
        ("$omit({'a b': 1, 'b': 2, '*': 3}, 'b')", {"a b": 1, "*": 3}),
        ("$omit({'a': 1}, '*')", {}),
        ("$omit({'a': 1, 'b': 2}, ['a', 1, null, ['b']])", {"b": 2}),
        ("$groupBy({'t': 'f'}, 't')", {"f": [{"t": "f"}]}),
        ("$groupBy([{'t': 1}, {'t': true}, {'x': 1}], 't')", {"1": [{"t": 1}], "true": [{"t": True}]}),
        ("$keyBy([{'id': 'a', 'v': 1}, {'id': 'a', 'v': 2}], 'id')", {"a": {"id": "a", "v": 2}}),
    ],
)
def test_value(evaluator: str, text: str, value: Any) -> None:
    with use(evaluator):
        assert evaluate(text, {}) == value


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("1 & $base64decode('%%')", "D3137", 4),
        ("$base64decode('/w==')", "D3137", 0),
        ("$digest('x', 'ROT13')", "D3137", 0),
        ("$digest('x', 'MD5', 'binary')", "D3137", 0),
        ("$sign('x', 'nope', 'k')", "D3137", 0),
        ("$base64encode(5)", "T0410", 0),
        ("[1, $jsonParse(null)]", "T0410", 4),
    ],
)
def test_refusal(evaluator: str, text: str, code: str, offset: int) -> None:
    with use(evaluator), pytest.raises(ExpressionError) as caught:
        evaluate(text, {})
    assert (caught.value.code, caught.value.offset) == (code, offset)
