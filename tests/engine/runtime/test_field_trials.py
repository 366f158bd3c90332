"""Which parts of a record an expression uses: found by evaluations, few of them whatever the number of fields."""

from typing import Any

import pytest

from conn_engine.conditions import USUAL
from conn_engine.expressions import expression
from conn_engine.testing.field_trials import FieldTrials
from conn_engine.testing.vendor_records import VendorRecords

RECORD = {
    "id": "7",
    "size": "12",
    "day": "2026-01-02",
    "name": "Ada",
    "none": None,
    "deep": {"a": 1, "b": [{"c": "x", "d": "y"}, {"c": "z"}]},
    "custom__c": True,
    "list": ["p", "q"],
}
PATHS = [
    ("id",), ("size",), ("day",), ("name",), ("none",), ("deep", "a"), ("deep", "b", "c"), ("deep", "b", "d"),
    ("custom__c",), ("list",),
]  # fmt: skip


def find(text: str, *records: Any, paths: Any = PATHS) -> tuple[set[str], int]:
    """The paths that are used, and the number of evaluations."""
    trials = FieldTrials()
    before = trials._left
    scopes = [{"response": record} for record in records or (RECORD,)]
    used = trials.find_used(expression(text), paths, [VendorRecords(scopes, USUAL)])
    return {".".join(path) for path in used}, before - trials._left


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("response", {".".join(path) for path in PATHS}),
        ("$omit(response, ['id', 'deep', 'none'])", {"size", "day", "name", "custom__c", "list"}),
        ("$sift(response, function($value, $name) { $substring($name, -3) = '__c' })", {"custom__c"}),
        ("response.{'n': $uppercase(name), 's': $number(size) + 1}", {"name", "size"}),
        ("response.{'d': $toMillis(day)}", {"day"}),
        ("response.(size = '12' ? name : id)", {"size", "name", "id"}),  # with other values, it is another branch
        ("response.deep.b.d", {"deep.b.d"}),
        ("$keys(response)", {"id", "size", "day", "name", "none", "custom__c", "list"}),
        ("$exists(response.none)", {"none"}),  # as it would be with a value
        ("$string(response.deep)", {"deep.a", "deep.b.c", "deep.b.d"}),
        ("$error('always')", {".".join(path) for path in PATHS}),
        ("1", set()),
    ],
)
def test_used_parts(text: str, used: set[str]) -> None:
    assert find(text)[0] == used


def test_a_field_counts_on_the_first_record_that_has_it() -> None:
    records = ({"a": None, "b": ""}, {"a": 1, "b": "y"}, {"a": 2})
    assert find("$sift(response, function($v, $k) { $k = 'a' })", *records, paths=[("a",), ("b",), ("c",)])[0] == {"a"}


def test_an_object_is_used_like_its_parts_are() -> None:
    record = {"deep": {"a": 1, "b": 2}, "other": {"a": 1}}
    paths = [("deep",), ("deep", "a"), ("deep", "b"), ("other",), ("other", "a")]
    assert find("$merge([response.deep, {'b': 1}])", record, paths=paths)[0] == {"deep", "deep.a"}


def test_the_number_of_evaluations_does_not_grow_with_the_fields() -> None:
    for count in (10, 1000):
        record = {"id": "1", **{f"f{number}": str(number) for number in range(count)}}
        paths = [(name,) for name in record]
        used, evaluations = find("$omit(response, ['f3', 'f4'])", record, paths=paths)
        assert (len(used), evaluations) == (count - 1, 3)


def test_evaluations_are_limited_and_the_rest_counts_as_used() -> None:
    record = {f"f{number}": number for number in range(2100)}
    used, evaluations = find("$sum(response.*)", record, paths=[(name,) for name in record])
    assert (len(used), evaluations) == (2100, 2000)


def test_nothing_is_known_without_a_record() -> None:
    trials = FieldTrials()
    assert trials.find_used(expression("1"), [("a",)], [VendorRecords([], USUAL)]) == {("a",)}
