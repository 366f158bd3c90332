"""Deliveries over HTTP: verified, stored, and answered before anything is fetched."""

import asyncio
import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from inbox_bench import InboxBench, changed, open_inbox

from conn_engine.webhooks.request_text import unpack
from conn_service.http import webhooks
from conn_service.http.reading import ServiceLimits
from conn_service.inbox import ArrivalWriter

PLAIN = "base_url: https://api.example.com\nresources: {}\n"


def test_a_delivery_is_stored_and_answered(inbox: InboxBench) -> None:
    reply = inbox.send(changed(), {"type": "new", "no": 1, "id": "e2"})
    assert reply.status_code == 200
    [row] = inbox.store.find()
    assert (row.connector, row.account, row.owner, row.status, row.verified_by) == (
        "shop", "acme", "acme", "waiting", "hmac",
    )  # fmt: skip
    assert [event.type for event in row.read().events] == ["changed", "new"]
    assert inbox.service.vendor.arrived == [], "nothing is fetched before the reply"


@pytest.mark.parametrize("path", ["/webhooks/nothing", "/webhooks/shop/nobody", "/webhooks/other/acme", "/webhooks/"])
def test_an_unknown_address_is_not_found(inbox: InboxBench, path: str) -> None:
    assert inbox.send(changed(), path=path).status_code == 404
    assert inbox.store.find() == []


@pytest.mark.parametrize("path", ["/webhooks/plain", "/webhooks/plain/bare"])
def test_a_connector_without_webhooks_has_no_address(
    tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name, text in (("connectors/plain/connector.yaml", PLAIN), ("accounts/bare.yaml", "connector: plain\n")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with open_inbox(tmp_path) as inbox:
        assert inbox.send(changed(), path=path).status_code == 404
    assert "cannot be received" not in caplog.text, "anybody could fill the log"


def test_a_wrong_signature_is_refused_without_a_reason(inbox: InboxBench) -> None:
    reply = inbox.send(changed(), secret="wrong")
    assert (reply.status_code, reply.json()) == (401, {"error": "the delivery is not accepted"})
    [row] = inbox.store.find()
    assert (row.status, row.content) == ("refused", "")
    assert "signature" in row.problem


def test_refused_deliveries_do_not_fill_the_store(inbox: InboxBench) -> None:
    inbox.send(changed())
    writer = ArrivalWriter(inbox.store.engine, inbox.queue.enqueue_all)
    for number in range(320):
        writer.refuse("shop", "acme", f"reason {number}", 1.0).result(30)
    writer.refuse("shop", None, "another address", 1.0)
    writer.close()
    counts = inbox.store.count()
    assert counts["waiting"] == 1
    assert 101 <= counts["refused"] <= 201
    assert [row.problem for row in inbox.store.find(status="refused", limit=2)] == ["another address", "reason 319"]


def test_a_delivery_that_comes_again_is_stored_once(inbox: InboxBench) -> None:
    assert [inbox.send(changed()).status_code for _ in range(3)] == [200] * 3
    assert inbox.send(changed(id_="e2")).status_code == 200
    assert len(inbox.store.find()) == 2


def test_events_without_an_id_and_a_time_are_all_stored(inbox: InboxBench) -> None:
    for _ in range(2):
        inbox.send(changed(id_=None))
    assert len(inbox.store.find()) == 2


def test_the_same_delivery_at_once_is_stored_once(inbox: InboxBench) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: inbox.send(changed()), range(16)))
    assert {reply.status_code for reply in replies} == {200}
    assert len(inbox.store.find()) == 1


def test_what_is_stored_has_no_secret(inbox: InboxBench) -> None:
    inbox.send(changed(), authorization=f"Bearer {inbox.service.token}")
    [row] = inbox.store.find()
    assert inbox.service.token not in row.content
    assert "s3cret" not in row.content


def test_a_compressed_body_is_read(inbox: InboxBench) -> None:
    import hashlib
    import hmac

    content = json.dumps({"events": [changed()]}).encode()
    signature = hmac.new(b"s3cret", content, hashlib.sha256).hexdigest()
    headers = {"x-signature": signature, "content-encoding": "gzip"}
    client = inbox.service.client
    assert client.post("/webhooks/shop/acme", content=gzip.compress(content), headers=headers).status_code == 200
    headers["content-encoding"] = "br"
    assert client.post("/webhooks/shop/acme", content=content, headers=headers).status_code == 400
    bomb = gzip.compress(bytes(34 * 2**20))
    headers["content-encoding"] = "gzip"
    assert client.post("/webhooks/shop/acme", content=bomb, headers=headers).status_code == 413


async def _send(app: Any, path: str, content: bytes, end: asyncio.Event | None = None) -> int:
    """Send a body, and return the status. With an event, the body ends only when it is set."""
    statuses: list[int] = []
    parts = [content]

    async def receive() -> dict[str, Any]:
        if not parts and end is not None:
            await end.wait()
        more = bool(parts) and end is not None
        return {"type": "http.request", "body": parts.pop() if parts else b"", "more_body": more}

    async def send(message: dict[str, Any]) -> None:
        statuses.extend([message["status"]] if message["type"] == "http.response.start" else [])

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path, "query_string": b"",
        "raw_path": path.encode(), "headers": [(b"host", b"conn")], "server": ("conn", 80), "client": ("a", 1),
    }  # fmt: skip
    await app(scope, receive, send)
    return statuses[0]


def test_bodies_at_once_have_only_so_much_memory(tmp_path: Path) -> None:
    async def send_all(app: Any) -> list[int]:
        end = asyncio.Event()
        begun = [asyncio.create_task(_send(app, "/webhooks/shop/acme", bytes(200_000), end)) for _ in range(3)]
        done, _ = await asyncio.wait(begun, return_when="FIRST_COMPLETED", timeout=60)
        refused = [task.result() for task in done]
        short = await _send(app, "/webhooks/shop/acme", b"{}")
        end.set()
        received = await asyncio.gather(*begun)
        later = await _send(app, "/webhooks/shop/acme", bytes(200_000))
        return [*refused, short, *sorted(received), later]

    with open_inbox(tmp_path, ServiceLimits(delivery_bytes=300_000)) as inbox:
        assert asyncio.run(send_all(inbox.service.app)) == [503, 401, 401, 401, 503, 401]


def test_a_body_to_an_unknown_address_is_not_read(inbox: InboxBench) -> None:
    async def send_endless() -> int:
        return await asyncio.wait_for(_send(inbox.service.app, "/webhooks/shop/nobody", b"{", asyncio.Event()), 15)

    assert asyncio.run(send_endless()) == 404


def test_a_body_is_uncompressed_where_it_keeps_nobody_waiting(
    inbox: InboxBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def note_thread(content: bytes, encoding: str) -> bytes:
        threads.append(threading.current_thread().name)
        return unpack(content, encoding)

    monkeypatch.setattr(webhooks, "unpack", note_thread)
    assert inbox.send(changed()).status_code == 200
    assert [name.rpartition("_")[0] for name in threads] == ["conn-webhooks"]
