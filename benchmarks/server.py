"""A fast local vendor: a listing in pages of 100 by cursor, the bytes made beforehand. Standard library only.

`python -m benchmarks.server CONNECTOR RECORDS_FILE` prints its port and serves until its standard input ends. The
first part of a path says how many records the listing has: `/20000/crm/v3/objects/contacts?after=…`. The file's
pages are served over and over; a request without the credential is refused.
"""

import asyncio
import json
import re
import sys
from pathlib import Path

from benchmarks.workloads import WORKLOADS, Workload

__all__ = ["PAGE"]

PAGE = 100
_LINE = re.compile(rb"GET /(\d+)/[^ ?]*\??([^ ]*) HTTP/1.1\r\n")


class Vendor(asyncio.Protocol):
    """One connection."""

    def __init__(self, workload: Workload, pages: list[bytes]) -> None:
        self._pages = pages
        self._heard = b""
        self._cursor = re.compile(rf"(?:^|&){workload.param}=(\d+)".encode())
        self._credential = f"\r\n{': '.join(workload.header)}\r\n".lower().encode()
        self._more, self._end = workload.more.encode(), workload.end.encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (end := self._heard.find(b"\r\n\r\n")) >= 0:
            head, self._heard = self._heard[: end + 2], self._heard[end + 4 :]
            self._wire.write(self._answer(head))  # type: ignore[attr-defined]

    def _answer(self, head: bytes) -> bytes:
        line = _LINE.match(head)
        if line is None or self._credential not in head.lower():
            return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
        cursor = self._cursor.search(line[2])
        start = int(cursor[1]) if cursor else 0
        following = start + PAGE
        tail = self._more % following if following < int(line[1]) else self._end
        page = self._pages[start // PAGE % len(self._pages)]
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: %d\r\n\r\n"
            % (len(page) + len(tail))
            + page
            + tail
        )


def _pages(workload: Workload, file: Path) -> list[bytes]:
    """Every page's bytes up to the end of its records."""
    records = json.loads(file.read_text("utf-8"))
    rows = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records]
    texts = (",".join(rows[start : start + PAGE]) for start in range(0, len(rows), PAGE))
    return [f"{workload.head}{text}".encode() for text in texts]


async def _serve(workload: Workload, file: Path) -> None:
    pages = _pages(workload, file)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Vendor(workload, pages), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await loop.run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(_serve(WORKLOADS[sys.argv[1]], Path(sys.argv[2])))
