"""A workspace with a vendor of contacts, and a runner of its syncs without a queue."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from typing import Any

import sqlalchemy as sa
from vendor import Arrived, Vendor, start_vendor

from conn_engine.config import Workspace, load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_service.store import open_engine
from conn_service.syncs.runner import Advance, SyncRunner
from conn_service.syncs.store import RunRow, SyncStore

ENVIRON = {"CONN_NO_KEYRING": "1"}
"""The variables of a worker: the keyring of this machine is never asked."""
CONNECTOR = """\
base_url: {url}
resources:
  contacts:
    list:
      path: /contacts
      response_path: results
      pagination: {{ format: cursor, cursor_field: next, cursor_param: after }}
    gone: {{ method: get, path: /gone, response_path: results }}
    create: {{ method: post, path: /contacts }}
  companies:
    list: {{ path: /companies, response_path: results }}
"""

SYNC = """\
source: { connector: shop, resource: contacts }
transform: { id: record.id, name: record.name }
emit: { event: contact.updated, type: stdout }
"""


@dataclass
class Contacts:
    """The vendor's data. `fail_at` answers the request of that number with a status."""

    records: list[dict[str, Any]] = field(default_factory=lambda: [{"id": n, "name": f"N{n}"} for n in range(10)])
    size: int = 3
    fail_at: dict[int, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, arrived: Arrived) -> Any:
        self.asked.append({"path": arrived.path, **arrived.query})
        reply = self.fail_at.pop(len(self.asked), None)
        if reply is not None:
            return reply
        if arrived.path == "/gone":
            return {"results": [{"id": 1}]}
        if arrived.path == "/companies":
            return {"results": [{"id": "c1"}, {"id": "c2"}]}
        start = int(arrived.query.get("after", 0))
        page = self.records[start : start + self.size]
        more = start + self.size < len(self.records)
        return {"results": page, "next": str(start + self.size) if more else None}


@dataclass
class Releases:
    """A folder as the only release."""

    root: Path

    def get_current(self) -> tuple[str, Workspace]:
        return "", load_workspace(self.root)

    def get_workspace(self, release: str) -> Workspace:
        return load_workspace(self.root)


@dataclass
class Bench:
    """A workspace with its vendor, and runners of it that share a store."""

    root: Path
    contacts: Contacts
    store: SyncStore
    arriving: Vendor
    runners: list[SyncRunner] = field(default_factory=list)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def runner(self) -> SyncRunner:
        """A worker that has just started."""
        runner = SyncRunner(self.store, Releases(self.root), environ=ENVIRON)
        self.runners.append(runner)
        return runner

    def run(self, run_id: str = "r1", sync: str = "people", *, runner: SyncRunner | None = None, **more: Any) -> RunRow:
        """Run a sync to its end."""
        runner = runner or self.runner()
        run = runner.create_run(run_id, sync, "acme", **more)
        seq = run.seq
        for _ in range(100):
            done = runner.advance(run_id, seq)
            if done.kind == "end":
                runner.finish(run_id)
                self.delivered = runner.deliver(run_id)
                return self.store.get_run(run_id)
            if done.kind != "page":
                self.last = done
                return self.store.get_run(run_id)
            seq += 1
        raise AssertionError("the run does not end")

    last: Advance | None = None
    delivered: Advance | None = None

    def spooled(self, run_id: str = "r1") -> list[Any]:
        rows = self.store.spool.read(self.store.get_run(run_id))
        return [json.loads(row.payload) if row.change == "upsert" else f"-{row.key}" for row in rows]


def create_two_runs_at_once(location: StoreLocation) -> tuple[list[str], list[str | None]]:
    """Let a second worker create a run of a sync while the first is between its look at open runs and its insertion.
    Return the IDs of the stored runs, and what each creation found open."""
    first, second = open_engine(location), open_engine(location)
    stores, found = (SyncStore(first), SyncStore(second)), dict[int, str | None]()
    stores[0].streams.get("people", "acme")
    row = RunRow("", "people", "acme", "", "", False, "queued", "", 0.0, None, None, {}, "fetch", 0, {}, {}, {})

    def create(number: int) -> None:
        found[number] = stores[number].create_run(replace(row, id=f"r{number}"), unless_open=True)

    other = Thread(target=create, args=(1,))

    def interrupt(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO conn_sync_run"):
            other.start()
            other.join(0.5)  # it has created its run, or waits for this one

    sa.event.listen(first, "before_cursor_execute", interrupt)
    create(0)
    other.join(30)
    stored = [run.id for run in stores[0].find_runs()]
    first.dispose()
    second.dispose()
    return stored, [found[number] for number in (0, 1)]


@contextmanager
def open_bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench in a folder."""
    contacts = Contacts()
    with start_vendor(answer=contacts.answer) as vendor:
        engine = open_engine(StoreLocation(file=tmp_path / "store.sqlite3"))
        bench = Bench(tmp_path / "workspace", contacts, SyncStore(engine), vendor)
        bench.write(
            {
                "conn.yaml": f"version: 1\ntrusted_hosts: ['{vendor.host}']\n",
                "connectors/shop/connector.yaml": CONNECTOR.format(url=vendor.url),
                "accounts/acme.yaml": "connector: shop\n",
                "syncs/people.yaml": SYNC,
            }
        )
        yield bench
        for runner in bench.runners:
            runner.close()
        engine.dispose()
