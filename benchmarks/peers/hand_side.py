"""The loop a programmer writes by hand: one httpx client, the cursor, the mapping in Python."""

from collections.abc import Iterator
from typing import Any

import httpx

from benchmarks.peers.course import PAGE, Course

course = Course()
workload = course.workload
client = httpx.Client(headers=dict([workload.header]), timeout=30, trust_env=False)


def pages() -> Iterator[list[dict[str, Any]]]:
    query: dict[str, Any] = {"limit": PAGE}
    while True:
        response = client.get(f"{course.base}{workload.path}", params=query)
        response.raise_for_status()
        body = response.json()
        yield course.mapped(body[workload.records])
        after = body
        for name in workload.cursor:
            after = after.get(name) or {}
        if not after:
            return
        query[workload.param] = after


course.measure(pages)
