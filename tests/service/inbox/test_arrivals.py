"""What arrives together is stored together, and strangers cannot fill the store."""

import gzip
import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from inbox_bench import HOOKS, InboxBench, changed, open_inbox

from conn_engine.runtime.webhooks import VendorEvent, VerifiedDelivery
from conn_engine.webhooks import Delivery, delivery
from conn_service.http import webhooks
from conn_service.inbox import ArrivalWriter, InboxRetention, InboxStore, tables
from conn_service.inbox.unverified import UnverifiedRoom

DAY = 86_400.0


def deliver(name: str, by: str = "hmac", size: int = 0) -> VerifiedDelivery:
    event = VendorEvent("changed", name, None, {"text": "x" * size}, None, None)
    return VerifiedDelivery("acme", None, Delivery("POST", "https://conn.example/in"), (event,), by)


@contextmanager
def count_statements(engine: sa.Engine) -> Iterator[list[str]]:
    """Collect the statements of the block, with `COMMIT` for the end of each transaction."""
    found: list[str] = []
    listeners = (
        ("before_cursor_execute", lambda *arguments: found.append(arguments[2])),
        ("commit", lambda _: found.append("COMMIT")),
    )
    for event, listener in listeners:
        sa.event.listen(engine, event, listener)
    yield found
    for event, listener in listeners:
        sa.event.remove(engine, event, listener)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    made = sa.create_engine(f"sqlite:///{tmp_path / 's.sqlite3'}")
    InboxStore(made)
    yield made
    made.dispose()


def test_what_waits_is_stored_in_one_transaction(engine: sa.Engine) -> None:
    is_storing, go = threading.Event(), threading.Event()

    def enqueue(_connection: object, _rows: Sequence[tuple[int, str]]) -> None:
        is_storing.set()
        assert go.wait(30)

    writer = ArrivalWriter(engine, enqueue)
    with count_statements(engine) as statements:
        first = writer.add("shop", deliver("first"), 1.0)
        assert is_storing.wait(30)
        stored = [writer.add("shop", deliver(str(number)), 1.0) for number in range(30)]
        stored += [writer.refuse("shop", "acme", "no signature", 1.0) for _ in range(30)]
        assert not first.done(), "a vendor gets its reply after the commit"
        go.set()
        assert all(future.result(30) for future in [first, *stored])
        writer.close()
    assert statements.count("COMMIT") == 2
    assert InboxStore(engine).count() == {"waiting": 31, "refused": 30}


def test_a_refused_delivery_costs_one_statement(engine: sa.Engine) -> None:
    writer = ArrivalWriter(engine, lambda *_: None)
    with count_statements(engine) as statements:
        assert writer.refuse("shop", "acme", "no signature", 1.0).result(30)
    writer.close()
    assert [text.split()[0] for text in statements] == ["INSERT", "COMMIT"]


def test_a_delivery_that_cannot_be_stored_fails_alone(engine: sa.Engine) -> None:
    go = threading.Event()

    def enqueue(_connection: object, rows: Sequence[tuple[int, str]]) -> None:
        assert go.wait(30)
        if any(owner == "bad" for _, owner in rows):
            raise ValueError("cannot be enqueued")

    writer = ArrivalWriter(engine, enqueue)
    deliveries = [deliver("1"), replace(deliver("2"), account="bad"), deliver("3")]
    first = writer.add("shop", deliver("0"), 1.0)
    stored = [writer.add("shop", one, 1.0) for one in deliveries]
    go.set()
    writer.close()
    assert [type(future.exception(30)) for future in [first, *stored]] == [
        type(None),
        type(None),
        ValueError,
        type(None),
    ]
    assert InboxStore(engine).count() == {"waiting": 3}


def test_a_store_that_fails_is_told_to_all(engine: sa.Engine) -> None:
    writer = ArrivalWriter(engine, lambda *_: None)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE conn_inbox RENAME TO conn_inbox_away")
    futures = [writer.add("shop", deliver(str(number)), 1.0) for number in range(3)]
    assert [type(future.exception(30)) for future in futures] == [sa.exc.OperationalError] * 3
    writer.close()


def finish(engine: sa.Engine, *numbers: int) -> None:
    with engine.begin() as connection:
        table = tables.delivery
        statement = sa.update(table).where(table.c.number.in_(numbers))
        connection.execute(statement.values(status="done", done_at=1.0))


def results(futures: Sequence["Future[bool]"]) -> list[bool]:
    return [future.result(30) for future in futures]


