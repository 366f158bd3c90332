"""The connections of an event loop: when one is used again, and what it does with data that nobody waits for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
import uvloop
from trusting import HERE

from conn_engine.errors import TransportError
from conn_engine.transport.live import AsyncLive
from conn_engine.wire import Request

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Counts connections and requests. `after` is sent behind each answer, which is `answer`."""

    def __init__(self, answer: bytes = ANSWER, after: bytes = b"", closes: bool = False) -> None:
        self.answer, self.after, self.closes = answer, after, closes
        self.connections = 0
        self.arrived = asyncio.Event()
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head)
                writer.write(self.answer)
                if self.after:
                    await self.arrived.wait()
                    writer.write(self.after)
                if self.closes:
                    break
        writer.close()


def ask(server: Server, count: int, factory: Callable[[], asyncio.AbstractEventLoop]) -> list[int]:
    """Send requests one after the other, and return the sizes of the bodies."""

    async def run() -> list[int]:
        server.arrived = asyncio.Event()
        opened = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = opened.sockets[0].getsockname()[1]
        sizes = []
        async with opened, AsyncLive(trust=HERE) as live:
            for _ in range(count):
                response = await live.asend(Request("GET", f"http://127.0.0.1:{port}/x"))
                sizes.append(len(response.body))
                server.arrived.set()
                for _ in range(5):  # what the server sends behind the answer, and its end, arrive
                    await asyncio.sleep(0.001)
                server.arrived.clear()
        return sizes

    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(run())


loops = pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])


@loops
def test_one_connection_for_requests_one_after_the_other(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    server = Server()
    assert ask(server, 5, factory) == [2] * 5
    assert (server.connections, len(server.requests)) == (1, 5)


@loops
@pytest.mark.parametrize("server", [Server(closes=True), Server(after=ANSWER)], ids=["closed", "more"])
def test_a_connection_that_is_closed_or_has_more_data_is_not_used_again(
    server: Server, factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    server.connections = 0
    assert ask(server, 3, factory) == [2] * 3
    assert server.connections == 3


@loops
def test_a_large_body_arrives_whole(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    size = 3_000_000
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    assert ask(server, 2, factory) == [size] * 2
    assert server.connections == 1


@loops
def test_a_body_that_breaks_off(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nxx", closes=True)
    with pytest.raises(TransportError) as caught:
        ask(server, 1, factory)
    assert caught.value.fault == "truncated"
