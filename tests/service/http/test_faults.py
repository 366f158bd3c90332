"""What is broken or hostile around a service: each has a clear answer, and nothing is lost."""

import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from service_bench import CONNECTOR, NOW, Bench, open_bench, read_problem

from conn_engine.errors import ConnError
from conn_engine.secrets.vault import FileVault
from conn_service.http.logs import write_logs
from conn_service.http.reading import ServiceLimits
from conn_service.http.server import ServiceServer
from conn_service.listening import listen
from conn_service.store import ServiceStoreError

CONTACTS = "/unified/crm/contacts"
OAUTH = CONNECTOR.replace(
    "credentials: {{ format: bearer }}",
    "credentials: {{ format: oauth2_client_credentials, token_url: '{url}/token' }}",
)


def find_kind(response: Any) -> tuple[int, str]:
    data = read_problem(response)
    return data["status"], data["kind"]


@pytest.fixture
def log() -> Iterator[list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []
    with write_logs(lambda line: lines.append(json.loads(line)), "json"):
        yield lines


# --- the store ---


@contextmanager
def hide_tables(bench: Bench) -> Iterator[None]:
    """Let the database be unusable while it is open."""
    assert bench.location.file is not None
    names = ("conn_token", "conn_idempotency", "conn_service_format")
    with closing(sqlite3.connect(bench.location.file, timeout=60, check_same_thread=False)) as connection:
        for name in names:
            connection.execute(f"ALTER TABLE {name} RENAME TO hidden_{name}")
        connection.commit()
        try:
            yield
        finally:
            for name in names:
                connection.execute(f"ALTER TABLE hidden_{name} RENAME TO {name}")
            connection.commit()


def test_a_store_that_cannot_be_used_at_the_start_is_named(tmp_path: Path) -> None:
    (tmp_path / "service.sqlite3").write_bytes(b"not a database" * 100)
    with pytest.raises(ConnError) as caught, open_bench(tmp_path):
        pass
    assert "service.sqlite3" in caught.value.message
    assert caught.value.hint


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with open_bench(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "service.sqlite3")) as connection:
        connection.execute("UPDATE conn_service_format SET format = 99 WHERE part = 'tokens'")
        connection.commit()
    with pytest.raises(ServiceStoreError) as caught, open_bench(tmp_path):
        pass
    assert "has the format 99 for tokens" in caught.value.message
    assert "upgrade conn-engine" in caught.value.hint


def test_a_store_that_breaks_is_503_until_it_is_back(bench: Bench, log: list[dict[str, Any]]) -> None:
    other = bench.issue()
    with hide_tables(bench):
        response = bench.ask("GET", CONTACTS, token=other)
        assert find_kind(response) == (503, "store")
        assert response.headers["retry-after"] == "5"
        assert "sqlite" not in response.text
        ready = bench.client.get("/health/ready")
        assert find_kind(ready) == (503, "not_ready")
        assert ready.json()["detail"] == "the store cannot be used as it is"
        assert bench.client.get("/health/live").status_code == 200
        write = bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers={"idempotency-key": "k"}, token=other)
        assert find_kind(write) == (503, "store")
    assert bench.vendor.arrived == []
    assert bench.ask("GET", CONTACTS, token=other).status_code == 200
    reasons = [line["reason"] for line in log if line.get("kind") == "store"]
    assert "no such table" in reasons[0]


def test_a_store_that_hangs_is_503_in_time(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    with open_bench(tmp_path, limits=ServiceLimits(store_seconds=0.3)) as bench:
        other = bench.issue()
        with closing(sqlite3.connect(tmp_path / "service.sqlite3")) as connection:
            connection.execute("BEGIN IMMEDIATE")  # the last use of the token cannot be written
            assert find_kind(bench.ask("GET", CONTACTS, token=other)) == (503, "store")
        assert "within 0.3 seconds" in log[-1]["reason"]
        assert bench.vendor.arrived == []


def test_a_write_is_answered_although_its_result_cannot_be_stored(bench: Bench, log: list[dict[str, Any]]) -> None:
    assert bench.ask("GET", CONTACTS).status_code == 200
    inner, broken = bench.vendor.answer, hide_tables(bench)

    def answer(got: Any) -> Any:
        broken.__enter__()
        assert inner is not None
        return inner(got)

    bench.vendor.answer = answer
    key = {"idempotency-key": "k"}
    try:
        created = bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key)
    finally:
        broken.__exit__(None, None, None)
    assert (created.status_code, created.json()["result"]["first_name"]) == (201, "Ada")
    assert any("its Idempotency-Key stays unknown" in line["message"] for line in log)
    again = bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key)
    assert find_kind(again) == (409, "unknown_result")
    assert [got.method for got in bench.vendor.arrived] == ["GET", "POST"]


