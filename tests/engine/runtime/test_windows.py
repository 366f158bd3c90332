"""Incremental operations against a real server: the requests, and the state on every page."""

import re
from collections.abc import Callable
from contextlib import closing
from datetime import date
from typing import Any

import pytest

from conn_engine.errors import ConfigurationError, ExpressionError, UsageError, VendorError
from conn_engine.runtime.call import Call

ROWS = [
    {"id": 1, "at": "2024-01-05T00:00:00Z"},
    {"id": 2, "at": "2024-01-20T00:00:00Z"},
    {"id": 3, "at": "2024-02-03T00:00:00Z"},
    {"id": 4, "at": "2024-02-25T12:00:00Z"},
]


def rows(got: Any) -> Any:
    """The rows between `from` and `to`, two a page."""
    found = [row for row in ROWS if got.query.get("from", "") <= row["at"] <= got.query.get("to", "9")]
    at = int(got.query.get("after", 0))
    return {"items": found[at : at + 2], **({"next": str(at + 2)} if at + 2 < len(found) else {})}


def listing(format: str = "datetime", path: str = "/rows", more: dict[str, Any] | None = None, **config: Any) -> Any:  # noqa: A002
    incremental = {"format": format, "config": {"record_cursor": "at", **config}}
    operation = {"method": "get", "path": path, "response_path": "items", "incremental": incremental, **(more or {})}
    return {"rows": {"list": operation}}


BOUNDED = {
    "start": "2024-01-01",
    "end": "2024-03-01",
    "start_param": "from",
    "end_param": "to",
    "request_format": "date",
}


def test_each_window_is_asked_for_and_the_state_moves_with_it(shop: Any) -> None:
    acme = shop(listing(**BOUNDED | {"end": "2024-02-28"}, window="P1M", granularity="P1D"), rows)
    pages = list(acme.pages("rows.list"))
    assert acme.got == ["/rows?from=2024-01-01&to=2024-01-31", "/rows?from=2024-02-01&to=2024-02-28"]
    assert [page.state for page in pages] == [{"cursor": "2024-01-20T00:00:00Z"}, {"cursor": "2024-02-25T12:00:00Z"}]


def test_a_window_that_is_refused_holds_the_state_and_the_others_may_be_read(shop: Any) -> None:
    def answer(got: Any) -> Any:
        return (500, {}) if got.query["from"] == "2024-02-01" else rows(got)

    bounds = BOUNDED | {"end": "2024-03-30"}
    more = {"part_failure": "continue", "errors": [{"when": "status = 500", "then": "fail"}]}
    acme = shop(listing(**bounds, window="P1M", granularity="P1D", more=more), answer)
    pages: list[Any] = []
    with pytest.raises(VendorError, match="500"):
        for page in acme.pages("rows.list"):
            pages.append(page)  # what came before the error counts
    assert [got[:21] for got in acme.got[:3]] == [f"/rows?from=2024-0{n}-01" for n in (1, 2, 3)]
    assert [page.state for page in pages] == [{"cursor": "2024-01-20T00:00:00Z"}] * 2


def test_in_the_middle_of_a_window_the_state_stays(shop: Any) -> None:
    acme = shop(listing(**BOUNDED), rows)
    pages = list(acme.pages("rows.list", Call(state={"cursor": "2024-01-02T00:00:00Z"})))
    assert [page.state["cursor"][:10] for page in pages] == ["2024-01-02", "2024-02-25"]
    assert acme.got[0] == "/rows?from=2024-01-02&to=2024-03-01"


def test_records_that_ascend_move_the_state_page_by_page(shop: Any) -> None:
    acme = shop(listing(**BOUNDED, order="ascending"), rows)
    assert [page.state["cursor"][:10] for page in acme.pages("rows.list")] == ["2024-01-20", "2024-02-25"]


def test_a_failed_run_leaves_the_state_of_what_came(shop: Any) -> None:
    def breaks(got: Any) -> Any:
        return (500, {"error": "down"}) if got.query["from"] == "2024-02-01" else rows(got)

    acme = shop(listing(**BOUNDED, window="P1M", granularity="P1D"), breaks)
    states: list[Any] = []
    with pytest.raises(VendorError):
        for page in acme.pages("rows.list"):
            states.append(page.state)
    assert states == [{"cursor": "2024-01-20T00:00:00Z"}]


