"""Ranges, states of several parts, and paginations within another."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paged_vendors import BASE, Listing, Run, items, one

from conn_engine.errors import ConfigurationError
from conn_engine.listing.pagination import Pagination
from conn_engine.runtime.call import Call
from conn_engine.wire import Request

FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


def continues(run: Run, whole: Listing, *args: Any, **more: Any) -> None:
    """Each cursor leads to the rest."""
    for number, cursor in enumerate(whole.cursors):
        if cursor is not None:
            rest = run(*args, call=Call(cursor=cursor), **more)
            assert len(rest.cursors) == len(whole.cursors) - number - 1
            assert rest.records == whole.records[len(whole.records) - len(rest.records) :]


class TestRange:
    @FIXTURE
    @given(total=st.integers(0, 30), told=st.sampled_from(["total", "star", "none"]), cap=st.integers(1, 9))
    def test_of_items_in_the_range_header(self, run: Run, total: int, told: str, cap: int) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            unit, _, text = request.headers["range"].partition("=")
            assert unit == "items"
            start, end = map(int, text.split("-"))
            if start >= max(total, 1):
                return {"message": "beyond"}, {"Content-Range": f"items */{total}"}, 416
            found = list(range(start, min(start + cap, end + 1, total)))
            last = found[-1] if found else 0
            size = total if told == "total" else "*"
            headers = {"Content-Range": f"items {start}-{last}/{size}"} if told != "none" and found else {}
            return items(*found), headers, 206

        listing = run("range", {"size": 5}, vendor)
        assert listing.records == list(range(total))
        assert listing.sent[0].headers["range"] == "items=0-4"
        continues(run, listing, "range", {"size": 5}, vendor)

    @pytest.mark.parametrize(
        ("config", "query"),
        [
            ({"range_param": "range"}, {"range": "0-4"}),
            ({"range_param": "r", "unit": "rows", "first": 1}, {"r": "rows=1-5"}),
            ({"start_param": "from", "end_param": "to"}, {"from": "0", "to": "4"}),
            ({"start_param": "from", "end_param": "to", "inclusive": False}, {"from": "0", "to": "5"}),
        ],
    )
    def test_in_the_query(self, run: Run, config: dict[str, Any], query: dict[str, str]) -> None:
        listing = run("range", {"size": 5, "has_more": "false", **config}, lambda request, query: items(1))
        assert listing.queries == [query]
        assert "range" not in listing.sent[0].headers

    def test_in_the_body_and_in_templates(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            start = json.loads(request.body or b"")["startRow"]
            return items(*range(start, min(start + 2, 5)), total=5)

        config = {
            "step": 2,
            "start_body": "/startRow",
            "end_body": "/endRow",
            "inclusive": False,
            "total_field": "total",
        }
        post = {"method": "post", "writes": False, "headers": {"X-Rows": "{{page.start}}-{{page.end}}"}}
        listing = run("range", config, vendor, **post)
        assert listing.bodies == [{"startRow": n, "endRow": n + 2} for n in (0, 2, 4)]
        assert [request.headers["x-rows"] for request in listing.sent] == ["0-2", "2-4", "4-6"]
        assert listing.records == [0, 1, 2, 3, 4]

    def test_another_header(self, run: Run) -> None:
        config = {"size": 3, "range_header": "X-Range", "unit": "", "stop": "true"}
        assert run("range", config, lambda request, query: items(1)).sent[0].headers["x-range"] == "0-2"


class TestDynamic:
    MIXPANEL = {  # noqa: RUF012
        "first": '{"session": null, "page": context.start ? context.start : 0}',
        "next": 'body.more ? {"session": body.session_id, "page": state.page + 1}',
        "send": '{"query": {"session_id": state.session, "page": state.page}}',
    }

    @staticmethod
    def vendor(request: Request, query: dict[str, str]) -> Any:
        page = int(query["page"])
        assert query.get("session_id") == ("s1" if page else None)
        return items(page, session_id="s1", more=page < 3)

    def test_session_and_page(self, run: Run) -> None:
        listing = run("dynamic", self.MIXPANEL, self.vendor)
        assert listing.records == [0, 1, 2, 3]
        continues(run, listing, "dynamic", self.MIXPANEL, self.vendor)

    def test_boards_and_items(self, run: Run) -> None:
        listing = run(
            "dynamic",
            {
                "first": '{"board": 1, "cursor": null}',
                "next": """
                    body.items_next ? {"board": state.board, "cursor": body.items_next}
                    : body.board ? {"board": state.board + 1, "cursor": null}
                """,
                "send": '{"body": {"variables": {"board": state.board, "cursor": state.cursor}}}',
            },
            boards({1: 3, 2: 0, 3: 1, 4: 5}),
            method="post",
            writes=False,
            body={"query": "…", "variables": {"limit": 2}},
        )
        assert listing.records == BOARDS
        assert listing.bodies[1] == {"query": "…", "variables": {"limit": 2, "board": 1, "cursor": "2"}}

    def test_templates_instead_of_send(self, run: Run) -> None:
        config = {key: value for key, value in self.MIXPANEL.items() if key != "send"}
        query = {"session_id": "{{page.session}}", "page": "{{page.page}}"}
        assert run("dynamic", config, self.vendor, query=query).records == [0, 1, 2, 3]

    def test_another_path_a_header_and_a_form_later(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            return one(request, cursor=None if "continue" in request.url else "c1")

        config = {
            "next": "body.cursor",
            "send": 'state ? {"path": "/list/continue", "form": {"cursor": state}, "headers": {"X-G": 1, "X-A": null}}',
        }
        listing = run("dynamic", config, vendor, method="post", writes=False, path="/list", headers={"X-A": "1"})
        assert [request.url for request in listing.sent] == [f"{BASE}/list", f"{BASE}/list/continue"]
        assert listing.sent[1].body == b"cursor=c1"
        assert (listing.sent[1].headers["x-g"], "x-a" in listing.sent[1].headers) == ("1", False)

    def test_a_url_is_taken_whole_and_only_on_a_host_of_the_connector(self, run: Run) -> None:
        for url, fine in ((f"{BASE}/more?x=1", True), ("https://evil.example.net/x", False)):

            def vendor(request: Request, query: dict[str, str], url: str = url) -> Any:
                return one(request, next=None if "x=1" in request.url else url)

            made = Listing()
            config = {"next": "body.next", "send": 'state ? {"url": state}'}
            if fine:
                run("dynamic", config, vendor, made=made, query={"q": "1"})
                assert made.sent[1].url == url
                continue
            with pytest.raises(ConfigurationError, match=r"evil\.example\.net"):
                run("dynamic", config, vendor, made=made)
            assert len(made.sent) == 1

    @pytest.mark.parametrize(
        ("send", "words"),
        [
            ('{"qurey": {}}', "returns qurey"),
            ("7", "no object"),
            ('{"url": "file:///etc/passwd"}', "not an absolute http"),
            ('{"url": "/x"}', "not an absolute http"),
        ],
    )
    def test_a_send_that_gives_nonsense(self, run: Run, send: str, words: str) -> None:
        with pytest.raises(ConfigurationError, match=words):
            run("dynamic", {"next": "null", "send": send}, lambda request, query: items(1))


BOARDS = ["1.0", "1.1", "1.2", "3.0", "4.0", "4.1", "4.2", "4.3", "4.4"]


def boards(sizes: dict[int, int]) -> Any:
    """Boards with items, two items a page; a board that is not there is null."""

    def vendor(request: Request, query: dict[str, str]) -> Any:
        variables = json.loads(request.body or b"")["variables"]
        board, start = variables["board"], int(variables.get("cursor") or 0)
        if board not in sizes:
            return items(board=None)
        more = str(start + 2) if start + 2 < sizes[board] else None
        return items(
            *(f"{board}.{n}" for n in range(start, min(start + 2, sizes[board]))), board=board, items_next=more
        )

    return vendor


class TestNested:
    CONFIG = {  # noqa: RUF012
        "outer": {"format": "page", "config": {"page_body": "/variables/board", "stop": "body.board = null"}},
        "inner": {"format": "cursor", "config": {"cursor_field": "items_next", "cursor_body": "/variables/cursor"}},
    }
    POST = {  # noqa: RUF012
        "method": "post",
        "writes": False,
        "headers": {"X-At": "{{page.outer.number}}/{{$string(page.inner.cursor)}}"},
    }

    def test_boards_and_items(self, run: Run) -> None:
        vendor = boards({1: 3, 2: 0, 3: 1, 4: 5})
        config = {**self.CONFIG, "outer": {**self.CONFIG["outer"]}}
        config["outer"]["config"] = {**config["outer"]["config"], "has_more": "body.board != null"}
        listing = run("nested", config, vendor, **self.POST)
        assert listing.records == BOARDS
        assert [request.headers["x-at"] for request in listing.sent][:3] == ["1/null", "1/2", "2/null"]
        continues(run, listing, "nested", config, vendor, **self.POST)

    def test_three_levels(self, run: Run) -> None:
        def vendor(request: Request, query: dict[str, str]) -> Any:
            a, b, c = (int(query[name]) for name in "abc")
            return items(f"{a}{b}{c}", more={"a": a < 2, "b": b < 2, "c": c < 2})

        def level(name: str) -> dict[str, Any]:
            return {"format": "page", "config": {"page_param": name, "has_more": f"body.more.{name}"}}

        inner = {"format": "nested", "config": {"outer": level("b"), "inner": level("c")}}
        listing = run("nested", {"outer": level("a"), "inner": inner}, vendor)
        assert listing.records == [f"{a}{b}{c}" for a in (1, 2) for b in (1, 2) for c in (1, 2)]

    @pytest.mark.parametrize("state", [{"outer": None}, {"page": 2}, "x", 5])
    def test_a_foreign_state(self, run: Run, state: Any) -> None:
        from conn_engine.errors import UsageError
        from conn_engine.runtime.call import encode_cursor

        with pytest.raises(UsageError, match="does not belong"):
            run("nested", self.CONFIG, boards({1: 1}), call=Call(cursor=encode_cursor(state)), **self.POST)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"format": "range"}, "needs `size`"),
        ({"format": "dynamic"}, "next"),
        (
            {"format": "nested", "outer": {"format": "page"}, "inner": {"format": "page"}},
            "set `stop` or `has_more`",
        ),
        ({"format": "cursor", "cursor_from_link": "next", "cursor_param": "a"}, "cursor_from_url"),
        ({"format": "page", "max_pages": 0}, ">= 1"),
    ],
)
def test_wrong_settings(data: dict[str, Any], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(data, Pagination)
