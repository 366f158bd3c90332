"""Matrix Synapse: a login whose token ends after seconds, a rotating second one, real limits in milliseconds, pages by
tokens that may come back, and only what is new."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from library import Library
from processes.synapse import LIFETIME_SECONDS, PEOPLE, Synapse
from processes.witness import Witness, witness
from processes.workspace import workspace

from conn_engine import Call, CredentialError, VendorError

WHOAMI = "/_matrix/client/v3/account/whoami"
LOGOUT = "/_matrix/client/v3/logout"


@pytest.fixture
def front(synapse: Synapse) -> Iterator[Witness]:
    """A witness before Synapse: what the engine sent."""
    with witness(synapse.url) as door:
        yield door


@pytest.fixture
def chat(tmp_path: Path, synapse: Synapse, front: Witness) -> Library:
    """The admin's account and one of a person of its own, who has not logged in yet."""
    library = Library.over(workspace(tmp_path, "chat", port=front.port))
    library.knows("admin", username="admin", password=synapse.password)
    return library.knows("ada", username=synapse.person(), password=synapse.password)


def paths(front: Witness) -> list[str]:
    """The last word of each path that was asked for, with its status when it is not 200."""
    return [seen.path.rpartition("/")[2] + ("" if seen.status == 200 else f" {seen.status}") for seen in front.seen]


def test_a_log_in_brings_a_token_of_seconds_that_is_used_again(chat: Library, front: Witness) -> None:
    (me,) = chat.records("ada", "me.get")
    assert me["user_id"] == f"@{chat.stored('ada')['username']}:conn.test"
    session = chat.stored("ada")["session"]
    assert 0 < session["expires_at"] - session["obtained_at"] <= LIFETIME_SECONDS
    assert chat.records("ada", "me.get") == [me]
    assert paths(front) == ["login", "whoami", "whoami"]
    with chat.connect("ada") as connected:
        connected.verify()


@pytest.mark.nightly
def test_a_token_that_has_really_ended_is_prolonged_by_one_that_rotates(chat: Library, front: Witness) -> None:
    chat.records("ada", "me.get")
    first = chat.stored("ada")["session"]
    time.sleep(max(0.0, first["expires_at"] - time.time()) + 0.2)
    chat.records("ada", "me.get")
    second = chat.stored("ada")["session"]
    assert second["refresh_token"] != first["refresh_token"]
    assert paths(front) == ["login", "whoami", "refresh", "whoami"]


def test_a_session_that_the_vendor_ended_is_a_log_in(chat: Library, synapse: Synapse, front: Witness) -> None:
    chat.records("ada", "me.get")
    synapse.call("POST", LOGOUT, token=chat.stored("ada")["session"]["access_token"])
    front.seen.clear()
    chat.records("ada", "me.get")
    lost, refresh, login, whoami = paths(front)
    assert (lost, login, whoami) == ("whoami 401", "login", "whoami")
    assert refresh.startswith("refresh 4")


def test_a_second_token_that_is_refused_is_a_log_in(chat: Library, front: Witness) -> None:
    chat.records("ada", "me.get")
    stored = chat.stored("ada")
    ended = {**stored["session"], "refresh_token": "syr_none", "expires_at": time.time() - 5}
    chat.knows("ada", **{**stored, "session": ended})
    front.seen.clear()
    chat.records("ada", "me.get")
    refresh, login, whoami = paths(front)
    assert refresh.startswith("refresh 4")
    assert (login, whoami) == ("login", "whoami")


def test_a_wrong_password_is_a_403_and_a_credential_fault(chat: Library, front: Witness) -> None:
    chat.knows("ada", username=chat.stored("ada")["username"], password="wrong-password")
    with pytest.raises(CredentialError, match="Invalid username or password") as refused:
        chat.records("ada", "me.get")
    assert paths(front) == ["login 403"]
    assert "wrong-password" not in str(refused.value)


def test_a_log_out_ends_the_token_at_the_vendor(chat: Library, synapse: Synapse) -> None:
    chat.records("ada", "me.get")
    token = chat.stored("ada")["session"]["access_token"]
    with chat.connect("ada") as connected:
        connected.revoke()
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        synapse.call("GET", WHOAMI, token=token)


