"""Fetching and mapping 20,000 records from a local server, against a hand-written loop, dlt and Airbyte's CDK."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import CHECKOUT, Row, Spread, alternate, environment, ratios
from benchmarks.peers.installed import peer_python
from benchmarks.records import made
from benchmarks.workloads import TOKEN, WORKLOADS, Workload
from benchmarks.workspaces import local

__all__ = ["run", "served"]

GOALS = {"hand": 2.5, "dlt": 1.0, "airbyte": 1.0}
LABELS = {"hand": "hand-written httpx loop", "dlt": "dlt RESTClient", "airbyte": "Airbyte CDK, low-code"}
DISTINCT = 5_000


@contextmanager
def served(
    workload: Workload, folder: Path, distinct: int = DISTINCT, milliseconds: float = 0
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The local vendor in a process of its own: its port, and the account values that fit its records, of which so
    many are distinct. It answers after the milliseconds."""
    records, context = made(workload.connector, workload.operation, distinct)
    file = folder / "records.json"
    file.write_text(json.dumps(records), "utf-8")
    command = [sys.executable, "-m", "benchmarks.server", workload.connector, str(file), str(milliseconds)]
    server = subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if server.stdin is None or server.stdout is None:
        raise RuntimeError("the server has no pipes")
    try:
        yield int(server.stdout.readline()), context
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    return [row for workload in WORKLOADS.values() for row in _rows(workload, quick=quick)]


def _rows(workload: Workload, *, quick: bool) -> list[Row]:
    total = 2_000 if quick else 20_000
    pythons = {"conn": sys.executable, "hand": sys.executable, "dlt": peer_python("dlt")}
    pythons["airbyte"] = peer_python("airbyte")
    said: dict[str, list[Any]] = {side: [] for side in pythons}
    with tempfile.TemporaryDirectory() as place, served(workload, Path(place)) as (port, context):
        local(Path(place), workload.connector, port, total, context)
        work = {"connector": workload.connector, "base": f"http://127.0.0.1:{port}/{total}"}
        asked = json.dumps({**work, "context": context, "workspace": place})

        def fetch(side: str) -> float:
            said[side].append(_fetch(pythons[side], side, asked, {workload.variable: TOKEN}))
            return float(said[side][-1]["seconds"])

        values = alternate({side: partial(fetch, side) for side in pythons}, 3 if quick else 7)
    results = {(answer["records"], answer["digest"]) for answers in said.values() for answer in answers}
    if len(results) != 1 or results.pop()[0] != total:
        raise RuntimeError(f"the sides have different results: {said}")
    rates = {side: total / Spread.of(seconds).median for side, seconds in values.items()}
    cpu = {side: Spread.of([answer["cpu"] for answer in answers]).median for side, answers in said.items()}
    return [
        Row(
            benchmark="fetching",
            measured=f"{workload.connector}, {total:,} records",
            against=LABELS[side],
            ratio=ratios(values["conn"], values[side]),
            goal=goal,
            detail=f"{rates['conn']:,.0f} / {rates[side]:,.0f} records/s; CPU {cpu['conn'] / cpu[side]:.2f}",
        )
        for side, goal in GOALS.items()
    ]


def _fetch(python: str, side: str, work: str, credential: dict[str, str]) -> Any:
    variables = environment(**credential)
    if side in ("dlt", "airbyte"):
        variables["PYTHONPATH"] = str(CHECKOUT)
    command = [python, "-m", f"benchmarks.peers.{side}_side"]
    done = subprocess.run(command, input=work, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{side} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])
