"""What every side of the `large` benchmark does alike: fetch one large answer, count its rows, tell seconds and peak.

Standard library only. Imports and start-up are outside of the measured time.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["asked", "measure"]

asked: dict[str, Any] = json.load(sys.stdin)
"""`{url, workspace, format}`."""


def measure(rows: Callable[[], Iterable[dict[str, Any]]]) -> None:
    """Print seconds, processor seconds, rows, a checksum over them and the peak of the resident size in MiB."""
    started, used = time.perf_counter(), time.process_time()
    count = total = 0
    for row in rows():
        count += 1
        total += len(row["note"]) + len(row) + int(row["id"])
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    peak = next(line for line in Path("/proc/self/status").read_text("ascii").splitlines() if line.startswith("VmHWM"))
    said = {"seconds": seconds, "cpu": cpu, "rows": count, "sum": total, "peak": int(peak.split()[1]) / 1024}
    sys.stdout.write(f"{json.dumps(said)}\n")
