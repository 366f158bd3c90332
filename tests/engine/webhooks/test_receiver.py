"""Deliveries become unified events of their accounts; secrets are stored, and failures ask for another delivery."""

import base64
import json
import threading

import pytest
import yaml
from desk import URL, Vendor
from shop import UNIFIED, answering, receiver, told

from conn_engine.errors import UsageError
from conn_engine.runtime.webhooks import VerifiedDelivery
from conn_engine.webhooks import MAX_DELIVERY_BYTES, Delivery
from conn_engine.wire import Headers

CREATED = {"type": "person.created", "id": "e1", "at": 1760000000, "person": {"id": 7, "name": "Ada"}, "person_id": 7}
UPDATED = {"type": "person.updated", "id": "e2", "person_id": 7}
GONE = {"type": "person.gone", "id": "e3", "person_id": 7}
OTHER = {"type": "shop.closed", "id": "e4"}


def received(made, *events, account="me", **more):
    return made.receive(told(*events), account=account, **more)


# --- as the mappings have them ---


def test_a_record_in_the_event_is_mapped_as_the_operation_maps_it(tmp_path):
    receipt = received(receiver(tmp_path), CREATED)
    (event,) = receipt.events
    assert (receipt.reply.status, receipt.verified_by, receipt.refusal, receipt.error) == (200, "token", None, None)
    assert event.plain() == {
        "id": event.id,
        "type": "crm.contact.created",
        "account": "me",
        "connector": "vendor",
        "occurred_at": "2025-10-09T08:53:20.000Z",
        "data": {"id": "7", "first_name": "Ada"},
        "vendor": {"type": "person.created", "id": "e1"},
    }
    assert event.id.startswith("evt_")


FRAGILE = {"id": "$string(response.id)", "first_name": "$number(response.name)"}


def mapped(mapping):
    contacts = UNIFIED["resources"]["contacts"]
    return {"resources": {"contacts": {**contacts, "get": {"resource": "people", "response_mapping": mapping}}}}


@pytest.mark.parametrize("event", [CREATED, UPDATED])
def test_an_event_with_a_field_that_fails_is_delivered_without_it(tmp_path, event):
    vendor = answering({"id": 7, "name": "Ada"})
    receipt = received(receiver(tmp_path, unified=mapped(FRAGILE), vendor=vendor), event, event)
    assert (receipt.reply.status, receipt.error) == (200, None)
    assert [one.data for one in receipt.events] == [{"id": "7"}, {"id": "7"}]
    assert "problems" not in receipt.events[0].plain()
    (problem,) = receipt.problems
    assert (problem.field, problem.records, problem.first_ids) == ("first_name", 2, ("7", "7"))


def test_an_event_with_a_null_has_no_problem(tmp_path):
    event = {**CREATED, "person": {"id": 7, "name": None}}
    receipt = received(receiver(tmp_path, unified=mapped(FRAGILE)), event)
    assert ([one.data for one in receipt.events], receipt.problems) == ([{"id": "7"}], ())


@pytest.mark.parametrize("mapping", [{**FRAGILE, "id": "$number(response.name)"}, "{'id': $number(response.name)}"])
def test_an_event_without_an_id_is_delivered_again(tmp_path, mapping):
    receipt = received(receiver(tmp_path, unified=mapped(mapping)), CREATED)
    assert (receipt.reply.status, receipt.events) == (503, ())


def test_a_record_is_fetched_by_its_id(tmp_path):
    vendor = answering({"id": 7, "name": "Ada"})
    (event,) = received(receiver(tmp_path, vendor=vendor), UPDATED).events
    assert (event.type, event.data) == ("crm.contact.updated", {"id": "7", "first_name": "Ada"})
    (request,) = vendor.asked
    assert (request.method, request.url) == ("GET", "https://api.example.com/people/7")


def test_a_record_that_is_gone_meanwhile_is_null_and_the_event_stays(tmp_path):
    receipt = received(receiver(tmp_path, vendor=answering({"error": "none"}, 404)), UPDATED)
    (event,) = receipt.events
    assert (receipt.reply.status, event.type, event.data) == (200, "crm.contact.updated", None)


