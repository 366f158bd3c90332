"""Arguments nobody meant: both evaluators answer alike, with a value or with an error that says why."""

import json
from typing import Any

import pytest
from evaluating import evaluate, use
from hypothesis import given, settings
from hypothesis import strategies as st

from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED
from conn_engine.expressions.functions import FUNCTIONS

EVALUATORS = ["jlens", "jsonata-python"]
END = {"dtFromIso": ".toISO()", "dtFromFormat": ".toISO()", "dependencyGraph": ".overallOrder()"}
RANDOM = ("uuid", "randomHex", "signJwt")


def answered(evaluator: str, text: str, data: Any) -> tuple[str, Any]:
    """`("value", it)` or `("error", its code)`."""
    try:
        with use(evaluator):
            return "value", evaluate(text, data)
    except ExpressionError as error:
        assert error.code != "internal"
        assert len(error.message) <= 300
        return "error", error.code


DATES = ["2024-02-29", "2024-03-31T02:30:00", "9999-12-31", "P1M", "month", "Europe/Berlin"]
FORMS = ["a[b]=1&a=2", "a[0]=1", "%zz", "<a>", "# h", "a,b\n1,2", '"', "SHA-256", "hex", "EUR", "asc", "k*", "a.b"]
TEXTS = st.sampled_from(["", " ", "é😀", "12", "NaN", *DATES, *FORMS])
KEYS = st.sampled_from(
    ["a", "id", "type", "fields", "header", "days", "eq", "or", "_text", "elements", "label", "value"]
)
SCALARS = st.none() | st.booleans() | st.sampled_from([0, 1, -1, 1.5, 1e-7, 10**12, 1e308]) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(FUNCTIONS.keys() - set(RANDOM))), st.lists(VALUES, min_size=1, max_size=4))
def test_any_arguments_give_a_value_or_a_reason_and_the_same_under_both(name: str, arguments: list[Any]) -> None:
    names = ", ".join(f"a{index}" for index in range(len(arguments)))
    data = {f"a{index}": value for index, value in enumerate(arguments)}
    text = f"${name}({names}){END.get(name, '')}"
    first, second = (answered(evaluator, text, data) for evaluator in EVALUATORS)
    if first[0] == "error" and str(first[1]).startswith("T041"):
        assert second[0] == "error"
        assert str(second[1]).startswith("T041")
    elif UNDEFINED in (first[1], second[1]):
        assert first == second
    else:
        assert json.dumps(first) == json.dumps(second)


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        # null is a value: a list of it where a list is wanted
        ("$sortBy(null, 'k')", [None]),
        ("$compact(null)", []),
        ("$keyBy(null, 'k')", {}),
        # times that the clock skips in spring, and the 23 hours of that day
        ("$dateInZone('2024-03-31T02:30:00', 'Europe/Berlin')", "2024-03-31T03:30:00.000+02:00"),
        ("$dateParse('31.03.2024 02:30', 'dd.MM.yyyy HH:mm', 'Europe/Berlin')", "2024-03-31T03:30:00.000+02:00"),
        ("$dateStart('2018-11-04T12:00:00Z', 'day', 'America/Sao_Paulo')", "2018-11-04T01:00:00.000-02:00"),
        (
            "$dtFromIso('2024-03-31T04:00:00', 'Europe/Berlin').diff('2024-03-31T01:00:00+01:00', ['hours', 'days'])",
            {"days": 0, "hours": 2},
        ),
        ("$dtFromIso('2024-03-31T12:00:00', 'Europe/Berlin').diff('2024-03-31T00:00:00+01:00', 'days').days", 11 / 23),
        ("$dtFromIso('2024-01-31').diff('2024-01-30', []).milliseconds", 86_400_000),
        # the last day there is
        ("$dtFromIso('9999-12-31').toISODate()", "9999-12-31"),
        ("$dtFromIso('9999-12-31').daysInMonth", 31),
        ("$dateEnd('9999-12-31', 'day')", "9999-12-31"),
        ("$dateEnd('9999-06-30T10:00:00Z', 'year')", "9999-12-31T23:59:59.999Z"),
        # parts of units
        ("$dateAdd('2024-03-01T00:00:00Z', {'days': 1.5})", "2024-03-02T12:00:00.000Z"),
        ("$dateSubtract('2024-03-01', {'days': 0.5})", "2024-02-29T12:00:00.000Z"),
        ("$dateAdd('2024-03-01T00:00:00Z', {'months': 0.5})", "2024-03-16T00:00:00.000Z"),
        ("$fromEpoch(1.001)", "1970-01-01T00:00:01.001Z"),
        ("$dtFromIso('2024-01-01T24:00:00Z').toISO()", "2024-01-02T00:00:00.000Z"),
        ("$dtFromIso('2024-01-01T24:30:00Z').toISO()", None),
        # lists and tables
        ("$orderBy([{'n': 1}, {}, {'n': 3}], 'n', 'desc')", [{}, {"n": 3}, {"n": 1}]),
        ("$zipSqlResponse([null, true, 1.5], [[1, 2, 3]])", [{"true": 2, "1.5": 3}]),
        ("$mapValues(1234567.5, {'1234567.5': 'x'})", "x"),
        ("$jsonToCsv([{'name': 'A', 'n': 1}], {'fields': 'name'})", '"name"\n"A"'),
        ("$convertQueryToSql({'a': {'eq': 1}}, [['a'], {}])", "a = 1"),
        ("$parseQuery('a[" + "1" * 5000 + "]=x').a ~> $keys() ~> $length()", 5000),
        ("$toNumber('٣')", None),
        ("$decodeJwt($signJwt({'iat': 0}, 'k', {'expiresIn': '1y'})).payload.exp", 31_557_600),
        ("$decodeJwt($signJwt({'iat': 0}, 'k', {'expiresIn': '5500ms'})).payload.exp", 5),
        ("$decodeJwt($signJwt({'iat': 0}, 'k', {'expiresIn': '2 days'})).payload.exp", 172_800),
    ],
)
def test_value(evaluator: str, text: str, value: Any) -> None:
    with use(evaluator):
        assert evaluate(text, {}) == value


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("$dateStart('2024-01-01', null)", "T0410", "Argument 2"),
        ("$mostSimilar('a', null)", "T0412", "Argument 2"),
        ("$wrap(1, null)", "T0410", "Argument 2"),
        ("{'secret': 's3cr3t'}.$titleCase()", "T0411", "argument 1"),
        ("$mapValues(1, 'month')", "D3137", "the table of $mapValues must be an object"),
        ("$orderBy([{'n': 1}], [['n']])", "D3137", "a field to order by must be a name"),
        ("$jsonToCsv([{'a': 1}, 0])", "D3137", "takes objects, not 0"),
        ("$jsonToCsv([null])", "D3137", "takes objects, not null"),
        ("$jsonToCsv([{'a': 1}], {'fields': 5})", "D3137", "a field of CSV must be a name"),
        ("$signJwt({}, 'k', {'header': 'x'})", "D3137", "the header option of $signJwt must be an object"),
        ("$signJwt({'iat': 'x'}, 'k', {'expiresIn': '1h'})", "D3137", "the claim iat of $signJwt must be a number"),
        ("$signJwt({}, 'k', {'expiresIn': '2 months'})", "D3137", "15m, 1h or 7 days"),
        ("$dtFromIso('0001-01-01').setZone('-05:00').toISO()", "D3137", "outside of the years 1 to 9999"),
        ("$parseCsv('id,mail,mail\n1,a,b')", "D3137", "the column 'mail' twice"),
        ("$fromEpoch('1_000')", "D3137", "is not a number of seconds"),
        ("$chunk([1], -1e308)", "D3137", "not -1e+308"),
    ],
)
def test_refusal(evaluator: str, text: str, code: str, part: str) -> None:
    with use(evaluator), pytest.raises(ExpressionError) as caught:
        evaluate(text, {})
    assert caught.value.code == code
    assert part in caught.value.message
    assert "s3cr3t" not in caught.value.message
