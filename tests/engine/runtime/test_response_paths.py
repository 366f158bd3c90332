"""Paths that are followed without an evaluator find what the evaluator finds."""

from typing import Any

import pytest
from evaluating import evaluate, usual

from conn_engine.runtime.records import pick, records_of

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
