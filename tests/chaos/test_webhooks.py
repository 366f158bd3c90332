"""`conn serve --work` is killed, or its database is stopped, while it receives deliveries and delivers their events:
none is lost, and what comes twice has the same ID."""

import hashlib
import hmac
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))

from postgres_server import PostgresServer
from replica_processes import PATIENCE, Replica
from vendor import Arrived, start_vendor

from conn_engine.releases.store_location import StoreLocation
from conn_service.delivery.draining import MARK_EVERY
from conn_service.delivery.store import DeliveryStore
from conn_service.inbox import InboxStore
from conn_service.store import open_engine

SECRET = "s3cret"
CONNECTOR = """\
base_url: {url}
fields: [{{ name: webhook_secret, label: Signing secret, secret: true, required: false }}]
webhooks:
  verify: {{ format: hmac, signature: 'headers."x-signature"' }}
  events:
    {{ each: body.events, type: item.type, id: item.id, record: item.person, record_id: $string(item.person.id) }}
resources:
  people:
    list: {{ path: /people, response_path: items }}
    get: {{ path: "/people/{{{{id}}}}" }}
"""
CRM = """\
resources:
  contacts:
    response_mapping: { id: $string(response.id), name: response.name }
    list: { resource: people }
    get: { resource: people }
    events:
      updated: { when: event.type = "changed", record: event.record }
      created: { when: event.type = "new", fetch: event.record_id }
"""


@dataclass
class Hooks:
    """A vendor that delivers until it gets 200, more than once and out of order, and an application that receives the
    events. Each fault happens once. `received` counts the events by ID, and `ids` has the IDs of each vendor event."""

    random: Random
    root: Path
    port: int = 0
    store: StoreLocation | None = None
    accepted: int = 0
    refused: int = 0
    received: Counter[str] = field(default_factory=Counter)
    ids: dict[str, set[str]] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)
    _refused: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def progress(self) -> int:
        """Deliveries that were accepted, and events that were received, so far."""
        return self.accepted + len(self.ids)

    def answer(self, arrived: Arrived) -> Any:
        """Return a record, or receive an event."""
        if arrived.path.startswith("/people/"):
            return {"id": int(arrived.path.rpartition("/")[2]), "name": "Ada"}
        if len(arrived.body) < int(arrived.headers["content-length"]):
            raise ConnectionResetError  # the service was killed while it was sending
        event, name = json.loads(arrived.body), arrived.headers["webhook-id"]
        with self._lock:
            if name not in self._refused and self.random.random() < 0.01:
                self._refused.add(name)
                return 503, {}, {}
            self.received[name] += 1
            self.ids.setdefault(event["vendor"]["id"], set()).add(name)
        return {}

    def create_deliveries(self, count: int) -> list[bytes]:
        """Return deliveries with `count` events: one to three in each, a tenth of them twice, in a random order."""
        events = [
            {
                "type": "new" if number % 7 == 0 else "changed",
                "id": f"e{number}",
                "person": {"id": number % 50, "name": "A"},
            }
            for number in range(count)
        ]
        bodies: list[bytes] = []
        while events:
            size = self.random.randint(1, 3)
            bodies.append(json.dumps({"events": events[:size]}).encode())
            del events[:size]
        bodies += [body for body in bodies if self.random.random() < 0.1]
        self.random.shuffle(bodies)
        return bodies

    def deliver(self, bodies: Sequence[bytes]) -> None:
        """Send deliveries, each until it is accepted."""
        deadline = time.monotonic() + 5 * PATIENCE
        with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
            for body in bodies:
                while not self._send(client, body):
                    assert time.monotonic() < deadline, "a delivery was never accepted"
                    if self.ended.wait(0.1):
                        return

    def _send(self, client: httpx.Client, body: bytes) -> bool:
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"x-signature": signature, "content-type": "application/json"}
        url = f"http://127.0.0.1:{self.port}/webhooks/shop/acme"
        try:
            reply = client.post(url, content=body, headers=headers)
        except httpx.HTTPError:
            return False
        assert reply.status_code in {200, 503}, reply.text
        assert reply.status_code == 200 or reply.headers["retry-after"], "the vendor learns that it may send again"
        with self._lock:
            self.accepted += reply.status_code == 200
            self.refused += reply.status_code == 503
        return reply.status_code == 200

    def find_unfinished(self) -> dict[str, dict[str, int]]:
        """Return what is neither done nor delivered, and how much of it."""
        engine = open_engine(self.store or StoreLocation(file=self.root / ".conn/service.sqlite3"))
        try:
            inbox, outgoing = InboxStore(engine).count(), DeliveryStore(engine).count()
        finally:
            engine.dispose()
        return {
            "inbox": {status: count for status, count in inbox.items() if status != "done"},
            "outgoing": {status: count for status, count in outgoing.items() if status != "delivered"},
        }


@contextmanager
def start_hooks(root: Path, seed: int) -> Iterator[Hooks]:
    hooks = Hooks(Random(seed), root)
    with start_vendor(hooks.answer) as vendor:
        files = {
            "conn.yaml": f"version: 1\ntrusted_hosts: ['{vendor.host}']\n"
            f"endpoints: {{ default: {{ url: '{vendor.url}/hook', events: ['*'] }} }}\n",
            "connectors/shop/connector.yaml": CONNECTOR.format(url=vendor.url),
            "connectors/shop/unified/crm.yaml": CRM,
            "accounts/acme.yaml": "connector: shop\n",
        }
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        yield hooks


