"""Run the steps of `.ci/run`, each of which is a target of the Makefile, and say what became of them.

What the others need runs first. Then two lanes keep two cores busy: one begins with the suites that use workers, the
other with those that run in one process, and a lane that is done helps the other. The output of a step is printed when
it ends. A step that fails does not stop the others.

A suite that ends with a few failures may have met a busy machine: each failed test runs once more, alone, in a fresh
process. If all pass, the step is green, and the end names them.

The end of the output is a table of times, and whatever went wrong, with the command that repeats it.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

FIRST = ("setup", "programs")
"""What the others need. These two do not need each other."""
LANES = (
    ("test", "slow", "shifted"),
    (
        "servers", "hostile", "browser", "chaos", "readme", "wheel", "types", "drift", "docs-site", "page-types",
        "dockerfile", "layers", "format", "lint",
    ),
)  # fmt: skip
"""Longest first, so that both lanes end at about the same time."""
AGAIN = 10
"""Failures of one suite that are tried again. With more than these, something is broken."""
LIMIT = 2700.0
"""Seconds until a step counts as hanging."""
LINES = 36
"""Lines that the list of what failed may have, so that it fits on a screen."""
FAILURES = "CONN_TEST_FAILURES"
"""The variable with the file that a suite writes its failures to (`tests/failures.py`)."""

FOLDER = "PYTEST_DEBUG_TEMPROOT"
"""The variable with the folder below which pytest makes those of its tests: one for each step, which ends with it."""


@dataclass
class Result:
    """What became of a step: seconds on the clock and of the processors, and the exit status of make (0 is green).

    `failures` has the reason of each failed test by its ID, and `alone` those that passed when they ran again.
    """

    name: str
    clock: float = 0.0
    processors: float = 0.0
    status: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    alone: dict[str, str] = field(default_factory=dict)
    last: list[str] = field(default_factory=list)


class Pipeline:
    """The steps that have run. `make` is the command that runs one, without its name."""

    def __init__(self, make: Sequence[str] = ("make", "--no-print-directory"), limit: float = LIMIT) -> None:
        self._make = make
        self._limit = limit
        self._printing = threading.Lock()
        self._choosing = threading.Lock()
        self._started = time.monotonic()
        self._running: set[int] = set()
        self._threads: list[threading.Thread] = []
        self._is_stopped = False
        self.results: dict[str, Result] = {}

    def run(self, first: Sequence[str], lanes: Sequence[Sequence[str]]) -> int:
        """Run `first`, beside each other, and then the lanes. Print the end, and return the exit status."""
        names = [*first, *(name for lane in lanes for name in lane)]
        try:
            self._run_beside([[name] for name in first])
            if not any(result.status for result in self.results.values()):
                self._run_beside([list(lane) for lane in lanes])
        finally:
            self._stop()
            is_green = self._print_end(names)
        return int(not is_green)

    def _run_beside(self, lanes: list[list[str]]) -> None:
        self._threads = [
            threading.Thread(target=self._run_lane, args=(lanes, n), daemon=True) for n in range(len(lanes))
        ]
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()

    def _run_lane(self, lanes: list[list[str]], number: int) -> None:
        for name in self._choose(lanes, number):
            result = Result(name)
            self._say(f"-- {name} begins after {time.monotonic() - self._started:.0f} s")
            try:
                self._run_step(result)
            except OSError as error:
                result.status, result.last = 127, [str(error)]
            self.results[name] = result

    def _choose(self, lanes: list[list[str]], number: int) -> Iterator[str]:
        """Yield the steps of a lane, and then those that other lanes have not begun."""
        while True:
            with self._choosing:
                waiting = next((lane for lane in (lanes[number], *lanes) if lane), None)
                if waiting is None or self._is_stopped:
                    return
                name = waiting.pop(0)
            yield name

    def _run_step(self, result: Result) -> None:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, tempfile.TemporaryFile() as output:
            report = Path(folder) / "failures.json"
            result.status = self._make_step(result, (), output, report)
            if result.status and (failures := read_failures(report)):
                result.failures = failures
                if len(failures) <= AGAIN and not self._is_stopped:
                    self._run_again(result, output, Path(folder))
            self._print_output(result, output)

    def _run_again(self, result: Result, output: IO[bytes], folder: Path) -> None:
        """Run each failed test alone. The step is green if all of them pass."""
        for number, (test, reason) in enumerate(list(result.failures.items())):
            chosen, report = folder / f"{number}.txt", folder / f"{number}.json"
            chosen.write_text(test + "\n", encoding="utf-8")
            output.write(f"\n-- again, alone: {test}\n".encode())
            output.flush()
            if self._make_step(result, (f"TESTS=@{chosen}", "WORKERS=0"), output, report) == 0:
                del result.failures[test]
                result.alone[test] = reason
        if not result.failures:
            result.status = 0

    def _make_step(self, result: Result, variables: Sequence[str], output: IO[bytes], report: Path) -> int:
        """Run make, and return its exit status, which is that of a signal if it hangs."""
        started = time.monotonic()
        process = subprocess.Popen(  # noqa: S603
            [*self._make, result.name, *variables],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, FAILURES: str(report), FOLDER: str(report.parent)},
            start_new_session=True,  # so that a step that hangs ends with all that it has started
        )
        self._running.add(process.pid)
        watch = threading.Timer(self._limit, stop_group, (process.pid,))
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)  # with the time of every process that it has waited for
        watch.cancel()
        self._running.discard(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        result.clock += time.monotonic() - started
        result.processors += usage.ru_utime + usage.ru_stime
        return process.returncode

    def _print_output(self, result: Result, output: IO[bytes]) -> None:
        output.seek(0)
        data = output.read()
        result.last = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()][-3:]
        with self._printing:
            print(f"\n== {result.name} ({result.clock:.0f} s)", flush=True)
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def _stop(self) -> None:
        """When the run is stopped from outside, end what runs: its thread prints what it has printed so far."""
        self._is_stopped = True
        for process in list(self._running):
            stop_group(process, patience=1)
        for thread in self._threads:
            thread.join(10)

    def _say(self, text: str) -> None:
        with self._printing:
            print(text, flush=True)

    def _print_end(self, names: Sequence[str]) -> bool:
        print(f"\n{'step':<12}{'seconds':>8}{'of processors':>15}")
        for name in names:
            result = self.results.get(name)
            if result is None:
                print(f"{name:<12}{'not run':>8}")
            else:
                print(f"{name:<12}{result.clock:>8.0f}{result.processors:>15.0f}{'  FAILED' if result.status else ''}")
        total = sum(result.processors for result in self.results.values())
        print(f"{'all':<12}{time.monotonic() - self._started:>8.0f}{total:>15.0f}")
        for line in describe_end(names, self.results):
            print(line)
        sys.stdout.flush()
        return len(self.results) == len(names) and not any(result.status for result in self.results.values())


def describe_end(names: Sequence[str], results: Mapping[str, Result]) -> list[str]:
    """Return the last lines of a run: what passed only alone, and what failed, at most `LINES` of them."""
    ordered = [results[name] for name in names if name in results]
    lines = []
    if alone := [f"  {result.name}: {test}: {why}" for result in ordered for test, why in result.alone.items()]:
        lines = ["", "failed at first, passed alone:", *shorten(alone, LINES // 3)]
    failed = [result for result in ordered if result.status]
    missing = [name for name in names if name not in results]
    if not failed and not missing:
        return [*lines, "", "all green"]
    lines += ["", "failed:"]
    room = max(2, (LINES - len(lines) - 2) // max(1, len(failed)) - 2)
    for result in failed:
        lines.append(f"  {result.name}: exit status {result.status}; repeat it: make {result.name}")
        tests = [f"    {test}: {why}" for test, why in result.failures.items()]
        lines += shorten(tests or [f"    {line[:200]}" for line in result.last], room)
        if tests:
            test = shlex.quote(next(iter(result.failures))).replace("$", "$$")
            lines.append(f"    repeat the first: make {result.name} WORKERS=0 TESTS={test}")
    return [*lines, f"  not run: {', '.join(missing)}"] if missing else lines


def shorten(lines: list[str], room: int) -> list[str]:
    """Return at most `room` lines; the last one counts those that are left out."""
    return lines if len(lines) <= room else [*lines[: room - 1], f"    and {len(lines) - room + 1} more"]


def read_failures(report: Path) -> dict[str, str]:
    """Return the failed tests of a suite that came to its end; none if it did not, or is no suite."""
    try:
        read = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(read["failures"]) if read["status"] == 1 else {}


def stop_group(process: int, patience: float = 5.0) -> None:
    """End a step and all that it has started: by a request, and after some seconds of patience for good."""
    for name in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process, name)
        except ProcessLookupError:
            return
        time.sleep(patience)


def be_stopped(*_: object) -> None:
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, be_stopped)
    os.environ.setdefault("SEED", str(int(time.time())))  # a repeated test has the order of the first run
    sys.exit(Pipeline().run(FIRST, LANES))