def test_a_full_disk_refuses_keyed_writes_and_serves_the_rest(bench: Bench, log: list[dict[str, Any]]) -> None:
    def limit(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # SQLite makes the file no larger than it is

    key = {"idempotency-key": "k" * 250}
    sa.event.listen(sa.pool.Pool, "checkout", limit)
    try:
        answers = [
            bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers={"idempotency-key": f"{number:0250d}"})
            for number in range(100)
        ]
        full = [response for response in answers if response.status_code != 201]
        assert {find_kind(response) for response in full} == {(503, "store")}
        assert len(bench.vendor.arrived) == len(answers) - len(full)
        assert bench.ask("GET", CONTACTS).status_code == 200
        ready = bench.client.get("/health/ready").json()
        assert ready["notes"] == ["the store could not be written in the last minute: the disk is full"]
    finally:
        sa.event.remove(sa.pool.Pool, "checkout", limit)
        sa.event.listen(sa.pool.Pool, "checkout", unlimit)
    try:
        assert bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key).status_code == 201
    finally:
        sa.event.remove(sa.pool.Pool, "checkout", unlimit)
    reasons = {line["reason"] for line in log if line.get("kind") == "store"}
    assert [reason.endswith("cannot be written: the disk is full") for reason in reasons] == [True]


def unlimit(connection: Any, *_: Any) -> None:
    connection.execute("PRAGMA max_page_count = 1000000")


# --- credentials ---


