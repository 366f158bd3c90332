"""Watches over processes that run hostile items: each item has so much time and memory, and a process that takes more
is killed and started anew."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import launching
from hostile_answers import ANSWERS
from hostile_documents import DOCUMENTS
from hostile_expressions import BOUNDED, ISOLATED

__all__ = ["SAMPLE", "Outcome", "all_items", "watch"]

HERE = Path(__file__).parent
SECONDS = 50.0
"""Five times what an item may take on a usual machine."""
PATIENCE = 12
"""How many times longer an item may take on a machine that others use too: the time without them is what counts."""
MEBIBYTES = 400
"""What an item may take besides what its process has already, which depends on the items before it."""
RESTING = 200
"""A process that keeps more MiB of what it has run gives way to a new one."""
START = 60.0
UNSTOPPED = ("pattern", "replaced-by", "picture")
"""Expressions that jsonata-python does not bound itself."""
SAMPLE = (
    "bounded/tail-call/jlens", "bounded/distinct/jsonata-python", "isolated/spread-doubled/jlens",
    "isolated/pattern-python/jsonata-python", "override/nested-maps", "document/aliases", "document/deep-lists",
    "document/surrogate-expression", "answer/deep-lists", "answer/xml-entities", "answer/gzip-bomb",
    "answer/endless-headers",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of an item. `wrong` is empty when all is well."""

    item: str
    wrong: tuple[str, ...]
    seconds: float
    mebibytes: int


def all_items() -> list[str]:
    """The names of everything there is to run."""
    found = [f"answer/{name}" for name in ANSWERS]
    found += [f"document/{name}" for name in DOCUMENTS]
    found += [f"override/{name}" for name in BOUNDED]
    found += [f"isolated/{name}/{evaluator}" for name in ISOLATED for evaluator in ("jlens", "jsonata-python")]
    found += [f"bounded/{name}/jlens" for name in BOUNDED]
    return found + [f"bounded/{name}/jsonata-python" for name in BOUNDED if not name.startswith(UNSTOPPED)]


class _Child:
    def __init__(self, seconds: float, mebibytes: int) -> None:
        self._seconds, self._mebibytes = seconds, mebibytes
        folders = [str(HERE.parent), str(HERE.parent / "security"), *filter(None, sys.path)]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = launching.start(
            [sys.executable, str(HERE / "hostile_child.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environ,
            text=True,
            bufsize=1,
        )
        self._items = 0

    def run(self, item: str) -> Outcome:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{item}\n")
        started, begun = time.monotonic(), self._undisturbed()
        most = 0
        allowed = self._seconds if self._items else self._seconds + START
        self._items += 1
        while not select.select([self._process.stdout], [], [], 0.05)[0]:
            most = max(most, self._memory())
            if time.monotonic() - started > PATIENCE * allowed or self._undisturbed() - begun > allowed:
                return self._killed(item, f"takes more than {self._seconds:g} s", started, most)
            if most > 3 * self._mebibytes:
                return self._killed(item, f"takes {most} MiB", started, most)
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(-min(2000, self._errors.seek(0, os.SEEK_END)), os.SEEK_END)
            errors = self._errors.read().decode("utf-8", "replace")
            return self._killed(item, f"ends the process: {self._process.wait()}: {errors}", started, most)
        report = json.loads(line)
        if report["resting"] > RESTING:
            self.end()
        wrong = list(report["wrong"])
        if report["seconds"] > self._seconds:
            wrong.append(f"takes {report['seconds']:.1f} s")
        if report["mebibytes"] > self._mebibytes:
            wrong.append(f"takes {report['mebibytes']} MiB")
        return Outcome(item, tuple(wrong), report["seconds"], report["mebibytes"])

    def _memory(self) -> int:
        return self._read_process("statm") * os.sysconf("SC_PAGE_SIZE") // 2**20

    def _undisturbed(self) -> float:
        """As the child's own: without the time in which it waits for a processor."""
        return time.monotonic() - self._read_process("schedstat") / 1e9

    def _read_process(self, file: str) -> int:
        try:
            return int(Path(f"/proc/{self._process.pid}/{file}").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return 0

    def _killed(self, item: str, why: str, started: float, most: int) -> Outcome:
        self.end()
        return Outcome(item, (why,), time.monotonic() - started, most)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def watch(
    items: list[str], *, processes: int = 2, seconds: float = SECONDS, mebibytes: int = MEBIBYTES
) -> list[Outcome]:
    """What becomes of each item, in the order given."""
    waiting: SimpleQueue[str] = SimpleQueue()
    for item in items:
        waiting.put(item)

    def work(_number: int) -> list[Outcome]:
        done, child = [], _Child(seconds, mebibytes)
        try:
            while True:
                item = waiting.get_nowait()
                if not child.is_alive:
                    child = _Child(seconds, mebibytes)
                done.append(child.run(item))
        except Empty:
            return done
        finally:
            child.end()

    with ThreadPoolExecutor(processes) as pool:
        found = {outcome.item: outcome for part in pool.map(work, range(processes)) for outcome in part}
    return [found[item] for item in items]
