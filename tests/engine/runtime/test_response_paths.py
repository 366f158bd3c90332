"""Paths that are followed without an evaluator find what the evaluator finds."""

from typing import Any

import pytest
from evaluating import evaluate, usual

from conn_engine.runtime.records import ResponsePathMissing, pick, records_of

BODIES: list[Any] = [
    {}, {"a": None}, {"a": []}, {"a": [1]}, {"a": [None]}, {"a": [[1], [2]]}, {"a": {}},
    {"a": {"b": [1, 2]}}, {"a": {"b": None}},
    {"a": [{"b": [1]}, {"b": [2, 3]}]}, {"a": [{"b": 1}]}, {"a": 1}, {"a": False}, [{"a": [1]}], [], None,
]  # fmt: skip


@pytest.mark.parametrize("path", ["a", "a.b", "[a]", "[a.b]"])
@pytest.mark.parametrize("body", BODIES, ids=str)
def test_a_path_finds_what_the_evaluator_finds(path: str, body: Any) -> None:
    assert pick(path, body, usual()) == evaluate(path, body)


@pytest.mark.parametrize(
    ("body", "records"),
    [
        ({}, []),
        ({"rows": None}, []),
        ({"rows": []}, []),
        ({"rows": {"id": 1}}, [{"id": 1}]),
        ({"rows": [{"id": 1}]}, [{"id": 1}]),
    ],
)
def test_in_brackets_nothing_is_no_record(body: Any, records: list[Any]) -> None:
    assert records_of("[rows]", body, usual()) == (records, False)


ONLY = ", the only list in the response?"
OMITTED = "if the vendor omits the key when there are no records, write: $exists(key) ? key : []"


@pytest.mark.parametrize(
    ("path", "body", "hint"),
    [
        ("dta", {"data": []}, 'did you mean "data"?'),
        ("payload.persns", {"payload": {"persons": [], "total": 1}}, 'did you mean "payload.persons"?'),
        ("payload.persons", {"payload": {"people": []}}, f'did you mean "payload.people"{ONLY}'),
        ("data", {"result": {"rows": [{"tags": []}], "n": 1}}, f'did you mean "result.rows"{ONLY}'),
        (
            "payload.persons",
            {"payload": {"people": [], "n": 1}, "tags": []},
            'did you mean "payload.people", the only list in payload?',
        ),
        ("data", [{"id": 1}], "remove response_path: the response is the list of records"),
        ("data", {"a": [], "b": []}, OMITTED),
        ("data", {"a": {"b": {"c": {"d": {"e": []}}}}}, OMITTED),
        ("data", None, OMITTED),
        ("data[0]", {"items": []}, "write [data[0]] if it may match nothing: it then gives an empty list"),
    ],
)  # fmt: skip
def test_a_path_that_matches_nothing_suggests_one_that_does(path: str, body: Any, hint: str) -> None:
    with pytest.raises(ResponsePathMissing) as caught:
        records_of(path, body, usual())
    assert caught.value.hint == hint
