"""Incremental operations by the vendor's tokens, against a real server: what a run sends, and when the state moves."""

from typing import Any

import pytest

from conn_engine.errors import ConfigurationError, UsageError, VendorError
from conn_engine.runtime.call import Call

TOKEN = {"format": "token", "token_field": "sync", "token_param": "sync"}
LINK = {"format": "token", "url_field": "changes"}
PAGES: dict[str, Any] = {
    "": {"items": [{"id": 1}], "next": "p2"},
    "p2": {"items": [{"id": 2}], "sync": "t1", "changes": "/rows/changes?since=1"},
}


def listing(incremental: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "rows": {
            "list": {"method": "get", "path": "/rows", "response_path": "items", "incremental": incremental, **more}
        }
    }


def rows(got: Any) -> Any:
    if got.query.get("sync") or got.path.endswith("/changes"):
        return {"items": [{"id": 2, "deleted": True}], "sync": "t2", "changes": "?since=2"}
    return PAGES[got.query.get("after", "")]


def states(acme: Any, state: Any = None, **call: Any) -> list[Any]:
    return [page.state for page in acme.pages("rows.list", Call(state=state, **call))]


def test_the_last_page_has_the_token_that_the_next_run_sends_with_each_page(shop: Any) -> None:
    acme = shop(listing({**TOKEN, "first_run_only": ["from"]}), rows)
    assert states(acme, query={"from": "2025", "kind": "a"}) == [None, {"cursor": "t1"}]
    assert states(acme, {"cursor": "t1"}, query={"from": "2025", "kind": "a"}) == [{"cursor": "t2"}]
    assert acme.got == ["/rows?from=2025&kind=a", "/rows?from=2025&kind=a&after=p2", "/rows?kind=a&sync=t1"]


def test_a_link_replaces_url_and_query(shop: Any) -> None:
    pagination = {"format": "cursor", "cursor_field": "next", "cursor_param": "after", "size_param": "size", "size": 9}
    acme = shop(listing(LINK, pagination=pagination), rows)
    link = f"{acme.site.url}/rows/changes?since="
    assert states(acme) == [None, {"cursor": f"{link}1"}]
    assert states(acme, {"cursor": f"{link}1"}, query={"kind": "a"}) == [{"cursor": f"{link}2"}]
    assert acme.got == ["/rows?size=9", "/rows?after=p2&size=9", "/rows/changes?since=1"]


@pytest.mark.parametrize("place", [{"token_header": "X-Sync"}, {"token_body": "/at/sync"}, {"token_form": "sync"}])
def test_a_token_has_other_places(shop: Any, place: dict[str, str]) -> None:
    more = {} if "token_header" in place else {"method": "post", "writes": False}
    acme = shop(
        listing({"format": "token", "token_field": "sync", **place}, **more), lambda got: {"items": [], "sync": "t2"}
    )
    assert states(acme, {"cursor": "t1"}) == [{"cursor": "t2"}]
    arrived = acme.site.arrived[0]
    assert "t1" in f"{arrived.headers.get('x-sync')} {arrived.body!r}"


def test_if_the_vendor_no_longer_knows_the_token_everything_is_read(shop: Any) -> None:
    def answer(got: Any) -> Any:
        return (410, {"message": "gone"}) if got.query.get("sync") else rows(got)

    acme = shop(listing(TOKEN), answer)
    pages = list(acme.pages("rows.list", Call(state={"cursor": "old"})))
    assert [record["id"] for page in pages for record in page.records] == [1, 2]
    assert [page.state for page in pages] == [{"cursor": "old"}, {"cursor": "t1"}]
    assert [len(page.notes) for page in pages] == [1, 0]
    assert "no longer knows the token of the last run" in pages[0].notes[0]
    assert acme.got == ["/rows?sync=old", "/rows", "/rows?after=p2"]


def test_expired_decides_what_means_that(shop: Any) -> None:
    def answer(got: Any) -> Any:
        return (400, {"code": got.query["sync"]}) if got.query.get("sync") else rows(got)

    acme = shop(listing({**TOKEN, "expired": "status = 400 and body.code = 'stale'"}), answer)
    assert states(acme, {"cursor": "stale"})[-1] == {"cursor": "t1"}
    with pytest.raises(VendorError, match="400"):
        states(acme, {"cursor": "other"})


