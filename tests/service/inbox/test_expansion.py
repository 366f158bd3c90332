"""The events of deliveries: each is passed on once, to every endpoint that wants it and to the syncs that it starts."""

import pytest
import sqlalchemy as sa
from inbox_bench import InboxBench, changed

from conn_engine.errors import UsageError
from conn_service.delivery import RETRY_SECONDS, tables
from conn_service.inbox import InboxRetention

ENDPOINTS = """\
version: 1
trusted_hosts: [HOST]
endpoints:
  default: { url: 'https://app.example.com/in', events: ['*'] }
  contacts: { url: 'https://contacts.example.com/in', events: ['crm.contact.*'] }
  other: { url: 'https://other.example.com/in', events: ['hris.*'] }
"""


def test_an_event_goes_to_each_endpoint_that_wants_it(inbox: InboxBench) -> None:
    inbox.write({"conn.yaml": ENDPOINTS})
    inbox.send(changed(at="2023-11-14T22:00:00Z"))
    outcome = inbox.expander.expand(1)
    assert (outcome.endpoints, outcome.seconds) == (("contacts", "default"), None)
    found = inbox.find_deliveries()
    assert [(endpoint, kind) for endpoint, kind, _ in found] == [
        ("contacts", "crm.contact.updated"), ("default", "crm.contact.updated"),
    ]  # fmt: skip
    body = found[0][2]
    assert (body["account"], body["connector"], body["timestamp"]) == ("acme", "shop", "2023-11-14T22:00:00.000Z")
    assert body["data"] == {"id": "7", "first_name": "Ada", "email": "ada@example.com"}
    assert inbox.store.get(1).status == "done"


def test_the_endpoints_of_an_environment_replace_those_of_the_same_name(inbox: InboxBench) -> None:
    inbox.write(
        {
            "conn.yaml": ENDPOINTS,
            "environments/eu.yaml": "endpoints: { contacts: { url: 'https://eu.example.com', events: ['hris.*'] } }\n",
            "accounts/acme.yaml": "connector: shop\nenvironment: eu\n",
        }
    )
    inbox.send(changed())
    assert inbox.expander.expand(1).endpoints == ("default",)


def test_an_event_goes_to_the_endpoints_of_its_account_and_its_content_is_stored_once(inbox: InboxBench) -> None:
    own = "{ own: { url: 'https://acme.example.com/in', events: [crm.contact.updated] } }"
    inbox.write(
        {
            "conn.yaml": f"{ENDPOINTS}endpoint_hosts: ['*.example.com']\n",
            "accounts/acme.yaml": f"connector: shop\nendpoints: {own}\n",
        }
    )
    inbox.send(changed())
    assert inbox.expander.expand(1).endpoints == ("contacts", "default", "accounts/acme/own")
    found = inbox.find_deliveries()
    assert [endpoint for endpoint, _, _ in found] == ["contacts", "default", "accounts/acme/own"]
    assert found[0][2] == found[1][2] == found[2][2]
    with inbox.store.engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.event)).scalar_one() == 1


def test_an_event_that_no_endpoint_wants_and_that_starts_no_sync_is_reported(inbox: InboxBench) -> None:
    inbox.write({"conn.yaml": "version: 1\nendpoints: { default: { url: 'https://app.example.com/in' } }\n"})
    inbox.send(changed())
    inbox.expander.expand(1)
    row = inbox.store.get(1)
    assert (row.status, row.events) == ("done", 1)
    assert row.problem == "no endpoint takes crm.contact.updated, and no sync starts on it"
    assert row.hint == "add it to `events` of an endpoint in conn.yaml, and replay the delivery"


def test_a_delivery_is_expanded_once(inbox: InboxBench) -> None:
    inbox.send(changed())
    inbox.expander.expand(1)
    assert inbox.expander.expand(1).endpoints == ()
    assert len(inbox.find_deliveries()) == 1


def test_an_event_of_two_deliveries_is_passed_on_once(inbox: InboxBench) -> None:
    inbox.send(changed())
    inbox.send(changed(), changed(8, "e2"))
    for number in (1, 2):
        inbox.expander.expand(number)
    assert [body["vendor"]["id"] for _, _, body in inbox.find_deliveries()] == ["e1", "e2"]
    assert (inbox.store.get(1).events, inbox.store.get(2).events) == (1, 1)


