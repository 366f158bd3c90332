"""Laws of partitions: products, unions and batches of values, resumed anywhere, against sets made by hand."""

import json
from itertools import product
from typing import Any

from evaluating import usual
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.listing.flows import Chunk, Parents, ParentSource
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.chunks import merge_records
from conn_engine.runtime.layers import Listing
from conn_engine.runtime.listing import fetch_pages
from conn_engine.runtime.partition import Partition
from conn_engine.runtime.sources import run_combinations
from conn_engine.wire import Flow

VALUES = st.lists(st.one_of(st.integers(0, 9), st.sampled_from(["a", "b", "a/b", "ä"])), max_size=5)
NAMES = ("x", "y", "z")


def unique(values: list[Any]) -> list[Any]:
    return list({json.dumps(value): value for value in values}.values())


def parts(parents: list[Parents], start: Any = (), call: Call | None = None) -> list[Partition]:
    """Everything that is pushed. Given values need no request, so the flow yields nothing."""
    found: list[Partition] = []

    def each(part: Partition) -> Flow[None]:
        found.append(part)
        yield from ()

    assert list(run_combinations(listing(call or Call()), {}, parents, start, each)) == []
    return found


def listing(call: Call) -> Listing:
    return Listing(Run(None, Session()), _Operation(), call, fetch_pages)  # type: ignore[arg-type]


class _Operation:
    def get_path(self, key: str) -> tuple[str, ...]:
        return ("resources", "r", "m", key)


def values_of(found: list[Partition]) -> list[dict[str, Any]]:
    return [part.values for part in found]


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_a_product_is_every_combination_once_in_order(columns: list[list[Any]]) -> None:
    parents = [Parents(as_=name, values=column) for name, column in zip(NAMES, columns, strict=False)]
    expected = [dict(zip(NAMES, row, strict=False)) for row in product(*map(unique, columns))]
    assert values_of(parts(parents)) == expected


@given(st.lists(VALUES, min_size=1, max_size=3), st.booleans())
def test_every_place_leads_back_to_itself_and_every_following_one_to_the_rest(
    columns: list[list[Any]], united: bool
) -> None:
    if united:
        parents = [Parents(as_="x", union=tuple(ParentSource(values=unique(column)) for column in columns))]
    else:
        parents = [Parents(as_=name, values=unique(c)) for name, c in zip(NAMES, columns, strict=False)]
    whole = parts(parents)
    for index, part in enumerate(whole):
        place, after = json.loads(json.dumps([part.place, part.following]))
        resumed = values_of(parts(parents, place))
        assert resumed[0] == part.values
        # A resumed union has forgotten what came before: what it had left out may come again, nothing is lost.
        rest = values_of(whole[index:])
        assert [row for row in resumed if row in rest] == rest if united else resumed == rest
        if after is None:
            assert index == len(whole) - 1
        elif not united:
            assert values_of(parts(parents, after)) == values_of(whole[index + 1 :])


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_a_union_is_each_value_once_in_order(columns: list[list[Any]]) -> None:
    parents = [Parents(as_="x", union=tuple(ParentSource(values=column) for column in columns))]
    assert [row["x"] for row in values_of(parts(parents))] == unique([value for column in columns for value in column])


@given(VALUES, st.integers(1, 4))
def test_batches_hold_everything_in_order_and_are_full_but_the_last(values: list[Any], size: int) -> None:
    found = [row["x"] for row in values_of(parts([Parents(as_="x", values=values, batch=size)]))]
    assert [value for batch in found for value in batch] == unique(values)
    assert all(len(batch) == size for batch in found[:-1])
    assert all(0 < len(batch) <= size for batch in found)


@given(VALUES, VALUES)
def test_given_values_replace_the_source(values: list[Any], given_values: list[Any]) -> None:
    found = values_of(parts([Parents(as_="x", values=values)], call=Call(params={"x": given_values})))
    assert [row["x"] for row in found] == unique(given_values)


@given(st.lists(st.text(max_size=8), max_size=20), st.integers(1, 5), st.integers(1, 20))
def test_pieces_hold_everything_in_order_within_their_bounds(values: list[Any], size: int, length: int) -> None:
    pieces = Chunk(values=values, size=size, max_length=length).cut(values)
    assert [value for piece in pieces for value in piece] == values
    assert len(pieces) >= 1
    for piece in pieces:
        assert len(piece) <= size
        assert len(piece) == 1 or len(",".join(map(str, piece))) <= length


RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(0, 4)},
        optional={"a": st.integers(), "p": st.dictionaries(st.sampled_from("xy"), st.integers())},
    ),
    max_size=5,
    unique_by=lambda record: record["id"],
)


def merge(first: list[Any], more: list[Any]) -> list[Any]:
    return merge_records(first, more, None, usual())


@given(RECORDS, RECORDS, RECORDS)
def test_merging_pieces_loses_no_record_and_is_associative(a: list[Any], b: list[Any], c: list[Any]) -> None:
    assert {r["id"] for r in merge(a, b)} == {r["id"] for r in a} | {r["id"] for r in b}
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, []) == a
