"""Requests to the service, against a hand-written one on the same vendor: processor time for each request, throughput
with a slow vendor, and the delay of other requests while large pages are mapped."""

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.fetching import served
from benchmarks.measure import CONN, Row, Spread, alternate, environment, ratios
from benchmarks.service_processes import LoadProcess, ServerProcess, serve_by_hand, serve_conn, start_load
from benchmarks.workloads import HUBSPOT, TOKEN
from benchmarks.workspaces import local

__all__ = ["run"]

TOTAL = 10_000_000
CONTACTS = "/unified/crm/contacts"
LATENCY = 50.0


@dataclass(frozen=True, slots=True)
class _Case:
    """One kind of request. `goal` is the greatest ratio of the processor times."""

    name: str
    paths: list[str]
    requests: int
    goal: float


def _list_cases(scale: int) -> list[_Case]:
    records = [f"{CONTACTS}/{number}" for number in range(1, 1000)]
    return [
        _Case("page of 10", [f"{CONTACTS}?limit=10"], 40 * scale, 1.5),
        _Case("page of 100", [f"{CONTACTS}?limit=100"], 16 * scale, 2.0),
        _Case("get", records, 48 * scale, 1.5),
    ]


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    scale, rounds = (10, 3) if quick else (50, 7)
    rows: list[Row] = []
    with ExitStack() as stack:
        sides = _start_sides(stack, 0)
        load = start_load(stack)
        for case in _list_cases(scale):
            _check_same(sides, case.paths[0])
            for clients in (16, 64):
                rows.append(_measure_cpu(sides, load, case, clients, rounds))
        rows += _measure_lag(sides, load, scale, rounds)
    with ExitStack() as stack:
        sides = _start_sides(stack, LATENCY)
        rows.append(_measure_throughput(sides, start_load(stack), _list_cases(scale)[0], rounds))
    return rows


def _measure_cpu(sides: Mapping[str, ServerProcess], load: LoadProcess, case: _Case, clients: int, rounds: int) -> Row:
    details: dict[str, list[dict[str, float]]] = {side: [] for side in sides}

    def measure(side: str) -> float:
        before = sides[side].read_cpu()
        details[side].append(load.run(sides[side], case.paths, clients, case.requests))
        return (sides[side].read_cpu() - before) / case.requests

    values = alternate({side: partial(measure, side) for side in sides}, rounds)
    cpu = {side: 1000 * Spread.of(seconds).median for side, seconds in values.items()}
    rates = {side: case.requests / Spread.of([run["seconds"] for run in runs]).median for side, runs in details.items()}
    slow = {side: Spread.of([run["slowest"] for run in runs]).median for side, runs in details.items()}
    return Row(
        benchmark="service",
        measured=f"{case.name}, {clients} clients: CPU",
        against="Starlette and httpx, by hand",
        ratio=ratios(values["conn"], values["hand"]),
        goal=case.goal,
        detail=f"{cpu['conn']:.2f} / {cpu['hand']:.2f} ms; {rates['conn']:,.0f} / {rates['hand']:,.0f} a second; "
        f"p99 {slow['conn']:.0f} / {slow['hand']:.0f} ms",
    )


def _measure_throughput(sides: Mapping[str, ServerProcess], load: LoadProcess, case: _Case, rounds: int) -> Row:
    def measure(side: str) -> float:
        return case.requests / load.run(sides[side], case.paths, 64, case.requests)["seconds"]

    values = alternate({side: partial(measure, side) for side in sides}, rounds)
    rates = {side: Spread.of(seconds).median for side, seconds in values.items()}
    return Row(
        benchmark="service",
        measured=f"{case.name}, 64 clients, vendor of {LATENCY:g} ms: time for each request",
        against="Starlette and httpx, by hand",
        ratio=ratios(values["hand"], values["conn"]),
        goal=1.11,
        detail=f"{rates['conn']:,.0f} / {rates['hand']:,.0f} a second",
    )


def _measure_lag(sides: Mapping[str, ServerProcess], load: LoadProcess, scale: int, rounds: int) -> list[Row]:
    """How long a request without work waits while 8 clients read pages of 100."""
    conn = sides["conn"]
    pages = next(case for case in _list_cases(scale) if case.name == "page of 100")

    def measure(with_pages: bool) -> float:
        with ExitStack() as stack:
            if with_pages:
                heavy = start_load(stack)
                heavy.start(conn, pages.paths, 8, pages.requests)
            lag = load.run(conn, ["/health/live"], 1, 8 * scale)["slowest"]
            if with_pages:
                heavy.finish()
        return lag

    values = [measure(True) for _ in range(rounds)]
    idle = Spread.of([measure(False) for _ in range(rounds)]).median
    return [
        Row(
            benchmark="service",
            measured="another request while 8 pages of 100 are mapped: p99",
            against="20 ms",
            ratio=Spread.of([value / 20 for value in values]),
            goal=1.0,
            detail=f"{Spread.of(values).median:.1f} ms; {idle:.1f} ms without them",
        )
    ]


def _check_same(sides: Mapping[str, ServerProcess], path: str) -> None:
    results = {}
    for side, server in sides.items():
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}{path}", headers={"Authorization": f"Bearer {server.token}"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            results[side] = json.load(response)["result"]
    if results["conn"] != results["hand"]:
        raise RuntimeError(f"the sides have different results for {path}")


def _start_sides(stack: ExitStack, milliseconds: float) -> dict[str, ServerProcess]:
    place = stack.enter_context(tempfile.TemporaryDirectory())
    port, context = stack.enter_context(served(HUBSPOT, Path(place), milliseconds=milliseconds))
    base = f"http://127.0.0.1:{port}/{TOTAL}"
    local(Path(place), HUBSPOT.connector, port, TOTAL, context)
    command = [*CONN, "token", "create", "bench", "--scope", "unified:read", "--account", "bench"]
    made = subprocess.run(command, cwd=place, env=environment(), capture_output=True, text=True, check=True)
    by_hand = [sys.executable, "-m", "benchmarks.peers.service_hand_side", base, json.dumps(context)]
    return {
        "conn": stack.enter_context(serve_conn(Path(place), made.stdout.strip(), **{HUBSPOT.variable: TOKEN})),
        "hand": stack.enter_context(serve_by_hand(by_hand, lambda line: (int(line), TOKEN))),
    }
