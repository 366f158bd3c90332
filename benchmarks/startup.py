"""Whole processes: `conn --help`, one TAB, one replayed test and a live listing, against bare imports and a script."""

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.fetching import served
from benchmarks.measure import CONN, START, Row, Spread, alternate, ratios, seconds_of
from benchmarks.workloads import HUBSPOT, TOKEN
from benchmarks.workspaces import local

__all__ = ["run"]

LIBRARIES = "import httpx, typer, yaml"
TAB = {"_CONN_COMPLETE": "complete_bash", "COMP_WORDS": "conn\ntest\ncontacts.l", "COMP_CWORD": "2"}
WAIT = 0.15
"""The seconds that a shell may wait for what it offers after TAB."""


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    return [*_starts(quick=quick), _listing(quick=quick)]


def _starts(*, quick: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        seconds_of([*CONN, "init", "--example", "."], folder)
        values = alternate(
            {
                "import typer": lambda: seconds_of([sys.executable, "-c", "import typer"], folder),
                LIBRARIES: lambda: seconds_of([sys.executable, "-c", LIBRARIES], folder),
                "--help": lambda: seconds_of([*CONN, "--help"], folder),
                "TAB": lambda: seconds_of(START, folder, XDG_CACHE_HOME=place, **TAB),
                "test contacts.list": lambda: seconds_of([*CONN, "test", "contacts.list", "--account", "acme"], folder),
            },
            5 if quick else 20,
        )
    middle = {name: Spread.of(seconds).median * 1000 for name, seconds in values.items()}
    tab = (
        ('python -c "import typer"', ratios(values["TAB"], values["import typer"]), 1.5),
        (f"{WAIT * 1000:.0f} ms", _divide(values), 1.0),
    )
    tabs = [
        Row("startup", "one TAB: contacts.l in the shell", against, ratio, goal, f"{middle['TAB']:.0f} ms")
        for against, ratio, goal in tab
    ]
    return [*tabs, *_compare(values, middle)]


def _divide(values: dict[str, list[float]]) -> Spread:
    return Spread.of([seconds / WAIT for seconds in values["TAB"]])


def _compare(values: dict[str, list[float]], middle: dict[str, float]) -> list[Row]:
    return [
        Row(
            benchmark="startup",
            measured=f"conn {name}",
            against=f'python -c "{peer}"',
            ratio=ratios(values[name], values[peer]),
            goal=goal,
            detail=f"{middle[name]:.0f} ms / {middle[peer]:.0f} ms",
        )
        for name, peer, goal in (("--help", "import typer", 2.2), ("test contacts.list", LIBRARIES, 2.5))
    ]


def _listing(*, quick: bool) -> Row:
    total = 2_000 if quick else 20_000
    with tempfile.TemporaryDirectory() as place, served(HUBSPOT, Path(place)) as (port, context):
        folder = Path(place)
        local(folder, HUBSPOT.connector, port, total, context)
        base = f"http://127.0.0.1:{port}/{total}"
        ours = [*CONN, "run", "contacts.list", "--account", "bench", "--output", "jsonl"]
        script = [sys.executable, "-m", "benchmarks.peers.whole_process", HUBSPOT.connector, base, json.dumps(context)]
        values = alternate(
            {
                "conn": lambda: seconds_of(ours, folder, **{HUBSPOT.variable: TOKEN}),
                "script": lambda: seconds_of(script, folder),
            },
            3 if quick else 7,
        )
    conn, by_hand = (Spread.of(values[side]).median for side in ("conn", "script"))
    return Row(
        benchmark="startup",
        measured=f"conn run, {total:,} records",
        against="hand-written httpx script",
        ratio=ratios(values["conn"], values["script"]),
        goal=2.0,
        detail=f"{conn:.2f} s / {by_hand:.2f} s",
    )