def test_names_of_the_window_are_in_every_template(shop: Any) -> None:
    template = {
        "method": "post",
        "writes": False,
        "path": "/rows/{{window.start}}",
        "headers": {"X-Length": "{{window.length}}"},
        "body": {"to": "{{window.end}}", "first": "{{window.first}}", "last": "{{window.last}}"},
    }
    config = {"start": 0, "end": 25, "window": 10, "granularity": 1, "record_cursor": "n", "start_body": "/filter/min"}
    acme = shop(listing("integer", more=template, **config), lambda got: {"items": [{"n": 3}]})
    pages = list(acme.pages("rows.list"))
    assert [(got.path, got.headers["x-length"], got.data) for got in acme.site.arrived] == [
        ("/rows/0", "9", {"to": 9, "first": True, "last": False, "filter": {"min": 0}}),
        ("/rows/10", "9", {"to": 19, "first": False, "last": False, "filter": {"min": 10}}),
        ("/rows/20", "5", {"to": 25, "first": False, "last": True, "filter": {"min": 20}}),
    ]
    assert pages[-1].state == {"cursor": 3}


def test_the_first_run_may_go_elsewhere_than_later_ones(shop: Any) -> None:
    more = {"query": {"since": "{{state.cursor}}"}}
    acme = shop(listing(path="/rows/{{state.cursor ? 'changes' : 'all'}}", more=more), lambda got: {"items": ROWS})
    (page,) = acme.pages("rows.list")
    acme.records("rows.list", Call(state=page.state))
    assert acme.got == ["/rows/all", "/rows/changes?since=2024-02-25T12:00:00Z"]


def test_a_feed_ends_where_records_are_older_than_the_state(shop: Any) -> None:
    feed = list(reversed(ROWS))

    def answer(got: Any) -> Any:
        at = int(got.query.get("after", 0))
        return {"items": feed[at : at + 1], "next": str(at + 1) if at < 3 else None}

    acme = shop(listing(stop_when_older=True, filter=True), answer)
    pages = list(acme.pages("rows.list", Call(state={"cursor": "2024-02-03T00:00:00Z"})))
    assert [record["id"] for page in pages for record in page.records] == [4, 3]
    assert len(acme.got) == 3
    assert pages[-1].next_cursor is None
    assert pages[-1].state == {"cursor": "2024-02-25T12:00:00Z"}


def test_a_cursor_leads_back_into_its_window_whatever_the_clock_says(shop: Any) -> None:
    acme = shop(listing(**BOUNDED | {"end": None}, window="P1M", granularity="P1D"), rows)
    with closing(acme.pages("rows.list")) as pages:
        first = next(pages)
    asked = len(acme.got)
    again = list(acme.pages("rows.list", Call(cursor=first.next_cursor, state=first.state)))
    assert acme.got[asked].startswith("/rows?from=2024-02-01&to=2024-02-29")
    assert [record["id"] for page in again for record in page.records] == [3, 4]
    assert again[-1].state == {"cursor": "2024-02-25T12:00:00Z"}
    with pytest.raises(UsageError, match="does not belong"):
        acme.records("rows.list", Call(cursor="eyJwbGFjZSI6eyJ3aW5kb3ciOnsieCI6MX19fQ"))


def boards(got: Any) -> Any:
    if got.path == "/boards":
        return {"items": [{"id": "a"}, {"id": "b"}]}
    found = [
        row for row in ROWS if row["id"] % 2 == (got.path == "/boards/a/rows") and got.query["from"] <= row["at"][:10]
    ]
    return {"items": found}


def over_boards(**config: Any) -> Any:
    parents = {"parents": {"as": "board", "from": "boards.list"}}
    resources = listing(path="/boards/{{board}}/rows", more=parents, **BOUNDED, **config)
    return resources | {"boards": {"list": {"method": "get", "path": "/boards", "response_path": "items"}}}


