"""The verdict on a listing: complete, incomplete or unknown, and why; and ids that come again."""

from typing import Any

import pytest
from paged_vendors import BASE, Listing, Run, by_page, items

from conn_engine.errors import ExpressionError, VendorError
from conn_engine.runtime import endings
from conn_engine.runtime.call import Call
from conn_engine.wire import Request

COMPLETE = ("complete", "")
CURSOR = {"cursor_field": "next", "cursor_param": "after"}


def three_pages(request: Request, query: dict[str, str]) -> Any:
    """Six records by cursor; the key is not there at the end."""
    at = int(query.get("after", 0))
    more = {"next": str(at + 2)} if at < 4 else {}
    return items(at, at + 1, **more)


class TestAKeyThatIsNotThere:
    @pytest.mark.parametrize(
        ("kind", "config", "answer", "setting"),
        [
            ("cursor", {"cursor_field": "meta.nxt", "cursor_param": "after"}, {"meta": {"next": "x"}}, "cursor_field"),
            ("cursor", {"next_cursor": "body.nxt", "cursor_param": "after"}, {"next": "x"}, "next_cursor"),
            ("cursor", {"cursor_from_header": "X-Nxt", "cursor_param": "after"}, {}, "cursor_from_header"),
            ("next_url", {"next_url_field": "meta.nexturl"}, {"meta": {"next_url": "/x"}}, "next_url_field"),
            ("next_url", {"next_url_from_header": "X-Nxt"}, {}, "next_url_from_header"),
            ("link_header", {}, {}, "link_from_header"),
            ("page", {"next_page": "body.nxt"}, {"next": 2}, "next_page"),
            ("offset", {"next_offset": "body.nxt"}, {"next": 2}, "next_offset"),
            ("cursor", {**CURSOR, "has_more": "body.more"}, {"next": "x", "has_more": True}, "has_more"),
            ("dynamic", {"next": "body.nxt", "send": '{"query": {"after": state}}'}, {"next": 2}, "next"),
        ],
    )
    def test_a_full_page_without_it_leaves_the_end_unknown(
        self, run: Run, kind: str, config: dict[str, Any], answer: dict[str, Any], setting: str
    ) -> None:
        headers = {"X-Next": "2"}
        listing = run(kind, config, lambda request, query: (items(1, 2, **answer), headers))
        state, reason = listing.verdict
        assert (state, listing.records) == ("unknown", [1, 2])
        assert reason.startswith(f"`{setting}` ")
        known = "x-next" if "header" in setting else next(iter(answer.get("meta", answer)))
        assert known in reason.partition("; ")[2]

    def test_a_page_that_is_not_full_is_the_last(self, run: Run) -> None:
        config = {**CURSOR, "size": 3, "size_param": "limit"}
        assert run("cursor", config, lambda request, query: items(1, 2)).verdict == COMPLETE
        full = run("cursor", config, lambda request, query: items(1, 2), call=Call(query={"limit": 2}))
        assert full.verdict[0] == "unknown"

    def test_no_records_are_everything(self, run: Run) -> None:
        assert run("cursor", CURSOR, lambda request, query: items()).verdict == COMPLETE

    def test_one_thing_has_no_pages(self, run: Run) -> None:
        vendor = lambda request, query: {"items": {"id": 1}}  # noqa: E731
        assert run("cursor", CURSOR, vendor).verdict == COMPLETE

    @pytest.mark.parametrize("answer", [{"next": None}, {"next": ""}, {"next": False}])
    def test_what_is_there_and_empty_is_the_end(self, run: Run, answer: dict[str, Any]) -> None:
        assert run("cursor", CURSOR, lambda request, query: items(1, **answer)).verdict == COMPLETE

    def test_a_null_above_it_is_the_end(self, run: Run) -> None:
        config = {"cursor_field": "paging.next.after", "cursor_param": "after", "has_more": "body.paging.more"}
        assert run("cursor", config, lambda request, query: items(1, paging=None)).verdict == COMPLETE

    def test_an_earlier_page_had_it(self, run: Run) -> None:
        listing = run("cursor", CURSOR, three_pages)
        assert (listing.records, listing.verdict) == ([0, 1, 2, 3, 4, 5], COMPLETE)
        later = run("cursor", CURSOR, three_pages, call=Call(cursor=listing.cursors[1]))
        assert (later.records, later.verdict) == ([4, 5], COMPLETE)

    @pytest.mark.parametrize("order", [["short", "long"], ["long", "short"]])
    def test_another_partition_had_it(self, run: Run, order: list[str]) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return three_pages(request, query) if query["of"] == "long" else items("a")

        config: dict[str, Any] = {"parents": {"as": "of", "values": order}, "query": {"of": "{{partition.of}}"}}
        assert run("cursor", CURSOR, vendor, **config).verdict == COMPLETE

    def test_what_is_computed_decides_by_itself(self, run: Run) -> None:
        config = {"next_cursor": "$count(records) > 5 ? records[-1].id", "cursor_param": "after"}
        assert run("cursor", config, lambda request, query: items(1)).verdict == COMPLETE

    def test_in_two_levels_each_is_looked_for(self, run: Run) -> None:
        inner = {"format": "cursor", "config": {"cursor_field": "inner", "cursor_param": "a"}}
        outer = {"format": "cursor", "config": {"cursor_field": "outr", "cursor_param": "b"}}
        config = {"outer": outer, "inner": inner}
        listing = run("nested", config, lambda request, query: items(1, inner=None, outer="x"))
        assert listing.verdict[0] == "unknown"
        assert listing.verdict[1].startswith('`outer.cursor_field` "outr" is in no response; did you mean "outer"?')
        outer["config"]["cursor_field"] = "outer"
        assert run("nested", config, lambda request, query: items(1, inner=None, outer=None)).verdict == COMPLETE


