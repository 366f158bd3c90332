"""Resuming from a cursor: what prevents it, and places at their limits. See also `properties/test_resuming`."""

from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.errors import UsageError, VendorError
from conn_engine.listing.known_records import MOST_KNOWN
from conn_engine.runtime.call import Call
from conn_engine.runtime.resuming import find_obstacles

ROWS: dict[str, Any] = {"method": "get", "path": "/rows", "response_path": "items"}
JOB = {"download": {"path": "/result"}}
RESTART = [{"when": "status = 400", "then": "restart"}]
NO_PAGES = {"format": "none"}


def workspace_with(make: Callable[..., Any], **resources: Any) -> Any:
    pagination = {"format": "next_url", "config": {"next_url_field": "next"}}
    base = {"base_url": "https://api.example.com", "pagination": pagination}
    data = {**base, "resources": {name: {"list": {**ROWS, **more}} for name, more in resources.items()}}
    return make({"connectors/shop/connector.yaml": data, "connectors/shop/unified/crm.yaml": None})


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"job": JOB}, "`job`"),
        ({"distinct": "record.id"}, "`distinct`"),
        ({"recurse": {"as": "parent"}}, "`recurse`"),
        ({"errors": RESTART}, "`restart`"),
    ],
)
def test_settings_that_prevent_resuming_are_reported_also_for_parents(
    make: Any, more: dict[str, Any], says: str
) -> None:
    parents = {"parents": {"as": "row", "from": "rows.list"}}
    chunk = {"chunk": {"values": {"from": "rows.list"}, "size": 2, "param": "ids"}}
    effective = workspace_with(make, rows=more, items=parents, pieces=chunk, plain={}).effective(account="acme")
    (found,) = find_obstacles(effective, effective.vendor("rows", "list"))
    assert found.startswith("rows.list: ")
    assert says in found
    assert find_obstacles(effective, effective.vendor("items", "list")) == (found,)
    assert find_obstacles(effective, effective.vendor("pieces", "list")) == (found,)
    assert find_obstacles(effective, effective.vendor("plain", "list")) == ()


def test_the_cursor_of_the_longest_next_url_can_be_handed_back(make: Any, run: Callable[..., Any]) -> None:
    workspace = workspace_with(make, rows={})
    url = "https://api.example.com/rows?after=".ljust(16_384, "x")
    first = run(workspace, "rows.list", [{"items": [{"id": 1}], "next": url}, {"items": []}])
    again = run(workspace, "rows.list", [{"items": [{"id": 2}]}], Call(cursor=first.pages[0].next_cursor))
    assert again.urls == [url]


def test_rows_under_a_recursion_are_requested_again(make: Any) -> None:
    rows = {"recurse": {"as": "parent"}, "response_format": "csv", "response_path": None, "pagination": NO_PAGES}
    effective = workspace_with(make, rows=rows).effective(account="acme")
    known, again = find_obstacles(effective, effective.vendor("rows", "list"))
    assert ("at most 1,000" in known, "csv response" in again) == (True, True)


def test_a_listing_starts_again_after_a_cursor_that_has_what_was_delivered(
    make: Any, run: Callable[..., Any], made_answer: Callable[..., Any]
) -> None:
    workspace = workspace_with(make, rows={"errors": RESTART})
    first, second = {"items": [{"id": 1}], "next": "/rows?page=2"}, {"items": [{"id": 1}, {"id": 2}]}
    cursor = run(workspace, "rows.list", [first, second]).pages[0].next_cursor
    again = run(workspace, "rows.list", [made_answer({"error": "expired"}, 400), first, second], Call(cursor=cursor))
    assert [page.records for page in again.pages] == [[], [{"id": 2}]]


def test_a_restart_after_more_records_than_a_cursor_has_is_an_error_that_says_what_to_do(
    make: Any, run: Callable[..., Any], made_answer: Callable[..., Any]
) -> None:
    workspace = workspace_with(make, rows={"errors": RESTART})
    script = [{"items": [{"id": n} for n in range(MOST_KNOWN + 1)], "next": "/rows?page=2"}, {"items": []}]
    cursor = run(workspace, "rows.list", script).pages[0].next_cursor
    with pytest.raises(VendorError) as caught:
        run(workspace, "rows.list", [made_answer({"error": "expired"}, 400)], Call(cursor=cursor))
    assert caught.value.hint == "run the operation again without a cursor: the listing must restart"


@pytest.mark.parametrize(
    "layer",
    [
        {"parents": {"as": "row", "values": ["a", "b"], "param": "row"}},
        {"incremental": {"format": "datetime", "config": {"start": "2024-01-01", "record_cursor": "at"}}},
    ],
)
def test_a_cursor_of_layers_that_the_operation_has_no_more_is_an_error(
    make: Any, run: Callable[..., Any], layer: dict[str, Any]
) -> None:
    script = [{"items": [{"id": 1, "at": "2024-01-02"}], "next": "/rows?page=2"}, {"items": []}, {"items": []}]
    cursor = run(workspace_with(make, rows=layer), "rows.list", script).pages[0].next_cursor
    with pytest.raises(UsageError, match="does not belong"):
        run(workspace_with(make, rows={}), "rows.list", [], Call(cursor=cursor))