def test_every_partition_has_a_cursor_of_its_own(shop: Any) -> None:
    acme = shop(over_boards(), boards)
    pages = list(acme.pages("rows.list"))
    assert pages[0].state == {"partitions": [{"partition": {"board": "a"}, "cursor": "2024-02-03T00:00:00Z"}]}
    assert [entry["cursor"][:10] for entry in pages[1].state["partitions"]] == ["2024-02-03", "2024-02-25"]

    acme.site.arrived.clear()
    state = pages[0].state  # the run was cut off after the first board
    assert [record["id"] for record in acme.records("rows.list", Call(state=state))] == [3, 2, 4]
    assert acme.got[1:] == [
        "/boards/a/rows?from=2024-02-03&to=2024-03-01",
        "/boards/b/rows?from=2024-01-01&to=2024-03-01",
    ]


def test_one_cursor_for_all_moves_when_all_are_read(shop: Any) -> None:
    acme = shop(over_boards(per_partition=False), boards)
    pages = list(acme.pages("rows.list"))
    assert [page.state for page in pages] == [None, {"cursor": "2024-02-25T12:00:00Z"}]
    acme.site.arrived.clear()
    acme.records("rows.list", Call(state=pages[1].state))
    assert acme.got[1:] == [
        "/boards/a/rows?from=2024-02-25&to=2024-03-01",
        "/boards/b/rows?from=2024-02-25&to=2024-03-01",
    ]


def test_the_cursor_is_that_of_the_record_as_delivered(shop: Any) -> None:
    more = {"record_mapping": {"key": "record.id", "when": "record.at", "since": "window.start"}}
    acme = shop(listing(**BOUNDED | {"record_cursor": "when"}, more=more), rows)
    pages = list(acme.pages("rows.list"))
    assert pages[0].records[0] == {"key": 1, "when": "2024-01-05T00:00:00Z", "since": "2024-01-01"}
    assert pages[-1].state == {"cursor": "2024-02-25T12:00:00Z"}


def test_reports_without_dates_move_by_the_window_that_was_read(shop: Any) -> None:
    config = {**BOUNDED, "record_cursor": None, "window": "P1M"}
    acme = shop(listing(**config), lambda got: {"items": [{"clicks": 1}]})
    assert [page.state["cursor"][:10] for page in acme.pages("rows.list")] == ["2024-02-01", "2024-03-01"]


def test_a_parameter_of_the_caller_wins(shop: Any) -> None:
    acme = shop(listing(**BOUNDED), rows)
    acme.records("rows.list", Call(query={"from": "2024-02-20"}))
    assert acme.got == ["/rows?from=2024-02-20&to=2024-03-01"]


def test_a_cursor_that_no_record_has_or_that_cannot_be_read_is_reported(shop: Any) -> None:
    acme = shop(listing(**{**BOUNDED, "record_cursor": "when"}), rows)
    pages = list(acme.pages("rows.list"))
    assert [note for page in pages[:-1] for note in page.notes] == []
    assert pages[-1].notes == (
        '`record_cursor` "when" of `incremental` finds nothing in any record, so the state does not move',
    )
    assert pages[-1].state in (None, {})
    good = list(shop(listing(**BOUNDED), rows).pages("rows.list"))
    assert [note for page in good for note in page.notes] == []
    unread = list(shop(listing(**BOUNDED, record_formats=["epoch"]), rows).pages("rows.list"))
    assert [page.records for page in unread] == [page.records for page in good]
    assert "record 1: " in unread[0].notes[0]
    assert pages[-1].state == unread[-1].state


@pytest.mark.parametrize(
    ("config", "call", "kind", "message"),
    [
        ({"start": "{{context.since}}"}, Call(), ExpressionError, "{{context.since}} has no value"),
        ({"start": "{{context.word}}"}, Call(), ConfigurationError, "`incremental.start`: 'soon' is not a date"),
        ({}, Call(state={"cursor": "soon"}), UsageError, "the cursor in the state does not belong to this operation"),
        ({}, Call(state=["x"]), UsageError, "the state is not that of an incremental operation"),
    ],
)
def test_a_wrong_setting_or_state_is_reported(
    shop: Callable[..., Any], config: dict[str, Any], call: Call, kind: type[Exception], message: str
) -> None:
    acme = shop(listing(**config), rows, word="soon")
    with pytest.raises(kind) as caught:
        acme.records("rows.list", call)
    assert message in str(caught.value)
    if isinstance(caught.value, ExpressionError):
        assert caught.value.at == "resources.rows.list.incremental.config.start"
        assert "?? null" in caught.value.hint


