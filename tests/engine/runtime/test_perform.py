"""`perform` by hand and on scripted answers: what an operation sends, in which order, and what it makes of answers."""

from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.errors import (
    ConfigurationError,
    CredentialError,
    ExpressionError,
    TransportError,
    UsageError,
    VendorError,
)
from conn_engine.responses.failures import Policy
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.drive import drive
from conn_engine.runtime.operation import perform
from conn_engine.runtime.records import ResponsePathMissing
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import (
    Faults,
    broken_connection,
    error_page,
    json_answer,
    rate_limited,
    repeat_response,
)
from conn_engine.wire import FrozenClock, Page, Request, Response, Wait

PAGES = [{"items": [{"id": 1, "name": "Ada"}], "next": "x"}, {"items": [{"id": 2, "name": "Bo"}]}]


def test_a_hand_driven_operation_asks_and_is_answered(make: Any) -> None:
    effective = make().effective(account="acme")
    session = Session("acme", {"token": "t"}, clock=FrozenClock())
    flow = perform(Run(effective, session), effective.resolve("contacts.list"), Call(query={"limit": 5}))
    first = next(flow)
    assert isinstance(first, Request)
    assert (first.method, first.url) == ("GET", "https://api.example.com/v1/people?size=5")
    assert first.headers["authorization"] == "Bearer t"
    assert first.authorized
    assert first.hosts == ("api.example.com",)
    page = flow.send(json_answer(PAGES[0]))
    assert isinstance(page, Page)
    assert page.records == [{"id": "1", "first_name": "Ada"}]
    assert page.raw == [{"id": 1, "name": "Ada"}]
    second = flow.send(None)
    assert isinstance(second, Request)
    assert second.url == "https://api.example.com/v1/people?size=5&after=x"
    last = flow.send(json_answer(PAGES[1]))
    assert isinstance(last, Page)
    assert (last.number, last.next_cursor) == (2, None)
    with pytest.raises(StopIteration):
        flow.send(None)


def test_a_closed_operation_sends_nothing_more(make: Any) -> None:
    effective = make().effective(account="acme")
    flow = perform(Run(effective, Session("acme", {"token": "t"})), effective.resolve("contacts.list"), Call())
    next(flow)
    flow.send(json_answer(PAGES[0]))
    flow.close()
    with pytest.raises(StopIteration):
        next(flow)


