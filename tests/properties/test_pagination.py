"""Whatever the number of records and the page size: every record comes once and in order, with the expected
requests.

The vendor is a data model: a function from a request to an answer over a list of records.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from evaluating import usual
from hypothesis import given, settings
from hypothesis import strategies as st

from conn_engine.bodies import encode_query
from conn_engine.listing.pagination import (
    Cursor,
    LinkHeader,
    NextUrl,
    NoPagination,
    Offset,
    PageNumber,
    Pagination,
    pages,
)
from conn_engine.settings import Answer, Draft
from conn_engine.wire import Flow, Headers, Request, Response

URL = "https://api.example.com/v1/things"
counts = st.integers(0, 60)
sizes = st.integers(1, 12)


@dataclass
class Vendor:
    """`total` records, at most `cap` of them a page, whatever the request asks for."""

    total: int
    cap: int = 12
    default: int = 5
    answer: Callable[["Vendor", dict[str, str]], tuple[dict[str, Any], dict[str, str]]] = field(
        repr=False, default=None
    )  # type: ignore[assignment]
    requests: list[str] = field(default_factory=list)

    def serve(self, request: Request) -> Response:
        self.requests.append(request.url)
        assert len(self.requests) < 500, "the listing does not end"
        query = dict(parse_qsl(urlsplit(request.url).query))
        body, headers = self.answer(self, query)
        return Response(200, Headers(headers), json.dumps(body).encode())

    def slice(self, start: int, size: int | None) -> list[dict[str, int]]:
        size = min(self.cap, size or self.default)
        return [{"id": n} for n in range(start, min(self.total, start + size))]


Emitted = tuple[list[Any], int, Any, Any]


def listing(strategy: Pagination, vendor: Vendor, state: Any = None, limit: int | None = None) -> Iterator[Emitted]:
    """Drive the loop against the vendor; the pages as they come."""

    def fetch(place: Callable[[Draft], None]) -> Flow[Answer]:
        draft = Draft("GET", URL, [("q", "x")] + ([("limit", limit)] if limit else []), scope=usual())
        place(draft)
        query = encode_query(draft.query)
        url = draft.url + (("&" if "?" in draft.url else "?") + query if query else "")
        request = Request("GET", url)
        response: Response = yield request
        body = json.loads(response.body)
        return Answer(request, response, body, body.get("items", []), scope=usual(), sent={"query": dict(draft.query)})

    def emit(answer: Answer, number: int, following: Any, before: Any) -> Flow[None]:
        yield (answer.records, number, following, before)  # type: ignore[misc]

    flow = pages(strategy, fetch, emit, state)
    result: Any = None
    while True:
        try:
            effect: Any = flow.send(result)
        except StopIteration:
            return
        result = vendor.serve(effect) if isinstance(effect, Request) else None
        if not isinstance(effect, Request):
            yield effect


def by_number(vendor: Vendor, query: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    size = min(vendor.cap, int(query.get("per_page", vendor.default)))
    return {"items": vendor.slice((int(query["page"]) - 1) * size, size), "total": vendor.total}, {}


def by_offset(vendor: Vendor, query: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    start, size = int(query["offset"]), min(vendor.cap, int(query.get("limit", vendor.default)))
    return {
        "items": vendor.slice(start, size),
        "more": start + size < vendor.total,
        "total": vendor.total,
    }, {}


def by_cursor(vendor: Vendor, query: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    start, size = int(query.get("after", 0)), min(vendor.cap, int(query.get("limit", vendor.default)))
    following = start + size
    paging = {"next": {"after": str(following)}} if following < vendor.total else {}
    return {"items": vendor.slice(start, size), "paging": paging}, {"x-next": paging.get("next", {}).get("after", "")}


def by_url(spelling: str) -> Callable[[Vendor, dict[str, str]], tuple[dict[str, Any], dict[str, str]]]:
    def answer(vendor: Vendor, query: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        start, size = int(query.get("start", 0)), min(vendor.cap, int(query.get("limit", vendor.default)))
        following = start + size
        if following >= vendor.total:
            return {"items": vendor.slice(start, size), "next": None}, {}
        tail = "?" + urlencode({"q": "x", "limit": size, "start": following})
        link = {"absolute": URL + tail, "path": "/v1/things" + tail, "relative": tail}[spelling]
        header = f'<{URL}?start=0>; rel="first", <{link}>; rel="next"; title="a, b"'
        return {"items": vendor.slice(start, size), "next": link}, {"Link": header, "x-next-url": link}

    return answer


def full_pages(total: int, size: int) -> int:
    """Requests when the answer itself tells the end: an empty listing takes one too."""
    return max(1, -(-total // size))


Case = tuple[Pagination, Callable[..., Any], Callable[[int, int], int]]


def until_short(total: int, size: int) -> int:
    """Requests until a page shorter than the first one, or an empty one."""
    whole, rest = divmod(total, size)
    return whole + 1 if rest == 0 or whole else 2


COMPUTED = "$count(records) = 4 ? $string(records[-1].id + 1)"
NEXT_OFFSET = "body.more ? $number(request.query.offset) + $count(records)"

CASES: dict[str, Case] = {
    "page": (PageNumber(size_param="per_page", size=4), by_number, until_short),
    "page, total": (PageNumber(size_param="per_page", size=4, total_field="total"), by_number, full_pages),
    "page, only empty ends": (
        PageNumber(size_param="per_page", size=4, full_pages=False),
        by_number,
        lambda n, s: full_pages(n, s) + (n > 0),
    ),
    "offset": (Offset(size=4), by_offset, until_short),
    "offset, has_more": (Offset(size=4, has_more="body.more"), by_offset, full_pages),
    "offset, total": (Offset(size=4, total_field="total"), by_offset, full_pages),
    "offset, next_offset": (Offset(size=4, next_offset=NEXT_OFFSET), by_offset, full_pages),
    "cursor": (Cursor(cursor_field="paging.next.after", size_param="limit", size=4), by_cursor, full_pages),
    "cursor, header": (
        Cursor(cursor_from_header="X-Next", cursor_param="after", size_param="limit", size=4),
        by_cursor,
        full_pages,
    ),
    "cursor, computed": (
        Cursor(next_cursor=COMPUTED, cursor_param="after", size_param="limit", size=4),
        by_cursor,
        lambda n, s: n // s + 1,
    ),
    "next_url, absolute": (
        NextUrl(next_url_field="next", size_param="limit", size=4),
        by_url("absolute"),
        full_pages,
    ),
    "next_url, path": (
        NextUrl(next_url_field="next", size_param="limit", size=4),
        by_url("path"),
        full_pages,
    ),
    "next_url, relative": (
        NextUrl(next_url_from_header="x-next-url", size_param="limit", size=4),
        by_url("relative"),
        full_pages,
    ),
    "link_header": (LinkHeader(size_param="limit", size=4), by_url("absolute"), full_pages),
}


@pytest.mark.parametrize("name", CASES)
@given(total=counts)
def test_every_record_once_in_order_with_the_expected_requests(name: str, total: int) -> None:
    strategy, answer, requests = CASES[name]
    vendor = Vendor(total, answer=answer)
    got = [record["id"] for records, *_ in listing(strategy, vendor) for record in records]
    assert got == list(range(total))
    expected = requests(total, 4) if total else 1
    assert len(vendor.requests) == expected


@pytest.mark.parametrize("name", CASES)
@given(total=counts, data=st.data())
def test_continuing_from_the_state_of_a_page_gives_the_rest(name: str, total: int, data: st.DataObject) -> None:
    strategy, answer, _ = CASES[name]
    whole = list(listing(strategy, Vendor(total, answer=answer)))
    at = data.draw(st.integers(0, len(whole) - 1))
    state = json.loads(json.dumps(whole[at][2]))  # a state survives as JSON
    if state is None:
        assert at == len(whole) - 1
        return
    rest = list(listing(strategy, Vendor(total, answer=answer), state))
    assert [page[0] for page in rest] == [page[0] for page in whole[at + 1 :]]


@settings(deadline=None)  # five listings each: a busy machine takes its time
@given(total=counts, asked=sizes, cap=sizes, default=sizes, sent=st.booleans())
def test_a_size_the_vendor_caps_or_ignores_loses_nothing(
    total: int, asked: int, cap: int, default: int, sent: bool
) -> None:
    size = asked if sent else None
    for strategy, answer in (
        (PageNumber(size_param="per_page", size=size), by_number),
        (Offset(size=size), by_offset),
        (Cursor(cursor_field="paging.next.after", size_param="limit", size=size), by_cursor),
        (NextUrl(next_url_field="next", size_param="limit", size=size), by_url("absolute")),
        (LinkHeader(size_param="limit", size=size), by_url("relative")),
    ):
        vendor = Vendor(total, cap=cap, default=default, answer=answer)
        got = [record["id"] for records, *_ in listing(strategy, vendor) for record in records]
        assert got == list(range(total))


@given(total=st.integers(1, 40), data=st.data())
def test_going_back_gives_the_page_before(total: int, data: st.DataObject) -> None:
    for strategy, answer in ((PageNumber(size_param="per_page", size=3), by_number), (Offset(size=3), by_offset)):
        whole = list(listing(strategy, Vendor(total, answer=answer)))
        at = data.draw(st.integers(0, len(whole) - 1))
        before = whole[at][3]
        if at == 0:
            assert before is None
            continue
        again = next(iter(listing(strategy, Vendor(total, answer=answer), before)))
        assert again[0] == whole[at - 1][0]


@given(loop=st.integers(1, 6))
def test_a_cursor_that_comes_again_ends_the_listing(loop: int) -> None:
    def answer(vendor: Vendor, query: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        at = int(query.get("after", 0))
        return {
            "items": [{"id": len(vendor.requests)}],
            "paging": {"next": {"after": str((at + 1) % loop + 1)}},
        }, {}

    vendor = Vendor(9, answer=answer)
    found = list(listing(Cursor(cursor_field="paging.next.after"), vendor))
    assert len(found) == len(vendor.requests) <= loop + 2
    assert found[-1][2] is None


@pytest.mark.parametrize("strategy", [PageNumber(), PageNumber(has_more="true"), Offset(), Offset(has_more="true")])
def test_a_vendor_that_ignores_the_page_is_asked_twice(strategy: Pagination) -> None:
    vendor = Vendor(9, answer=lambda vendor, query: ({"items": vendor.slice(0, 3)}, {}))
    assert [[record["id"] for record in records] for records, *_ in listing(strategy, vendor)] == [[0, 1, 2], []]
    assert len(vendor.requests) == 2


def test_a_first_page_that_comes_again_by_its_number_is_delivered_once() -> None:
    def answer(vendor: Vendor, query: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        page = int(query.get("page", 1))
        return {"items": vendor.slice((page - 1) * 3, 3)}, {}

    vendor = Vendor(7, answer=answer)
    found = list(listing(PageNumber(first=0, first_sent=False), vendor))
    assert [record["id"] for records, *_ in found for record in records] == list(range(7))
    again = Vendor(9, answer=lambda vendor, query: ({"items": vendor.slice(0, 3)}, {}))
    found = list(listing(PageNumber(first=0, first_sent=False), again))
    assert [len(records) for records, *_ in found] == [3, 0, 0]


@given(total=counts)
def test_without_pagination_one_request_is_made(total: int) -> None:
    vendor = Vendor(total, cap=100, default=100, answer=lambda vendor, query: ({"items": vendor.slice(0, None)}, {}))
    (only,) = listing(NoPagination(), vendor)
    assert (len(only[0]), only[2], only[3], len(vendor.requests)) == (total, None, None, 1)