def test_unverified_deliveries_are_bounded_in_number(engine: sa.Engine) -> None:
    writer = ArrivalWriter(engine, lambda *_: None, UnverifiedRoom(most=10))
    assert (
        results([writer.add("shop", deliver(str(number), "none"), 1.0) for number in range(12)])
        == [True] * 10 + [False] * 2
    )
    assert results([writer.add("shop", deliver("v"), 1.0)]) == [True], "verified ones have room"
    assert results([writer.add("other", deliver("o", "none"), 1.0)]) == [True], "those of another address have, too"
    assert results([writer.add("shop", deliver("x", "none"), 9.0)]) == [False], "those that wait are not removed"
    finish(engine, *range(1, 6))
    assert results([writer.add("shop", deliver(f"n{number}", "none"), 20.0) for number in range(3)]) == [
        True,
        True,
        True,
    ]
    writer.close()
    kept = [row.number for row in InboxStore(engine).find(connector="shop", limit=100)]
    assert 1 not in kept and 6 in kept, "the oldest that were expanded make room"
    assert len(kept) <= 12


def test_unverified_deliveries_are_bounded_in_bytes(engine: sa.Engine) -> None:
    writer = ArrivalWriter(engine, lambda *_: None, UnverifiedRoom(most_bytes=10_000))
    futures = [writer.add("shop", deliver(str(number), "none", size=2_000), 1.0) for number in range(8)]
    assert results(futures) == [True] * 4 + [False] * 4
    writer.close()


def test_what_is_kept_how_long(engine: sa.Engine) -> None:
    writer = ArrivalWriter(engine, lambda *_: None)
    results([writer.add("shop", deliver(str(number)), 0.0) for number in range(3)])
    results([writer.add("shop", deliver("u", "none"), 0.0), writer.refuse("shop", "acme", "bad", 0.0)])
    writer.close()
    store, keep = InboxStore(engine), InboxRetention(30, 90, 7)
    finish(engine, 1, 4)
    store.fail(store.get(2), "it cannot be mapped", "", 1.0)
    left = {}
    for days in (6, 8, 31, 91):
        store.remove_old(keep, days * DAY)
        left[days] = sorted(row.number for row in store.find(limit=100))
    assert left == {6: [1, 2, 3, 4, 5], 8: [1, 2, 3], 31: [2, 3], 91: [3]}


def test_the_first_format_is_upgraded(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX conn_inbox_by_address")
        connection.exec_driver_sql("ALTER TABLE conn_inbox DROP COLUMN size")
        connection.exec_driver_sql("UPDATE conn_service_format SET format = 1 WHERE part = 'inbox'")
    InboxStore(engine)
    writer = ArrivalWriter(engine, lambda *_: None)
    assert results([writer.add("shop", deliver("1", "none"), 1.0)]) == [True]
    writer.close()


# --- over HTTP ---


def test_no_room_is_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conn_service.inbox.arrivals.UnverifiedRoom", lambda: UnverifiedRoom(most=1))
    with open_inbox(
        tmp_path, hooks=HOOKS.replace("format: hmac, signature: 'headers.\"x-signature\"'", "format: none")
    ) as inbox:
        replies = [inbox.send(changed(id_=name)) for name in "ab"]
        assert [reply.status_code for reply in replies] == [200, 503]
        assert replies[1].headers["retry-after"] == "5"
        assert [row.verified_by for row in inbox.store.find()] == ["none"]


def test_a_delivery_without_events_is_shown(inbox: InboxBench) -> None:
    assert inbox.send().status_code == 200
    [row] = inbox.store.find()
    assert (row.status, row.problem) == ("done", "it has no events")
    assert "content type" in row.hint


def test_a_long_body_is_read_by_few_and_only_when_it_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connector has a challenge whose condition reads the body."""
    parsed: list[str] = []
    read = delivery.decode

    def note(response: Any, *arguments: Any) -> Any:
        parsed.append(threading.current_thread().name.rpartition("_")[0])
        return read(response, *arguments)

    monkeypatch.setattr(delivery, "decode", note)
    long = json.dumps({"events": [changed(note="x" * 300_000)]}).encode()
    with open_inbox(tmp_path, hooks=HOOKS + "  challenge: [{ when: body.challenge, verified: false }]\n") as inbox:
        for headers, content in (({}, long), ({"content-encoding": "gzip"}, gzip.compress(long))):
            sent = {**headers, "x-signature": "00"}
            reply = inbox.service.client.post("/webhooks/shop/acme", content=content, headers=sent)
            assert reply.status_code == 401
        assert parsed == [], "a stranger's body is not parsed"
        assert inbox.send(changed(note="x" * 300_000)).status_code == 200
        assert parsed == ["conn-large-webhooks"]
        inbox.send(changed())
        assert parsed[1:] == ["conn-webhooks"]
    assert webhooks._THREADS_OF_LARGE == 2
