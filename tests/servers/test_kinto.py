"""Kinto behind nginx: create, change, page, delete, a real 429, redirects. The credential stays at home."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from library import Library
from processes.command import Conn
from processes.kinto import Kinto
from processes.nginx import Nginx
from processes.witness import Witness
from processes.workspace import workspace

from conn_engine import Call, VendorError

Make = Callable[..., Conn]


@pytest.fixture
def conn(tmp_path: Path, kinto: Kinto, nginx: Nginx, door: Witness) -> Make:
    """`conn(collection)`: the command line in a workspace over one collection."""

    def make(collection: str, password: str | None = None) -> Conn:
        password = kinto.password if password is None else password
        root = workspace(
            tmp_path,
            "kinto",
            collection=collection,
            open=door.port,
            limited=nginx.limited,
            redirects=nginx.redirects,
        )
        environ = {
            f"CONN_{account}_CREDENTIALS": json.dumps({"username": kinto.user, "password": password})
            for account in ("ACME", "BUSY", "ASTRAY", "MOVER")
        }
        return Conn(root, tmp_path / "home", environ, [password])

    return make


def body(folder: Path, data: dict[str, Any]) -> str:
    path = folder / "body.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return f"@{path}"


def test_pages_by_the_url_in_a_header(conn: Make, kinto: Kinto, door: Witness) -> None:
    name = kinto.collection(records=1_100)
    records = conn(name)("run", "contacts.list", "--account", "acme", "--output", "jsonl").records()
    assert [record["custom_fields"]["number"] for record in records] == list(range(1_100))
    assert records[1_099]["email"] == "u1099@example.com"
    assert [seen.status for seen in door.seen] == [200, 200, 200]
    assert "_limit=500" in door.seen[0].target
    assert all("_token=" in seen.target for seen in door.seen[1:])
    assert all(seen.headers["authorization"].startswith("Basic ") for seen in door.seen)


def test_a_page_size_is_the_caller_s(conn: Make, kinto: Kinto, door: Witness) -> None:
    name = kinto.collection(records=30)
    words = ("run", "contacts.list", "--account", "acme", "--param", "limit=10", "--output", "jsonl")
    assert len(conn(name)(*words).records()) == 30
    assert len(door.seen) == 3


def test_a_write_is_only_shown_without_send(conn: Make, kinto: Kinto, door: Witness, tmp_path: Path) -> None:
    name = kinto.collection()
    data = body(tmp_path, {"first_name": "Ada", "email": "ada@example.com"})
    outcome = conn(name)("run", "contacts.create", "--account", "acme", "--body", data, code=2)
    assert door.seen == []
    assert kinto.records(name) == []
    shown = outcome.out + outcome.err
    assert "curl" in shown
    assert "--send" in shown


def test_creates_changes_and_deletes(conn: Make, kinto: Kinto, door: Witness, tmp_path: Path) -> None:
    name = kinto.collection()
    run = conn(name)
    data = body(tmp_path, {"first_name": "Ada", "last_name": "Löwe", "email": "ada@example.com"})
    to = ("--account", "acme", "--output", "jsonl")
    (created,) = run("run", "contacts.create", *to, "--body", data, "--send").records()
    assert (created["name"], created["email"]) == ("Ada Löwe", "ada@example.com")
    (stored,) = kinto.records(name)
    assert stored["id"] == created["id"]
    assert (stored["first"], stored["last"]) == ("Ada", "Löwe")

    one = f"id={created['id']}"
    (read,) = run("run", "contacts.get", *to, "--param", one).records()
    assert read == created

    change = body(tmp_path, {"email": "ada@example.org"})
    (changed,) = run("run", "contacts.update", *to, "--param", one, "--body", change, "--send").records()
    assert (changed["email"], changed["first_name"]) == ("ada@example.org", "Ada"), "the rest is left alone"
    assert kinto.records(name)[0]["email"] == "ada@example.org"

    (gone,) = run("run", "contacts.delete", *to, "--param", one, "--send").records()
    assert gone == {"id": created["id"], "deleted": True}
    assert kinto.records(name) == []
    outcome = run("run", "contacts.get", *to, "--param", one, code=4)
    assert "404" in outcome.err
    assert [seen.method for seen in door.seen] == ["POST", "GET", "PATCH", "DELETE", "GET"]


@pytest.fixture
def library(conn: Make, kinto: Kinto) -> Callable[[str], Library]:
    """`library(collection)`: the account in a workspace over one collection."""

    def make(collection: str) -> Library:
        return Library.over(conn(collection).root).knows("acme", username=kinto.user, password=kinto.password)

    return make


def test_an_etag_that_still_holds_is_a_304_and_nothing(
    library: Callable[[str], Library], kinto: Kinto, door: Witness
) -> None:
    name = kinto.collection(records=1)
    (record,) = kinto.records(name)
    acme = library(name)
    call = {"id": record["id"], "params": {"version": record["last_modified"]}}
    assert acme.records("acme", "kinto:contacts.get_if_changed", **call) == []
    kinto.call("PATCH", f"/buckets/crm/collections/{name}/records/{record['id']}", {"data": {"last": "New"}})
    (changed,) = acme.records("acme", "kinto:contacts.get_if_changed", **call)
    assert changed["last"] == "New"
    assert [seen.status for seen in door.seen] == [304, 200]


def test_a_record_that_has_changed_meanwhile_is_a_412_and_a_conflict(
    library: Callable[[str], Library], kinto: Kinto, door: Witness
) -> None:
    name = kinto.collection(records=1)
    (record,) = kinto.records(name)
    acme = library(name)
    version = {"version": record["last_modified"]}
    change = {"id": record["id"], "body": {"data": {"last": "Mine"}}, "params": version}
    (mine,) = acme.records("acme", "kinto:contacts.update_if_unchanged", **change)
    with pytest.raises(VendorError, match="has changed since it was read") as late:
        acme.records("acme", "kinto:contacts.update_if_unchanged", **change)
    assert late.value.kind == "conflict"
    assert [seen.status for seen in door.seen] == [200, 412]
    assert kinto.records(name)[0]["last_modified"] == mine["last_modified"]


def test_only_what_has_changed_and_tombstones_of_what_is_gone(
    library: Callable[[str], Library], kinto: Kinto, door: Witness
) -> None:
    name = kinto.collection(records=30)
    acme = library(name)
    first = acme.pages("acme", "kinto:contacts.list_changed", Call(query={"_limit": 10}))
    records = [record for page in first for record in page.records]
    assert [record["n"] for record in records] == list(range(30))
    assert not any(record["deleted"] for record in records)
    gone, changed = records[3]["id"], records[4]["id"]
    kinto.call("DELETE", f"/buckets/crm/collections/{name}/records/{gone}")
    kinto.call("PATCH", f"/buckets/crm/collections/{name}/records/{changed}", {"data": {"n": 400}})
    door.seen.clear()
    later = [
        record
        for page in acme.pages("acme", "kinto:contacts.list_changed", Call(state=first[-1].state))
        for record in page.records
    ]
    found = {record["id"]: (record["deleted"], record.get("n")) for record in later}
    assert found[gone] == (True, None)
    assert found[changed] == (False, 400)
    assert set(found) - {gone, changed} <= {records[-1]["id"]}, "but for the last one, which is on the border"
    assert f"_since={records[-1]['last_modified']}" in door.seen[0].target


def test_a_wrong_password_is_a_credential_fault(conn: Make, kinto: Kinto, door: Witness) -> None:
    name = kinto.collection(records=1)
    wrong = conn(name, password="wrong-password")
    wrong("run", "contacts.list", "--account", "acme", "--output", "jsonl", code=5)
    assert [seen.status for seen in door.seen] == [401]


def test_a_429_is_the_caller_s(conn: Make, kinto: Kinto) -> None:
    run = conn(kinto.collection(records=200))
    words = ("run", "contacts.list", "--account", "busy", "--param", "limit=20", "--output", "jsonl")
    outcome = run(*words, code=4)
    assert "rate" in outcome.err.lower()
    assert "1 s" in outcome.err or "1s" in outcome.err or "retry-after" in outcome.err.lower()
    assert len(outcome.records()) % 20 == 0, "what was read before is not lost and not halved"


def test_waits_when_asked_to(conn: Make, kinto: Kinto) -> None:
    run = conn(kinto.collection(records=200))
    words = (
        "run",
        "contacts.list",
        "--account",
        "busy",
        "--param",
        "limit=20",
        "--output",
        "jsonl",
        "--wait",
    )
    records = run(*words).records()
    assert [record["custom_fields"]["number"] for record in records] == list(range(200))


def test_a_redirect_on_the_same_origin_keeps_the_credential(conn: Make, kinto: Kinto, door: Witness) -> None:
    name = kinto.collection(records=600)
    records = conn(name)("run", "contacts.list", "--account", "mover", "--output", "jsonl").records()
    assert len(records) == 600
    assert [seen.status for seen in door.seen] == [308, 200, 200]
    assert all("authorization" in seen.headers for seen in door.seen)


def test_a_redirect_to_a_stranger_gets_no_credential(conn: Make, kinto: Kinto, stranger: Witness) -> None:
    stranger.seen.clear()
    name = kinto.collection(records=3)
    records = conn(name)("run", "contacts.list", "--account", "astray", "--output", "jsonl").records()
    assert records == []
    (seen,) = stranger.seen
    assert seen.method == "GET"
    assert set(seen.headers) <= {"host", "accept", "accept-encoding", "user-agent", "connection"}
    assert not seen.carries(kinto.password)


def test_a_write_does_not_follow_to_a_stranger(conn: Make, kinto: Kinto, stranger: Witness, tmp_path: Path) -> None:
    stranger.seen.clear()
    run = conn(kinto.collection())
    data = body(tmp_path, {"email": "ada@example.com"})
    outcome = run("run", "contacts.create", "--account", "astray", "--body", data, "--send", code=4)
    assert stranger.seen == []
    assert "localhost" in outcome.err


def test_an_account_cannot_send_the_credential_elsewhere(conn: Make, kinto: Kinto, stranger: Witness) -> None:
    stranger.seen.clear()
    run = conn(kinto.collection())
    account = run.root / "accounts" / "acme.yaml"
    override = f"override:\n  base_url: {stranger.url}/v1\n"
    account.write_text(account.read_text(encoding="utf-8") + override, encoding="utf-8")
    outcome = run("run", "contacts.list", "--account", "acme", code=3)
    assert stranger.seen == []
    assert "trusted_hosts" in outcome.err
