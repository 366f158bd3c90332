"""Deliveries over HTTP: verified, stored, and answered before anything is fetched."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from inbox_bench import InboxBench, changed


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


def test_a_wrong_signature_is_refused_without_a_reason(inbox: InboxBench) -> None:
    reply = inbox.send(changed(), secret="wrong")
    assert (reply.status_code, reply.json()) == (401, {"error": "the delivery is not accepted"})
    [row] = inbox.store.find()
    assert (row.status, row.content) == ("refused", "")
    assert "signature" in row.problem


def test_refused_deliveries_do_not_fill_the_store(inbox: InboxBench) -> None:
    inbox.send(changed())
    for number in range(120):
        inbox.store.refuse("shop", "acme", f"reason {number}", 1.0)
    inbox.store.refuse("shop", None, "another address", 1.0)
    assert inbox.store.count() == {"waiting": 1, "refused": 101}
    assert [row.problem for row in inbox.store.find(status="refused", limit=2)] == ["another address", "reason 119"]


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
