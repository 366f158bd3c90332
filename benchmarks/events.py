"""Webhooks through the service: deliveries received (verified and stored) for each second of processor time, and how
long vendors wait for the reply, against a receiver that is written by hand."""

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import Row, Spread, alternate, ratios
from benchmarks.records import made
from benchmarks.service_processes import LoadProcess, ServerProcess, serve_by_hand, serve_conn, start_load
from benchmarks.webhooks import SECRET, sign_delivery
from benchmarks.workspaces import overridden
from conn_engine.diagnostics import pluralize
from conn_engine.releases.store_location import StoreLocation
from conn_engine.syncs import build_event
from conn_service.delivery import DeliveryStore, add_deliveries
from conn_service.store import open_engine

__all__ = ["run"]

PATH = "/webhooks/github/bench"
REPLY = 50.0  # milliseconds within which 99 of 100 replies are sent
CLIENTS = (1, 16, 64)
LOAD = 2 / 3  # of what the service takes when each client sends the next delivery at once
WAITING = 10_000
START_SECONDS = 15
IDLE_SECONDS = 15


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    count, rounds = (300, 3) if quick else (1_500, 7)
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        records, context = made("github", "ticketing.tickets.list", count)
        overridden(folder, "github", context, {})
        _verify_as_specified(folder / "connectors" / "github" / "connector.yaml")
        secrets = {"CONN_BENCH_TOKEN": "bench-token-of-github", "CONN_BENCH_WEBHOOK_SECRET": SECRET}
        by_hand = [sys.executable, "-m", "benchmarks.peers.ingress_hand_side", SECRET, str(folder / "hand.sqlite3")]
        sides = {
            "conn": stack.enter_context(serve_conn(folder, "", **secrets)),
            "hand": stack.enter_context(serve_by_hand(by_hand, lambda line: (int(line), ""))),
        }
        load = start_load(stack)
        numbers = itertools.count()

        def create_deliveries() -> list[dict[str, Any]]:
            return [sign_delivery(next(numbers), record, context) for record in records]

        for clients in CLIENTS:
            rows += _measure_ingress(sides, load, clients, create_deliveries, rounds)
    return [*rows, _measure_waiting(2 if quick else 5)]


def _measure_waiting(rounds: int) -> Row:
    """How busy a service with a worker is while events wait for their next attempt, after a restart."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "conn.yaml").write_text("version: 1\n", "utf-8")
        engine = open_engine(StoreLocation(file=folder / ".conn" / "service.sqlite3"))
        DeliveryStore(engine)
        data = {"id": "1"}
        with engine.begin() as connection:
            for endpoint in range(10):
                events = [
                    build_event(sync="s", account="a", type_="a.b", key=str(n), data=data, version=str(n), began=0.0)
                    for n in range(endpoint * WAITING // 10, (endpoint + 1) * WAITING // 10)
                ]
                add_deliveries(connection, [f"https://e{endpoint}.example"], "r", events, time.time() + 75 * 3600)
        engine.dispose()
        shares = []
        with serve_conn(folder, "", "--work") as server:
            time.sleep(START_SECONDS)
            for _ in range(rounds):
                before = server.read_cpu()
                time.sleep(IDLE_SECONDS)
                shares.append((server.read_cpu() - before) / IDLE_SECONDS)
    return Row(
        benchmark="events",
        measured=f"{WAITING:,} events that wait for 75 hours: share of a core",
        against="5%",
        ratio=Spread.of([share / 0.05 for share in shares]),
        goal=1.0,
        detail=f"{100 * Spread.of(shares).median:.1f}% of a core",
    )


def _verify_as_specified(connector: Path) -> None:
    """Let deliveries be verified by the specification that the other side's library knows."""
    document = yaml.safe_load(connector.read_text("utf-8"))
    document["webhooks"]["verify"] = {"format": "standard_webhooks", "config": {"key": "{{webhook_secret}}"}}
    connector.write_text(json.dumps(document), "utf-8")


def _measure_ingress(
    sides: Mapping[str, ServerProcess],
    load: LoadProcess,
    clients: int,
    create_deliveries: Callable[[], list[dict[str, Any]]],
    rounds: int,
) -> list[Row]:
    """Each delivery is a new one: one that is received again costs less."""
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in sides}

    def measure(side: str) -> float:
        deliveries = create_deliveries()
        before = sides[side].read_cpu()
        runs[side].append(load.run(sides[side], [PATH], clients, len(deliveries), deliveries))
        return (sides[side].read_cpu() - before) / len(deliveries)

    values = alternate({side: partial(measure, side) for side in sides}, rounds)
    cpu = {side: Spread.of(seconds).median for side, seconds in values.items()}
    slow = {side: [run["slowest"] for run in runs[side][1:]] for side in sides}
    seconds = {side: Spread.of([run["seconds"] for run in runs[side][1:]]).median for side in sides}
    count = len(create_deliveries())
    rate = LOAD * count / seconds["conn"]
    paced = [
        load.run(sides["conn"], [PATH], clients, count, create_deliveries(), rate=rate)["slowest"]
        for _ in range(rounds)
    ]
    replies = ", ".join(f"{name} {Spread.of(times).median:.0f} ms" for name, times in slow.items())
    measured = f"deliveries received, {pluralize(clients, 'client')}"
    return [
        Row(
            benchmark="events",
            measured=f"{measured}: CPU",
            against="Starlette, standardwebhooks and SQLite, by hand",
            ratio=ratios(values["conn"], values["hand"]),
            goal=None,
            detail=f"{1 / cpu['conn']:,.0f} / {1 / cpu['hand']:,.0f} deliveries a CPU second; "
            f"{count / seconds['conn']:,.0f} / {count / seconds['hand']:,.0f} a second",
        ),
        Row(
            benchmark="events",
            measured=f"{measured} back to back: p99 of the reply",
            against=f"{REPLY:g} ms",
            ratio=Spread.of([time / REPLY for time in slow["conn"]]),
            goal=None if clients == max(CLIENTS) else 1.0,
            detail=f"p99 {replies}",
        ),
        Row(
            benchmark="events",
            measured=f"{measured} at two thirds of that rate: p99 of the reply",
            against=f"{REPLY:g} ms",
            ratio=Spread.of([time / REPLY for time in paced]),
            goal=1.0,
            detail=f"p99 {Spread.of(paced).median:.0f} ms at {rate:,.0f} a second",
        ),
    ]