@pytest.mark.parametrize("status", [500, 502, 503, 429, 401])
def test_a_vendor_that_cannot_answer_is_asked_to_deliver_it_again(tmp_path, status):
    receipt = received(receiver(tmp_path, vendor=answering({"error": "x"}, status)), CREATED, UPDATED)
    assert receipt.reply.status == 503
    assert receipt.error is not None
    assert [event.type for event in receipt.events] == ["crm.contact.created"]


def test_the_record_of_a_deletion_is_mapped(tmp_path):
    (event,) = received(receiver(tmp_path), GONE).events
    assert (event.type, event.data["id"]) == ("crm.contact.deleted", "7")


def test_what_no_mapping_takes_is_the_vendors_own(tmp_path):
    (event,) = received(receiver(tmp_path), OTHER).events
    assert (event.type, event.data, event.vendor) == ("vendor:shop.closed", OTHER, {"type": "shop.closed", "id": "e4"})


def test_several_events_stay_in_their_order(tmp_path):
    receipt = received(receiver(tmp_path), OTHER, CREATED, GONE)
    assert [event.type for event in receipt.events] == [
        "vendor:shop.closed",
        "crm.contact.created",
        "crm.contact.deleted",
    ]


def test_the_vendors_own_record_goes_along_when_it_is_wanted(tmp_path):
    (event,) = received(receiver(tmp_path, remote_data=True), CREATED).events
    assert event.plain()["remote_data"] == CREATED["person"]


def test_an_event_is_the_same_whenever_it_comes_and_another_elsewhere(tmp_path):
    two = receiver(tmp_path, accounts={"me": {}, "you": {}})
    (first,) = received(two, CREATED).events
    (again,) = received(two, {**CREATED, "at": 1770000000}).events
    assert first.id == again.id
    others = [
        received(two, CREATED, account="you"),
        received(two, {**CREATED, "id": "e9"}),
        received(two, {**GONE, "id": "e1"}),
    ]
    assert len({first.id, *(event.id for receipt in others for event in receipt.events)}) == 4


def test_an_event_without_an_id_is_identified_by_its_content(tmp_path):
    made = receiver(tmp_path)
    nameless = {name: value for name, value in CREATED.items() if name != "id"}
    ids = [
        received(made, one).events[0].id for one in (nameless, dict(reversed(nameless.items())), {**nameless, "at": 1})
    ]
    assert ids[0] == ids[1] != ids[2]


def test_the_levels_override_what_an_event_is(tmp_path):
    override = {
        "crm": {"contacts": {"events": {"created": {"when": 'event.type = "shop.closed"', "record": '{"id": 1}'}}}}
    }
    accounts = {"me": {}, "you": {"override": {"unified": override}}}
    made = receiver(tmp_path, accounts=accounts)
    assert received(made, CREATED).events[0].type == "crm.contact.created"
    assert [event.type for event in received(made, CREATED, OTHER, account="you").events] == [
        "vendor:person.created",
        "crm.contact.created",
    ]


def test_the_environment_overrides_too(tmp_path):
    mapping = {"crm": {"contacts": {"get": {"response_mapping": {"first_name": '"Env " & response.name'}}}}}
    environment = yaml.safe_dump({"connectors": {"vendor": {"unified": mapping}}})
    made = receiver(
        tmp_path, accounts={"me": {"environment": "sandbox"}}, files={"environments/sandbox.yaml": environment}
    )
    (event,) = received(made, CREATED).events
    assert event.data == {"id": "7", "first_name": "Env Ada"}


@pytest.mark.parametrize(
    "events",
    [
        {"created": {"when": '$number("x")', "record": "event.record"}},
        {"created": {"when": "true", "record": "event.nothing"}},
        {"created": {"when": "true", "fetch": "event.nothing"}},
        {"created": {"when": "true", "record": "event.record", "method": "list"}},
    ],
)
def test_an_event_that_cannot_be_made_is_delivered_again(tmp_path, events):
    resources = {"contacts": {**UNIFIED["resources"]["contacts"], "events": events}}
    receipt = received(receiver(tmp_path, unified={"resources": resources}), CREATED)
    assert (receipt.reply.status, receipt.events) == (503, ())
    assert receipt.error is not None


# --- what is refused, and what is too much ---


def test_what_is_not_proved_is_refused(tmp_path):
    receipt = receiver(tmp_path).receive(told(CREATED, token="forged"), account="me")
    assert (receipt.reply.status, receipt.events, receipt.verified_by, receipt.refusal.code) == (
        401,
        (),
        "",
        "wrong_signature",
    )


