"""`full_pages: size`: a page with fewer records than the page size is the last one."""

from typing import Any

import pytest
from paged_vendors import Run, items

from conn_engine.errors import ConfigurationError
from conn_engine.runtime.call import Call
from conn_engine.wire import Request

COMPLETE = ("complete", "")
BY_SIZE = {"size": 3, "size_param": "limit", "full_pages": "size"}
OFFSET = {**BY_SIZE, "offset_param": "from"}
LAST_ID = {**BY_SIZE, "next_cursor": "records[-1].id", "cursor_param": "after"}


class Numbers:
    """Records 1 to `last`, at most `most` a page, by page, offset, last id or URL."""

    def __init__(self, last: int, most: int = 100, **more: Any) -> None:
        self.last, self.most, self.more = last, most, more

    def __call__(self, request: Request, query: dict[str, str]) -> Any:
        size = min(int(query.get("limit") or request.headers.get("x-limit") or 3), self.most)
        page, start = int(query.get("page", 1)), int(query.get("from", 0)) + int(query.get("after", 0))
        start += (page - 1) * size
        url = f"/v1/things?after={start + size}" + (f"&limit={query['limit']}" if "limit" in query else "")
        return items(*range(start + 1, min(start + size, self.last) + 1), url=url, **self.more)


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("page", BY_SIZE),
        ("offset", OFFSET),
        ("cursor", LAST_ID),
        ("next_url", {**BY_SIZE, "next_url_field": "url"}),
        ("dynamic", {**BY_SIZE, "next": "records[-1].id", "send": '{"query": {"after": state}}'}),
        ("page", {**BY_SIZE, "next_page": "7 - 5"}),
        ("page", {"size": 3, "full_pages": "size"}),
        ("page", {"size": 3, "size_header": "X-Limit", "full_pages": "size"}),
        ("page", {**BY_SIZE, "size": 9, "max_size": 3}),
    ],
)
class TestAShortPage:
    def test_is_the_last_even_if_it_is_the_first(self, run: Run, kind: str, config: dict[str, Any]) -> None:
        listing = run(kind, config, Numbers(2))
        assert (listing.records, len(listing.sent), listing.verdict) == ([1, 2], 1, COMPLETE)

    def test_comes_after_full_ones(self, run: Run, kind: str, config: dict[str, Any]) -> None:
        listing = run(kind, config, Numbers(5))
        assert (listing.records, len(listing.sent), listing.verdict) == ([1, 2, 3, 4, 5], 2, COMPLETE)


class TestTheSize:
    @pytest.mark.parametrize(("kind", "config"), [("page", BY_SIZE), ("offset", OFFSET), ("cursor", LAST_ID)])
    @pytest.mark.parametrize(("limit", "requests"), [(1, 6), (2, 3), (4, 2)])
    def test_a_callers_limit_counts(
        self, run: Run, kind: str, config: dict[str, Any], limit: int, requests: int
    ) -> None:
        listing = run(kind, {**config, "max_size": 4}, Numbers(5), call=Call(query={"limit": limit}))
        assert (len(listing.records), len(listing.sent), listing.verdict) == (5, requests, COMPLETE)

    def test_a_limit_above_the_maximum_is_reduced_first(self, run: Run) -> None:
        listing = run("page", {**BY_SIZE, "max_size": 4}, Numbers(9, most=4), call=Call(query={"limit": 50}))
        assert (len(listing.records), [query["limit"] for query in listing.queries]) == (9, ["4", "4", "4"])

    def test_a_limit_that_the_vendor_reduces_without_notice_loses_nothing(self, run: Run) -> None:
        listing = run("offset", OFFSET, Numbers(10, most=3), call=Call(query={"limit": 50}))
        assert (len(listing.records), listing.verdict) == (10, COMPLETE)

    def test_a_later_page_without_the_size_is_not_compared(self, run: Run) -> None:
        config = {"size": 3, "size_param": "limit", "full_pages": "size", "next_url_field": "url"}

        def vendor(request: Request, query: dict[str, str]) -> Any:
            at = int(query.get("after", 0))
            return items(at + 1, at + 2, url=f"/v1/things?after={at + 2}" if at < 4 else None)

        listing = run("next_url", config, vendor, call=Call(query={"limit": 2}))
        assert (listing.records, listing.verdict) == ([1, 2, 3, 4, 5, 6], COMPLETE)

    def test_without_any_size_pages_are_compared_with_earlier_ones(self, run: Run) -> None:
        config = {"size_param": "limit", "full_pages": "size"}
        assert len(run("page", config, Numbers(2)).sent) == 2

    def test_a_cursor_compares_with_the_size_only(self, run: Run) -> None:
        with pytest.raises(ConfigurationError, match="found a boolean"):
            run("cursor", {**LAST_ID, "full_pages": True}, Numbers(2))


