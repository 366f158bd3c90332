"""Claim check: the data of a large event is stored, and the event has a reference to it."""

import hashlib
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from delivery_bench import Line, Receiver
from sync_bench import Bench
from test_worker import worker_of
from vendor import start_vendor

from conn_engine.documents import find_markdown_blocks
from conn_engine.releases.store_location import StoreLocation
from conn_engine.transport.egress import Trust
from conn_engine.transport.live import Live
from conn_engine.wire import FrozenClock
from conn_service.delivery import ClaimStore, DeliveryStore, DrainResult, ResolvedEndpoint, drain
from conn_service.delivery.signatures import SigningKey, sign
from conn_service.store import open_engine

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
NOW = 1_700_000_000.0
SPOOLED = """\
steps:
  - { action: fetch_resource, connector: shop, resource: contacts }
  - { action: spool, event: contacts.exported }
  - { action: deliver_webhook }
"""
AWS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret-key", "AWS_REGION": "eu-west-1"}


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    receiver = Receiver()
    engine = open_engine(StoreLocation(file=tmp_path / "d.sqlite3"))
    with start_vendor(answer=receiver.answer) as vendor:
        yield Line(DeliveryStore(engine), receiver, vendor, FrozenClock(NOW))


def drain_with(line: Line, claims: ClaimStore | None) -> DrainResult:
    endpoint = ResolvedEndpoint("e", f"{line.vendor.url}/hook", (SigningKey(b"secret"),))
    sender = Live(trust=Trust((line.vendor.host,)), max_redirects=0)
    try:
        return drain(line.store, endpoint, sender, line.clock, claims=claims)
    finally:
        sender.close()


def read(reference: dict[str, Any]) -> Any:
    """Return the data that a reference leads to, as a receiver checks it."""
    content = Path(reference["url"].removeprefix("file://")).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (reference["size"], reference["sha256"])
    return json.loads(content)