def test_an_account_without_the_secret_is_delivered_to_again(tmp_path):
    receipt = received(receiver(tmp_path, stored={"me": {"secret": ""}}), CREATED)
    assert (receipt.reply.status, receipt.events) == (503, ())
    assert "empty" in receipt.error.message


def test_what_is_too_long_is_not_looked_at(tmp_path):
    large = Delivery("POST", URL, Headers({"token": "s"}), b"x" * (MAX_DELIVERY_BYTES + 1))
    receipt = receiver(tmp_path).receive(large, account="me")
    assert (receipt.reply.status, receipt.verified_by) == (413, "")


@pytest.mark.parametrize("where", [{"account": "nobody"}, {"connector": "nobody"}])
def test_an_address_without_an_account_or_connector_is_an_error(tmp_path, where):
    with pytest.raises(UsageError):
        receiver(tmp_path).receive(told(CREATED), **where)


# --- whose it is ---

SHOPS = {"a": {"context": {"shop": "1"}}, "b": {"context": {"shop": 2}}, "c": {"context": {"shop": 2}}, "d": {}}
ENV = {
    "verify": {"format": "token", "config": {"token": "headers.token", "key": "{{env.SECRET}}"}},
}
DECLARED = {"conn.yaml": "version: 1\nenv: [SECRET]\n"}


def by_connector(root, **more):
    return receiver(root, accounts=SHOPS, webhooks=ENV, files=DECLARED, **more)


def owners(receipt):
    return [(event.account, event.vendor["id"]) for event in receipt.events]


@pytest.mark.parametrize("one", ["1", 1, 1.0])
@pytest.mark.parametrize("two", ["2", 2])
def test_events_go_to_the_accounts_that_their_value_names(tmp_path, one, two):
    receipt = by_connector(tmp_path).receive(
        told({**OTHER, "id": "x", "shop": one}, {**OTHER, "id": "y", "shop": two}), connector="vendor"
    )
    assert owners(receipt) == [("a", "x"), ("b", "y"), ("c", "y")]
    assert (receipt.reply.status, receipt.notes) == (200, ())


def test_a_record_is_fetched_with_its_owners_credential(tmp_path):
    vendor = answering({"id": 7, "name": "Ada"})
    made = by_connector(
        tmp_path, vendor=vendor, stored={"a": {"token": "of a"}, "b": {"token": "of b"}, "c": {"token": "of c"}}
    )
    receipt = made.receive(told({**UPDATED, "shop": 2}), connector="vendor")
    assert [(event.account, event.data["first_name"]) for event in receipt.events] == [("b", "Ada"), ("c", "Ada")]
    assert len(vendor.asked) == 2
    assert len({request.headers["authorization"] for request in vendor.asked}) == 2


@pytest.mark.parametrize("value", ["unknown", 3, None, "", [1], {"a": 1}, True, "2.0", "1 "])
def test_an_event_without_an_account_is_skipped_and_noted(tmp_path, value):
    receipt = by_connector(tmp_path).receive(told({**OTHER, "shop": value}), connector="vendor")
    assert (receipt.reply.status, receipt.events) == (200, ())
    assert receipt.notes == ("skipped an event of type shop.closed: no account has its shop",)


def test_values_captured_at_log_in_identify_accounts_too(tmp_path):
    made = receiver(
        tmp_path,
        accounts={"a": {}, "b": {"context": {"shop": "said"}}},
        stored={"a": {"captured": {"shop": "found"}}, "b": {"captured": {"shop": "found"}}},
        webhooks=ENV,
        files=DECLARED,
    )
    assert owners(made.receive(told({**OTHER, "shop": "found"}), connector="vendor")) == [("a", "e4")]
    assert owners(made.receive(told({**OTHER, "shop": "said"}), connector="vendor")) == [("b", "e4")]


