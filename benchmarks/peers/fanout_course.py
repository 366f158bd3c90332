"""What both sides of the `fanout` benchmark do alike: send events to all endpoints, and tell the processor time.

Standard library only. Imports and start-up are outside of the measured time.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["asked", "measure"]

asked: dict[str, Any] = json.load(sys.stdin)
"""`{file, urls, secret, records}`."""


def measure(send: Callable[[list[Any]], int]) -> None:
    """Print how many requests `send` has delivered, and its seconds."""
    started, used = time.perf_counter(), time.process_time()
    delivered = send(asked["records"])
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    sys.stdout.write(f"{json.dumps({'seconds': seconds, 'cpu': cpu, 'delivered': delivered})}\n")