def test_a_vendor_operation_gives_the_vendors_records(make: Any, run: Callable[..., Any]) -> None:
    made = run(make(), "people.list", list(PAGES), Call(query={"q": ["a", "b"]}))
    assert made.records == [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bo"}]
    assert made.urls[0].endswith("/people?q=a&q=b")


NUMBERED = {
    "connectors/shop/connector.yaml": "base_url: https://api.example.com/v1\ncredentials: {format: bearer}\n"
    "authorization: {format: bearer}\npagination: {format: page, config: {size_param: n, size: 1}}\n"
    "resources:\n  people:\n    create: {method: post, path: /people}\n"
    "    get: {method: get, path: '/people/{{id}}'}\n"
    "    search: {method: post, path: /search, writes: false, response_path: items}\n"
    "    export: {method: post, path: /export, response_path: items, pagination: {config: {size: 1}}}\n"
}


def test_a_write_is_sent_once_whatever_pagination_it_inherits(make: Any, run: Callable[..., Any]) -> None:
    made = run(make({**NUMBERED, "connectors/shop/unified/crm.yaml": "resources: {}\n"}), "people.create", [{"id": 1}])
    assert made.urls == ["https://api.example.com/v1/people"]
    assert made.pages[0].next_cursor is None


def test_one_record_has_no_pages_to_inherit(make: Any, run: Callable[..., Any]) -> None:
    workspace = make({**NUMBERED, "connectors/shop/unified/crm.yaml": "resources: {}\n"})
    made = run(workspace, "people.get", [{"id": 7}], Call(id="7"))
    assert made.urls == ["https://api.example.com/v1/people/7"]
    assert made.pages[0].next_cursor is None


@pytest.mark.parametrize("operation", ["search", "export"])
def test_a_post_that_reads_is_paginated(make: Any, run: Callable[..., Any], operation: str) -> None:
    workspace = make({**NUMBERED, "connectors/shop/unified/crm.yaml": "resources: {}\n"})
    made = run(workspace, f"people.{operation}", [{"items": [{"id": 1}]}, {"items": []}])
    assert made.urls == [f"https://api.example.com/v1/{operation}?page={page}&n=1" for page in (1, 2)]


def test_a_cursor_continues_a_listing_where_it_stopped(make: Any, run: Callable[..., Any]) -> None:
    workspace = make()
    first = run(workspace, "contacts.list", list(PAGES))
    again = run(workspace, "contacts.list", [PAGES[1]], Call(cursor=first.pages[0].next_cursor))
    assert again.urls == ["https://api.example.com/v1/people?after=x"]
    assert again.records == [{"id": "2", "first_name": "Bo"}]


def test_a_mapping_sees_the_vendors_own_token_as_query_cursor(make: Any, run: Callable[..., Any]) -> None:
    files = {
        "connectors/shop/unified/crm.yaml": "resources: {contacts: {list: {resource: people, "
        "query_mapping: {since: query.cursor}, response_mapping: {id: $string(response.id)}}}}\n"
    }
    workspace = make(files)
    first = run(workspace, "contacts.list", list(PAGES))
    assert "since" not in first.urls[0]
    again = run(workspace, "contacts.list", [PAGES[1]], Call(cursor=first.pages[0].next_cursor))
    assert again.urls == ["https://api.example.com/v1/people?since=x&after=x"]


@pytest.mark.parametrize("token", ["", "%%%", "x" * 9000, "bnVsbA", "ImEi"])
def test_a_foreign_cursor_is_refused_before_anything_is_sent(make: Any, run: Callable[..., Any], token: str) -> None:
    with pytest.raises(UsageError):
        run(make(), "contacts.list", [], Call(cursor=token))


def test_a_repeated_cursor_ends_the_listing_as_incomplete(make: Any, run: Callable[..., Any]) -> None:
    made = run(make(), "contacts.list", repeat_response(json_answer(PAGES[0]), 5))
    assert (len(made.requests), made.records) == (2, [{"id": "1", "first_name": "Ada"}])
    assert made.pages[-1].completeness.state == "incomplete"


# --- requests ---


def test_a_value_with_braces_is_sent_as_data(make: Any, run: Callable[..., Any]) -> None:
    made = run(make(), "people.create", [{"id": 1}], Call(body={"name": "{{env.SECRET}}"}, query={"q": "{{1}}"}))
    assert made.requests[0].body == b'{"name":"{{env.SECRET}}"}'
    assert made.urls == ["https://api.example.com/v1/people?q=%7B%7B1%7D%7D"]
    mapped = run(make(), "contacts.create", [{"id": 1, "name": "x"}], Call(body={"first_name": "{{env.SECRET}}"}))
    assert mapped.requests[0].body == b'{"name":"{{env.SECRET}}"}'


def test_an_id_is_one_segment_of_the_path(make: Any, run: Callable[..., Any]) -> None:
    made = run(make(), "contacts.get", [{"id": 1, "name": "x"}], Call(id="a/b?c"))
    assert made.urls == ["https://api.example.com/v1/people/a%2Fb%3Fc"]


@pytest.mark.parametrize(
    ("operation", "call", "at"),
    [
        ("people.update", Call(body={}), "resources.people.update.path"),
        ("people.get", Call(), "resources.people.get.path"),
        ("contacts.get", Call(), "resources.people.get.path"),
    ],
)
def test_an_unresolved_name_is_placed_and_never_sent(make: Any, operation: str, call: Call, at: str) -> None:
    script = Faults([])
    effective = make().effective(account="acme")
    with pytest.raises(ExpressionError) as caught:
        list(drive(perform(Run(effective, Session()), effective.resolve(operation), call), script, MemoryVault()))
    assert (caught.value.code, caught.value.at) == ("unresolved", at)
    assert script.requests == []


@pytest.mark.parametrize(
    ("base", "value"),
    [
        ("https://{{context.domain}}.example.com", "evil.com/"),
        ("https://{{context.domain}}.example.com", "evil.com#"),
        ("https://{{context.domain}}.example.com", "evil.com?"),
        ("https://{{context.domain}}.example.com", "user@evil"),
        ("https://{{context.domain}}.example.com", "evil.com:443/"),
        ("https://{{context.domain}}.example.com", "evil\\"),
        ("https://{{context.domain}}.example.com", ""),
        ("https://{{context.domain}}.example.com", "a b"),
        ("https://api.example.com/{{context.domain}}", ".."),
        ("{{context.domain}}", "evil.com"),
        ("{{context.domain}}", "ftp://evil.com"),
        ("{{context.domain}}", "https://user:word@evil.com"),
        ("{{context.domain}}", "https://evil.com/?x=1"),
        ("{{context.domain}}/v1", "https://evil.com#"),
    ],
)
def test_a_context_value_cannot_change_the_host(make: Any, run: Callable[..., Any], base: str, value: str) -> None:
    workspace = make(
        {
            "connectors/shop/connector.yaml": {
                "base_url": base,
                "resources": {"a": {"b": {"method": "get", "path": "/x"}}},
            },
            "connectors/shop/unified/crm.yaml": None,
            "accounts/acme.yaml": {"connector": "shop", "context": {"domain": value}},
        }
    )
    script = Faults([])
    effective = workspace.effective(account="acme")
    with pytest.raises(ConfigurationError) as caught:
        list(drive(perform(Run(effective, Session()), effective.resolve("a.b"), Call()), script, MemoryVault()))
    assert script.requests == []
    assert "base_url" in caught.value.message


@pytest.mark.parametrize(
    ("base", "value", "url"),
    [
        ("https://{{context.domain}}.example.com/v2/", "acme", "https://acme.example.com/v2/x"),
        ("https://{{context.domain}}/api", "crm.acme.com:8443", "https://crm.acme.com:8443/api/x"),
        ("{{context.domain}}", "https://eu.example.com/", "https://eu.example.com/x"),
        ("https://api.example.com/{{context.domain}}", "a/b", "https://api.example.com/a/b/x"),
    ],
)
def test_a_context_value_may_name_the_host(make: Any, run: Callable[..., Any], base: str, value: str, url: str) -> None:
    workspace = make(
        {
            "connectors/shop/connector.yaml": {
                "base_url": base,
                "resources": {"a": {"b": {"method": "get", "path": "x"}}},
            },
            "connectors/shop/unified/crm.yaml": None,
            "accounts/acme.yaml": {"connector": "shop", "context": {"domain": value}},
        }
    )
    assert run(workspace, "a.b", [{}]).urls == [url]


# --- answers ---


def test_one_record_none_and_null_records_are_normalised(make: Any, run: Callable[..., Any]) -> None:
    workspace = make()
    one = run(workspace, "people.list", [{"items": {"id": 1}}])
    assert (one.records, one.pages[0].whole) == ([{"id": 1}], True)
    assert run(workspace, "people.list", [{"items": [None, {"id": 1}, None]}]).records == [{"id": 1}]
    for nothing in ({"items": []}, {"items": None}):
        none = run(workspace, "people.list", [nothing])
        assert (none.records, none.pages[0].whole) == ([], False)


def test_no_content_is_no_record_whatever_the_path(make: Any, run: Callable[..., Any]) -> None:
    none = run(make(), "people.list", [Response(204)])
    assert (none.records, none.pages[0].whole) == ([], False)
    assert run(make(), "people.list", [PAGES[0], Response(204)]).records == PAGES[0]["items"]
    with pytest.raises(ResponsePathMissing):
        run(make(), "people.list", [Response(200)])


def test_a_response_path_that_matches_nothing_names_what_is_there(make: Any, run: Callable[..., Any]) -> None:
    with pytest.raises(ResponsePathMissing) as caught:
        run(make(), "people.list", [{"itmes": [], "total": 0}])
    assert caught.value.near == ["itmes", "total"]
    assert "itmes" in caught.value.hint


@pytest.mark.parametrize(
    ("path", "body", "records"),
    [
        ("$.data.rows", {"data": {"rows": [{"id": 1}]}}, [{"id": 1}]),
        ("[rows[kind = 'a']]", {"rows": [{"kind": "b"}]}, []),
        ("rows[kind = 'a']", {"rows": [{"kind": "a"}, {"kind": "b"}]}, [{"kind": "a"}]),
        ("rows.$merge([$, {'x': 1}])", {"rows": [{"id": 1}, {"id": 2}]}, [{"id": 1, "x": 1}, {"id": 2, "x": 1}]),
        ("$", {"query": 1}, [{"query": 1}]),
        ("[$exists(rows) ? rows : []]", {}, []),
    ],
)
def test_response_path_is_an_expression(
    make: Any, run: Callable[..., Any], path: str, body: Any, records: list[Any]
) -> None:
    override = {"resources": {"people": {"list": {"response_path": path}}}}
    workspace = make({"accounts/acme.yaml": {"connector": "shop", "override": override}})
    assert run(workspace, "people.list", [body]).records == records


def test_an_expression_path_without_a_match_says_how_to_allow_none(make: Any, run: Callable[..., Any]) -> None:
    override = {"resources": {"people": {"list": {"response_path": "rows[kind = 'a']"}}}}
    workspace = make({"accounts/acme.yaml": {"connector": "shop", "override": override}})
    with pytest.raises(ResponsePathMissing) as caught:
        run(workspace, "people.list", [{"rows": [{"kind": "b"}]}])
    assert "[rows[kind = 'a']]" in caught.value.hint


def test_record_filter_keeps_what_it_holds_for(make: Any, run: Callable[..., Any]) -> None:
    override = {"resources": {"people": {"list": {"record_filter": "record.id > 1 and context.region = 'eu'"}}}}
    account = {"connector": "shop", "context": {"region": "eu"}, "override": override}
    made = run(make({"accounts/acme.yaml": account}), "contacts.list", list(PAGES))
    assert [page.records for page in made.pages] == [[], [{"id": "2", "first_name": "Bo"}]]


def test_a_failing_record_filter_is_reported_in_its_own_text(make: Any, run: Callable[..., Any]) -> None:
    condition = "$number(record.name) > 1"
    override = {"resources": {"people": {"list": {"record_filter": condition}}}}
    with pytest.raises(ExpressionError) as caught:
        run(make({"accounts/acme.yaml": {"connector": "shop", "override": override}}), "people.list", list(PAGES))
    assert caught.value.text == condition
    assert 0 <= caught.value.offset < len(condition)


def test_a_delete_with_an_empty_answer_has_the_mapped_result(make: Any, run: Callable[..., Any]) -> None:
    made = run(make(), "contacts.delete", [Response(204)], Call(id="7"))
    assert made.records == [{"id": "7", "deleted": True}]
    assert (made.requests[0].method, made.requests[0].body) == ("DELETE", None)


def test_remote_data_travels_with_each_record_when_asked_for(make: Any, run: Callable[..., Any]) -> None:
    made = run(make(), "contacts.list", list(PAGES), Call(remote_data=True))
    assert made.records[0] == {"id": "1", "first_name": "Ada", "remote_data": {"id": 1, "name": "Ada"}}
    plain = run(make(), "contacts.list", list(PAGES))
    assert "remote_data" not in plain.records[0]


def test_remote_data_stays_with_its_record_when_others_are_dropped(make: Any, run: Callable[..., Any]) -> None:
    mapped = "response.id = 1 ? null : {'id': $string(response.id)}"
    crm = {"resources": {"contacts": {"list": {"resource": "people", "response_mapping": mapped}}}}
    made = run(
        make({"connectors/shop/unified/crm.yaml": crm}),
        "contacts.list",
        [{"items": [{"id": 1}, {"id": 2}]}],
        Call(remote_data=True),
    )
    assert made.records == [{"id": "2", "remote_data": {"id": 2}}]


# --- faults, limits and credentials ---


def test_an_html_error_page_of_a_broken_vendor_is_vendor_unavailable(make: Any, run: Callable[..., Any]) -> None:
    with pytest.raises(VendorError) as caught:
        run(make(), "contacts.list", [error_page()] * 3)
    assert caught.value.kind == "vendor_unavailable"


def test_a_fault_in_transit_is_tried_again(make: Any, run: Callable[..., Any]) -> None:
    made = run(make(), "contacts.list", [broken_connection(), PAGES[1]])
    assert made.records == [{"id": "2", "first_name": "Bo"}]
    assert made.clock.slept == [0.5]
    with pytest.raises(TransportError):  # a create may have been carried out: it is not sent again
        run(make(), "contacts.create", [broken_connection(), PAGES[1]], Call(body={"first_name": "x"}))


def test_pages_before_an_error_are_handed_out(make: Any, run: Callable[..., Any]) -> None:
    effective = make().effective(account="acme")
    script = Faults([json_answer(PAGES[0]), json_answer({"message": "gone"}, 404)])
    flow = perform(Run(effective, Session("acme", {"token": "t"})), effective.resolve("contacts.list"), Call())
    pages = drive(flow, script, MemoryVault())
    assert next(pages).records == [{"id": "1", "first_name": "Ada"}]
    with pytest.raises(VendorError, match="gone"):
        next(pages)


def test_a_rate_limit_is_raised_with_its_wait(make: Any, run: Callable[..., Any]) -> None:
    with pytest.raises(VendorError) as caught:
        run(make(), "contacts.list", [rate_limited(7)])
    assert (caught.value.kind, caught.value.retry_after) == ("rate_limited", 7)


def test_a_rate_limit_is_waited_out_only_when_asked(make: Any, run: Callable[..., Any]) -> None:
    made = run(make(), "contacts.list", [rate_limited(7), PAGES[1]], policy=Policy(wait=True))
    assert made.records == [{"id": "2", "first_name": "Bo"}]
    assert made.clock.slept == [7]
    with pytest.raises(VendorError):
        run(make(), "contacts.list", [rate_limited(900)], policy=Policy(wait=True, max_wait_seconds=60))


def test_a_refusal_with_a_used_up_limit_is_a_rate_limit(make: Any, run: Callable[..., Any]) -> None:
    limit = {"limit": "x-limit", "remaining": "x-remaining", "limited_when": "status = 403"}
    account = {"connector": "shop", "override": {"rate_limit": limit}}
    answer = json_answer({}, 403, {"x-limit": "10", "x-remaining": "0", "retry-after": "3"})
    with pytest.raises(VendorError) as caught:
        run(make({"accounts/acme.yaml": account}), "contacts.list", [answer])
    assert (caught.value.kind, caught.value.retry_after) == ("rate_limited", 3)


def test_a_refused_fixed_credential_is_a_credential_error(make: Any, run: Callable[..., Any]) -> None:
    with pytest.raises(CredentialError) as caught:
        run(make(), "contacts.list", [json_answer({"message": "bad token"}, 401)])
    assert "token-of-acme" not in caught.value.message


def test_a_wait_is_an_effect_of_the_hand_driven_operation(make: Any) -> None:
    effective = make().effective(account="acme")
    session = Session("acme", {"token": "t"}, policy=Policy(wait=True))
    flow = perform(Run(effective, session), effective.resolve("contacts.list"), Call())
    next(flow)
    effect = flow.send(rate_limited(3))
    assert isinstance(effect, Wait)
    assert effect.seconds == 3
    assert isinstance(flow.send(None), Request)