def test_a_unified_operation_passes_state_on(shop: Any) -> None:
    unified = {
        "resources": {"contacts": {"list": {"resource": "rows", "response_mapping": {"id": "$string(response.id)"}}}}
    }
    acme = shop(listing(**BOUNDED), rows, unified=unified)
    pages = list(acme.pages("contacts.list", Call(state={"cursor": "2024-02-01T00:00:00Z"})))
    assert [record["id"] for page in pages for record in page.records] == ["3", "4"]
    assert pages[-1].state == {"cursor": "2024-02-25T12:00:00Z"}


# --- parents that are incremental themselves ---


BOARDS = [{"id": "a", "at": "2024-01-01"}, {"id": "b", "at": "2024-01-02"}, {"id": "c", "at": "2024-01-03"}]


def changing(got: Any) -> Any:
    if got.path == "/boards":
        found = [board for board in BOARDS if board["at"] >= got.query.get("since", "")]
        at = int(got.query.get("after", 0))
        return {"items": found[at : at + 2], **({"next": str(at + 2)} if at + 2 < len(found) else {})}
    return {"items": [{"id": f"{got.path.split('/')[2]}1", "at": "2024-02-01"}]}


def dependent(**more: Any) -> Any:
    dated = {"format": "datetime", "config": {"record_cursor": "at", "start_param": "since", "request_format": "date"}}
    operation = {"method": "get", "response_path": "items", "incremental": dated}
    parents = {"as": "board", "from": "boards.list", "incremental": True}
    rows_list = {**operation, "path": "/boards/{{board}}/rows", "parents": parents, **more}
    return {"boards": {"list": {**operation, "path": "/boards"}}, "rows": {"list": rows_list}}


def test_only_new_parents_are_read_and_their_state_is_kept_when_all_of_them_are(shop: Any) -> None:
    acme = shop(dependent(), changing)
    pages = list(acme.pages("rows.list"))
    assert [("parents" in page.state) for page in pages] == [False, False, True]
    assert pages[-1].state["parents"] == {"boards.list": {"cursor": "2024-01-03T00:00:00Z"}}
    assert len(pages[-1].state["partitions"]) == 3

    acme.site.arrived.clear()
    again = list(acme.pages("rows.list", Call(state=pages[-1].state)))
    assert acme.got == ["/boards?since=2024-01-03", "/boards/c/rows?since=2024-02-01"]
    assert again[-1].state == pages[-1].state  # those that were not asked for are not forgotten

    acme.site.arrived.clear()
    list(acme.pages("rows.list", Call(state=pages[1].state)))  # cut off after the first page of boards
    assert acme.got[0] == "/boards"


def test_both_have_to_be_incremental(shop: Any) -> None:
    acme = shop(dependent(incremental=None), changing)
    with pytest.raises(
        ConfigurationError, match=r"rows.list reads only the new parents of boards.list, but rows.list is not"
    ):
        acme.records("rows.list")
    resources = dependent()
    resources["boards"]["list"]["incremental"] = None
    with pytest.raises(ConfigurationError, match=r"but boards.list is not incremental"):
        shop(resources, changing).records("rows.list")


@pytest.mark.parametrize(("filtered", "delivered"), [(True, [2, 3, 4, 5]), (False, [1, 2, 3, 4, 5])])
def test_what_a_format_rounds_down_belongs_to_the_window_that_asks_for_it(
    shop: Any, filtered: bool, delivered: list[int]
) -> None:
    """The state is a moment within a day, the vendor is asked by whole days: nothing falls between two windows."""
    moments = ["26T06", "26T18", "27T06", "27T18", "28T06"]
    found = [{"id": number, "at": f"2024-02-{moment}:00:00Z"} for number, moment in enumerate(moments, 1)]

    def by_days(got: Any) -> Any:
        return {"items": [row for row in found if got.query["from"] <= row["at"][:10] <= got.query["to"]]}

    acme = shop(listing(**BOUNDED, window="P1D", granularity="P1D", filter=filtered), by_days)
    pages = acme.pages("rows.list", Call(state={"cursor": "2024-02-26T12:00:00Z"}))
    assert [record["id"] for page in pages for record in page.records] == delivered
    assert acme.got == [
        f"/rows?from={day}&to={day}" for day in ("2024-02-26", "2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01")
    ]


