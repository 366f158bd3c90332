"""Webhooks sent: each event to five endpoints, stored, signed and marked, for each second of processor time, against a
sender that is written by hand."""

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from typing import Any

from benchmarks.measure import Row, Spread, alternate, environment, ratios
from benchmarks.records import made
from benchmarks.webhooks import SECRET

__all__ = ["ENDPOINTS", "run"]

ENDPOINTS = 5


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    count, rounds = (100, 3) if quick else (400, 7)
    records, _ = made("github", "ticketing.tickets.list", count)
    done: dict[str, list[dict[str, Any]]] = {"conn": [], "hand": []}
    with ExitStack() as stack:
        receiver = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.peers.fanout_receiver"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True,
            )
        )  # fmt: skip
        assert receiver.stdin is not None and receiver.stdout is not None
        stack.callback(receiver.stdin.close)
        port = int(receiver.stdout.readline())
        urls = [f"http://127.0.0.1:{port}/hooks/{number}" for number in range(ENDPOINTS)]

        def send(side: str) -> float:
            with tempfile.TemporaryDirectory() as folder:
                work = {"file": f"{folder}/store.sqlite3", "urls": urls, "secret": SECRET, "records": records}
                done[side].append(_run_side(side, json.dumps(work)))
            return float(done[side][-1]["cpu"])

        values = alternate({side: partial(send, side) for side in done}, rounds)
    if {answer["delivered"] for answers in done.values() for answer in answers} != {count * ENDPOINTS}:
        raise RuntimeError("a side has not delivered every event to every endpoint")
    rates = {side: count * ENDPOINTS / Spread.of(seconds).median for side, seconds in values.items()}
    size = sum(len(json.dumps(record)) for record in records) / count / 1024
    return [
        Row(
            benchmark="fanout",
            measured=f"events of {size:.1f} KiB to {ENDPOINTS} endpoints: CPU",
            against="standardwebhooks, httpx and SQLite, by hand",
            ratio=ratios(values["conn"], values["hand"]),
            goal=None,
            detail=f"{rates['conn']:,.0f} / {rates['hand']:,.0f} requests a CPU second",
        )
    ]


def _run_side(side: str, work: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"benchmarks.peers.fanout_{side}_side"]
    done = subprocess.run(command, input=work, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{side} failed:\n{done.stderr[-3000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
