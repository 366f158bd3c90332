"""One large answer, CSV and JSON lines, read row by row: time and peak memory against reading by hand, and ijson."""

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
from benchmarks.workloads import TOKEN

__all__ = ["run"]

GOAL = 1.5
LABELS = {"hand": "streamed httpx, by hand", "whole": "httpx, all in memory", "ijson": "ijson over httpx"}
NAMES = {"csv": "table.csv", "jsonl": "rows.jsonl"}


@contextmanager
def _served() -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.large_server"]
    server = subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if server.stdin is None or server.stdout is None:
        raise RuntimeError("the server has no pipes")
    try:
        yield int(server.stdout.readline())
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    size = 20 if quick else 200
    with tempfile.TemporaryDirectory() as place, _served() as port:
        _workspace(Path(place), port, size)
        return [row for format in NAMES for row in _rows(place, port, size, format, quick=quick)]  # noqa: A001


def _rows(place: str, port: int, size: int, format: str, *, quick: bool) -> list[Row]:  # noqa: A002
    pythons = dict.fromkeys(("conn", "hand", "whole"), sys.executable)
    if format == "jsonl":
        pythons["ijson"] = peer_python("ijson")
    url = f"http://127.0.0.1:{port}/{size}/{NAMES[format]}"
    work = json.dumps({"url": url, "workspace": place, "format": format})
    said: dict[str, list[Any]] = {side: [] for side in pythons}

    def fetch(side: str) -> float:
        variables = environment(CONN_BENCH_TOKEN=TOKEN)
        if side == "ijson":
            variables["PYTHONPATH"] = str(CHECKOUT)
        command = [pythons[side], "-m", f"benchmarks.peers.large_{side}_side"]
        done = subprocess.run(command, input=work, env=variables, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{side} failed:\n{done.stderr[-3000:]}")
        said[side].append(json.loads(done.stdout.splitlines()[-1]))
        return float(said[side][-1]["seconds"])

    values = alternate({side: partial(fetch, side) for side in pythons}, 2 if quick else 5)
    if len({(answer["rows"], answer["sum"]) for answers in said.values() for answer in answers}) != 1:
        raise RuntimeError(f"the sides have different results: {said}")
    used = {name: {side: _median(answers, name) for side, answers in said.items()} for name in ("cpu", "peak")}
    rates = {side: size / Spread.of(seconds).median for side, seconds in values.items()}
    return [
        Row(
            benchmark="large",
            measured=f"{size} MB of {format}",
            against=LABELS[side],
            ratio=ratios(values["conn"], values[side]),
            goal=GOAL if side == "hand" else None,
            detail=f"{rates['conn']:.0f} / {rates[side]:.0f} MB/s; CPU {used['cpu']['conn'] / used['cpu'][side]:.2f}; "
            f"peak {used['peak']['conn']:.0f} / {used['peak'][side]:.0f} MiB",
        )
        for side in pythons
        if side != "conn"
    ]


def _median(answers: list[Any], name: str) -> float:
    return Spread.of([answer[name] for answer in answers]).median


def _workspace(folder: Path, port: int, size: int) -> None:
    operations = {name: {"method": "get", "path": f"/{size}/{NAMES[name]}", "response_format": name} for name in NAMES}
    connector = {
        "base_url": f"http://127.0.0.1:{port}",
        "credentials": {"format": "bearer"},
        "authorization": {"format": "bearer"},
        "resources": {"rows": operations},
    }
    documents: dict[str, Any] = {
        "conn.yaml": {"version": 1},
        "connectors/vendor/connector.yaml": connector,
        "accounts/bench.yaml": {"connector": "vendor"},
    }
    for name, data in documents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data), "utf-8")