class TestOtherRules:
    def test_records_are_counted_before_filters(self, run: Run) -> None:
        listing = run("page", BY_SIZE, Numbers(7), record_filter="record.id % 2 = 0")
        assert (listing.records, len(listing.sent), listing.verdict) == ([2, 4, 6], 3, COMPLETE)

    def test_a_total_is_more_reliable(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            start = int(query["from"])
            return items(*range(start, min(start + 2, 6)), total=6)

        listing = run("offset", {**OFFSET, "total_field": "total"}, vendor)
        assert (listing.records, listing.verdict) == ([0, 1, 2, 3, 4, 5], COMPLETE)

    def test_a_total_saves_the_request_after_a_full_page(self, run: Run) -> None:
        assert len(run("page", {**BY_SIZE, "total_field": "total"}, Numbers(6, total=6)).sent) == 2
        assert len(run("page", BY_SIZE, Numbers(6)).sent) == 3

    def test_a_short_page_below_the_total_of_a_cursor_is_incomplete_only_if_it_ends(self, run: Run) -> None:
        listing = run("cursor", {**LAST_ID, "total_field": "total"}, Numbers(5, total=9), complete="warn")
        assert (listing.records, listing.verdict) == ([1, 2, 3, 4, 5], ("incomplete", "5 of 9 records arrived"))

    def test_has_more_decides_first(self, run: Run) -> None:
        config = {**BY_SIZE, "has_more": "$count(records) > 0"}
        assert len(run("page", config, Numbers(5)).sent) == 3

    def test_a_key_that_no_response_has_is_no_doubt_after_a_short_page(self, run: Run) -> None:
        fixed = {"cursor_field": "next", "size": 3, "full_pages": "size"}
        assert run("cursor", fixed, Numbers(2)).verdict == COMPLETE
        assert run("cursor", fixed, lambda request, query: items(1, 2, 3)).verdict[0] == "unknown"

    def test_each_part_ends_by_itself(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return Numbers({"a": 2, "b": 4}[query["group"]])(request, query)

        parents = [{"as": "group", "values": ["a", "b"], "param": "group"}]
        listing = run("page", BY_SIZE, vendor, parents=parents)
        assert (listing.records, len(listing.sent)) == ([1, 2, 1, 2, 3, 4], 3)

    def test_it_resumes_at_a_cursor(self, run: Run) -> None:
        cursor = run("page", BY_SIZE, Numbers(5)).cursors[0]
        listing = run("page", BY_SIZE, Numbers(5), call=Call(cursor=cursor))
        assert (listing.records, len(listing.sent), listing.verdict) == ([4, 5], 1, COMPLETE)

    def test_it_restarts_at_a_cap(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return Numbers(8)(request, {**query, "after": str(int(query.get("above", 0)))})

        restart = {"after_pages": 2, "set": {"query": {"above": "record.id"}}}
        listing = run("page", {**BY_SIZE, "restart": restart}, vendor)
        assert (listing.records, len(listing.sent)) == (list(range(1, 9)), 3)
