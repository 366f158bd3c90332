"""What every side of the fetching benchmark does alike: read its work, fetch once unmeasured, fetch again measured.

Standard library only. Imports, start-up and configuration are outside of the measured time for every side.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.by_hand import MAPPINGS
from benchmarks.workloads import WORKLOADS

__all__ = ["PAGE", "Course"]

PAGE = 100
Record = dict[str, Any]


class Course:
    """The work, from standard input, and its measuring."""

    def __init__(self) -> None:
        asked = json.load(sys.stdin)
        self.workload = WORKLOADS[asked["connector"]]
        self.base: str = asked["base"]
        self.workspace: str = asked["workspace"]
        self._context: dict[str, Any] = asked["context"]
        self._mapping = MAPPINGS[(self.workload.connector, self.workload.operation)]

    def mapped(self, records: Iterable[Record]) -> list[Record]:
        """The records of a page by the hand-written mapping."""
        mapping, context = self._mapping, self._context
        return [mapping(record, context) for record in records]

    def measure(self, fetch: Callable[[], Iterable[list[Record]]]) -> None:
        """Print seconds, processor seconds, number of records and a digest of them. `fetch` gives page after page."""
        _drain(fetch())
        started, used = time.perf_counter(), time.process_time()
        count = _drain(fetch())
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
        digest = hashlib.sha256()
        for page in fetch():
            for record in page:
                digest.update(json.dumps(record, sort_keys=True).encode())
        said = {"seconds": seconds, "cpu": cpu, "records": count, "digest": digest.hexdigest()}
        sys.stdout.write(f"{json.dumps(said)}\n")


def _drain(pages: Iterable[list[Record]]) -> int:
    count = 0
    for page in pages:
        count += len(page)
    return count
