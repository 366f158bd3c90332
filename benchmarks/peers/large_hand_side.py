"""What a programmer writes by hand: a streamed httpx answer, its lines, and `csv.DictReader` or `json.loads`."""

import csv
import json
from collections.abc import Iterator
from typing import Any

import httpx

from benchmarks.peers.large_course import asked, measure
from benchmarks.workloads import TOKEN

client = httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30, trust_env=False)


def rows() -> Iterator[dict[str, Any]]:
    with client.stream("GET", asked["url"]) as response:
        response.raise_for_status()
        lines = response.iter_lines()
        yield from csv.DictReader(lines) if asked["format"] == "csv" else map(json.loads, lines)


measure(rows)
