"""Pairing of mapped records with what a run returns, and with the vendor's records in a response."""

from typing import Any

from conn_engine.expressions import UNDEFINED
from conn_engine.testing.pairing import find_vendor_records, pair_returned


def list_states(mapped: list[Any], returned: list[Any]) -> list[tuple[str, Any]]:
    return [(one.state, None if one.value is UNDEFINED else one.value) for one in pair_returned(mapped, returned)]


def test_records_that_steps_drop_change_or_add() -> None:
    mapped = [{"id": 1, "a": 1}, {"id": 2, "a": 2}, {"id": 3, "a": 3}, UNDEFINED]
    returned = [{"id": 3, "a": 30}, {"id": 1, "a": 1}, {"id": 9}]
    assert list_states(mapped, returned) == [
        ("same", {"id": 1, "a": 1}),
        ("dropped", None),
        ("changed", {"id": 3, "a": 30}),
        ("dropped", None),
    ]


def test_equal_records_and_records_without_an_id_are_paired_once() -> None:
    assert list_states([{"a": 1}, {"a": 1}, {"a": 2}], [{"a": 1}, {"a": 3}]) == [
        ("same", {"a": 1}),
        ("dropped", None),
        ("dropped", None),
    ]
    assert list_states([{"id": 1, "a": 1}, {"id": 1, "a": 2}], [{"id": 1, "a": 2}, {"id": 1, "a": 5}]) == [
        ("changed", {"id": 1, "a": 5}),
        ("same", {"id": 1, "a": 2}),
    ]


def test_the_vendors_record_of_each_result_of_a_page() -> None:
    body = {"meta": [{"x": 1}], "data": {"users": [{"key": "b", "n": 1}, {"key": "a", "n": 2}]}}
    assert find_vendor_records(body, [{"id": "a"}, {"id": "b"}, {"id": "c"}]) == [
        ("data", "users", 1),
        ("data", "users", 0),
        None,
    ]
    assert find_vendor_records(body, [{"name": "x"}, {"name": "y"}]) == [("data", "users", 0), ("data", "users", 1)]
    assert find_vendor_records({"a": 1}, [{"id": "a"}]) == [None]
