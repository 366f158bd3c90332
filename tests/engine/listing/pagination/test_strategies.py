import json
from typing import Any

import msgspec
import pytest
from evaluating import usual

from conn_engine.errors import ConfigurationError, UsageError, VendorError
from conn_engine.listing.pagination import (
    MAX_EMPTY_PAGES,
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


def answered(
    body: Any,
    records: list[Any] | None = None,
    headers: Any = (),
    url: str = URL,
    query: dict[str, Any] | None = None,
) -> Answer:
    return Answer(
        Request("GET", url),
        Response(200, Headers(headers)),
        body,
        records or [],
        scope=usual(),
        sent={"query": query or {}},
    )


def draft(**more: Any) -> Draft:
    return Draft("GET", URL, **{"scope": usual(), **more})


class TestEnd:
    @pytest.mark.parametrize("value", [None, "", "null", " ", 0, False, [], {}])
    def test_what_means_no_next_page(self, value: Any) -> None:
        assert Cursor(cursor_field="next").advance(None, answered({"next": value})) is None

    def test_a_missing_cursor_and_a_body_that_is_no_object(self) -> None:
        for body in ({}, None, [], "text", {"paging": []}, {"paging": {"next": None}}):
            assert Cursor(cursor_field="paging.next.after").advance(None, answered(body)) is None

    @pytest.mark.parametrize("value", [False, "false", "False", None, 0, "0", "no", ""])
    def test_a_flag_that_says_no_in_any_spelling(self, value: Any) -> None:
        strategy = Cursor(cursor_field="next", has_more="body.more")
        assert strategy.advance(None, answered({"next": "x", "more": value})) is None

    def test_a_missing_flag_is_the_end(self) -> None:
        assert Cursor(cursor_field="next", has_more="body.more").advance(None, answered({"next": "x"})) is None

    def test_stop_wins_over_has_more(self) -> None:
        strategy = PageNumber(stop="body.last", has_more="true")
        assert strategy.advance(None, answered({"last": True}, [1])) is None
        assert strategy.advance(None, answered({"last": False}, [1])) is not None

    def test_an_empty_page_goes_on_when_the_vendor_says_so(self) -> None:
        assert PageNumber(has_more="body.more").advance(None, answered({"more": True}, [])) is not None

    def test_a_first_page_shorter_than_the_size_is_not_the_end(self) -> None:
        assert PageNumber(size=100, size_param="limit").advance(None, answered({}, [1, 2])) is not None

    def test_a_page_shorter_than_the_one_before_is_the_end_only_when_a_size_was_sent(self) -> None:
        state = {"page": 2, "seen": 4, "width": 4}
        assert PageNumber(size=4).advance(state, answered({}, [1, 2])) is None
        assert PageNumber().advance(state, answered({}, [1, 2])) is not None
        assert PageNumber(size_param="n").advance(state, answered({}, [1, 2], query={"n": 4})) is None
        assert PageNumber(size=4, full_pages=False).advance(state, answered({}, [1, 2])) is not None

    def test_total_as_text(self) -> None:
        assert Offset(total_field="meta.total").advance(None, answered({"meta": {"total": "2"}}, [1, 2])) is None


class TestPlace:
    def test_cursor_default_parameter_is_the_last_name(self) -> None:
        request = draft(query=[("limit", 2)])
        Cursor(cursor_field="paging.next.after").place({"cursor": "c1"}, request)
        assert request.query == [("limit", 2), ("after", "c1")]

    def test_cursor_on_the_first_page(self) -> None:
        request = draft()
        Cursor(cursor_field="next", first="*").place(None, request)
        assert request.query == [("next", "*")]

    def test_cursor_into_header_body_and_form(self) -> None:
        body = {"query": "q", "variables": {"n": 1}}
        request = draft(body=body)
        Cursor(cursor_field="c", cursor_header="X-C", cursor_body="/variables/after").place({"cursor": "c1"}, request)
        assert request.headers == {"X-C": "c1"}
        assert request.body == {"query": "q", "variables": {"n": 1, "after": "c1"}}
        assert body == {"query": "q", "variables": {"n": 1}}, "the operation's own body is not changed"
        assert request.query == []
        form = draft(body={"a": 1})
        Cursor(cursor_field="c", cursor_form="after").place({"cursor": "c1"}, form)
        assert (form.body, form.body_format) == ({"a": 1, "after": "c1"}, "form")

    def test_a_cursor_that_is_an_object(self) -> None:
        answer = answered({"next": {"after": 3}})
        strategy = Cursor(cursor_field="next")
        state = strategy.advance(None, answer)
        request = draft(body={})
        strategy.place(state, request)
        assert request.query == [("next", '{"after":3}')]

    def test_a_pointer_that_does_not_fit(self) -> None:
        for pointer in ("/a/b", "/list/7", "no-slash"):
            with pytest.raises(ConfigurationError, match="pointer"):
                Cursor(cursor_field="c", cursor_body=pointer).place({"cursor": 1}, draft(body={"a": 1, "list": [1]}))

    def test_pointer_escapes_and_list_indices(self) -> None:
        request = draft(body={"list": [{"x": 1}, {}]})
        Cursor(cursor_field="c", cursor_body="/list/1/a~1b~0").place({"cursor": "v"}, request)
        assert request.body == {"list": [{"x": 1}, {"a/b~": "v"}]}

    def test_the_callers_size_wins(self) -> None:
        for strategy in (
            PageNumber(size=50, size_param="limit"),
            Offset(size=50),
            Cursor(cursor_field="c", size=50, size_param="limit"),
            NextUrl(next_url_field="n", size=50, size_param="limit"),
            LinkHeader(size=50, size_param="limit"),
        ):
            request = draft(query=[("limit", 2)])
            strategy.place(None, request)
            assert ("limit", 2) in request.query
            assert ("limit", 50) not in request.query

    def test_parameters_of_the_first_page_only(self) -> None:
        strategy = Cursor(cursor_field="next", first_page_only=("sort",))
        first, later = draft(query=[("sort", "id")]), draft(query=[("sort", "id")])
        strategy.place(None, first)
        strategy.place({"cursor": "c"}, later)
        assert (first.query, later.query) == ([("sort", "id")], [("next", "c")])

    def test_page_and_offset_in_the_body(self) -> None:
        request = draft(body={"filter": 1})
        PageNumber(page_body="/page", size_body="/size", size=3).place(None, request)
        assert (request.query, request.body) == ([], {"filter": 1, "page": 1, "size": 3})
        request = draft(body={})
        Offset(offset_body="/from", size_body="/n", size=3).place({"offset": 6, "seen": 6, "width": 3}, request)
        assert (request.query, request.body) == ([], {"from": 6, "n": 3})

    def test_a_first_page_without_its_number(self) -> None:
        request = draft()
        PageNumber(first_sent=False).place(None, request)
        assert request.query == []

    def test_an_absolute_next_url_does_not_get_the_query_again(self) -> None:
        request = draft(query=[("limit", 2), ("fields", "a")])
        NextUrl(next_url_field="next").place({"url": URL + "?cursor=9"}, request)
        assert (request.url, request.query, request.absolute) == (URL + "?cursor=9", [], True)

    @pytest.mark.parametrize(
        "state", ["text", 5, [], {}, {"cursor": None}, {"page": "2"}, {"url": 5}, {"offset": True}]
    )
    @pytest.mark.parametrize("strategy", [PageNumber(), Offset(), Cursor(cursor_field="c"), LinkHeader()])
    def test_a_foreign_state_is_a_usage_error(self, strategy: Pagination, state: Any) -> None:
        with pytest.raises(UsageError, match="does not belong"):
            strategy.place(state, draft())


class TestNextUrl:
    @pytest.mark.parametrize(
        ("link", "url"),
        [
            ("https://api.example.com/v2?a=1", "https://api.example.com/v2?a=1"),
            ("/v2/things?page=2", "https://api.example.com/v2/things?page=2"),
            ("?page=2", "https://api.example.com/v1/things?page=2"),
            ("things/next", "https://api.example.com/v1/things/next"),
            ("//other.example.com/x", "https://other.example.com/x"),
            ("http://api.example.com/v2", "https://api.example.com/v2"),
            ("http://other.example.com/v2", "http://other.example.com/v2"),
            ("/v2?q=a b&r=ü#frag", "https://api.example.com/v2?q=a%20b&r=%C3%BC"),
            ("/v2?filter=a%20b&f[x]=(1,2)", "https://api.example.com/v2?filter=a%20b&f[x]=(1,2)"),
        ],
    )
    def test_resolution(self, link: str, url: str) -> None:
        assert NextUrl(next_url_field="next").advance(None, answered({"next": link})) == {"url": url}

    @pytest.mark.parametrize(
        "link",
        ["file:///etc/passwd", "javascript:alert(1)", "https://user:pw@api.example.com/", "/a\r\nHost: x",
         ["https://api.example.com"], {"href": 1}, 7, "https://[::1", "/" + "a" * 20_000, "https://h:99999/"],
    )  # fmt: skip
    def test_what_is_no_url(self, link: Any) -> None:
        with pytest.raises(VendorError) as raised:
            NextUrl(next_url_field="next").advance(None, answered({"next": link}))
        assert raised.value.kind == "bad_response"

    def test_an_echoed_credential_is_removed(self) -> None:
        strategy = NextUrl(next_url_field="next", without=("access_token",))
        answer = answered({"next": "/x?after=2&access_token=s3cret&b=1"})
        assert strategy.advance(None, answer) == {"url": "https://api.example.com/x?after=2&b=1"}

    def test_it_may_be_computed(self) -> None:
        strategy = NextUrl(next_url="headers.following ?? body.next")
        answers = [answered({"next": "/a?page=2"}), answered({"next": "/a"}, headers={"following": "/b"}), answered({})]
        urls = ["https://api.example.com/a?page=2", "https://api.example.com/b"]
        assert [strategy.advance(None, one) for one in answers] == [{"url": urls[0]}, {"url": urls[1]}, None]

    def test_the_page_before(self) -> None:
        strategy = NextUrl(next_url_field="next", prev_url_field="prev")
        assert strategy.retreat(None, answered({"prev": "/x?p=1"})) == {"url": "https://api.example.com/x?p=1"}
        assert strategy.retreat(None, answered({"prev": None})) is None


class TestLinkHeader:
    def test_next_and_before(self) -> None:
        answer = answered([], headers={"link": '</a?p=1>; rel="prev", </a?p=3>; rel="next"'})
        assert LinkHeader().advance(None, answer) == {"url": "https://api.example.com/a?p=3"}
        assert LinkHeader().retreat(None, answer) == {"url": "https://api.example.com/a?p=1"}

    def test_none(self) -> None:
        assert LinkHeader().advance(None, answered([], headers={"link": '</a>; rel="last"'})) is None
        assert LinkHeader().advance(None, answered([])) is None

    def test_a_stop_rule_sees_the_links_parameters(self) -> None:
        header = {"link": '</a?c=9>; rel="next"; results="false"'}
        assert LinkHeader(stop="link.results = 'false'").advance(None, answered([], headers=header)) is None
        assert LinkHeader(has_more="link.results").advance(None, answered([], headers=header)) is None

    def test_repeated_header_fields(self) -> None:
        answer = answered([], headers=[("Link", '</a>; rel="first"'), ("Link", "</b>; rel=next")])
        assert LinkHeader().advance(None, answer) == {"url": "https://api.example.com/b"}


class TestLoop:
    @staticmethod
    def run(strategy: Pagination, bodies: list[Any], stop_after: int | None = None) -> tuple[list[Any], int]:
        """Drive the loop over these bodies; the emitted pages and how many requests were made."""
        emitted: list[Any] = []

        def fetch(place: Any) -> Flow[Answer]:
            request_draft = draft()
            place(request_draft)
            response = yield Request("GET", request_draft.url)
            body = json.loads(response.body)
            return Answer(Request("GET", request_draft.url), response, body, body.get("items", []), scope=usual())

        def emit(answer: Answer, number: int, following: Any, before: Any) -> Flow[bool]:
            emitted.append((number, following) if answer.completeness is None else (number, answer.completeness))
            return number == stop_after
            yield

        flow = pages(strategy, fetch, emit)
        made = 0
        next(flow)
        while True:
            body = bodies[min(made, len(bodies) - 1)]
            made += 1
            try:
                flow.send(Response(200, body=json.dumps(body).encode()))
            except StopIteration:
                return emitted, made

    def test_emit_may_end_the_listing(self) -> None:
        bodies = [{"items": [n], "next": f"c{n}"} for n in range(9)]
        emitted, made = self.run(Cursor(cursor_field="next"), bodies, stop_after=3)
        assert (made, emitted[-1]) == (3, (3, {"cursor": "c2"}))

    def test_next_equal_to_the_request_itself(self) -> None:
        [(_, verdict)], _ = self.run(NextUrl(next_url_field="next"), [{"items": [1], "next": URL}])
        assert verdict.reason == "page 1 names a next page that was there before"

    def test_a_row_of_empty_pages_comes_to_an_end(self) -> None:
        bodies = [{"items": [], "next": f"c{n}"} for n in range(MAX_EMPTY_PAGES + 5)]
        emitted, made = self.run(Cursor(cursor_field="next"), bodies)
        assert made == MAX_EMPTY_PAGES
        assert (emitted[-1][1].state, emitted[-1][1].reason) == ("incomplete", "1,000 empty pages came in a row")

    def test_some_empty_pages_in_between_are_borne(self) -> None:
        bodies = [{"items": [], "next": f"c{n}"} for n in range(20)] + [{"items": [1]}]
        emitted, made = self.run(Cursor(cursor_field="next"), bodies)
        assert (made, emitted[-1][0], emitted[-1][1].state) == (21, 21, "complete")

    def test_a_repeated_next_page_number(self) -> None:
        bodies = [{"items": [n], "next": 2} for n in range(5)]
        emitted, made = self.run(PageNumber(next_page="body.next"), bodies)
        assert (made, emitted[-1][1].state) == (2, "incomplete")


class TestSettings:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ({"format": "cursor"}, "needs `cursor_field`"),
            ({"format": "cursor", "next_cursor": "f(x)"}, "needs `cursor_param`"),
            ({"format": "next_url"}, "needs `next_url_field`"),
            ({"format": "offset", "step": "size"}, "needs `size`"),
            ({"format": "page", "size": 0}, ">= 1"),
            ({"format": "cursr"}, "cursr"),
        ],
    )
    def test_wrong_settings(self, data: dict[str, Any], words: str) -> None:
        with pytest.raises(msgspec.ValidationError, match=words):
            msgspec.convert(data, Pagination)

    def test_every_alias_names_a_field_and_is_none_itself(self) -> None:
        for strategy in (PageNumber, Offset, Cursor, NextUrl, LinkHeader, NoPagination):
            fields = {field.name for field in msgspec.structs.fields(strategy)}
            assert set(strategy.aliases.values()) <= fields
            assert not set(strategy.aliases) & fields