def test_an_account_that_logs_in_later_is_found(tmp_path):
    captured = {"captured": {"shop": "first"}}
    made = receiver(tmp_path, accounts={"a": {}, "b": {}}, stored={"a": captured}, webhooks=ENV, files=DECLARED)
    late = told({**CREATED, "shop": "late"})
    assert not made.receive(late, connector="vendor").events
    made.vault.save("b", {**made.vault.load("b"), "captured": {"shop": "late"}})
    assert not made.receive(late, connector="vendor").events  # the index is not built for every unknown value
    made.clock.sleep(10)
    assert [event.account for event in made.receive(late, connector="vendor").events] == ["b"]


# --- in two halves ---


def test_a_delivery_is_verified_now_and_expanded_later(tmp_path):
    vendor = answering({"id": 7, "name": "Ada"})
    made = receiver(tmp_path, vendor=vendor)
    delivery = told(CREATED, UPDATED, {**OTHER, "person": {"name": "t"}})
    receipt, verified = made.verify(delivery, account="me")
    assert (receipt.reply.status, receipt.verified_by, receipt.events, vendor.asked) == (200, "token", (), [])
    stored = json.dumps(verified.to_data())
    again = VerifiedDelivery.from_data(json.loads(stored))
    later = receiver(tmp_path, vendor=vendor)
    assert [event.plain() for event in later.expand(again).events] == [
        event.plain() for event in made.receive(delivery, account="me").events
    ]
    assert len(vendor.asked) == 2
    single = [later.expand(again.select(number)).events for number in range(3)]
    assert [event for events in single for event in events] == list(later.expand(again).events)


def test_what_is_refused_is_not_expanded(tmp_path):
    receipt, verified = receiver(tmp_path).verify(told(CREATED, token="wrong"), account="me")
    assert (receipt.reply.status, receipt.refusal.code, verified) == (401, "wrong_signature", None)


def test_a_stored_delivery_has_no_secret(tmp_path):
    made = receiver(tmp_path, stored={"me": {"secret": "a-long-secret-word"}})
    delivery = told({**CREATED, "person": {"name": "a-long-secret-word"}}, token="a-long-secret-word")
    _, verified = made.verify(delivery, account="me")
    body = base64.b64decode(verified.to_data()["body"]).decode()
    assert "a-long-secret-word" not in json.dumps(verified.to_data()) + body
    again = VerifiedDelivery.from_data(json.loads(json.dumps(verified.to_data())))
    assert [event.data["first_name"] for event in made.expand(again).events] == ["[redacted]"]


def test_an_error_while_expanding_can_be_tried_again(tmp_path):
    vendor = answering({"message": "down"}, 503)
    made = receiver(tmp_path, vendor=vendor)
    _, verified = made.verify(told(CREATED, UPDATED), account="me")
    receipt = made.expand(verified)
    assert (receipt.reply.status, receipt.error.kind, len(receipt.events)) == (503, "vendor_unavailable", 1)


def test_an_account_that_cannot_be_read_holds_up_no_other(tmp_path):
    made = by_connector(tmp_path)
    (tmp_path / "accounts" / "aa.yaml").write_text("connector: [broken\n", encoding="utf-8")
    receipt = made.receive(told({**OTHER, "shop": 1}), connector="vendor")
    assert owners(receipt) == [("a", "e4")]
    assert receipt.notes == ("skipped accounts that cannot be read: aa",)