def test_pages_by_from_and_next_token(chat: Library, front: Witness) -> None:
    names = [record["name"] for record in chat.records("admin", "people.list")]
    assert {f"@person{number:02}:conn.test" for number in range(PEOPLE)} <= set(names)
    assert names == sorted(names)
    asked = [seen.target for seen in front.seen if "/users" in seen.target]
    assert len(asked) >= 3
    assert "from=" not in asked[0]
    assert "from=10" in asked[1]


def test_a_page_past_the_end_is_empty(chat: Library) -> None:
    assert chat.records("admin", "people.list", query={"from": "9000"}) == []


def test_the_last_page_has_a_next_token_and_one_more_is_empty(chat: Library, synapse: Synapse, front: Witness) -> None:
    token = synapse.token(chat.stored("ada")["username"])
    rooms = [synapse.room(token, messages=count) for count in (25, 3)]
    records = chat.records("ada", "notes.list")
    assert {(record["room"], record["number"]) for record in records} == {
        (room, number) for room, count in zip(rooms, (25, 3), strict=True) for number in range(count)
    }
    assert len(records) == 28


def test_a_next_token_that_comes_back_is_the_end_and_a_later_run_goes_on_there(
    chat: Library, synapse: Synapse, front: Witness
) -> None:
    name = chat.stored("ada")["username"]
    token = synapse.token(name)
    room = synapse.room(token)
    say(chat, room, "before")
    first = chat.records("ada", "changes.list")
    assert "before" in [text for record in first for text in record["texts"]]
    since = first[-1]["since"]
    assert since == first[-2]["since"], "what was sent came back"
    say(chat, room, "after")
    later = chat.records("ada", "changes.list", query={"since": since})
    assert [text for record in later for text in record["texts"]] == ["after"]


def say(chat: Library, room: str, text: str) -> None:
    chat.records("ada", "messages.send", id=f"t{time.monotonic_ns()}", params={"room": room, "text": text}, wait=True)


def test_only_people_who_are_new(chat: Library, synapse: Synapse, front: Witness) -> None:
    pages = chat.pages("admin", "people.list_new")
    known = {record["name"] for page in pages for record in page.records}
    assert len(known) > PEOPLE
    time.sleep(1.1)  # the vendor counts whole seconds
    name = synapse.person()
    front.seen.clear()
    found = [
        record["name"]
        for page in chat.pages("admin", "people.list_new", Call(state=pages[-1].state))
        for record in page.records
    ]
    assert f"@{name}:conn.test" in found
    assert len(found) < 10
    assert len([seen for seen in front.seen if "/users" in seen.target]) == 1, "the second page is not asked for"


def test_a_429_tells_milliseconds_and_is_the_caller_s(chat: Library, synapse: Synapse, front: Witness) -> None:
    room = synapse.room(synapse.token(chat.stored("ada")["username"]))
    with pytest.raises(VendorError) as limited:
        for number in range(200):
            chat.records("ada", "messages.send", id=f"m{number}", params={"room": room, "text": "x"})
    assert limited.value.kind == "rate_limited"
    last = front.seen[-1]
    assert last.status == 429
    told = int(last.answer.split(b'"retry_after_ms":')[1].split(b"}")[0]) / 1000
    assert limited.value.retry_after == pytest.approx(told), "the body, not the header"
    assert int(last.answer_headers["retry-after"]) >= told, "which is rounded up"


def test_a_429_is_waited_out_when_asked_to(chat: Library, synapse: Synapse, front: Witness) -> None:
    room = synapse.room(synapse.token(chat.stored("ada")["username"]))
    with chat.connect("ada", wait=True) as connected:
        for number in range(60):
            call = Call(id=f"w{number}", params={"room": room, "text": str(number)})
            assert list(connected.pages("messages.send", call))
            if 429 in [seen.status for seen in front.seen]:
                break
    sent = [seen.status for seen in front.seen if "/send/" in seen.path]
    assert sent[-2:] == [429, 200]


def test_an_admin_s_listing_is_not_for_everyone(chat: Library) -> None:
    with pytest.raises(VendorError, match="not a server admin") as refused:
        chat.records("ada", "people.list")
    assert refused.value.kind == "forbidden"


def test_html_to_a_call_for_json_is_a_clear_error(chat: Library) -> None:
    with pytest.raises(VendorError) as wrong:
        chat.records("ada", "nothing.list")
    assert wrong.value.kind == "not_found"
    assert "404" in str(wrong.value)