class TestAnEvent:
    def claims(self, tmp_path: Path, above: int = 0) -> ClaimStore:
        return ClaimStore(str(tmp_path / "claims"), above, timedelta(days=1))

    def test_a_large_one_has_a_reference_to_its_data(self, line: Line, tmp_path: Path) -> None:
        line.add(("x", 1))
        assert drain_with(line, self.claims(tmp_path)).delivered == 1
        [request] = line.receiver.arrived
        body = json.loads(request.body)
        assert body.keys() == {"type", "timestamp", "account", "data_reference"}
        assert read(body["data_reference"]) == {"id": "x", "value": 1}
        assert "expires_at" not in body["data_reference"], "nobody can sign the path of a file"
        signature = sign((SigningKey(b"secret"),), request.headers["webhook-id"], int(NOW), request.body)
        assert request.headers["webhook-signature"] == signature, "it is of what was sent"

    def test_a_small_one_has_its_data(self, line: Line, tmp_path: Path) -> None:
        line.add(("x", 1))
        drain_with(line, self.claims(tmp_path, 1000))
        assert line.receiver.data() == [{"id": "x", "value": 1}]
        assert not (tmp_path / "claims").exists()

    def test_each_attempt_stores_the_data_again_and_signs_a_new_url(
        self, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in AWS.items():
            monkeypatch.setenv(name, value)
        stored: list[Any] = []
        monkeypatch.setattr("obstore.put", lambda _store, path, content: stored.append((path, content)))
        claims = ClaimStore("s3://conn-events-of-a-test/out", 0, timedelta(hours=2))
        line.receiver.replies = [(500, {}, {})]
        line.add(("x", 1))
        drain_with(line, claims)
        line.clock.sleep(10)
        drain_with(line, claims)
        first, second = [json.loads(request.body)["data_reference"] for request in line.receiver.arrived]
        assert [content for _, content in stored] == [b'{"id":"x","value":1}'] * 2
        assert stored[0][0] == stored[1][0] == f"{line.receiver.arrived[0].headers['webhook-id']}.json"
        assert (first["expires_at"], second["expires_at"]) == ("2023-11-15T00:13:20Z", "2023-11-15T00:13:30Z")
        assert "/out/evt_" in first["url"]
        assert "X-Amz-Expires=7200" in first["url"]
        assert AWS["AWS_SECRET_ACCESS_KEY"] not in first["url"]

    def test_a_storage_that_fails_holds_up_only_this_event(self, line: Line, tmp_path: Path) -> None:
        (tmp_path / "claims").write_text("not a folder")
        line.add(("x", 1), ("y", 2))
        with line.store.engine.begin() as connection:
            text = f'{{"type":"x.updated","account":"a","data":{{"text":"{"long " * 100}"}}}}'
            update = "UPDATE conn_delivery_event SET body = :body WHERE body LIKE '%\"x\"%'"
            connection.execute(sa.text(update), {"body": text})
        result = drain_with(line, self.claims(tmp_path, 200))
        assert (result.delivered, result.failed, result.dead) == (1, 1, 0)
        assert not line.store.get_health("e").failures, "the endpoint has done nothing wrong"
        with line.store.engine.connect() as connection:
            error = connection.execute(sa.text("SELECT last_error FROM conn_delivery WHERE number = 1")).scalar_one()
        assert "claim_check.store" in error


class TestASpool:
    """All records of a run as one event."""

    @pytest.fixture
    def receiver(self, bench: Bench) -> Iterator[Receiver]:
        receiver = Receiver()
        with start_vendor(receiver.answer) as vendor:
            DeliveryStore(bench.store.engine)
            self.write(bench, f"trusted_hosts: ['{bench.arriving.host}', '{vendor.host}']\n", vendor.url)
            yield receiver

    def write(self, bench: Bench, trusted: str, url: str) -> None:
        endpoint = f"{{ url: '{url}/in', claim_check: {{ above: 200, store: claims }} }}"
        bench.write(
            {
                "conn.yaml": f"version: 1\n{trusted}endpoints: {{ default: {endpoint} }}\n",
                "syncs/people.yaml": SPOOLED,
            }
        )

    def deliver(self, bench: Bench, receiver: Receiver, count: int) -> list[dict[str, Any]]:
        with worker_of(bench) as worker:
            worker.sending.drain("default")
        deadline = time.monotonic() + 60
        while len(receiver.arrived) < count:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return [json.loads(request.body) for request in receiver.arrived]

    def test_its_records_are_stored_and_not_in_the_queue(self, bench: Bench, receiver: Receiver) -> None:
        assert bench.run("people:acme:0001").status == "complete"
        with bench.store.engine.connect() as connection:
            body = connection.execute(sa.text("SELECT body FROM conn_delivery_event")).scalar_one()
        assert "N7" not in body
        [event] = self.deliver(bench, receiver, 1)
        assert (event["type"], event["account"]) == ("contacts.exported", "acme")
        assert read(event["data_reference"]) == bench.contacts.records
        assert Path(event["data_reference"]["url"].removeprefix("file://")).parent == bench.root / "claims"

    def test_a_run_with_few_records_is_sent_with_them(self, bench: Bench, receiver: Receiver) -> None:
        bench.contacts.records = [{"id": 1}]
        bench.run("people:acme:0001")
        [event] = self.deliver(bench, receiver, 1)
        assert event["data"] == [{"id": 1}]

    def test_a_storage_that_fails_lets_the_run_wait_with_its_records(self, bench: Bench, receiver: Receiver) -> None:
        (bench.root / "claims").write_text("not a folder")
        run = bench.run("people:acme:0001")
        assert (run.status, bench.delivered and bench.delivered.kind) == ("delivering", "wait")
        assert bench.store.spool.count(run.id) == 10
        (bench.root / "claims").unlink()
        bench.runner().deliver(run.id)
        assert bench.store.get_run(run.id).status == "complete"

    def test_data_is_removed_with_the_event_but_not_before_it_is_delivered(
        self, bench: Bench, receiver: Receiver
    ) -> None:
        receiver.usual = (500, {}, {})
        bench.run("people:acme:0001")
        with worker_of(bench) as worker:
            worker.keep_days = -1
            worker.sending.drain("default")
            assert worker.remove_old()["claims"] == 0, "the only copy of what waits"
            receiver.usual = {}
            worker.sending.retry("default")
            assert worker.remove_old()["claims"] == 1
        assert list((bench.root / "claims").iterdir()) == []


def test_the_page_shows_such_an_event() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/reference/endpoints.md").read_text("utf-8")
    shown = json.loads(next(block.text for block in find_markdown_blocks(page) if block.language == "json"))
    assert shown.keys() == {"type", "timestamp", "account", "data_reference"}
    assert shown["data_reference"].keys() == {"url", "size", "sha256", "expires_at"}
