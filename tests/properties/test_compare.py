"""Comparing records, for any records: what must hold whatever they are."""

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conn_engine.testing.compare import compare_records, compare_requests, leaves, same_value

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-4, 4, width=16) | st.text("a.é", max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.", max_size=2), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(st.sampled_from(["id", "name", "tags", "a", "a.b"]), VALUES, max_size=4)
LISTS = st.lists(RECORDS | SCALARS, max_size=6)
IDENTIFIED = st.lists(
    st.builds(lambda key, rest: {**rest, "id": key}, st.integers(0, 50) | st.text("xyz", min_size=1), RECORDS),
    max_size=6,
    unique_by=lambda record: str(record["id"]),
)
URLS = st.builds(
    lambda path, pairs: f"/{path}" + ("?" + "&".join(f"{name}={value}" for name, value in pairs) if pairs else ""),
    st.text("ab", max_size=2),
    st.lists(st.tuples(st.sampled_from("pqr"), st.integers(0, 2)), max_size=4),
)


@given(LISTS)
def test_a_list_equals_itself_and_its_json(records: list[Any]) -> None:
    made = compare_records(records, json.loads(json.dumps(records)))
    assert made.equal
    assert made.same == len(records)


@given(LISTS, LISTS)
def test_equal_means_equal(before: list[Any], after: list[Any]) -> None:
    assert compare_records(before, after).equal is same_value(before, after)


@given(LISTS, LISTS)
def test_the_other_way_round_added_is_missing(before: list[Any], after: list[Any]) -> None:
    there, back = compare_records(before, after), compare_records(after, before)
    assert (there.gone, there.new, there.same) == (back.new, back.gone, back.same)
    assert there.reordered is back.reordered
    turned = {"added": "missing", "missing": "added"}
    mirrored = {(name, turned.get(kind, kind)): count for (name, kind), count in back.by_field().items()}
    assert there.by_field() == mirrored
    swapped = {
        (record.key, change.field): (change.after, change.before) for record in back.changed for change in record.fields
    }
    for record in there.changed:
        for change in record.fields:
            assert same_value(list(swapped[record.key, change.field]), [change.before, change.after])


@given(LISTS, LISTS)
def test_the_counts_add_up(before: list[Any], after: list[Any]) -> None:
    made = compare_records(before, after)
    assert made.same + len(made.changed) + len(made.gone) == len(before)
    assert made.same + len(made.changed) + len(made.new) == len(after)
    fields = Counter((change.field, change.kind) for record in made.changed for change in record.fields)
    assert made.by_field() == dict(fields)
    assert all(record.fields for record in made.changed)


@given(IDENTIFIED, st.randoms(use_true_random=False))
def test_records_with_ids_in_another_order_are_only_reordered(records: list[Any], random: Any) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)
    made = compare_records(records, shuffled)
    moved = [record["id"] for record in records] != [record["id"] for record in shuffled]
    assert made.reordered is moved
    assert (made.changed, made.gone, made.new, made.same) == ((), (), (), len(records))


@given(IDENTIFIED, st.data())
def test_a_record_taken_away_is_the_only_thing_that_is_gone(records: list[Any], data: Any) -> None:
    at = data.draw(st.integers(0, len(records)))
    left = records[:at] + records[at + 1 :]
    made = compare_records(records, left)
    gone = [str(record["id"]) for record in records[at : at + 1]]
    assert (list(made.gone), made.new, made.changed, made.reordered) == (gone, (), (), False)


@given(RECORDS)
def test_leaves_are_all_there(record: dict[str, Any]) -> None:
    for name, value in leaves(record).items():
        assert not isinstance(value, dict) or value == {}
        assert isinstance(name, str)


@given(st.lists(URLS, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_parameters_does_not_count_but_that_of_repeats_does(urls: list[str], random: Any) -> None:
    def turned(url: str) -> str:
        path, mark, query = url.partition("?")
        names = sorted({pair.split("=")[0] for pair in query.split("&")})
        random.shuffle(names)
        pairs = [pair for name in names for pair in query.split("&") if pair.split("=")[0] == name]
        return path + mark + "&".join(pairs)

    before = [{"method": "GET", "url": url} for url in urls]
    assert compare_requests(before, [{"method": "GET", "url": turned(url)} for url in urls]) == []


@given(st.lists(URLS, max_size=4), st.lists(URLS, max_size=4))
def test_every_further_request_is_missing_or_extra(before: list[str], after: list[str]) -> None:
    changes = compare_requests(
        [{"method": "GET", "url": u} for u in before], [{"method": "GET", "url": u} for u in after]
    )
    kinds = Counter(change.part for change in changes)
    assert kinds["missing"] == max(0, len(before) - len(after))
    assert kinds["extra"] == max(0, len(after) - len(before))


def test_what_a_customer_would_see() -> None:
    before = [{"id": "1", "a": 1, "b": [1], "c": {"d": None}, "e": "x", "f": {"a.b": 1}}]
    after = [{"id": "1", "a": 1.0, "b": [True], "c": {"d": 2}, "f": {"a": {"b": 1}}}]
    made = compare_records(before, after)
    assert made.by_field() == {("b", "changed"): 1, ("c.d", "added"): 1, ("e", "missing"): 1}
    only_nesting = compare_records([{"id": "1", "a.b": 1}], [{"id": "1", "a": {"b": 1}}])
    assert only_nesting.by_field() == {("", "changed"): 1}
    assert compare_records([{"id": 1}], [{"id": 1}, {"id": 1}]).new == ("#2",)
    assert compare_requests([{"method": "GET", "url": "/a", "body": 1}], [{"method": "GET", "url": "/a", "body": True}])
