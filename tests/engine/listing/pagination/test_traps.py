"""Every trap of paging that a vendor was seen to set, by name: an operation against a scripted vendor."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from paged_vendors import BASE, Listing, Run, by_page, items, one

from conn_engine.errors import ConfigurationError, VendorError
from conn_engine.listing.pagination import loop
from conn_engine.runtime.call import Call
from conn_engine.wire import Request

REPEATED = "page {} names a next page that was there before"


class TestNextIsThereOnTheLastPage:
    def test_results_false_in_the_link_header(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            more = "true" if "cursor" not in query else "false"
            return items(query.get("cursor", "a")), {"Link": f'<{BASE}/things?cursor=b>; rel="next"; results="{more}"'}

        assert run("link_header", {"has_more": "link.results"}, vendor).records == ["a", "b"]

    def test_next_equal_to_self(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            after = "?after=b" if query.get("after") in (None, "b") else ""
            return items(query.get("after", "a")), {"Link": f'<{BASE}/things{after}>; rel="next"'}

        assert run("link_header", {"end_on_repeat": True}, vendor).records == ["a", "b"]
        listing = run("link_header", {}, vendor)
        assert (listing.records, listing.verdict) == (["a", "b"], ("incomplete", REPEATED.format(2)))

    @pytest.mark.parametrize("echo", ["", "&key=s3cret", "&key=***"], ids=["bare", "echoed", "masked"])
    def test_next_equal_to_self_beside_a_key_in_the_query(self, run: Run, echo: str) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return items("a", next=f"{BASE}/things?sort=id{echo}")

        settings = {"authorization": {"format": "query", "config": {"name": "key", "value": "{{token}}"}}}
        listing = run(
            "next_url", {"next_url_field": "next", "end_on_repeat": True}, vendor, query={"sort": "id"}, **settings
        )
        assert (listing.records, len(listing.sent)) == (["a"], 1)
        listing = run("next_url", {"next_url_field": "next"}, vendor, query={"sort": "id"}, **settings)
        assert (listing.records, listing.verdict) == (["a"], ("incomplete", REPEATED.format(1)))

    def test_a_next_cursor_equal_to_the_one_sent(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return items(query.get("next", "a"), next="b")

        assert run("cursor", {"cursor_field": "next", "end_on_repeat": True}, vendor).records == ["a", "b"]
        listing = run("cursor", {"cursor_field": "next"}, vendor)
        assert (listing.records, listing.verdict) == (["a", "b"], ("incomplete", REPEATED.format(2)))

    @pytest.mark.parametrize("text", ["null", "", None, False])
    def test_null_in_any_spelling(self, run: Run, text: Any) -> None:
        for config in ({"cursor_field": "next"}, {"next_url_field": "next"}):
            kind = "cursor" if "cursor_field" in config else "next_url"
            assert run(kind, config, lambda request, query: items(1, next=text)).records == [1]

    def test_inf(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return items(query.get("next", "a"), next="b" if "next" not in query else "inf")

        listing = run("cursor", {"cursor_field": "next", "end_values": ["inf"]}, vendor)
        assert (listing.records, len(listing.sent)) == (["a", "b"], 2)

    def test_minus_one(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return items(query["page"], next=2 if query["page"] == "1" else "-1")

        config = {"next_page": "body.next", "end_values": ["-1"]}
        assert run("page", config, vendor).records == ["1", "2"]

    def test_count_of_at_most_one(self, run: Run) -> None:
        def vendor(
            request: Request, query: dict[str, str]
        ) -> Any:  # each page begins with the last record of the one before
            start = int(query.get("since", 1))
            return items(*range(start, min(start + 3, 7)))

        config = {
            "next_cursor": "records[-1].id",
            "cursor_param": "since",
            "stop": "$count(records) <= 1",
        }
        listing = run("cursor", config, vendor)
        assert listing.queries == [{}, {"since": "3"}, {"since": "5"}, {"since": "6"}]


class TestRepetition:
    @pytest.mark.parametrize("length", [1, 2, 3, 7])
    def test_a_cursor_that_comes_again_after_any_number_of_pages(self, run: Run, length: int) -> None:
        made = Listing()

        def vendor(request: Request, query: dict[str, str]) -> Any:
            return items(len(made.sent), next=f"c{(len(made.sent)) % length}")

        run("cursor", {"cursor_field": "next"}, vendor, made=made)
        assert made.records == list(range(1, length + 2))
        assert made.verdict == ("incomplete", REPEATED.format(length + 1))
        assert "`end_on_repeat: true`" in made.verdicts[-1].hint

    def test_a_page_with_the_records_of_the_one_before_is_delivered_once(self, run: Run) -> None:
        listing = run("page", {}, lambda request, query: items(1, 2))
        assert (listing.records, len(listing.sent)) == ([1, 2], 2)
        assert listing.verdict == ("incomplete", "page 2 has the same records as page 1")
        assert "`pagination: {format: none}`" in listing.verdicts[-1].hint
        assert listing.cursors == [listing.cursors[0], None]

    def test_max_pages_stops_a_listing(self, run: Run) -> None:
        listing = run("page", {"max_pages": 3}, by_page(99))
        assert (listing.records, len(listing.sent)) == ([1, 2, 3, 4, 5, 6], 3)
        assert listing.verdict == ("stopped", "`max_pages` (3) was reached")
        shorter = run("page", {"max_pages": 3}, by_page(2))
        assert (shorter.records, shorter.verdict) == ([1, 2, 3, 4], ("complete", ""))

    def test_nobody_chose_the_default_bound(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(loop, "MAX_PAGES", 4)
        listing = run("page", {"max_pages": 4}, by_page(99))
        assert (len(listing.records), listing.verdict[0]) == (8, "incomplete")
        assert "raise `max_pages`" in listing.verdicts[-1].hint

    def test_the_next_partition_is_read_all_the_same(self, run: Run) -> None:
        config: dict[str, Any] = {"parents": {"as": "of", "values": ["a", "b"]}, "query": {"of": "{{partition.of}}"}}

        def vendor(request: Request, query: dict[str, str]) -> Any:
            return items(f"{query['of']}{query['page']}") if query["of"] == "b" else items("a1")

        listing = run("page", {"max_pages": 2}, vendor, **config)
        assert (listing.records, listing.verdict) == (
            ["a1", "b1", "b2"],
            ("incomplete", "of a: page 2 has the same records as page 1"),
        )


class TestSize:
    def test_silently_capped(self, run: Run) -> None:
        listing = run("page", {"size_param": "n", "size": 500}, by_page(3))
        assert listing.records == [1, 2, 3, 4, 5, 6]

    def test_missing(self, run: Run) -> None:
        listing = run("page", {}, by_page(2))
        assert (listing.records, [query["page"] for query in listing.queries]) == ([1, 2, 3, 4], ["1", "2", "3"])

    def test_a_larger_one_of_the_caller_is_cut_with_a_note(self, run: Run) -> None:
        config = {"size_param": "n", "size": 50, "max_size": 100, "stop": "true"}
        for asked, sent in ((500, "100"), ("250", "100"), (100, "100"), (20, "20")):
            listing = run("page", config, by_page(1), call=Call(query={"n": asked}))
            assert listing.queries[0]["n"] == sent
            cut = [f"the page size {asked} was reduced to 100, the vendor's maximum"]
            assert listing.notes == (cut if str(asked) != sent else [])

    def test_in_a_header_a_body_and_a_form(self, run: Run) -> None:
        config = {"size": 9, "size_header": "X-Size", "stop": "true"}
        assert run("page", config, by_page(1)).sent[0].headers["x-size"] == "9"
        search = {"method": "post", "writes": False}
        config = {"size": 9, "size_body": "/page/size", "page_body": "/page/number", "max_size": 50, "stop": "true"}
        assert run("page", config, by_page(1), **search).bodies == [{"page": {"number": 1, "size": 9}}]
        told = run("page", config, by_page(1), body={"page": {"size": 80}}, **search)
        assert told.bodies == [{"page": {"size": 50, "number": 1}}]
        form = run("page", {"size": 9, "size_form": "n", "page_form": "p", "stop": "true"}, by_page(1), **search)
        assert sorted((form.sent[0].body or b"").split(b"&")) == [b"n=9", b"p=1"]


class TestNextUrl:
    def test_absolute_on_another_host_gets_no_credential_and_no_request(self, run: Run) -> None:
        made = Listing()
        with pytest.raises(ConfigurationError, match=r"evil\.example\.net") as raised:
            run(
                "next_url",
                {"next_url_field": "next"},
                lambda request, q: one(request, next="https://evil.example.net/x"),
                made=made,
            )
        assert len(made.sent) == 1
        assert "s3cret" not in str(raised.value)

    def test_the_original_query_is_not_added_again(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return one(request, next=None if "at" in query else f"{BASE}/things?at=2&sort=id")

        listing = run(
            "next_url", {"next_url_field": "next", "size_param": "n", "size": 5}, vendor, query={"sort": "id"}
        )
        assert [urlsplit(request.url).query for request in listing.sent] == ["sort=id&n=5", "at=2&sort=id"]

    @pytest.mark.parametrize(
        ("link", "relative_to", "url"),
        [
            ("/v1/things?at=2", "request", f"{BASE}/things?at=2"),
            ("?at=2", "request", f"{BASE}/things?at=2"),
            ("/things?at=2", "base_url", f"{BASE}/things?at=2"),
            ("things?at=2&q=a b", "base_url", f"{BASE}/things?at=2&q=a%20b"),
            (f"{BASE}/things?at=2", "base_url", f"{BASE}/things?at=2"),
            ("//api.example.com/v1/things?at=2", "base_url", f"{BASE}/things?at=2"),
        ],
    )
    def test_relative_ones(self, run: Run, link: str, relative_to: str, url: str) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return one(request, next=None if "at" in query else link)

        listing = run("next_url", {"next_url_field": "next", "relative_to": relative_to}, vendor)
        assert listing.sent[1].url == url
        assert listing.sent[1].headers["authorization"] == "Bearer s3cret"


class TestParameters:
    def test_sort_on_page_one_only(self, run: Run) -> None:
        config = {"first_page_only": ["sort"], "stop": "$number(request.query.page) = 2"}
        listing = run("page", config, by_page(5), query={"sort": "created_at", "q": "x"})
        assert listing.queries == [{"sort": "created_at", "q": "x", "page": "1"}, {"q": "x", "page": "2"}]

    def test_all_forbidden_with_the_token(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return one(request, next=None if "next" in query else "t1")

        config = {"cursor_field": "next", "size_param": "n", "size": 5, "first_page_only": ["*"]}
        listing = run("cursor", config, vendor, query={"q": "x"})
        assert listing.queries == [{"q": "x", "n": "5"}, {"next": "t1"}]

    def test_a_part_of_the_body_on_page_one_only(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return one(request, next=None if "cursor" in json.loads(request.body or b"") else "t1")

        config = {"cursor_field": "next", "cursor_body": "/cursor", "first_page_only": ["/filter", "/opts/sort"]}
        body = {"filter": {"a": 1}, "opts": {"sort": "id", "x": 1}}
        listing = run("cursor", config, vendor, method="post", writes=False, body=body)
        assert listing.bodies == [body, {"opts": {"x": 1}, "cursor": "t1"}]


class TestTokens:
    def test_inside_a_url(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            more = "2" if "$skiptoken" in query else ""
            link = f"https://internal.example.org/odata/x?$top=2&$skiptoken=t%2B1{more}"
            return one(request, **({"@next": link} if query.get("$skiptoken") != "t+12" else {}))

        config = {"cursor_field": "`@next`", "cursor_from_url": "$skiptoken"}
        assert run("cursor", config, vendor).queries == [{}, {"$skiptoken": "t+1"}, {"$skiptoken": "t+12"}]

    def test_inside_a_link_header(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            headers = {"Link": '<https://x.example.com/y?limit=5&page_info=p2>; rel="next"'}
            return items(len(query)), ({} if "page_info" in query else headers)

        config = {"cursor_from_link": "next", "cursor_from_url": "page_info"}
        assert run("cursor", config, vendor).queries == [{}, {"page_info": "p2"}]

    def test_a_url_without_the_token_is_an_error(self, run: Run) -> None:
        for link in ("/x?other=1", "not a url", 7, "http://[::1"):
            with pytest.raises(VendorError, match=r"has no parameter \$skiptoken"):
                run(
                    "cursor",
                    {"cursor_field": "next", "cursor_from_url": "$skiptoken"},
                    lambda request, query, link=link: one(request, next=link),
                )

    def test_an_object_in_the_body_and_as_text_in_the_query(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            told = json.loads(request.body or b"{}").get("page") or json.loads(query.get("page", "null"))
            return one(request, next=None if told else {"after": {"id": 7}})

        config = {"cursor_field": "next", "cursor_body": "/page"}
        search = {"method": "post", "writes": False}
        assert run("cursor", config, vendor, **search).bodies[1] == {"page": {"after": {"id": 7}}}
        listing = run("cursor", {"cursor_field": "next", "cursor_param": "page"}, vendor)
        assert listing.queries[1] == {"page": '{"after":{"id":7}}'}

    def test_re_encoded_by_an_expression(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return one(request, next=None if "offset" in query else ["1517494791000", "275000000010"])

        config = {"next_cursor": "body.next ? $string(body.next)", "cursor_param": "offset"}
        assert run("cursor", config, vendor).queries[1] == {"offset": '["1517494791000","275000000010"]'}

    def test_start_at_plus_max_results(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            start = int(query.get("startAt", 0))
            return items(*range(start, min(start + 2, 5)), startAt=start, maxResults=2, total=5)

        config = {
            "offset_param": "startAt",
            "size_param": "maxResults",
            "size": 100,
            "next_offset": "body.startAt + body.maxResults < body.total ? body.startAt + body.maxResults",
        }
        listing = run("offset", config, vendor)
        assert [query["startAt"] for query in listing.queries] == ["0", "2", "4"]
        assert listing.records == [0, 1, 2, 3, 4]

    def test_in_any_template(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return one(request, next={"": "c1", "c1": "c/2"}.get(request.headers["x-cursor"]))

        listing = run(
            "cursor",
            {"cursor_field": "next", "cursor_param": ""},
            vendor,
            path="/things/{{page.first ? 'first' : page.cursor}}",
            headers={"X-Cursor": "{{page.cursor ? page.cursor : ''}}"},
            query={"after": "{{page.cursor}}", "sort": "{{page.first ? 'id' : null}}"},
        )
        assert [request.url.removeprefix(f"{BASE}/things/") for request in listing.sent] == [
            "first?sort=id",
            "c1?after=c1",
            "c%2F2?after=c%2F2",
        ]

    def test_in_a_body_that_is_a_text(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            text = json.loads(request.body or b"")["q"]
            return items(text, total=3)

        config = {"offset_param": "", "size_param": "", "total_field": "total"}
        body = {"q": "SELECT * STARTPOSITION {{page.offset + 1}}"}
        listing = run("offset", config, vendor, method="post", writes=False, body=body)
        assert listing.records == [f"SELECT * STARTPOSITION {n}" for n in (1, 2, 3)]

    def test_a_value_of_the_call_called_page_stays_what_it_is(self, run: Run) -> None:
        call = Call(params={"page": "front"})
        listing = run("cursor", {"cursor_field": "next"}, lambda r, q: items(1), call=call, path="/{{page}}")
        assert listing.sent[0].url == f"{BASE}/front"


class TestTotals:
    def test_of_pages(self, run: Run) -> None:
        listing = run("page", {"total_pages_field": "pages", "first": 0}, lambda r, q: items(q["page"], pages="3"))
        assert listing.records == ["0", "1", "2"]