@pytest.mark.parametrize("granularity", ["PT0.000001S", "PT1S", "PT1H"])
def test_an_end_is_so_much_before_the_next_window_as_it_is_and_not_as_it_is_written(
    shop: Any, granularity: str
) -> None:
    acme = shop(listing(**BOUNDED, window="P1M", granularity=granularity), rows)
    list(acme.pages("rows.list", Call(state={"cursor": "2024-01-05T12:00:00Z"})))
    firsts = [url for url in acme.got if "after" not in url]
    assert firsts == ["/rows?from=2024-01-05&to=2024-02-05", "/rows?from=2024-02-05&to=2024-03-01"]


def test_a_window_that_is_only_a_moment_may_be_left_out(shop: Any) -> None:
    state = {"cursor": "2024-03-01T00:00:00Z"}
    acme = shop(listing(**BOUNDED, skip_empty=True), rows)
    (page,) = acme.pages("rows.list", Call(state=state))
    assert (page.records, page.state) == ([], state)
    assert acme.got == []
    assert len(list(shop(listing(**BOUNDED), rows).pages("rows.list", Call(state=state)))) == 1


SKIPPED = {"errors": [{"when": "status = 403", "then": "skip"}]}


def test_what_a_rule_leaves_out_has_not_been_read_and_comes_with_a_later_run(shop: Any) -> None:
    def by_days(got: Any) -> Any:
        return {"items": [row for row in ROWS if got.query["from"] <= row["at"][:10] <= got.query["to"]]}

    def forbidden(got: Any) -> Any:
        return (403, {}) if got.query["from"] == "2024-01-16" else by_days(got)

    config = {**BOUNDED, "window": "P15D", "granularity": "P1D"}
    acme = shop(listing(**config, more=SKIPPED), forbidden)
    pages = list(acme.pages("rows.list"))
    assert [record["id"] for page in pages for record in page.records] == [1, 3, 4]
    assert {page.state["cursor"][:10] for page in pages} == {"2024-01-05"}
    later = shop(listing(**config, more=SKIPPED), by_days)
    records = later.records("rows.list", Call(state=pages[-1].state))
    assert [record["id"] for record in records] == [1, 2, 3, 4]
    nothing = {"errors": [{"when": "status = 403", "then": "empty"}]}
    assert (
        list(shop(listing(**config, more=nothing), forbidden).pages("rows.list"))[-1].state["cursor"][:10]
        == "2024-02-25"
    )


@pytest.mark.parametrize("per_partition", [True, False])
def test_only_partitions_with_unread_records_keep_their_state(shop: Any, per_partition: bool) -> None:
    def forbidden(got: Any) -> Any:
        return (403, {}) if got.path == "/rows/a" else rows(got)

    more = {**SKIPPED, "parents": {"as": "shop", "values": ["a", "b"]}}
    config = {**BOUNDED, "record_cursor": None, "per_partition": per_partition}
    acme = shop(listing(path="/rows/{{shop}}", more=more, **config), forbidden)
    told = [page.state for page in acme.pages("rows.list")][-1]
    done = {"partitions": [{"partition": {"shop": "b"}, "cursor": "2024-03-01T00:00:00Z"}]}
    assert told == (done if per_partition else None)


def page_by_page(make: Any, operation: str) -> list[Any]:
    """The states that callers get who take one page at a time, each from a new connection."""
    told: list[Any] = []
    cursor = None
    while True:
        page = next(iter(make().pages(operation, Call(cursor=cursor, state=told[-1] if told else None))))
        told.append(page.state)
        cursor = page.next_cursor
        if cursor is None:
            return told


