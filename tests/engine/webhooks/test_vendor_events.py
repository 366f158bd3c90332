"""The events of a delivery in the vendor's terms, and when they happened."""

import json
from datetime import UTC, datetime

import pytest
from desk import effective, judged, post, schemes
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.errors import ConfigurationError, ExpressionError
from conn_engine.runtime.webhooks.events import MAX_EVENTS, moment_of

NONE = {"format": "none"}
TOKEN = {"format": "token", "config": {"token": "headers.token", "key": "{{secret}}"}}


def events(root, told, data, **more):
    headers = {"content-type": "application/json", "token": "s"}
    came = post(data if isinstance(data, bytes) else json.dumps(data).encode(), headers)
    return judged(effective(root, {"verify": TOKEN, "events": told, **more}), came, {"secret": "s"}).events


def test_a_connector_without_events_has_none(tmp_path):
    assert judged(effective(tmp_path, {"verify": NONE}), post(b"{}")).events == []


def test_a_body_is_one_event_and_a_list_is_several(tmp_path):
    told = {"type": "item.type", "id": "item.id"}
    assert [one.id for one in events(tmp_path, told, {"type": "a", "id": "1"})] == ["1"]
    assert [one.id for one in events(tmp_path, told, [{"type": "a", "id": "1"}, {"type": "b", "id": "2"}])] == [
        "1",
        "2",
    ]


@pytest.mark.parametrize("data", [[], {"events": []}, b"", {"events": None}, {}])
def test_none_are_none(tmp_path, data):
    told = {"each": "body.events", "type": "item.type"}
    assert events(tmp_path, told, data) == []


def test_lines_are_several(tmp_path):
    told = effective(tmp_path, {"verify": NONE, "events": {"type": "item.t"}})
    came = post(b'{"t": "a"}\n{"t": "b"}\n', {"content-type": "application/x-ndjson"})
    assert [one.type for one in judged(told, came).events] == ["a", "b"]


def test_everything_of_an_event_is_read_by_its_expression(tmp_path):
    told = {
        "each": "body.list",
        "type": "[item.object, item.action]",
        "id": "[item.n, item.action]",
        "occurred_at": "item.at",
        "record": "item.data",
        "record_id": "item.data.id",
    }
    data = {"list": [{"object": "contact", "action": "created", "n": 7, "at": 1760000000, "data": {"id": 42}}]}
    (event,) = events(tmp_path, told, data, account={"value": "body.account", "context": "id"})
    assert event.type == "contact.created"
    assert event.id == '[7,"created"]'
    assert event.occurred_at == "2025-10-09T08:53:20.000Z"
    assert (event.record, event.record_id, event.item, event.routes) == ({"id": 42}, "42", data["list"][0], None)
    assert event.plain() == {
        "type": "contact.created",
        "id": '[7,"created"]',
        "occurred_at": "2025-10-09T08:53:20.000Z",
        "record": {"id": 42},
        "record_id": "42",
        "item": data["list"][0],
    }


def test_what_is_unknown_is_left_out(tmp_path):
    (event,) = events(tmp_path, {"type": "item.t", "id": "item.id", "occurred_at": "item.at"}, {"t": 7, "id": ""})
    assert (event.type, event.id, event.occurred_at, event.record, event.record_id) == ("7", None, None, None, None)
    assert set(event.plain()) == {"type", "item"}


@pytest.mark.parametrize("kind", [None, True, {}, [], [None], ["a", {"b": 1}], ["a", True]])
def test_an_item_without_a_type_is_an_error_with_its_path(tmp_path, kind):
    with pytest.raises(ConfigurationError, match=r"webhooks\.events\.type \(item\.type\)"):
        events(tmp_path, {"type": "item.type"}, {"type": kind})


def test_an_expression_that_fails_is_named(tmp_path):
    with pytest.raises(ExpressionError) as caught:
        events(tmp_path, {"type": "item.type", "id": "$number(item.id)"}, {"type": "a", "id": "x"})
    assert caught.value.at == "webhooks.events.id"


