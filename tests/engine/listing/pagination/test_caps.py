"""Result caps: a listing in stretches, each begun with a filter from the last record of the one before."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paged_vendors import BASE, Listing, Run, items

from conn_engine.errors import UsageError, VendorError
from conn_engine.runtime.call import Call
from conn_engine.wire import Request

SEARCH = {"method": "post", "writes": False, "path": "/search", "body": {"filter": {"id": {"gt": 0}}, "sort": "id"}}
HUBSPOT = {
    "cursor_field": "next",
    "cursor_body": "/after",
    "restart": {"after_records": 100, "set": {"body": {"/filter/id/gt": "record.id"}}},
}


class Search:
    """Records 1 to `total` by id, ten a page; what lies at or beyond `cap` of one search is refused."""

    def __init__(self, total: int, cap: int = 100) -> None:
        self.total, self.cap = total, cap

    def __call__(self, request: Request, query: dict[str, str]) -> Any:
        body = json.loads(request.body or b"")
        start = int(body.get("after", 0))
        if start >= self.cap:
            return {"message": "cap"}, {}, 400
        found = range(body["filter"]["id"]["gt"] + 1, self.total + 1)
        page = found[start : start + 10]
        return items(*page, next=str(start + 10) if start + 10 < len(found) else None)


@pytest.mark.parametrize("total", [0, 7, 99, 100, 101, 250, 300])
def test_ten_thousand_results_of_a_search(run: Run, total: int) -> None:
    listing = run("cursor", HUBSPOT, Search(total), **SEARCH)
    assert listing.records == list(range(1, total + 1))
    filters = [body["filter"]["id"]["gt"] for body in listing.bodies]
    assert sorted(set(filters)) == list(range(0, max(total, 1) if total % 100 else total + 1, 100))
    assert all("after" not in body or body["after"] for body in listing.bodies)


def test_it_goes_on_from_the_cursor_of_any_page(run: Run) -> None:
    whole = run("cursor", HUBSPOT, Search(250), **SEARCH)
    for cursor in filter(None, whole.cursors):
        rest = run("cursor", HUBSPOT, Search(250), call=Call(cursor=cursor), **SEARCH)
        assert rest.records == whole.records[-len(rest.records) :]
        assert len(rest.records) == len(whole.records) - 10 * (whole.cursors.index(cursor) + 1)


class Tickets:
    """Tickets by the time of their update, four a page, five pages at most of one filter, which includes its start."""

    def __init__(self, times: list[int]) -> None:
        self.tickets = [{"id": number, "updated": moment} for number, moment in enumerate(sorted(times))]

    def __call__(self, request: Request, query: dict[str, str]) -> Any:
        page = int(query["page"])
        if page > 5:
            return {"message": "page limit"}, {}, 400
        since = int(query.get("since", 0))
        found = [ticket for ticket in self.tickets if ticket["updated"] >= since]
        return {"items": found[4 * page - 4 : 4 * page]}


FRESHDESK = {"restart": {"after_pages": 5, "set": {"query": {"since": "record.updated"}}}}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=120), st.data())
def test_three_hundred_pages_and_times_that_several_share(run: Run, times: list[int], data: st.DataObject) -> None:
    vendor = Tickets(times)
    if max((times.count(moment) for moment in times), default=0) > 12:
        return  # more of one time than a stretch can pass: the error below
    listing = run("page", FRESHDESK, vendor)
    assert listing.records == [ticket["id"] for ticket in vendor.tickets], "each once, in order"
    cursors = [cursor for cursor in listing.cursors if cursor]
    if cursors:
        cursor = data.draw(st.sampled_from(cursors))
        before = listing.cursors.index(cursor) + 1
        rest = run("page", FRESHDESK, vendor, call=Call(cursor=cursor))
        assert len(rest.cursors) == len(listing.cursors) - before
        assert rest.records == listing.records[len(listing.records) - len(rest.records) :]


def test_more_of_one_value_than_the_cap_does_not_advance(run: Run) -> None:
    listing = run("page", FRESHDESK, Tickets([7] * 50))
    assert listing.verdict == ("incomplete", "the listing was restarted and does not advance")
    assert "sort" in listing.verdicts[-1].hint
    assert len(listing.sent) == 10
    assert listing.records == list(range(20)), "what came before is not lost, nor is it twice"


def test_a_cursor_with_too_many_records_of_one_value_says_so(run: Run) -> None:
    config = {"has_more": "false", "restart": {"when": "$count(records) = 400", "set": FRESHDESK["restart"]["set"]}}

    def vendor(request: Request, query: dict[str, str]) -> Any:
        since = int(query.get("since", 0))
        found = [{"id": n, "updated": 1 if n < 400 else n} for n in range(410)]
        return {"items": [record for record in found if record["updated"] >= since][: None if since else 400]}

    whole = run("page", config, vendor)
    assert whole.records == list(range(410))
    with pytest.raises(UsageError, match="cannot be resumed here"):
        run("page", config, vendor, call=Call(cursor=whole.cursors[0]))


def test_a_cap_that_the_answer_tells_and_a_name_in_templates(run: Run) -> None:
    def vendor(request: Request, query: dict[str, str]) -> Any:
        start = int(request.url.rpartition("/")[2].partition("?")[0])
        return items(*range(start + 1, min(start + 3, 8)), capped=start + 3 < 8)

    config = {"has_more": "false", "restart": {"when": "body.capped", "set": {"params": {"since": "record.id"}}}}
    listing = run("page", config, vendor, path="/after/{{since ? since : '0'}}")
    assert listing.records == [1, 2, 3, 4, 5, 6, 7]
    assert listing.sent[1].url.startswith(f"{BASE}/after/2?")


def test_a_url_of_the_answer_keeps_its_own_filter(run: Run) -> None:
    def vendor(request: Request, query: dict[str, str]) -> Any:
        since, page = int(query.get("since", 0)), int(query.get("p", 0))
        found = list(range(since + 1, 12))[2 * page : 2 * page + 2]
        more = len(found) == 2 and page < 2
        return items(*found, next=f"/v1/things?since={since}&p={page + 1}" if more else None)

    config = {"next_url_field": "next", "restart": {"after_pages": 3, "set": {"query": {"since": "record.id"}}}}
    listing = run("next_url", config, vendor)
    assert listing.records == list(range(1, 12))
    assert [request.url.count("since=") for request in listing.sent] == [0, 1, 1, 1, 1, 1, 1]


def test_a_record_without_the_value(run: Run) -> None:
    config = {"restart": {"after_pages": 1, "set": {"query": {"since": "record.updated"}}}}
    with pytest.raises(VendorError, match=r"restart\.set\.query\.since` has no value on the last record"):
        run("page", config, lambda request, query: items(1))


@pytest.mark.parametrize(
    ("restart", "words"),
    [
        ({"set": {"query": {"a": "record.id"}}}, "which detect the cap"),
        ({"after_pages": 3, "set": {}}, "needs a filter"),
        ({"after_pages": 3, "set": {"body": {"a": "record.id"}}}, "JSON pointers"),
    ],
)
def test_wrong_settings(restart: dict[str, Any], words: str) -> None:
    import msgspec

    from conn_engine.listing.pagination import Restart

    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(restart, Restart)


class TestBeginningAgain:
    """A scroll that expires in the middle (Intercom): an error rule begins the listing again."""

    RULE = {"when": "status = 500 and $contains(text, 'scroll')", "then": {"restart": {"times": 2, "wait_seconds": 60}}}  # noqa: RUF012

    @staticmethod
    def vendor(expires: int, made: Listing) -> Any:
        def answer(request: Request, query: dict[str, str]) -> Any:
            start = int(query.get("scroll", 0))
            if start == 4 and sum("scroll=4" in one.url for one in made.sent) <= expires:
                return {"errors": [{"message": "scroll expired"}]}, {}, 500
            return items(*range(start, start + 2), next=str(start + 2) if start < 8 else None)

        return answer

    CONFIG = {"cursor_field": "next", "cursor_param": "scroll"}  # noqa: RUF012

    def test_records_come_once(self, run: Run) -> None:
        made = Listing()
        run("cursor", self.CONFIG, self.vendor(2, made), made=made, errors=[self.RULE])
        assert made.records == list(range(10))
        assert made.clock.slept == [60, 60]
        assert [query.get("scroll", "0") for query in made.queries][:7] == ["0", "2", "4", "0", "2", "4", "0"]

    def test_not_for_ever(self, run: Run) -> None:
        made = Listing()
        with pytest.raises(VendorError, match="scroll expired"):
            run("cursor", self.CONFIG, self.vendor(9, made), made=made, errors=[self.RULE])
        assert made.records == [0, 1, 2, 3]

    def test_not_from_a_cursor(self, run: Run) -> None:
        made = Listing()
        first = run("cursor", self.CONFIG, self.vendor(0, made), made=made, errors=[self.RULE])
        again = Listing()
        with pytest.raises(VendorError, match="scroll expired"):
            run(
                "cursor",
                self.CONFIG,
                self.vendor(9, again),
                made=again,
                errors=[self.RULE],
                call=Call(cursor=first.cursors[0]),
            )


def test_a_cycle_is_found_in_bounded_memory_however_late_and_long() -> None:
    from conn_engine.listing.pagination.loop import MAX_KNOWN, _Known

    for length in (1, 500, 70_000):
        known = _Known()
        assert not any(known.check_and_remember(number.to_bytes(16, "big")) for number in range(MAX_KNOWN + 10))
        steps = 0
        while not known.check_and_remember((1_000_000 + steps % length).to_bytes(16, "big")):
            steps += 1
        assert length <= steps <= 3 * length + 64
        assert len(known._marks) == MAX_KNOWN