def test_unread_records_keep_the_state_page_by_page_too(shop: Any) -> None:
    def forbidden(got: Any) -> Any:
        return (403, {}) if got.query["from"] == "2024-01-16" else {"items": [{"id": 9, "at": got.query["to"]}]}

    config = {**BOUNDED, "window": "P15D", "granularity": "P1D"}
    told = page_by_page(lambda: shop(listing(**config, more=SKIPPED), forbidden), "rows.list")
    assert [state["cursor"][:10] for state in told] == ["2024-01-15"] * 5


@pytest.mark.parametrize("per_partition", [True, False])
def test_only_partitions_with_unread_records_keep_their_state_page_by_page(shop: Any, per_partition: bool) -> None:
    def forbidden(got: Any) -> Any:
        return (403, {}) if got.path == "/rows/a" else rows(got)

    more = {**SKIPPED, "parents": {"as": "shop", "values": ["a", "b", "c"]}}
    config = {**BOUNDED, "record_cursor": None, "per_partition": per_partition}
    told = page_by_page(lambda: shop(listing(path="/rows/{{shop}}", more=more, **config), forbidden), "rows.list")
    done = [{"partition": {"shop": name}, "cursor": "2024-03-01T00:00:00Z"} for name in "bc"]
    assert told[-1] == ({"partitions": done} if per_partition else None)


def test_new_parents_are_listed_again_where_a_child_was_left_out(shop: Any) -> None:
    def vendor(got: Any) -> Any:
        if got.path == "/tickets":
            return {"items": [{"id": n} for n in (1, 2) if n > int(got.query.get("since", 0))]}
        return (403, {}) if got.path == "/tickets/1" else {"items": [{"id": 5}]}

    numbers = {"format": "integer", "config": {"record_cursor": "id"}}
    resources = {
        "tickets": {"list": {"method": "get", "path": "/tickets", "response_path": "items", "incremental": {
            "format": "integer", "config": {"record_cursor": "id", "start_param": "since"}}}},
        "comments": {"list": {"method": "get", "path": "/tickets/{{ticket}}", "response_path": "items", **SKIPPED,
            "parents": {"as": "ticket", "from": "tickets.list", "incremental": True}, "incremental": numbers}},
    }  # fmt: skip
    known = {"partitions": [{"partition": {"ticket": 2}, "cursor": 5}]}
    assert [page.state for page in shop(resources, vendor).pages("comments.list")][-1] == known
    assert page_by_page(lambda: shop(resources, vendor), "comments.list")[-1] == known


def narrowing(when: str, times: int = 3, **config: Any) -> Any:
    config = BOUNDED | {"end": "2024-02-29", "window": "P1M", "granularity": "P1D", **config}
    return listing(**config, more={"errors": [{"when": when, "then": {"narrow": {"times": times}}}]})


def days_of(got: Any) -> int:
    start, end = (date.fromisoformat(got.query[name]) for name in ("from", "to"))
    return (end - start).days + 1


