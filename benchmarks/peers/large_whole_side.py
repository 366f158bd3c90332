"""What a programmer writes who does not think of size: the whole text, then `csv.DictReader` or `json.loads`."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx

from benchmarks.peers.large_course import asked, measure
from benchmarks.workloads import TOKEN

client = httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30, trust_env=False)


def rows() -> Iterator[dict[str, Any]]:
    response = client.get(asked["url"])
    response.raise_for_status()
    if asked["format"] == "csv":
        yield from csv.DictReader(io.StringIO(response.text))
    else:
        yield from map(json.loads, response.text.splitlines())


measure(rows)
