"""A fast local vendor: a listing in pages by cursor, and single records, the bytes made beforehand. Standard library
only.

`python -m benchmarks.server CONNECTOR RECORDS_FILE [MILLISECONDS]` prints its port and serves until its standard input
ends. The first part of a path says how many records the listing has: `/20000/crm/v3/objects/contacts?after=…`. The
file's pages are served over and over, in pages of 100 unless there is a `limit`; a request without the credential is
refused. Each answer is sent after the milliseconds.
"""

import asyncio
import json
import re
import sys
from pathlib import Path

from benchmarks.workloads import WORKLOADS, Workload

__all__ = ["PAGE"]

PAGE = 100
_LINE = re.compile(rb"GET /(\d+)(/[^ ?]*)\??([^ ]*) HTTP/1.1\r\n")
_LIMIT = re.compile(rb"(?:^|&)limit=(\d+)")


class Vendor(asyncio.Protocol):
    """One connection."""

    def __init__(
        self, workload: Workload, rows: list[str], pages: dict[tuple[int, int], bytes], seconds: float
    ) -> None:
        self._rows = rows
        self._seconds = seconds
        self._pages = pages
        self._heard = b""
        self._path = workload.path.encode()
        self._cursor = re.compile(rf"(?:^|&){workload.param}=(\d+)".encode())
        self._credential = f"\r\n{': '.join(workload.header)}\r\n".lower().encode()
        self._head, self._more, self._end = workload.head, workload.more.encode(), workload.end.encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (end := self._heard.find(b"\r\n\r\n")) >= 0:
            head, self._heard = self._heard[: end + 2], self._heard[end + 4 :]
            answer = self._answer(head)
            if self._seconds:
                asyncio.get_running_loop().call_later(self._seconds, self._wire.write, answer)  # type: ignore[attr-defined]
            else:
                self._wire.write(answer)  # type: ignore[attr-defined]

    def _answer(self, head: bytes) -> bytes:
        line = _LINE.match(head)
        if line is None or self._credential not in head.lower():
            return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
        if not line[2].endswith(self._path):
            return _format_answer(self._rows[int(line[2].rpartition(b"/")[2]) % len(self._rows)].encode(), b"")
        cursor, limit = self._cursor.search(line[3]), _LIMIT.search(line[3])
        start, size = int(cursor[1]) if cursor else 0, int(limit[1]) if limit else PAGE
        following = start + size
        tail = self._more % following if following < int(line[1]) else self._end
        return _format_answer(self._make_page(start % len(self._rows), size), tail)

    def _make_page(self, start: int, size: int) -> bytes:
        """The bytes of a page up to the end of its records."""
        if (start, size) not in self._pages:
            self._pages[start, size] = f"{self._head}{','.join(self._rows[start : start + size])}".encode()
        return self._pages[start, size]


def _format_answer(page: bytes, tail: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: %d\r\n\r\n"
        % (len(page) + len(tail))
        + page
        + tail
    )


async def _serve(workload: Workload, file: Path, seconds: float) -> None:
    records = json.loads(file.read_text("utf-8"))
    rows = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records]
    pages: dict[tuple[int, int], bytes] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Vendor(workload, rows, pages, seconds), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await loop.run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    milliseconds = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    asyncio.run(_serve(WORKLOADS[sys.argv[1]], Path(sys.argv[2]), milliseconds / 1000))