def wait_for(is_reached: Callable[[], bool], hooks: Hooks, replica: Replica, pause: float = 0.02) -> None:
    deadline = time.monotonic() + 3 * PATIENCE
    while not is_reached():
        if time.monotonic() > deadline:
            log = replica.log.read_text(errors="replace")[-3000:]
            raise AssertionError(f"{hooks.progress} so far, left: {hooks.find_unfinished()}\n{log}")
        time.sleep(pause)


def kill_the_service(root: Path, count: int, kills: int, seed: int, url: str = "") -> None:
    with ExitStack() as stack:
        hooks = stack.enter_context(start_hooks(root / "workspace", seed))
        environ = {"CONN_NO_KEYRING": "1", "CONN_ACME_WEBHOOK_SECRET": SECRET}
        if url:
            hooks.store, environ["CONN_SERVICE_STORE"] = StoreLocation.read(url, root), url
        replica = Replica(hooks.root, root / "service.log", environ, ("serve", "--work"))
        stack.callback(replica.kill)
        replica.start()
        hooks.port = replica.port
        bodies = hooks.create_deliveries(count)
        threads = stack.enter_context(ThreadPoolExecutor(4))
        stack.callback(hooks.ended.set)  # a failure does not wait for the vendor
        sending = [threads.submit(hooks.deliver, bodies[number::4]) for number in range(4)]
        share = (len(bodies) + count) // (kills + 1)
        for number in range(kills):
            after = number * share + hooks.random.randint(share // 3, share)
            wait_for(lambda after=after: hooks.progress >= after, hooks, replica)  # type: ignore[misc]
            replica.kill()
            replica.start()
        for future in sending:
            future.result(5 * PATIENCE)
        wait_for(lambda: len(hooks.ids) == count, hooks, replica)
        wait_for(lambda: hooks.find_unfinished() == {"inbox": {}, "outgoing": {}}, hooks, replica, 1.0)
    assert set(hooks.ids) == {f"e{number}" for number in range(count)}
    assert {name: ids for name, ids in hooks.ids.items() if len(ids) > 1} == {}, "sent twice with another ID"
    repeated = sum(times - 1 for times in hooks.received.values())
    assert repeated <= kills * MARK_EVERY, f"{repeated} sent twice in {kills} kills"
    sys.stderr.write(f"{count} events in {len(bodies)} deliveries, {kills} kills, {repeated} sent twice\n")


def test_three_kills(tmp_path: Path) -> None:
    kill_the_service(tmp_path, 300, 3, 1)


def test_a_kill_on_postgres(tmp_path: Path, postgres_server: PostgresServer) -> None:
    kill_the_service(tmp_path, 100, 1, 3, postgres_server.create_database())


@pytest.mark.nightly
def test_twenty_kills(tmp_path: Path) -> None:
    kill_the_service(tmp_path, 6_000, 20, 2)


def stop_the_store(root: Path, server: PostgresServer, count: int, seconds: float, seed: int) -> None:
    """Stop the database of a service for some time while it receives deliveries and delivers their events. The process
    stays the same."""
    with ExitStack() as stack:
        hooks = stack.enter_context(start_hooks(root / "workspace", seed))
        url = server.create_database()
        hooks.store = StoreLocation.read(url, root)
        environ = {"CONN_NO_KEYRING": "1", "CONN_ACME_WEBHOOK_SECRET": SECRET, "CONN_SERVICE_STORE": url}
        replica = Replica(hooks.root, root / "service.log", environ, ("serve", "--work"))
        stack.callback(replica.kill)
        replica.start()
        hooks.port = replica.port
        bodies = hooks.create_deliveries(count)
        threads = stack.enter_context(ThreadPoolExecutor(8))
        stack.callback(hooks.ended.set)
        sending = [threads.submit(hooks.deliver, bodies[number::8]) for number in range(4)]
        wait_for(lambda: hooks.accepted >= len(bodies) // 4 and len(hooks.ids) > 0, hooks, replica)
        server.stop()
        accepted, until = hooks.accepted, time.monotonic() + seconds
        sending += [threads.submit(hooks.deliver, bodies[number::8]) for number in range(4, 8)]
        wait_for(lambda: hooks.refused >= 4, hooks, replica)
        address = f"http://127.0.0.1:{replica.port}"
        assert httpx.get(f"{address}/health/ready", trust_env=False).status_code == 503
        assert httpx.get(f"{address}/health/live", trust_env=False).status_code == 200
        hooks.ended.wait(max(0.0, until - time.monotonic()))  # the rest of the outage
        assert hooks.accepted - accepted <= 4, "nothing is accepted that is not stored"
        server.start()
        for future in sending:
            future.result(5 * PATIENCE)
        wait_for(lambda: len(hooks.ids) == count, hooks, replica)
        wait_for(lambda: hooks.find_unfinished() == {"inbox": {}, "outgoing": {}}, hooks, replica, 1.0)
        assert replica.process is not None and replica.process.poll() is None, "no restart was needed"
        replica.stop()
        assert replica.process.returncode == 0
    assert set(hooks.ids) == {f"e{number}" for number in range(count)}
    assert {name: ids for name, ids in hooks.ids.items() if len(ids) > 1} == {}, "sent twice with another ID"
    repeated = sum(times - 1 for times in hooks.received.values())
    assert repeated <= MARK_EVERY, f"{repeated} sent twice in one outage"
    log = replica.log.read_text(errors="replace")
    assert "the worker stopped, and starts again" in log
    assert "Traceback" not in log


def test_a_store_that_is_down_for_seconds(tmp_path: Path, postgres_server: PostgresServer) -> None:
    stop_the_store(tmp_path, postgres_server, 300, 8.0, 3)


@pytest.mark.nightly
def test_a_store_that_is_down_for_a_minute(tmp_path: Path, postgres_server: PostgresServer) -> None:
    stop_the_store(tmp_path, postgres_server, 1_000, 60.0, 4)