def test_there_are_so_many_and_no_more(tmp_path):
    told = {"each": "[1..body.n]", "type": '"a"'}
    assert len(events(tmp_path / "a", told, {"n": 1000})) == 1000
    many = json.dumps([{"t": "a"}] * (MAX_EVENTS + 1)).encode()
    with pytest.raises(ConfigurationError, match="more than 10000"):
        events(tmp_path / "b", {"type": "item.t"}, many)


# --- when ---


@pytest.mark.parametrize(
    "said",
    [
        1760000000,
        1760000000.0,
        1760000000000,
        "1760000000",
        "1760000000000",
        "2025-10-09T08:53:20Z",
        "2025-10-09T08:53:20.000+00:00",
        "2025-10-09T10:53:20+02:00",
        "2025-10-09T10:53:20+0200",
        "2025-10-09 08:53:20",
        "2025-10-09T08:53:20.0000000Z",
        "Thu, 09 Oct 2025 08:53:20 GMT",
        "Thu Oct 09 2025 10:53:20 GMT+0200 (CEST)",
    ],
)
def test_a_moment_is_read_in_every_form(said):
    assert moment_of(said) == "2025-10-09T08:53:20.000Z"


@pytest.mark.parametrize(
    "said", [None, True, "", "soon", "5m", 7, "7", -1, 1e300, [], {}, "2025-13-01T00:00:00Z", float("inf")]
)
def test_a_value_that_is_not_a_time_is_unknown(said):
    assert moment_of(said) is None


@given(moment=st.integers(min_value=1_000_000_001_000, max_value=4_102_444_800_000))
def test_a_moment_keeps_its_milliseconds(moment):
    expected = datetime.fromtimestamp(moment // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{moment % 1000:03}Z"
    assert moment_of(moment) == expected
    assert moment_of(expected) == expected


@given(said=st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40))
def test_any_value_is_a_moment_or_none(said):
    found = moment_of(said)
    assert found is None or datetime.fromisoformat(found)


# --- as vendors tell them ---

TOLD = {
    "meta": (
        {"object": "page", "entry": [{"id": "P1", "changes": [{"field": "feed"}, {"field": "leadgen"}]}]},
        [("page.feed", "P1"), ("page.leadgen", "P1")],
    ),
    "intuit": (
        {
            "eventNotifications": [
                {
                    "realmId": "R1",
                    "dataChangeEvent": {"entities": [{"name": "Customer", "id": "1", "operation": "Create"}]},
                }
            ]
        },
        [("Customer.Create", "R1")],
    ),
    "xero": (
        {"events": [{"eventCategory": "CONTACT", "eventType": "UPDATE", "tenantId": "T"}]},
        [("CONTACT.UPDATE", "T")],
    ),
    "asana": ({"events": []}, []),
    "line": (
        {"destination": "U1", "events": [{"type": "message"}, {"type": "follow"}]},
        [("message", "U1"), ("follow", "U1")],
    ),
    "hubspot_v3": ([{"subscriptionType": "contact.creation", "portalId": 7}], [("contact.creation", 7)]),
    "microsoft_graph": (
        {"value": [{"resource": "me/events", "changeType": "created", "tenantId": "t"}]},
        [("me/events.created", "t")],
    ),
    "adyen": (
        {"notificationItems": [{"NotificationRequestItem": {"eventCode": "REFUND", "merchantAccountCode": "M"}}]},
        [("REFUND", "M")],
    ),
    "jira": (
        {"webhookEvent": "jira:issue_created", "issue": {"self": "https://acme.example/rest/api/2/issue/1"}},
        [("jira:issue_created", "acme.example")],
    ),
    "telegram": ({"update_id": 7, "message": {}}, [("message", None)]),
    "sparkpost": ([{"msys": {}}, {"msys": {"message_event": {"type": "delivery"}}}], [("delivery", None)]),
}
"""What a vendor sends, and what it is: types, and what tells whose it is. Of a connector that proves nothing."""


@pytest.mark.parametrize("vendor", TOLD)
def test_the_events_of_a_vendor_are_read(tmp_path, vendor):
    data, expected = TOLD[vendor]
    told = {name: said for name, said in schemes()[vendor].items() if name in ("events", "account")}
    found = judged(effective(tmp_path, {"verify": NONE, **told}), post(json.dumps(data).encode())).events
    assert [(one.type, one.routes) for one in found] == expected
