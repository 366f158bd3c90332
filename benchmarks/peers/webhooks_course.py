"""What every side of the `webhooks` benchmark does alike: judge and map many deliveries, tell seconds and a digest.

Standard library only. Imports, start-up and the first deliveries are outside of the measured time.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Arrived", "asked", "measure"]

Arrived = tuple[dict[str, str], bytes]
asked: dict[str, Any] = json.load(sys.stdin)
"""`{file, workspace, secret, context}`."""
WARM = 50


def measure(event: Callable[[Arrived], tuple[str, Any]]) -> None:
    """Print seconds, processor seconds and a digest of the types and records that `event` makes of the deliveries."""
    rows = json.loads(Path(asked["file"]).read_text("utf-8"))
    arrived: list[Arrived] = [(row["headers"], row["body"].encode()) for row in rows]
    for one in arrived[:WARM]:
        event(one)
    started, used = time.perf_counter(), time.process_time()
    made = [event(one) for one in arrived]
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()
    sys.stdout.write(f"{json.dumps({'seconds': seconds, 'cpu': cpu, 'digest': digest})}\n")
