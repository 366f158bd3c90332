"""Bundled connectors, only their addresses overridden, on servers that behave as the vendors do.

backlot: Jira and Linear are read with checked credentials. emulate: Stripe, Google Calendar and Slack are written, and
a person gives consent at Google, Microsoft and Slack. Some operations cannot be shown, because a server does not have
them: users in Jira, comments in Linear, writes in Linear (emulate knows only a part of its schema), invoices in
Stripe, a rotated token of Slack, and lists of Slack by GET.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from library import Library
from postbox import SECRET, Postbox
from processes.backlot import Backlot
from processes.command import Conn
from processes.corpus import TASKS
from processes.emulate import Emulate
from processes.login import login
from processes.witness import Witness, witness
from processes.workspace import CATALOGUE, workspace

from conn_engine import Call, CredentialError, VendorError

MODELS = CATALOGUE.parent / "schemas" / "models"
CONNECTORS = ("google_calendar", "jira", "linear", "microsoft_graph", "slack", "stripe")
VAULT_KEY = "a key for the tests alone, long enough"
ENVIRON = {
    "GOOGLE_CLIENT_ID": "conn.apps.example.com",
    "GOOGLE_CLIENT_SECRET": "GOCSPX-conn",
    "JIRA_CLIENT_ID": "not-used",
    "JIRA_CLIENT_SECRET": "not-used-either",
    "LINEAR_CLIENT_ID": "lin_conn",
    "LINEAR_CLIENT_SECRET": "lin:conn/se+cret%",
    "MICROSOFT_CLIENT_ID": "ms-conn",
    "MICROSOFT_CLIENT_SECRET": "ms-conn-secret",
    "SLACK_CLIENT_ID": "1.2",
    "SLACK_CLIENT_SECRET": "slack-conn-secret",
}
Fronts = dict[str, Witness]


def check(records: list[Any], model: str) -> None:
    """Every record is valid in its model."""
    schema = json.loads((MODELS / f"{model}.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    assert [error.message for record in records for error in validator.iter_errors(record)] == []


def make_workspace(folder: Path, **ports: int) -> Path:
    """The workspace; a server that the test does not use has no port."""
    names = ("backlot", "google", "microsoft", "slack", "stripe")
    return workspace(folder, "bundled", connectors=CONNECTORS, **{name: ports.get(name, 1) for name in names})


@pytest.fixture
def tasks(tmp_path: Path, backlot: Backlot, watched: Witness) -> Library:
    """Jira and Linear, read as ava."""
    library = Library.over(make_workspace(tmp_path, backlot=watched.port), **ENVIRON)
    token = backlot.tokens["ava@acme.com"]
    library.knows("jira", username="ava@acme.com", password=token)
    return library.knows("linear_read", api_key=token)


@pytest.mark.parametrize("account", ["jira", "linear_read"])
def test_tickets_are_read_page_by_page(tasks: Library, watched: Witness, account: str) -> None:
    pages = tasks.pages(account, "ticketing.tickets.list", Call(query={"limit": 3}))
    tickets = [ticket for page in pages for ticket in page.records]
    assert {ticket["subject"] for ticket in tickets} == {f"Task {number}" for number in range(1, TASKS + 1)}
    assert (len(tickets), len(watched.seen)) == (TASKS, 3)
    check(tickets, "ticketing/ticket")
    first = next(ticket for ticket in tickets if ticket["subject"] == "Task 1")
    assert (first["status"], first["priority"], first["tags"]) == ("in_progress", "high", ["sensor"])
    assert tasks.records(account, "ticketing.tickets.get", id=first["id"]) == [first]
    with pytest.raises(VendorError) as missing:
        tasks.records(account, "ticketing.tickets.get", id="no-such-ticket")
    assert missing.value.kind == "not_found"


def test_changed_tickets_are_read_in_linear(tasks: Library) -> None:
    tickets = tasks.records("linear_read", "ticketing.tickets.list", query={"updated_after": "2026-01-01T01:45:00Z"})
    assert {ticket["subject"] for ticket in tickets} == {"Task 5", "Task 6", "Task 7"}


def test_people_are_read_in_linear(tasks: Library) -> None:
    people = tasks.records("linear_read", "ticketing.users.list")
    assert {"ava@acme.com", "bob@acme.com"} <= {person["email"] for person in people}
    check(people, "ticketing/user")


def test_comments_of_a_ticket_are_read_in_jira(tasks: Library) -> None:
    ticket, *_ = tasks.records("jira", "ticketing.tickets.list")
    (comment,) = tasks.records("jira", "ticketing.comments.list", query={"ticket_id": ticket["id"]})
    assert (comment["body"], comment["ticket_id"]) == ("On it.", ticket["id"])
    check([comment], "ticketing/comment")


@pytest.mark.parametrize(
    ("account", "wrong", "status"),
    [
        ("jira", {"username": "ava@acme.com", "password": "wrong-token-1"}, 200),
        ("linear_read", {"api_key": "wrong-token-1"}, 401),
    ],
)
def test_a_wrong_credential_is_an_error_and_not_an_empty_list(
    tasks: Library, watched: Witness, account: str, wrong: dict[str, str], status: int
) -> None:
    tasks.knows(account, **wrong)
    with pytest.raises(CredentialError) as refused:
        tasks.records(account, "ticketing.tickets.list")
    assert {seen.status for seen in watched.seen} == {status}
    assert "wrong-token-1" not in str(refused.value)


@pytest.fixture
def fronts(emulate: Emulate) -> Iterator[Fronts]:
    """A witness before each service; Microsoft's URLs of a login name the kind of account first."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(witness(emulate.url(name), strip="/common" if name == "microsoft" else ""))
            for name in ("google", "microsoft", "slack", "stripe")
        }