def test_a_first_run_that_is_refused_is_an_error(shop: Any) -> None:
    acme = shop(listing(TOKEN), lambda got: (410, {}))
    with pytest.raises(VendorError, match="410"):
        states(acme)
    assert acme.got == ["/rows"]


@pytest.mark.parametrize(
    ("body", "incremental", "reason"),
    [
        ({"items": []}, TOKEN, "has no token for the next run"),
        ({"items": [], "sync": {"a": 1}}, TOKEN, "not a token"),
        ({"items": [], "changes": "ftp://example.com/x"}, LINK, "not a plain http or https URL"),
    ],
)
def test_without_a_readable_token_the_state_stays_and_a_note_reports_it(
    shop: Any, body: Any, incremental: dict[str, Any], reason: str
) -> None:
    acme = shop(listing(incremental), lambda got: body)
    (page,) = acme.pages("rows.list")
    assert page.state is None
    assert reason in page.notes[0]


@pytest.mark.parametrize(
    "more",
    [
        {"complete": "error"},
        {"pagination": {"format": "cursor", "cursor_field": "next", "cursor_param": "after", "max_pages": 1}},
    ],
)
def test_a_listing_that_is_cut_does_not_move_the_state(shop: Any, more: dict[str, Any]) -> None:
    body = {"items": [{"id": 1}], "next": "same", "sync": "t9"}
    acme = shop(listing(TOKEN, **more), lambda got: body)
    assert states(acme, {"cursor": "t1"})[-1] == {"cursor": "t1"}


def test_each_partition_has_its_own_token(shop: Any) -> None:
    parents = {"as": "list", "values": ["a", "b"], "param": "list"}

    def answer(got: Any) -> Any:
        return (500, {}) if got.query.get("sync") == "b0" else {"items": [], "sync": f"{got.query['list']}1"}

    acme = shop(
        listing(TOKEN, parents=parents, part_failure="continue", errors=[{"when": "status = 500", "then": "fail"}]),
        answer,
    )
    state = {"partitions": [{"partition": {"list": "a"}, "cursor": "a0"}, {"partition": {"list": "b"}, "cursor": "b0"}]}
    pages: list[Any] = []
    with pytest.raises(VendorError, match="500"):
        pages.extend(page.state for page in acme.pages("rows.list", Call(state=state)))
    assert [arrived.query for arrived in acme.site.arrived] == [{"list": name, "sync": f"{name}0"} for name in "ab"]
    assert states(acme)[-1]["partitions"] == [
        {"partition": {"list": "a"}, "cursor": "a1"},
        {"partition": {"list": "b"}, "cursor": "b1"},
    ]


def test_a_resumed_run_continues_with_its_token(shop: Any) -> None:
    acme = shop(listing(TOKEN), lambda got: PAGES[got.query.get("after", "")])
    first = next(iter(acme.pages("rows.list", Call(state={"cursor": "t0"}))))
    (second,) = acme.pages("rows.list", Call(cursor=first.next_cursor))
    assert second.state == {"cursor": "t1"}
    assert acme.got[-1] == "/rows?sync=t0&after=p2"


@pytest.mark.parametrize("link", ["https://stranger.example/rows", "nonsense", 5, "file:///etc/passwd"])
def test_a_stored_link_is_judged_like_any_other(shop: Any, link: Any) -> None:
    acme = shop(listing(LINK), rows)
    headers = {"authorization": {"format": "header", "header": "X-Key", "value": "{{context.key}}"}}
    acme = shop({**listing(LINK, **headers)}, rows, key="k" * 20)
    with pytest.raises((UsageError, ConfigurationError)):
        states(acme, {"cursor": link})
    assert acme.got == []


@pytest.mark.parametrize("key", ["chunk", "recurse"])
def test_several_listings_cannot_share_a_token(shop: Any, key: str) -> None:
    settings = {"chunk": {"values": ["a"], "param": "f", "size": 1}, "recurse": {"as": "b", "key": "id", "param": "b"}}
    acme = shop(listing(TOKEN, **{key: settings[key]}), rows)
    with pytest.raises(ConfigurationError, match=f"has `{key}`"):
        states(acme)


def test_templates_see_the_token(shop: Any) -> None:
    more = {"path": "/{{state.cursor ? 'changes' : 'rows'}}"}
    acme = shop(listing(TOKEN, **more), lambda got: {"items": [], "sync": "t1"})
    states(acme, {"cursor": "t0"})
    states(acme)
    assert acme.got == ["/changes?sync=t0", "/rows"]
