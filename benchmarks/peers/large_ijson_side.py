"""ijson, which reads JSON of any size piece by piece, over a streamed httpx answer. It has no CSV."""

from collections.abc import Iterator
from typing import Any

import httpx
import ijson

from benchmarks.peers.large_course import asked, measure
from benchmarks.workloads import TOKEN

client = httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30, trust_env=False)


class Body:
    """What ijson reads from."""

    def __init__(self, response: httpx.Response) -> None:
        self._pieces = response.iter_bytes()

    def read(self, size: int) -> bytes:
        """A piece, whatever its size; nothing for none."""
        return next(self._pieces, b"") if size else b""


def rows() -> Iterator[dict[str, Any]]:
    with client.stream("GET", asked["url"]) as response:
        response.raise_for_status()
        yield from ijson.items(Body(response), "", multiple_values=True)


measure(rows)