@pytest.fixture
def root(tmp_path: Path, fronts: Fronts) -> Path:
    return make_workspace(tmp_path, **{name: front.port for name, front in fronts.items()})


@pytest.fixture
def vendors(root: Path) -> Library:
    return Library.over(root, **ENVIRON).knows("stripe", token="sk_test_x")


@pytest.fixture
def consent(root: Path, tmp_path: Path, emulate: Emulate) -> Callable[[str], dict[str, Any]]:
    """`consent(account)`: log in, with the person's part played here; returns what is stored."""
    conn = Conn(root, tmp_path / "home", {"CONN_VAULT_KEY": VAULT_KEY, **ENVIRON}, [VAULT_KEY, "GOCSPX-conn"])

    def play(account: str) -> dict[str, Any]:
        with login(conn, account, "--verify") as run:
            httpx.get(emulate.consent(run.url), trust_env=False, timeout=60)
            run.ended(0)
        return conn.stored(account)

    return play


def test_customers_are_written_in_stripe(vendors: Library, fronts: Fronts) -> None:
    body = {"name": "Ada & Löwe = 1", "email": "ada@example.com", "custom_fields": {"a key": "100 %+"}}
    (made,) = vendors.records("stripe", "accounting.contacts.create", body=body)
    assert {field: made[field] for field in body} == body
    (changed,) = vendors.records("stripe", "accounting.contacts.update", id=made["id"], body={"name": "Ada"})
    assert (changed["name"], changed["email"]) == ("Ada", "ada@example.com")
    fronts["stripe"].seen.clear()
    found = vendors.records("stripe", "accounting.contacts.list", query={"limit": 2})
    assert made["id"] in {contact["id"] for contact in found}
    assert len(fronts["stripe"].seen) == -(-len(found) // 2)
    check(found, "accounting/contact")
    vendors.records("stripe", "accounting.contacts.delete", id=made["id"])
    with pytest.raises(VendorError, match="No such customer") as gone:
        vendors.records("stripe", "accounting.contacts.get", id=made["id"])
    assert gone.value.kind == "not_found"


def test_items_are_written_in_stripe(vendors: Library) -> None:
    (made,) = vendors.records("stripe", "accounting.items.create", body={"name": "Desk, oak"})
    found = vendors.records("stripe", "accounting.items.list", query={"is_active": True})
    assert made["name"] in {item["name"] for item in found}
    check([made, *found], "accounting/item")


def test_events_are_written_after_a_consent_at_google(
    consent: Callable[[str], dict[str, Any]], vendors: Library
) -> None:
    vendors.knows("google_calendar", **consent("google_calendar"))
    calendars = vendors.records("google_calendar", "calendar.calendars.list")
    assert [calendar["is_primary"] for calendar in calendars].count(True) == 1
    check(calendars, "calendar/calendar")
    times = {"starts_at": "2026-12-01T10:00:00Z", "ends_at": "2026-12-01T11:00:00Z"}
    body = {"calendar_id": "primary", "title": "Grüße", **times}
    (made,) = vendors.records("google_calendar", "calendar.events.create", body=body)
    assert {field: made[field] for field in body} == body
    events = vendors.records("google_calendar", "calendar.events.list", query={"calendar_id": "primary"})
    assert made["id"] in {event["id"] for event in events}
    check(events, "calendar/event")
    day = {"starts_after": "2026-12-01T00:00:00Z", "starts_before": "2026-12-02T00:00:00Z"}
    busy = vendors.records("google_calendar", "calendar.busy_times.list", query=day)
    assert times in [{field: time[field] for field in times} for time in busy]
    vendors.records("google_calendar", "calendar.events.delete", id=made["id"], query={"calendar_id": "primary"})
    events = vendors.records("google_calendar", "calendar.events.list", query={"calendar_id": "primary"})
    assert made["id"] not in {event["id"] for event in events}


def test_a_consent_at_microsoft_brings_a_token_that_is_renewed(
    consent: Callable[[str], dict[str, Any]], vendors: Library, fronts: Fronts
) -> None:
    first = consent("microsoft_graph")["oauth"]["token"]
    assert any(b"code_verifier=" in seen.body for seen in fronts["microsoft"].seen)
    vendors.knows("microsoft_graph", oauth={"token": {**first, "expires_at": time.time() - 10}})
    (person,) = vendors.records("microsoft_graph", "me.get")
    assert person["mail"]
    renewed = vendors.stored("microsoft_graph")["oauth"]["token"]
    assert renewed["access_token"] != first["access_token"]
    assert [seen.status for seen in fronts["microsoft"].seen if b"grant_type=refresh_token" in seen.body] == [200]


@pytest.mark.parametrize(("account", "prefix"), [("slack", "xoxb-"), ("slack_person", "xoxp-")])
def test_messages_are_written_after_a_consent_at_slack(
    consent: Callable[[str], dict[str, Any]], vendors: Library, fronts: Fronts, account: str, prefix: str
) -> None:
    stored = consent(account)
    assert stored["oauth"]["token"]["access_token"].startswith(prefix)
    vendors.knows(account, **stored)
    body = {"channel_id": "general", "body": "Grüße <&>"}
    (made,) = vendors.records(account, "messaging.messages.create", body=body)
    check([made], "messaging/message")
    (changed,) = vendors.records(account, "messaging.messages.update", id=made["id"], body={"body": "Grüße!"})
    assert (changed["id"], changed["body"]) == (made["id"], "Grüße!")
    vendors.records(account, "messaging.messages.delete", id=made["id"])
    with pytest.raises(VendorError, match="message_not_found"):
        vendors.records(account, "messaging.messages.delete", id=made["id"])
    sent = {seen.target.partition("?")[0] for seen in fronts["slack"].seen}
    assert {"/api/oauth.v2.access", "/api/auth.test", "/api/chat.postMessage"} <= sent


def test_a_wrong_secret_of_the_app_is_refused_at_slack(root: Path, tmp_path: Path, emulate: Emulate) -> None:
    environ = {"CONN_VAULT_KEY": VAULT_KEY, **ENVIRON, "SLACK_CLIENT_SECRET": "another-secret"}
    conn = Conn(root, tmp_path / "home", environ, [VAULT_KEY, "another-secret"])
    with login(conn, "slack") as run:
        httpx.get(emulate.consent(run.url), trust_env=False, timeout=60)
        assert "invalid_client_id" in run.ended(5)


def test_a_delivery_of_stripe_is_a_unified_event(tmp_path: Path, deliveries: Postbox, senders: Emulate) -> None:
    library = Library.over(make_workspace(tmp_path, stripe=senders.port("stripe")), **ENVIRON)
    box = deliveries.opened(library.knows("stripe", token="sk_test_x", webhook_secret=SECRET))
    body = {"email": "ada@example.com", "name": "Grüße & <co>"}
    (made,) = library.records("stripe", "accounting.contacts.create", body=body)
    came = box.next("stripe")
    (event,) = came.receipt.events
    assert (event.type, event.data["id"], event.data["name"]) == (
        "accounting.contact.created",
        made["id"],
        body["name"],
    )
    library.records("stripe", "accounting.contacts.delete", id=made["id"])
    (event,) = box.next("stripe", after=1).receipt.events
    assert (event.type, event.data["id"]) == ("accounting.contact.deleted", made["id"])
    refused = box.again(came, body=came.delivery.body.replace(b"ada@", b"bob@"))
    assert (refused.reply.status, refused.events) == (401, ())
