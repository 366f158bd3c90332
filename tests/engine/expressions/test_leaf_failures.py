"""A leaf that fails on a record leaves its field empty there: what counts as null, what is counted, what never is."""

from typing import Any

import pytest
from evaluating import isolated, mapping

from conn_engine.errors import ExpressionError
from conn_engine.expressions import DEFAULT_LIMITS, EvaluationLimits, LeafFailures
from conn_engine.expressions import expression as compiled
from conn_engine.expressions.isolation import Isolation

NULLS = {
    "nothing": None,
    "text": "abc",
    "object": {"a": 1},
    "numbers": [1, 2],
    "holes": [1, None],
    "words": ["a", None],
    "rows": [{"a": 1, "b": None}, {"a": None, "b": 2}],
}
DEEP = "($again := function($n){1 + $again($n + 1)}; $again(0))"
ENDLESS = "($again := function($n){$again($n + 1)}; $again(0))"


def run(layers: list[Any], records: list[Any], **more: Any) -> tuple[list[Any], dict[str, list[int]]]:
    """The results, and the indexes of the records on which each field fails."""
    failures = LeafFailures(more.pop("is_strict", lambda path: path == ("id",)))
    made = mapping(layers).apply([{"response": record} for record in records], failures=failures, **more)
    return made, {field: failure.indexes for field, failure in failures.by_field.items()}


@pytest.mark.parametrize(
    "text",
    [
        "$number(response.nothing)",
        "$number(response.missing)",
        "$number(null)",
        "null + 1",
        "response.nothing + 1",
        "1 - response.nothing",
        "-response.nothing",
        "response.nothing > 1",
        "[1..response.nothing]",
        "{response.nothing: 1}",
        "$uppercase(response.nothing)",
        "response.nothing ~> $uppercase",
        "$substring(response.text, response.nothing)",
        "$fromMillis(response.nothing)",
        "$toMillis(response.nothing)",
        "$round(response.nothing, 2)",
        "$sum(response.holes)",
        "$join(response.words, ',')",
        "$sort(response.holes)",
        "response.rows^(a)",
        "response.rows.(a + b)",
        "$map(response.holes, function($one){$one + 1})",
        "$dateParse(response.nothing, 'dd.MM.yyyy')",
        "$number(response.text = 'x' ? 1 : null)",
        "(response.object.a = 1 ? null : 2) * 3",
    ],
)
def test_a_failure_due_to_null_leaves_the_field_empty_and_is_not_counted(evaluator: str, text: str) -> None:
    made, failed = run([{"id": "1", "field": text}], [NULLS])
    assert failed == {}
    assert made[0].get("field") in (None, [], {})


@pytest.mark.parametrize(
    "text",
    [
        "$number(response.text)",
        "response.text + 1",
        "response.text + response.nothing",
        "$number(response.text) + response.nothing",
        "-response.object",
        "response.object > 1",
        "$number(response.object)",
        "$sum(response.text)",
        "$toMillis(response.text)",
        "response.text()",
        "$error('no value')",
        "response.nothing = null ? $error('no value') : 1",
        "$assert($exists(response.missing), 'no value')",
    ],
)
def test_any_other_failure_is_counted(evaluator: str, text: str) -> None:
    made, failed = run([{"id": "1", "field": text}], [NULLS, NULLS])
    assert failed == {"field": [0, 1]}
    assert made == [{"id": 1}, {"id": 1}]


def test_only_the_field_of_the_record_is_empty(evaluator: str) -> None:
    records = [{"id": str(n), "score": score} for n, score in enumerate(["1", "x", None, "4", "y"])]
    tree = {"id": "response.id", "deep": {"score": "$number(response.score)", "id": "response.id"}}
    pages = [run([tree], records) for _ in range(2)]  # the second page knows which leaf fails
    for made, failed in pages:
        assert [row["deep"].get("score") for row in made] == [1, None, None, 4, None]
        assert [row["deep"]["id"] for row in made] == ["0", "1", "2", "3", "4"]
        assert failed == {"deep.score": [1, 4]}


def test_a_page_is_evaluated_at_once_until_a_leaf_fails() -> None:
    made = mapping([{"id": "$string(response.id)", "score": "$number(response.score)", "n": "response.id + 1"}])
    asked: list[str] = []
    good = [{"response": {"id": n, "score": "1"}} for n in range(50)]
    bad = [*good[:49], {"response": {"id": 9, "score": "x"}}]

    def count(scopes: list[Any]) -> list[str]:
        asked.clear()
        with pytest.MonkeyPatch.context() as patch:
            evaluate = type(compiled("1")).evaluate
            patch.setattr(
                type(compiled("1")),
                "evaluate",
                lambda self, *a, **k: (asked.append(self.text), evaluate(self, *a, **k))[1],
            )
            made.apply(scopes, failures=LeafFailures())
        return list(asked)

    assert len(count(good)) == 1
    first = count(bad)
    assert sum("response.score" in text for text in first) == 2 + 50  # the page, its column, its records
    assert sum("response.id" in text for text in first) == 1 + 2  # the page, and each other column
    assert len(count(bad)) == 2 + 50  # from now on, the others together
    assert len(count(good)) == 2


