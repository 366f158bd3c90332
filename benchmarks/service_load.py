"""A client that sends as many requests at once as it is told, in a process of its own. Standard library only.

Each line of the standard input is a run, as JSON: `{port, clients, requests, paths, token}`. Each client uses one
connection, and sends one path after the other, or else `posts` of `{headers, body}`, each to the first path. `rate`
is the number of requests that are due a second over all clients; the time of each then counts from when it is due.
Without it, each client sends the next one at once. The answer is a line with the seconds that all took, and the
milliseconds of the median and of the slowest hundredth.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Run:
    """The requests of a run that are still to be sent, and how long the others took."""

    left: int
    messages: list[bytes]
    rate: float | None = None
    started: float = field(default_factory=time.perf_counter)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    times: list[float] = field(default_factory=list)
    expected: int = 0
    fault: str = ""


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._received = bytearray()
        self._missing = -1
        self._sent = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        run = self._run
        if not run.left:
            self._transport.close()
            return
        run.left -= 1
        message, now = run.messages[run.left % len(run.messages)], time.perf_counter()
        self._sent = now if run.rate is None else run.started + (run.expected - run.left) / run.rate
        if self._sent > now:
            asyncio.get_running_loop().call_later(self._sent - now, self._transport.write, message)
        else:
            self._transport.write(message)

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if self._missing < 0:
            end = received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(received[:end]).lower()
            if not head.startswith(b"http/1.1 200"):
                self._run.fault = received.decode("latin-1")[:500]
                self._run.done.set()
                return
            self._missing = end + 4 + int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        if len(received) >= self._missing:
            received.clear()
            self._missing = -1
            run = self._run
            run.times.append(time.perf_counter() - self._sent)
            if len(run.times) == run.expected:
                run.done.set()
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None or self._missing >= 0 or (self._run.left and not self._transport.is_closing()):
            self._run.fault = self._run.fault or f"the connection was closed: {error}"
            self._run.done.set()


def write_messages(work: dict[str, Any]) -> Iterator[bytes]:
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {work['token']}\r\n"
    if not work.get("posts"):
        for path in work["paths"]:
            yield f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()
        return
    for post in work["posts"]:
        body = post["body"].encode()
        headers = "".join(f"{name}: {value}\r\n" for name, value in post["headers"].items())
        start = f"POST {work['paths'][0]} HTTP/1.1\r\n{head}{headers}Content-Length: {len(body)}\r\n\r\n"
        yield start.encode() + body


async def load(work: dict[str, Any]) -> dict[str, Any]:
    messages = [*write_messages(work)]
    run = Run(work["requests"], messages, work.get("rate"), expected=work["requests"])
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    for _ in range(work["clients"]):
        await loop.create_connection(lambda: Client(run), "127.0.0.1", work["port"])
    await run.done.wait()
    seconds = time.perf_counter() - started
    if run.fault:
        return {"fault": run.fault}
    times = sorted(run.times)
    return {
        "seconds": seconds,
        "median": 1000 * times[len(times) // 2],
        "slowest": 1000 * times[len(times) * 99 // 100],
    }


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asyncio.run(load(json.loads(line)))) + "\n")
        sys.stdout.flush()
