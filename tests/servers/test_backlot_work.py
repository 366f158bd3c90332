"""The catalogue's slack and notion connectors, only the base URL overridden, on a server that checks tokens."""

from pathlib import Path

import httpx
import pytest
from library import Library
from processes.backlot import Backlot
from processes.corpus import MESSAGES, ROWS
from processes.witness import Witness
from processes.workspace import workspace
from test_backlot import valid

from conn_engine import CredentialError, VendorError

PEOPLE = {"ava@acme.com", "bob@acme.com", "cleo@acme.com", "dana@acme.com"}


def find_data_source(backlot: Backlot) -> str:
    headers = {"authorization": f"Bearer {backlot.tokens['ava@acme.com']}", "notion-version": "2025-09-03"}
    body = {"filter": {"property": "object", "value": "data_source"}}
    answer = httpx.post(f"{backlot.url}/notion/v1/search", headers=headers, json=body, trust_env=False)
    (found,) = answer.raise_for_status().json()["results"]
    return str(found["id"])


@pytest.fixture
def work(tmp_path: Path, backlot: Backlot, watched: Witness) -> Library:
    root = workspace(
        tmp_path,
        "work",
        connectors=("slack", "notion"),
        port=watched.port,
        slack="/slack/api",
        data_source=find_data_source(backlot),
    )
    token = backlot.tokens["bob@acme.com"]
    return Library.over(root).knows("talk", token=token).knows("tasks", token=token)


def test_messages_of_the_channels_of_a_member_are_read_page_by_page(work: Library, watched: Witness) -> None:
    channels = work.records("talk", "messaging.channels.list")
    valid(channels, "messaging/channel")
    (incidents,) = [channel for channel in channels if channel["name"] == "incidents"]
    messages = work.records("talk", "messaging.messages.list", query={"channel_id": incidents["id"]})
    valid(messages, "messaging/message")
    assert [message["body"] for message in messages] == [f"<{number}> & co" for number in reversed(range(MESSAGES))]
    histories = [seen for seen in watched.seen if seen.path.endswith("conversations.history")]
    assert len(histories) == -(-MESSAGES // 200)
    assert {seen.headers["authorization"] for seen in histories} == {f"Bearer {work.stored('talk')['token']}"}


def test_a_message_is_sent_changed_and_answered(work: Library) -> None:
    (incidents,) = [row for row in work.records("talk", "messaging.channels.list") if row["name"] == "incidents"]
    body = {"channel_id": incidents["id"], "body": "1 < 2 & @U0000000001"}
    (sent,) = work.records("talk", "messaging.messages.create", body=body)
    assert (sent["body"], sent["mention_ids"]) == (body["body"], ["U0000000001"])
    (changed,) = work.records("talk", "messaging.messages.update", id=sent["id"], body={"body": "3 > 2"})
    assert (changed["id"], changed["body"]) == (sent["id"], "3 > 2")
    reply = {"channel_id": incidents["id"], "thread_id": sent["id"], "body": "yes"}
    (answer,) = work.records("talk", "messaging.messages.create", body=reply)
    replies = work.records("talk", "messaging.messages.list", query={"thread_id": sent["id"]})
    assert [(row["id"], row["thread_id"]) for row in replies] == [(answer["id"], sent["id"])]
    (read,) = work.records("talk", "messaging.messages.get", id=answer["id"])
    assert read["body"] == "yes"
    valid([sent, changed, *replies, read], "messaging/message")
    for message in (answer, sent):
        work.records("talk", "messaging.messages.delete", id=message["id"])
    with pytest.raises(VendorError, match="thread_not_found") as gone:
        work.records("talk", "messaging.messages.get", id=sent["id"])
    assert gone.value.kind == "not_found"


def test_a_channel_that_is_missing_and_a_wrong_token_are_errors_under_a_200(work: Library, watched: Witness) -> None:
    with pytest.raises(VendorError, match="channel_not_found") as missing:
        work.records("talk", "messaging.messages.list", query={"channel_id": "C0NONE00000"})
    assert missing.value.kind == "not_found"
    work.knows("talk", token="wrong-token-4")
    with pytest.raises(CredentialError):
        work.records("talk", "messaging.users.list")
    assert {seen.status for seen in watched.seen} == {200}


@pytest.mark.parametrize(
    ("account", "operation", "record"),
    [
        ("talk", "messaging.users.list", "messaging/user"),
        ("tasks", "ticketing.users.list", "ticketing/user"),
    ],
)
def test_people_are_read(work: Library, account: str, operation: str, record: str) -> None:
    people = work.records(account, operation)
    valid(people, record)
    assert {person["email"] for person in people} >= PEOPLE


def test_the_rows_of_a_data_source_are_tickets(work: Library, watched: Witness) -> None:
    tickets = work.records("tasks", "ticketing.tickets.list")
    valid(tickets, "ticketing/ticket")
    assert {ticket["subject"] for ticket in tickets} == {f"Task {number}" for number in range(ROWS)}
    assert {ticket["remote_status"] for ticket in tickets} == {"Todo", "Done"}
    assert sorted(ticket["custom_fields"]["Points"] for ticket in tickets) == list(range(ROWS))
    queries = [seen for seen in watched.seen if seen.path.endswith("/query")]
    assert len(queries) == -(-ROWS // 100)
    assert {seen.headers["notion-version"] for seen in queries} == {"2025-09-03"}
    fields = work.records("tasks", "pages.describe")
    assert {field["label"] for field in fields} >= {"Points", "Status"}


def test_a_wrong_token_of_notion_is_a_credential_fault(work: Library, watched: Witness) -> None:
    work.knows("tasks", token="wrong-token-5")
    with pytest.raises(CredentialError):
        work.records("tasks", "ticketing.tickets.list")
    assert [seen.status for seen in watched.seen] == [401]