def test_an_account_of_another_connector_has_no_part_in_it(tmp_path):
    made = by_connector(tmp_path)
    (tmp_path / "connectors" / "other").mkdir()
    (tmp_path / "connectors" / "other" / "connector.yaml").write_text(
        (tmp_path / "connectors" / "vendor" / "connector.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "accounts" / "z.yaml").write_text("connector: other\ncontext: {shop: 1}\n", encoding="utf-8")
    assert owners(made.receive(told({**OTHER, "shop": 1}), connector="vendor")) == [("a", "e4")]


def test_at_an_accounts_own_address_the_events_of_others_are_left_out(tmp_path):
    made = receiver(tmp_path, accounts=SHOPS)
    receipt = made.receive(told({**OTHER, "id": "x", "shop": 1}, {**OTHER, "id": "y", "shop": 2}), account="a")
    assert owners(receipt) == [("a", "x")]
    assert receipt.notes == ('skipped an event for another account: its shop is not that of "a"',)
    assert owners(made.receive(told({**OTHER, "shop": 2}), account="d")) == [("d", "e4")]
    assert owners(made.receive(told(OTHER), account="a")) == [("a", "e4")]


def test_a_connectors_address_requires_the_account(tmp_path):
    told_of_none = {**ENV, "account": None}
    made = receiver(tmp_path, accounts=SHOPS, webhooks=told_of_none, files=DECLARED)
    receipt = made.receive(told(OTHER), connector="vendor")
    assert (receipt.reply.status, receipt.events) == (503, ())
    assert "does not identify an account" in receipt.error.message


def test_at_a_connectors_address_no_accounts_secret_counts(tmp_path):
    receipt = receiver(tmp_path, accounts=SHOPS).receive(told({**OTHER, "shop": 1}), connector="vendor")
    assert (receipt.reply.status, receipt.events) == (503, ())


@pytest.mark.parametrize(("count", "verify", "status"), [
    (100, "none", 200), (101, "none", 401), (101, "token", 200), (101, "any", 401),
])  # fmt: skip
def test_an_unverified_delivery_cannot_fetch_many_records(tmp_path, count, verify, status):
    nothing = {"format": "none"}
    signed = {"format": "hmac", "config": {"signature": "headers.signature", "key": "{{secret}}"}}
    ways = {"none": nothing, "any": {"format": "any", "config": {"of": [signed, nothing]}}}
    way = {"verify": ways[verify]} if verify in ways else {}
    made = receiver(tmp_path, webhooks={**way, "account": None}, vendor=answering({"id": 5, "name": "Ada"}))
    events = [{"type": "person.updated", "person_id": number} for number in range(count)]
    receipt = made.receive(told(*events), account="me")
    assert (receipt.reply.status, len(receipt.events)) == (status, count if status == 200 else 0)


# --- what the vendor hands over ---

PAIRING = {
    "challenge": [{"when": "$exists(headers.handed)", "verified": False, "capture": {"secret": "headers.handed"}}]
}


def handing(secret):
    return Delivery("POST", URL, Headers({"handed": secret}), b"{}")


def test_a_secret_is_stored_when_the_account_has_none(tmp_path):
    made = receiver(tmp_path, webhooks=PAIRING, stored={"me": {"secret": "", "other": "stays"}})
    receipt = made.receive(handing("fresh"), account="me")
    assert (receipt.reply.status, receipt.challenge, receipt.captured, receipt.events) == (200, 0, ("secret",), ())
    assert made.vault.load("me") == {"bearer": "t", "token": "t", "secret": "fresh", "other": "stays"}
    assert made.redactor.text("it is fresh") != "it is fresh" or len("fresh") < 6
    assert made.receive(told(OTHER, token="fresh"), account="me").verified_by == "token"


def test_a_secret_is_not_replaced_without_pairing(tmp_path):
    made = receiver(tmp_path, webhooks=PAIRING)
    receipt = made.receive(handing("forged"), account="me")
    assert (receipt.reply.status, receipt.refusal.code, receipt.captured) == (403, "forbidden", ())
    assert made.vault.load("me")["secret"] == "s"
    assert made.receive(handing("s"), account="me").reply.status == 200
    assert made.receive(handing("fresh"), account="me", pairing=True).captured == ("secret",)
    assert made.vault.load("me")["secret"] == "fresh"


def test_a_secret_at_a_connectors_address_is_refused(tmp_path):
    made = receiver(tmp_path, webhooks={**ENV, **PAIRING}, files=DECLARED)
    assert made.receive(handing("fresh"), connector="vendor").reply.status == 403
    assert made.vault.load("me")["secret"] == "s"


def test_one_of_many_concurrent_secrets_is_stored(tmp_path):
    made = receiver(tmp_path, webhooks=PAIRING, stored={"me": {"secret": ""}})
    outcomes = []

    def hand(number):
        outcomes.append((f"secret {number}", made.receive(handing(f"secret {number}"), account="me").reply.status))

    threads = [threading.Thread(target=hand, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [secret for secret, status in outcomes if status == 200]
    assert kept == [made.vault.load("me")["secret"]]


def test_many_threads_receive_at_once(tmp_path):
    made = by_connector(tmp_path, vendor=Vendor())
    found = []

    def receive(number):
        found.append(owners(made.receive(told({**OTHER, "id": str(number), "shop": 2}), connector="vendor")))

    threads = [threading.Thread(target=receive, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted([[("b", str(number)), ("c", str(number))] for number in range(12)])