def test_an_event_without_an_id_is_passed_on_each_time(inbox: InboxBench) -> None:
    for number in (1, 2):
        inbox.send(changed(id_=None))
        inbox.expander.expand(number)
    assert len(inbox.find_deliveries()) == 2


def test_a_record_is_fetched(inbox: InboxBench) -> None:
    inbox.send({"type": "new", "no": 1, "id": "e1"})
    inbox.expander.expand(1)
    [(_, kind, body)] = inbox.find_deliveries()
    assert (kind, body["data"]["first_name"]) == ("crm.contact.created", "P1")
    assert [got.path for got in inbox.service.vendor.arrived] == ["/v1/people/1"]


def test_a_vendor_that_does_not_respond_is_asked_again_over_three_days(inbox: InboxBench) -> None:
    inbox.send({"type": "new", "no": 1, "id": "e1"}, changed(id_="e2"))
    inbox.service.vendor.answer = lambda _: (503, {})
    pauses = []
    while (outcome := inbox.expander.expand(1)).seconds is not None:
        assert inbox.find_deliveries() == []
        pauses.append(outcome.seconds)
    assert tuple(pauses) == RETRY_SECONDS
    row = inbox.store.get(1)
    assert (row.status, row.attempts) == ("failed", len(RETRY_SECONDS) + 1)
    assert row.problem
    assert [body["vendor"]["id"] for _, _, body in inbox.find_deliveries()] == ["e2"], "the rest is passed on"


def test_an_event_that_cannot_be_mapped_does_not_keep_the_others_back(inbox: InboxBench) -> None:
    inbox.send(changed(), {"type": "new", "id": "e2"}, changed(8, "e3"))
    outcome = inbox.expander.expand(1)
    assert outcome.seconds is None
    assert [body["vendor"]["id"] for _, _, body in inbox.find_deliveries()] == ["e1", "e3"]
    row = inbox.store.get(1)
    assert row.status == "failed"
    assert "does not find the id of the record" in row.problem
    assert "correct the expression" in row.hint


def test_a_replay_after_the_mapping_is_corrected(inbox: InboxBench) -> None:
    inbox.send(changed(), {"type": "new", "id": "e2", "person": {"id": 1}})
    inbox.expander.expand(1)
    crm = inbox.root / "connectors/shop/unified/crm.yaml"
    crm.write_text(crm.read_text().replace("fetch: event.record_id", "record: event.record"))
    inbox.store.start_again(inbox.store.get(1), 2.0, inbox.queue.enqueue)
    inbox.expander.expand(1)
    assert [body["vendor"]["id"] for _, _, body in inbox.find_deliveries()] == ["e1", "e2"], "no event twice"
    assert inbox.store.get(1).status == "done"


def test_a_replay_on_request_sends_the_same_events_again(inbox: InboxBench) -> None:
    inbox.send(changed())
    inbox.expander.expand(1)
    inbox.store.start_again(inbox.store.get(1), 2.0, inbox.queue.enqueue)
    inbox.expander.expand(1, is_replay=True)
    first, second = inbox.find_deliveries()
    assert first == second


def test_an_event_starts_a_sync(inbox: InboxBench) -> None:
    sync = "source: { connector: shop, resource: people }\nemit: { event: a.b, type: stdout }\n"
    inbox.write({"syncs/people.yaml": f"{sync}trigger: {{ webhook: changed }}\n"})
    inbox.send(changed())
    inbox.expander.expand(1)
    assert inbox.find_started() == ["people"]


def test_an_account_that_was_removed_is_a_clear_failure(inbox: InboxBench) -> None:
    inbox.send(changed())
    (inbox.root / "accounts/acme.yaml").unlink()
    inbox.expander.expand(1)
    row = inbox.store.get(1)
    assert (row.status, "acme" in row.problem) == ("failed", True)


def test_old_deliveries_are_removed_and_those_that_wait_stay(inbox: InboxBench) -> None:
    inbox.send(changed())
    inbox.send(changed(id_="e2"))
    inbox.expander.expand(1)
    assert inbox.store.remove_old(InboxRetention(done_days=30), inbox.service.clock.now() + 30 * 86_400 + 1) == 1
    assert [row.status for row in inbox.store.find()] == ["waiting"]
    with pytest.raises(UsageError, match="there is no delivery 1"):
        inbox.store.get(1)
