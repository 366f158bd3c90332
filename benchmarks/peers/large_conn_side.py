"""Conn as a library: an operation that says `response_format: csv` or `jsonl`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.peers.large_course import asked, measure
from conn_engine import connect, load_workspace

connection = connect(load_workspace(Path(asked["workspace"])), "bench", environ=os.environ)


def rows() -> Iterator[dict[str, Any]]:
    return connection.records(f"rows.{asked['format']}")


measure(rows)