class TestNarrowing:
    """A vendor that returns N days at once, and replies 413 to more."""

    def test_a_window_is_halved_until_it_is_borne_and_the_state_moves_with_each_half(self, shop: Any) -> None:
        acme = shop(narrowing("status = 413"), lambda got: (413, {}) if days_of(got) > 8 else rows(got))
        pages = list(acme.pages("rows.list"))
        assert [url.partition("?")[2] for url in acme.got] == [
            "from=2024-01-01&to=2024-01-31",
            "from=2024-01-01&to=2024-01-15",
            "from=2024-01-01&to=2024-01-07",
            "from=2024-01-08&to=2024-01-15",
            "from=2024-01-16&to=2024-01-31",
            "from=2024-01-16&to=2024-01-23",
            "from=2024-01-24&to=2024-01-31",
            "from=2024-02-01&to=2024-02-29",
            "from=2024-02-01&to=2024-02-14",
            "from=2024-02-01&to=2024-02-07",
            "from=2024-02-08&to=2024-02-14",
            "from=2024-02-15&to=2024-02-29",
            "from=2024-02-15&to=2024-02-21",
            "from=2024-02-22&to=2024-02-29",
        ]
        assert [record["id"] for page in pages for record in page.records] == [1, 2, 3, 4]
        cursors = [page.state["cursor"][:10] for page in pages if page.state]
        assert cursors == sorted(cursors) and cursors[-1] == "2024-02-25"

    def test_not_more_often_than_said_and_not_below_what_can_be_said(self, shop: Any) -> None:
        acme = shop(narrowing("status = 413", times=2), lambda got: (413, {"message": "too many"}))
        with pytest.raises(VendorError, match=r"413 .*too many") as raised:
            list(acme.pages("rows.list"))
        assert [days_of_url(url) for url in acme.got] == [31, 15, 7]
        assert "smallest window" in raised.value.hint
        acme = shop(narrowing("status = 413", times=30), lambda got: (413, {}))
        with pytest.raises(VendorError, match="413"):
            list(acme.pages("rows.list"))
        assert [days_of_url(url) for url in acme.got[3:]] == [31, 15, 7, 3, 1]

    def test_halves_share_a_day_where_the_granularity_is_less_than_can_be_said(self, shop: Any) -> None:
        """Whether a day as an end is its first moment or its last is the vendor's: it must not be left out by both."""
        one = narrowing("status = 413", window=None, granularity="PT1S")
        acme = shop(one, lambda got: (413, {}) if days_of(got) > 31 else rows(got))
        list(acme.pages("rows.list"))
        assert [url.partition("?")[2] for url in acme.got if "after" not in url][:3] == [
            "from=2024-01-01&to=2024-02-29",
            "from=2024-01-01&to=2024-01-30",
            "from=2024-01-30&to=2024-02-29",
        ]

    def test_an_open_window_has_no_halves(self, shop: Any) -> None:
        acme = shop(narrowing("status = 413", window=None, start=None), lambda got: (413, {}))
        with pytest.raises(VendorError, match="413"):
            list(acme.pages("rows.list"))
        assert len(acme.got) == 1

    def test_what_has_been_delivered_of_a_window_is_not_delivered_again(self, shop: Any) -> None:
        def later(got: Any) -> Any:
            return (413, {}) if "after" in got.query else rows(got)

        acme = shop(narrowing("status = 413", window=None), later)
        pages = acme.pages("rows.list")
        assert [record["id"] for record in next(pages).records] == [1, 2]
        with pytest.raises(VendorError, match="413"):
            next(pages)
        first = next(iter(shop(narrowing("status = 413", window=None), rows).pages("rows.list")))
        acme = shop(narrowing("status = 413", window=None), later)
        with pytest.raises(VendorError, match="413"):
            list(acme.pages("rows.list", Call(cursor=first.next_cursor)))
        assert [url.rpartition("&")[2] for url in acme.got] == ["to=2024-02-29", "after=2", "to=2024-02-29", "after=2"]

    def test_whole_numbers_too(self, shop: Any) -> None:
        config = {"start": 0, "end": 5, "window": 4, "granularity": 1, "start_param": "from", "end_param": "to"}
        more = {"errors": [{"when": "body.total > 2", "then": "narrow"}]}
        numbers = listing("integer", more=more, record_cursor="id", **config)

        def vendor(got: Any) -> Any:
            wanted = range(int(got.query["from"]), int(got.query["to"]) + 1)
            return {"items": [{"id": number} for number in wanted], "total": len(wanted)}

        acme = shop(numbers, vendor)
        assert [record["id"] for page in acme.pages("rows.list") for record in page.records] == [0, 1, 2, 3, 4, 5]
        assert acme.got == ["/rows?from=0&to=3", "/rows?from=0&to=1", "/rows?from=2&to=3", "/rows?from=4&to=5"]
        acme.site.arrived.clear()
        whole = {**numbers["rows"]["list"], "incremental": {"format": "integer", "config": {**config, "window": None}}}
        assert len(shop({"rows": {"list": whole}}, vendor).records("rows.list")) == 6
        assert [url.partition("?")[2] for url in acme.got] == [
            "from=0&to=5", "from=0&to=2", "from=0&to=0", "from=1&to=2", "from=3&to=5", "from=3&to=3", "from=4&to=5",
        ]  # fmt: skip


def days_of_url(url: str) -> int:
    start, end = re.findall(r"\d{4}-\d\d-\d\d", url)
    return (date.fromisoformat(end) - date.fromisoformat(start)).days + 1