class TestATotal:
    @pytest.mark.parametrize(
        ("kind", "config"),
        [
            ("page", {"total_pages_field": "pages"}),
            ("offset", {"stop": "true"}),
            ("cursor", CURSOR),
            ("next_url", {"next_url_field": "next"}),
            ("link_header", {"stop": "true"}),
        ],
    )
    def test_fewer_than_the_total_are_incomplete(self, run: Run, kind: str, config: dict[str, Any]) -> None:
        vendor = lambda request, query: items(1, 2, total=10, pages=1, next=None)  # noqa: E731
        listing = run(kind, {**config, "total_field": "total"}, vendor)
        assert (listing.records, listing.verdict) == ([1, 2], ("incomplete", "2 of 10 records arrived"))

    def test_an_empty_page_before_the_total(self, run: Run) -> None:
        listing = run("page", {"total_field": "total"}, by_page(2, total="5"))
        assert (listing.records, listing.verdict) == ([1, 2, 3, 4], ("incomplete", "4 of 5 records arrived"))

    def test_that_of_the_content_range(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return items(1, 2), {"Content-Range": "items 0-1/9"}

        config = {"size": 2, "stop": "true"}
        assert run("range", config, vendor).verdict == ("incomplete", "2 of 9 records arrived")

    @pytest.mark.parametrize(("first", "last"), [(6, 5), (5, 6)])
    def test_the_lower_of_the_first_and_the_last(self, run: Run, first: int, last: int) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return items(4, 5, next=None, total=last) if query else items(1, 2, 3, next="b", total=first)

        assert run("cursor", {**CURSOR, "total_field": "total"}, vendor).verdict == COMPLETE

    def test_records_are_counted_before_filters(self, run: Run) -> None:
        config = {**CURSOR, "total_field": "total"}
        vendor = lambda request, query: items(1, 2, 3, total=3, next=None)  # noqa: E731
        listing = run("cursor", config, vendor, record_filter="record.id > 1")
        assert (listing.records, listing.verdict) == ([2, 3], COMPLETE)
        listing = run("cursor", config, vendor, response_path="items[id > 1]")  # a choice: what is counted is not known
        assert (listing.records, listing.verdict) == ([2, 3], COMPLETE)

    def test_each_window_has_its_own(self, run: Run) -> None:
        config: dict[str, Any] = {"record_cursor": "id", "start": 0, "end": 3, "window": 2, "granularity": 1}
        incremental = {"format": "integer", "config": {**config, "start_param": "min", "end_param": "max"}}

        def vendor(request: Request, query: dict[str, str]) -> Any:
            numbers = range(int(query["min"]), int(query["max"]) + 1)
            return items(*numbers, total=len(numbers) + (query["min"] == lacking))

        total = {**CURSOR, "total_field": "total"}
        lacking = ""
        listing = run("cursor", total, vendor, incremental=incremental)
        assert (listing.records, listing.verdict) == ([0, 1, 2, 3], COMPLETE)
        lacking = "0"
        assert run("cursor", total, vendor, incremental=incremental).verdict[0] == "incomplete"

    def test_a_listing_that_goes_on_from_a_cursor_is_not_counted(self, run: Run) -> None:
        config = {**CURSOR, "total_field": "total"}

        def vendor(request: Request, query: dict[str, str]) -> Any:
            return items(3, next=None, total=3) if query else items(1, 2, next="b", total=3)

        cursor = run("cursor", config, vendor).cursors[0]
        assert run("cursor", config, vendor, call=Call(cursor=cursor)).verdict == COMPLETE

    def test_the_partition_is_named(self, run: Run) -> None:
        config: dict[str, Any] = {
            "parents": {"as": "of", "values": ["a", "b", "c"]},
            "query": {"of": "{{partition.of}}"},
        }
        vendor = lambda request, query: items(1, total=1 if query["of"] == "a" else 2)  # noqa: E731
        listing = run("cursor", {**CURSOR, "total_field": "total"}, vendor, **config)
        assert listing.verdict == ("incomplete", "of b: 1 of 2 records arrived (and 1 more like it)")


class TestValuesOfAnotherListing:
    """The things of groups that `groups.list` gives."""

    @pytest.fixture
    def things(self, run: Run) -> Any:
        def go(groups: Any, **group_settings: Any) -> Any:
            paging = {"format": "cursor", "config": {**CURSOR, "total_field": "total"}}
            listed = {"method": "get", "path": "/groups", "response_path": "items", "pagination": paging}
            return run(
                "cursor",
                {**CURSOR, "total_field": "total"},
                lambda request, query: groups if request.url.startswith(f"{BASE}/groups") else things,
                resources={"groups": {"list": {**listed, **group_settings}}},
                parents={"as": "group", "from": "groups.list"},
                query={"group": "{{partition.group}}"},
            )

        things = items(1, next=None, total=1)
        return go

    def test_an_incomplete_one_leaves_parts_out(self, things: Any) -> None:
        listing = things(items("a", next=None, total=3))
        assert listing.verdict == ("incomplete", "the values from groups.list: 1 of 3 records arrived")
        assert things(items("a", next=None, total=1)).verdict == COMPLETE

    def test_that_its_end_is_unknown_is_said_without_its_settings(self, things: Any) -> None:
        listing = things(items("a"))
        assert listing.verdict[0] == "unknown"
        assert listing.verdict[1].startswith('the values from groups.list: `cursor_field` "next" is in no response')
        assert listing.verdicts[-1].settings == ()  # they are not those of `things.list`

    @pytest.mark.parametrize(
        ("complete", "state", "policy"),
        [("error", "incomplete", "error"), ("warn", "incomplete", "warn"), ("ignore", "complete", "error")],
    )
    def test_its_own_policy_may_be_more_lenient(self, things: Any, complete: str, state: str, policy: str) -> None:
        verdict = things(items("a", next=None, total=3), complete=complete).verdicts[-1]
        assert (verdict.state, verdict.policy) == (state, policy)

    def test_what_it_lets_pass_hides_nothing_of_the_listing_itself(self, run: Run) -> None:
        paging = {"format": "cursor", "config": {**CURSOR, "total_field": "total"}}
        groups = {"method": "get", "path": "/groups", "response_path": "items", "pagination": paging}
        listing = run(
            "cursor",
            paging["config"],
            lambda request, query: items("a", next=None, total=3),
            resources={"groups": {"list": {**groups, "complete": "warn"}}},
            parents={"as": "group", "from": "groups.list"},
        )
        verdict = listing.verdicts[-1]
        assert verdict is not None
        assert (verdict.reason, verdict.policy) == ("group a: 1 of 3 records arrived (and 1 more like it)", "error")


class TestMore:
    def test_has_more_at_the_end_is_incomplete(self, run: Run) -> None:
        listing = run("cursor", {**CURSOR, "has_more": "body.more"}, lambda request, query: items(1, more=True))
        assert listing.verdict[0] == "incomplete"
        assert "`has_more`" in listing.verdict[1]
        assert "`cursor_field`" in listing.verdict[1]

    def test_no_more_is_the_end_whatever_the_cursor(self, run: Run) -> None:
        listing = run("cursor", {**CURSOR, "has_more": "body.more"}, lambda request, query: items(1, more=False))
        assert listing.verdict == COMPLETE

    def test_a_page_that_names_itself(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return items(1), {"Link": f'<{BASE}/things>; rel="next"; more="true"'}

        config = {"end_on_repeat": True, "has_more": "link.more"}
        assert run("link_header", config, vendor).verdict == COMPLETE


class TestAnAnswerThatDoesNotLeadOn:
    """What its paging reads cannot be read: its records are delivered before the error, and the verdict has it too."""

    @pytest.mark.parametrize(
        ("kind", "config", "reason"),
        [
            ("next_url", {"next_url_field": "wrong"}, "the next page's URL is not a plain http or https URL"),
            ("next_url", {"next_url_field": "number"}, "the next page's URL is not text"),
            ("next_url", {"next_url": "$number(body.wrong)"}, "($number(body.wrong))"),
            ("next_url", {"next_url_field": "next", "prev_url_field": "wrong"}, "is not a plain http or https URL"),
            ("link_header", {}, "the next page's URL is not a plain http or https URL"),
            ("cursor", {"next_cursor": "$number(body.wrong)", "cursor_param": "after"}, "($number(body.wrong))"),
            ("cursor", {**CURSOR, "stop": "$number(body.wrong)"}, "($number(body.wrong))"),
            ("page", {"has_more": "$number(body.wrong)"}, "($number(body.wrong))"),
            ("page", {"total_field": "$number(wrong)"}, "($number(wrong))"),
            ("offset", {"next_offset": "$number(body.wrong)"}, "($number(body.wrong))"),
            ("range", {"size": 2, "total_field": "$number(wrong)"}, "($number(wrong))"),
            ("dynamic", {"next": "$number(body.wrong)", "send": '{"query": {"after": state}}'}, "(body.wrong))"),
            (
                "nested",
                {
                    "outer": {"format": "cursor", "config": {"cursor_field": "$number(wrong)", "cursor_param": "x"}},
                    "inner": {"format": "cursor", "config": {"cursor_field": "none", "cursor_param": "y"}},
                },
                "($number(wrong))",
            ),
        ],
    )
    def test_its_records_are_delivered_before_the_error(
        self, run: Run, kind: str, config: dict[str, Any], reason: str
    ) -> None:
        headers = {"Link": '<http://[::1>; rel="next"'}
        answer = items(1, 2, wrong="mailto:x", number=7, next="/v1/things?page=2", none=None)
        listing = Listing()
        with pytest.raises((VendorError, ExpressionError)):
            run(kind, config, lambda request, query: (answer, headers), made=listing)
        state, words = listing.verdict
        assert (listing.records, state, len(listing.sent)) == ([1, 2], "incomplete", 1)
        assert words.startswith("page 1 does not lead to another page: ")
        assert reason in words

    @pytest.mark.parametrize("complete", ["error", "warn", "ignore"])
    def test_the_other_parts_are_read_and_the_state_stays(self, run: Run, complete: str) -> None:
        listing = Listing()
        with pytest.raises(VendorError, match="is not text"):
            run(
                "next_url",
                {"next_url_field": "next"},
                lambda request, query: items(int(query["of"]), next=7 if query["of"] == "1" else None),
                made=listing,
                parents={"as": "of", "values": ["1", "2"], "param": "of"},
                incremental={"format": "integer", "config": {"record_cursor": "id"}},
                part_failure="continue",
                complete=complete,
            )
        state, reason = listing.verdict
        assert (listing.records, state) == ([1, 2], "incomplete")
        assert reason.startswith("of 1: page 1 does not lead")
        assert listing.states[-1] == {"partitions": [{"partition": {"of": "2"}, "cursor": 2}]}

    def test_one_thing_is_delivered_too(self, run: Run) -> None:
        made = Listing()
        vendor = lambda request, query: {"items": {"id": 1}, "next": 7}  # noqa: E731
        with pytest.raises(VendorError, match="is not text"):
            run("next_url", {"next_url_field": "next"}, vendor, made=made)
        assert made.records == [1]


class TestTheState:
    """What an incremental listing that is cut short lets a later run leave out: nothing that did not arrive."""

    @staticmethod
    def incremental(**more: Any) -> dict[str, Any]:
        config = {"record_cursor": "id", "start": 0, "end": 7, "window": 4, "granularity": 1}
        return {"format": "integer", "config": {**config, "start_param": "min", "end_param": "max", **more}}

    @staticmethod
    def numbers(request: Request, query: dict[str, str]) -> Any:
        """Those of the window, two to a page."""
        first, last, at = int(query["min"]), int(query["max"]), int(query.get("after", 0))
        ids = list(range(first, last + 1))[at : at + 2]
        return items(*ids, next=str(at + 2) if first + at + 2 <= last else None, total=last - first + 1)

    def test_all_that_is_complete_counts(self, run: Run) -> None:
        listing = run("cursor", CURSOR, self.numbers, incremental=self.incremental())
        assert (listing.verdict, listing.states[-1]) == (COMPLETE, {"cursor": 7})

    def test_max_pages_in_a_window(self, run: Run) -> None:
        listing = run("cursor", {**CURSOR, "max_pages": 1}, self.numbers, incremental=self.incremental())
        assert (listing.records, listing.verdict[0]) == ([0, 1, 4, 5], "stopped")
        assert listing.states == [None, None]

    @pytest.mark.parametrize(
        ("complete", "state"), [("error", None), ("warn", {"cursor": 7}), ("ignore", {"cursor": 7})]
    )
    def test_fewer_than_the_total(self, run: Run, complete: str, state: Any) -> None:
        vendor = lambda request, query: self.numbers(request, query) | {"total": 9}  # noqa: E731
        config = {**CURSOR, "total_field": "total"}
        listing = run("cursor", config, vendor, incremental=self.incremental(), complete=complete)
        assert (listing.verdict[0], listing.states[-1]) == ("incomplete", state)


class TestIdsThatComeAgain:
    def test_they_are_counted_and_delivered(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return items(3, 2, 4, next=None) if query else items(1, 2, 3, next="b")

        listing = run("cursor", CURSOR, vendor)
        assert listing.records == [1, 2, 3, 3, 2, 4]
        [note] = listing.notes
        assert note.startswith("2 records have an id that came before within 10,000 records (such as 3)")
        assert run("cursor", CURSOR, vendor, distinct="record.id").notes == []

    def test_only_the_last_ones_are_compared(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(endings, "RECENT", 2)
        listing = run("cursor", CURSOR, lambda request, query: items(1, 2, 3, 1, 3, next=None))
        assert listing.notes[0].startswith("1 record has an id that came before within 2 records (such as 3)")

    def test_what_has_no_id_is_not_compared(self, run: Run) -> None:
        vendor = lambda request, query: {"items": [{"id": None}, {"id": None}, "x", "x"], "next": None}  # noqa: E731
        listing = run("cursor", CURSOR, vendor)
        assert (len(listing.records), listing.notes) == (4, [])
