"""Memory while records stream through `conn run … --output jsonl`: the resident size late against early."""

import subprocess
import tempfile
from pathlib import Path

from benchmarks.fetching import served
from benchmarks.measure import CONN, Row, Spread, environment
from benchmarks.workloads import HUBSPOT, TOKEN
from benchmarks.workspaces import local

__all__ = ["run"]

GOAL = 1.1
"""Flat: at most a tenth above what was needed early, for ten times the records."""


def run(*, quick: bool) -> list[Row]:
    """Rows of this benchmark."""
    total = 20_000 if quick else 200_000
    early = total // 10
    with tempfile.TemporaryDirectory() as place, served(HUBSPOT, Path(place)) as (port, context):
        local(Path(place), HUBSPOT.connector, port, total, context)
        runs = [_sizes(Path(place), (early, total)) for _ in range(1 if quick else 3)]
    grown = Spread.of([late / first for first, late, _ in runs])
    first, late, peak = (Spread.of(list(column)).median / 1024 for column in zip(*runs, strict=True))
    detail = f"RSS {first:.1f} / {late:.1f} MiB, peak {peak:.1f} MiB"
    return [Row("memory", f"conn run, at {total:,} records", f"at {early:,} records", grown, GOAL, detail)]


def _sizes(folder: Path, at: tuple[int, int]) -> tuple[float, float, float]:
    """Resident KiB after N records have been read from the command, and the peak. Linux only."""
    command = [*CONN, "run", "contacts.list", "--account", "bench", "--output", "jsonl"]
    variables = environment(**{HUBSPOT.variable: TOKEN})
    sizes: list[float] = []
    peak = 0.0
    count = 0
    told = folder / "stderr.txt"
    with told.open("w") as stderr:
        child = subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=stderr, text=True)
    if child.stdout is None:
        raise RuntimeError("the command has no standard output")
    # The last sample is taken 1,000 records early: the command cannot have ended, the pipe holds far fewer.
    for _ in child.stdout:
        count += 1
        if count == at[0] or count == at[1] - 1_000:
            sizes.append(_status(child.pid, "VmRSS"))
            peak = _status(child.pid, "VmHWM")
    if child.wait() or count != at[1]:
        said = told.read_text("utf-8")
        raise RuntimeError(f"conn run ended with {child.returncode} after {count} records:\n{said[-2000:]}")
    return sizes[0], sizes[1], peak


def _status(process: int, name: str) -> float:
    for line in Path(f"/proc/{process}/status").read_text("ascii").splitlines():
        if line.startswith(f"{name}:"):
            return float(line.split()[1])
    raise RuntimeError(f"/proc/{process}/status has no {name}")
