"""Tenants with a vendor that has faults and a receiver that refuses events, and workers that are killed.

What a worker does runs as `conn sync work` in a process of its own; only the vendor and the receiver are here. The
seed decides the faults and when a worker is killed: after a number of requests and events.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import launching
from vendor import Arrived, start_vendor

from conn_engine.config import load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_service.delivery import DeliveryStore
from conn_service.delivery.draining import MARK_EVERY
from conn_service.store import open_engine
from conn_service.syncs.folders import FolderReleases
from conn_service.syncs.runner import SyncRunner
from conn_service.syncs.store import RunRow, SyncStore, name_run

__all__ = ["Tenants", "WorkerProcess", "start_tenants"]

PAGE = 50
CONNECTOR = """\
base_url: {url}
resources:
  contacts:
    list:
      path: /contacts
      response_path: results
      pagination: {{ format: cursor, cursor_field: next, cursor_param: after }}
"""
SYNC = """\
source: { connector: shop, resource: contacts }
transform: { id: record.id, account: record.account }
emit: { event: contact.updated, type: webhook }
"""
WORKER = "from conn_cli.start import main; main()"


@dataclass
class Tenants:
    """The vendor's data by tenant, and what the receiver accepted: how often by event ID, and whose record it is."""

    sizes: dict[str, int]
    random: Random
    root: Path
    store: str
    requests: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    events: dict[str, set[str]] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)
    _failed: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def progress(self) -> int:
        """Requests and events so far."""
        return self.requests + sum(self.accepted.values())

    def answer(self, arrived: Arrived) -> Any:
        """Serve a page, or receive an event. Each fault happens once."""
        if len(arrived.body) < int(arrived.headers.get("content-length", 0)):
            raise ConnectionResetError  # the worker was killed while it was sending
        with self._lock:
            return self._receive(arrived) if arrived.path == "/hook" else self._serve(arrived)

    def _serve(self, arrived: Arrived) -> Any:
        self.requests += 1
        tenant, start = arrived.query["tenant"], int(arrived.query.get("after", 0))
        place = f"{tenant}:{start}"
        if place not in self._failed and self.random.random() < 0.1:
            self._failed.add(place)
            return self.random.choice([(429, {"Retry-After": "1"}, {}), (500, {}, {}), (503, {}, {})])
        end = min(start + PAGE, self.sizes[tenant])
        records = [{"id": f"{tenant}-{n}", "account": tenant} for n in range(start, end)]
        return {"results": records, "next": str(end) if end < self.sizes[tenant] else None}

    def _receive(self, arrived: Arrived) -> Any:
        event = arrived.headers["webhook-id"]
        if event not in self._refused and self.random.random() < 0.08:
            self._refused.add(event)
            return self.random.choice([(429, {}, {}), (500, {}, {}), (503, {}, {}), (503, {}, {})])
        self.accepted[event] += 1
        self.events.setdefault(json.loads(arrived.body)["data"]["id"], set()).add(event)
        return {}

    # --- the store ---

    @contextmanager
    def look(self) -> Iterator[tuple[SyncStore, DeliveryStore]]:
        """Open the store of syncs."""
        engine = open_engine(StoreLocation.read(self.store, self.root))
        try:
            yield SyncStore(engine), DeliveryStore(engine)
        finally:
            engine.dispose()

    def create_runs(self) -> None:
        """Create a run for each tenant, which the next worker takes up."""
        with self.look() as (store, _):
            runner = SyncRunner(store, FolderReleases(self.root), environ={"CONN_NO_KEYRING": "1"})
            for number, tenant in enumerate(self.sizes):
                runner.create_run(name_run("people", tenant, 1_800_000_000 + number), "people", tenant)

    def find_unfinished(self) -> list[str]:
        """Return what still has to be done."""
        with self.look() as (store, deliveries):
            open_runs = [f"{run.id}: {run.status}" for run in store.find_runs() if run.status != "complete"]
            waiting = deliveries.count().get("waiting", 0)
            return open_runs + ([f"{waiting} events wait"] if waiting else [])

    def read_runs(self) -> list[RunRow]:
        """Return the runs."""
        with self.look() as (store, _):
            return store.find_runs()

    def check(self, kills: int) -> None:
        """Check that nothing is lost, and that no more was sent twice than a kill explains."""
        expected = {f"{tenant}-{n}" for tenant, size in self.sizes.items() for n in range(size)}
        assert expected - set(self.events) == set(), "lost"
        assert set(self.events) == expected
        assert {key: ids for key, ids in self.events.items() if len(ids) > 1} == {}, "sent twice with another ID"
        repeated = sum(count - 1 for count in self.accepted.values())
        assert repeated <= kills * MARK_EVERY, f"{repeated} sent twice in {kills} kills"
        for run in self.read_runs():
            size = self.sizes[run.account]
            report = {name: run.report.get(name) for name in ("verdict", "records", "spooled", "events", "moved")}
            assert report == {"verdict": "complete", "records": size, "spooled": size, "events": size, "moved": True}
        with self.look() as (_, deliveries):
            assert deliveries.count() == {"delivered": len(expected)}


@dataclass
class WorkerProcess:
    """`conn sync work` in a process of its own."""

    tenants: Tenants
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, as a supervisor does after a crash."""
        environ = {**os.environ, "CONN_NO_KEYRING": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", WORKER, "-C", str(self.tenants.root), "sync", "work"]
        with self.log.open("ab") as sink:
            self.process = launching.start(
                [*command, "--store", self.tenants.store], env=environ, stdout=sink, stderr=sink
            )

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def is_running(self) -> bool:
        """Return whether it runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Kill it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def describe(self) -> str:
        """Return the end of what it printed."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""


def wait_for(is_reached: Callable[[], bool], workers: list[WorkerProcess], seconds: float, tenants: Tenants) -> None:
    """Wait until something is reached; a worker that ends by itself is started again, as a supervisor does."""
    deadline = time.monotonic() + seconds
    while not is_reached():
        for worker in workers:
            if not worker.is_running():
                worker.start()
        if time.monotonic() > deadline:
            logs = "\n".join(worker.describe() for worker in workers)
            raise AssertionError(f"not reached in {seconds} s: {tenants.find_unfinished()[:5]}\n{logs}")
        time.sleep(0.02)


@contextmanager
def start_tenants(folder: Path, sizes: dict[str, int], seed: int, store: str) -> Iterator[Tenants]:
    """Start the vendor and the receiver, and write the workspace."""
    tenants = Tenants(sizes, Random(seed), folder / "workspace", store)
    with start_vendor(answer=tenants.answer) as vendor:
        files = {
            "conn.yaml": f"version: 1\ntrusted_hosts: ['{vendor.host}']\n"
            f"endpoints: {{ default: {{ url: '{vendor.url}/hook' }} }}\n",
            "connectors/shop/connector.yaml": CONNECTOR.format(url=vendor.url),
            "syncs/people.yaml": SYNC,
        }
        for tenant in sizes:
            files[f"accounts/{tenant}.yaml"] = (
                f"connector: shop\nsyncs: {{ people: {{ params: {{ tenant: {tenant} }} }} }}\n"
            )
        for name, text in files.items():
            path = tenants.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        load_workspace(tenants.root)
        yield tenants