def test_a_wrong_key_of_the_vault_is_503(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    FileVault(tmp_path / "vault", "the right key").save("acme", {"token": "t"})
    vault = FileVault(tmp_path / "vault", "another key")
    with open_bench(tmp_path / "workspace", vault=vault) as bench:
        response = bench.ask("GET", CONTACTS)
        assert find_kind(response) == (503, "credential_store")
        ready = bench.client.get("/health/ready")
        assert find_kind(ready) == (503, "not_ready")
        assert "is CONN_VAULT_KEY its key?" in ready.json()["detail"]
        assert str(tmp_path) not in response.text + ready.text
        assert bench.vendor.arrived == []
    assert any("cannot be decrypted" in line.get("reason", "") for line in log)


@contextmanager
def open_oauth(tmp_path: Path, token_reply: Any, connector: str = OAUTH) -> Iterator[Bench]:
    """Open a service whose connector asks its vendor for tokens."""
    with open_bench(tmp_path, connector=connector) as bench:
        inner = bench.vendor.answer
        bench.vendor.answer = lambda got: token_reply if got.path == "/token" else inner and inner(got)
        bench.vault.save("acme", {"client_id": "i", "client_secret": "s"})
        yield bench


@pytest.mark.parametrize(
    "reply",
    [
        (200, {"Content-Type": "text/html"}, b"<html>We are down for maintenance</html>"),
        (200, {}, {"ok": True}),
    ],
)
def test_an_answer_to_a_token_request_that_cannot_be_used(
    tmp_path: Path, reply: Any, log: list[dict[str, Any]]
) -> None:
    with open_oauth(tmp_path, reply) as bench:
        response = bench.ask("GET", CONTACTS)
    assert find_kind(response) == (502, "bad_response")
    assert "maintenance" not in response.text + json.dumps(log)
    assert "/token returned no " in log[0]["reason"]


def answer_early(data: Any) -> Any:
    """Return a reply of a vendor whose clock is two hours behind that of the service."""

    def reply(handler: Any) -> None:
        body = json.dumps(data).encode()
        handler.send_response_only(200)
        handler.send_header("Date", "Tue, 14 Nov 2023 20:13:20 GMT")
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def test_a_time_to_live_does_not_depend_on_the_vendors_clock(tmp_path: Path) -> None:
    with open_oauth(tmp_path, answer_early({"access_token": "t", "expires_in": 3600})) as bench:
        assert [bench.ask("GET", CONTACTS).status_code for _ in range(2)] == [200, 200]
        assert [got.path for got in bench.vendor.arrived].count("/token") == 1
        bench.clock.sleep(3601)
        assert bench.ask("GET", CONTACTS).status_code == 200
        assert [got.path for got in bench.vendor.arrived].count("/token") == 2


def test_a_token_that_is_expired_by_a_skewed_clock_is_explained(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    ends = OAUTH.replace("'{url}/token'", "'{url}/token', expires: response.ends, expires_unit: epoch")
    with open_oauth(tmp_path, answer_early({"access_token": "t", "ends": NOW - 3600}), ends) as bench:
        assert find_kind(bench.ask("GET", CONTACTS)) == (502, "bad_response")
    assert "set this machine's clock: it is 2 h 0 min ahead of the vendor's" in log[0]["reason"]


# --- the vendor ---


@pytest.mark.parametrize("announced", [True, False])
def test_a_huge_answer_ends_early(bench: Bench, announced: bool) -> None:
    sent = []

    def reply(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header(*(("Content-Length", str(200 * 2**20)) if announced else ("Connection", "close")))
        handler.end_headers()
        handler.close_connection = True
        part = b" " * 2**20
        for _ in range(200):
            handler.wfile.write(part)
            sent.append(len(part))

    bench.vendor.answer = lambda got: reply
    response = bench.ask("GET", CONTACTS)
    assert find_kind(response) == (502, "vendor_unavailable")
    assert sum(sent) < 80 * 2**20


def test_a_client_that_is_gone_ends_the_call_of_the_vendor(tmp_path: Path) -> None:
    arrived, ended = threading.Event(), threading.Event()

    def reply(handler: Any) -> None:
        arrived.set()
        handler.connection.settimeout(60)
        if handler.connection.recv(1) == b"":
            ended.set()

    with serve_bench(tmp_path) as (bench, port):
        bench.vendor.answer = lambda got: reply
        for headers in ("", "Accept: application/x-ndjson\r\n"):
            arrived.clear()
            ended.clear()
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                line = f"GET {CONTACTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bench.token}\r\n{headers}\r\n"
                client.sendall(line.encode())
                assert arrived.wait(60)
            assert ended.wait(60)


@contextmanager
def serve_bench(tmp_path: Path) -> Iterator[tuple[Bench, int]]:
    """Serve a bench with a real server."""
    ready = threading.Event()
    with open_bench(tmp_path) as bench:
        listener = listen("127.0.0.1", 0)
        server = ServiceServer(bench.app, listener, bench.drain)
        thread = threading.Thread(target=server.run, args=(ready.set,))
        thread.start()
        assert ready.wait(60)
        yield bench, listener.getsockname()[1]
        server.stop()
        thread.join(60)


# --- the workspace ---


def test_a_broken_account_is_reported_and_the_others_are_served(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    with open_bench(tmp_path, files={"accounts/odd.yaml": "connector: [\n"}) as bench:
        assert bench.ask("GET", f"{CONTACTS}/1").status_code == 200
        every = bench.issue(accounts=())
        odd = bench.ask("GET", f"{CONTACTS}/1", token=every, headers={"conn-account": "odd"})
        assert find_kind(odd) == (500, "configuration")
        ready = wait_for_notes(bench)
    assert ready == ["1 account cannot be served; the log has the reason"]
    errors = [line["message"] for line in log if line["level"] == "error" and "odd" in line["message"]]
    assert len(errors) == 1
    assert "accounts/odd.yaml" in errors[0]


def wait_for_notes(bench: Bench) -> Any:
    """Ask until the task that reads all accounts has done so."""
    for _ in range(10_000):
        data = bench.client.get("/health/ready").json()
        if "notes" in data:
            return data["notes"]
    raise AssertionError("there are no notes")


def test_a_service_that_drains_is_not_ready(bench: Bench) -> None:
    bench.drain.is_draining = True
    assert find_kind(bench.client.get("/health/ready")) == (503, "draining")
    assert bench.client.get("/health/live").status_code == 200
