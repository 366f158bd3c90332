"""Measuring two or more sides in turn, and what is shown of it. No benchmark is defined here."""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "CHECKOUT",
    "CONN",
    "START",
    "Counts",
    "Row",
    "Spread",
    "alternate",
    "cpu_of",
    "environment",
    "ratios",
    "seconds_of",
    "timed",
]

CHECKOUT = Path(__file__).resolve().parent.parent
CONN = [sys.executable, "-m", "conn_cli.main"]
START = [sys.executable, "-m", "conn_cli.start"]
"""The entry point of the installed command, which also answers shells."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of several values."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `ratio` is A over B; `goal` is the greatest median allowed; None: no goal."""

    benchmark: str
    measured: str
    against: str
    ratio: Spread
    goal: float | None
    detail: str

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        return None if self.goal is None else self.ratio.median <= self.goal


@dataclass(frozen=True, slots=True)
class Counts:
    """One line of a table without ratios: a value for each of several sides."""

    counted: str
    values: Mapping[str, str]


def alternate(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run every side once a round, each round beginning with the next side, after one round that does not count."""
    names = list(sides)
    for name in names:
        sides[name]()
    values: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            values[name].append(sides[name]())
    return values


def ratios(above: Sequence[float], below: Sequence[float]) -> Spread:
    """The ratio round by round: what slows the machine down for a moment slows both sides of that round."""
    return Spread.of([a / b for a, b in zip(above, below, strict=True)])


def timed(work: Callable[[], object]) -> float:
    """Seconds of wall time that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def environment(**more: str) -> dict[str, str]:
    """Variables for a child process: this checkout is importable, no keyring is asked, nothing is proxied."""
    kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    places = os.pathsep.join(str(CHECKOUT / part) for part in ("cli", "engine", "."))
    return {**kept, "PYTHONPATH": places, "CONN_NO_KEYRING": "1", **more}


def seconds_of(command: Sequence[str], folder: Path, **variables: str) -> float:
    """Wall seconds of a child process. Raises CalledProcessError when it fails."""
    return timed(lambda: _run(command, folder, variables))


def cpu_of(command: Sequence[str], folder: Path, **variables: str) -> float:
    """Processor seconds (user and system) of a child process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(command, folder, variables)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment(**variables), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[-4:])} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
