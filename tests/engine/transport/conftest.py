"""Real servers on 127.0.0.1: one that speaks HTTP and keeps what it got, one of raw bytes."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from vendor import Vendor, start_vendor

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def new_site() -> Iterator[Callable[..., Vendor]]:
    """`new_site(address, port, tls)`: start a vendor."""
    with ExitStack() as stack:
        yield lambda *place, **more: stack.enter_context(start_vendor(None, *place, **more))


@pytest.fixture
def site(new_site: Callable[..., Vendor]) -> Vendor:
    return new_site()


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Start a server that reads a request's head, then lets a function write what it likes to the socket."""
    listeners = []

    def start(talk: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def one(connection: socket.socket) -> None:
            with connection:
                head = b""
                try:
                    while b"\r\n\r\n" not in head:
                        part = connection.recv(65536)
                        if not part:
                            return
                        head += part
                    talk(connection)
                except OSError:
                    pass

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()