@pytest.mark.parametrize("wrong", ["x", None])  # null too: the field must have a value
def test_a_leaf_that_must_not_fail_fails_the_page(evaluator: str, wrong: Any) -> None:
    with pytest.raises(ExpressionError, match="record 1, id") as caught:
        run([{"id": "$number(response.id) + 1", "a": "$number('x')"}], [{"id": 1}, {"id": wrong}])
    assert (caught.value.at, caught.value.text) == ("id", "$number(response.id) + 1")


def test_an_expression_for_the_complete_record_fails_the_page(evaluator: str) -> None:
    with pytest.raises(ExpressionError):
        run(["{'id': $number(response.text)}"], [NULLS])
    with pytest.raises(ExpressionError):
        run([{"id": "1"}, "$merge([$base, {'n': $number(response.text)}])"], [NULLS])


def test_the_fields_of_every_level(evaluator: str) -> None:
    base = {"id": "1", "a": "$number(response.text)", "b": "response.object.a"}
    assert run([base, {"a": "response.object.a"}], [NULLS]) == ([{"id": 1, "b": 1, "a": 1}], {})  # nothing uses it
    made, failed = run([base, {"b": "$number(response.text)"}], [NULLS])
    assert (made, failed) == ([{"id": 1}], {"a": [0], "b": [0]})
    made, failed = run([base, {"b": "$base.a"}], [NULLS])
    assert (made, failed) == ([{"id": 1}], {"a": [0]})
    both = {"a": "$number(response.text) & $string($base.a)"}
    assert run([base, both], [NULLS, NULLS])[1] == {"a": [0, 1]}  # a record counts once
    made, failed = run([base, {"a": None}], [NULLS])
    assert (made, failed) == ([{"id": 1, "b": 1}], {})


@pytest.mark.parametrize(("endless", "code"), [(ENDLESS, "timeout"), (DEEP, "depth")])
def test_a_limit_fails_the_page_and_not_every_record(evaluator: str, endless: str, code: str) -> None:
    tree = {"id": "response.text", "bad": "$number(response.text)", "endless": endless}
    with pytest.raises(ExpressionError) as caught:
        run([tree], [NULLS] * 3, limits=EvaluationLimits(seconds=0.05 if code == "timeout" else 2))
    assert (caught.value.code, caught.value.at) == (code, "endless")


def test_failures_cannot_take_more_time_than_a_page() -> None:
    slow = "($sum([1..200000]); $error('slow'))"
    with pytest.raises(ExpressionError, match="in parts took") as caught:
        run([{"slow": slow}], [NULLS] * 2_000, limits=EvaluationLimits(seconds=0.01))
    assert caught.value.code == "timeout"


def test_records_and_fields_beside_a_failure_cannot_take_more_time_than_a_page() -> None:
    slow = "$sum([1..20000])"
    records = [{"number": number} for number in range(20_000)]
    with pytest.raises(ExpressionError, match="in parts took"):
        run([{"a": f"response.number = 0 ? $error('first') : {slow}"}], records, limits=EvaluationLimits(seconds=0.002))
    fields = {"fails": "$number(response.text)", **dict.fromkeys(map(str, range(1_000)), slow)}
    with pytest.raises(ExpressionError, match="in parts took"):
        run([fields], [NULLS], limits=EvaluationLimits(seconds=0.02))


def test_a_large_value_is_a_limit_and_no_failure(evaluator: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        run([{"a": "response.text & response.text"}], [NULLS], limits=EvaluationLimits(string_bytes=4))
    assert caught.value.code == "size"


def test_failures_under_isolation_are_the_same() -> None:
    tree = {"id": "response.text", "a": "$number(response.text)", "b": "$number(response.nothing)"}
    with Isolation() as isolation, isolated(isolation, []):
        assert run([tree], [NULLS]) == ([{"id": "abc"}], {"a": [0]})
        with pytest.raises(ExpressionError) as caught:
            run([{"a": ENDLESS}], [NULLS], limits=EvaluationLimits(seconds=0.1))
        assert caught.value.code == "timeout"


def test_defaults_are_as_before() -> None:
    made = mapping([{"a": "$number(response.nothing)"}])
    with pytest.raises(ExpressionError):
        made.apply([{"response": NULLS}], limits=DEFAULT_LIMITS)
