"""A small HTTP server for deliveries on this machine. It limits the time, size and number of requests.

The receiver handles a delivery, and the command decides what happens to its events.
"""

import io
import os
import socket
import socketserver
import time
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Lock
from typing import Any

from conn_engine.errors import CredentialError, UsageError
from conn_engine.urls import split_plain_url
from conn_engine.webhooks import MAX_DELIVERY_BYTES, Delivery
from conn_engine.webhooks.request_text import DeliveryTooLongError, unpack
from conn_engine.wire import Headers, Response

__all__ = ["DeliveryHandler", "DeliveryServer"]

DeliveryHandler = Callable[[Delivery, str], Response]
"""Returns the response to a delivery and the requested path. It never raises."""

MOST_AT_ONCE = 32
SECONDS = 30.0
_LINE = 65_536
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class DeliveryServer(ThreadingHTTPServer):
    """Passes deliveries to `take`. `port` is the port that it listens on, and `public` the URL that the vendor calls,
    if that is different.

    Raises CredentialError if it cannot listen.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # elsewhere it would let two programs listen on one port
    request_queue_size = 64

    def __init__(
        self, host: str, port: int, take: DeliveryHandler, public: str | None = None, seconds: float = SECONDS
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.take = take
        self.public = public
        self.seconds = seconds
        self._free = BoundedSemaphore(MOST_AT_ONCE)
        self._unread: dict[socket.socket, None] = {}  # connections whose request has not arrived, oldest first
        self._lock = Lock()
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = str(getattr(error, "strerror", None) or error).lower()
            raise CredentialError(
                f"cannot listen on port {port} of {host}: {reason}", hint="choose another port: --port PORT"
            ) from None
        self.port = int(self.server_address[1])

    def server_bind(self) -> None:
        """Bind without looking up the name of the machine, which can take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle each connection in a thread. When there are too many, cut off the one that is slowest to send."""
        if not self._free.acquire(blocking=False):
            self._cut_off_slowest()
            if not self._free.acquire(timeout=0.5):
                self._turn_away(request)
                return
        with self._lock:
            self._unread[request] = None
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle one request."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.mark_read(request)
            self._free.release()

    def mark_read(self, connection: socket.socket) -> None:
        """Note that the request of a connection has arrived in full, or never will."""
        with self._lock:
            self._unread.pop(connection, None)

    def _cut_off_slowest(self) -> None:
        with self._lock:
            slowest = next(iter(self._unread), None)
            if slowest is not None:
                del self._unread[slowest]
                with suppress(OSError):  # already closed
                    slowest.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it

    def wait_for_replies(self, seconds: float = 2.0) -> None:
        """Wait for the responses that are being sent."""
        end = time.monotonic() + seconds
        for _ in range(MOST_AT_ONCE):
            if not self._free.acquire(timeout=max(0.0, end - time.monotonic())):
                return

    def _turn_away(self, request: Any) -> None:
        try:
            request.settimeout(1)
            request.sendall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        except OSError:
            pass
        self.shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore client errors, such as a dropped connection or a malformed request."""


class _InTime(io.RawIOBase):
    """Reads a connection until a deadline, which a slow sender cannot extend."""

    def __init__(self, connection: socket.socket, end: float) -> None:
        self._connection = connection
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        seconds_left = self._end - time.monotonic()
        if seconds_left <= 0:
            raise TimeoutError
        self._connection.settimeout(seconds_left)
        return self._connection.recv_into(buffer)


class _Refused(Exception):
    """A request that is not a delivery: the status is the reason."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: DeliveryServer
    headers: Message
    protocol_version = "HTTP/1.1"
    timeout = SECONDS

    def setup(self) -> None:
        super().setup()
        self.rfile = io.BufferedReader(_InTime(self.connection, time.monotonic() + self.server.seconds))

    def __getattr__(self, name: str) -> Any:
        if name.removeprefix("do_") in _METHODS:
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        self.close_connection = True
        try:
            delivery = self._delivery()
            self.server.mark_read(self.connection)
            response = self.server.take(delivery, self.path)
        except _Refused as refused:
            response = Response(refused.status)
        except DeliveryTooLongError:
            response = Response(413)
        except UsageError:
            response = Response(400)
        self._write(response)

    def _delivery(self) -> Delivery:
        headers = Headers([(str(name), str(value).strip()) for name, value in self.headers.items()])
        raw = self._body(headers)
        encoding = headers.get("content-encoding", "")
        body = unpack(raw, encoding)
        if len(body) > MAX_DELIVERY_BYTES:
            raise _Refused(413)
        return Delivery(self.command, self._url(headers), headers, body)

    def _url(self, headers: Headers) -> str:
        """Return the URL that the vendor called."""
        target = self.path if self.path.startswith("/") else "/"
        public = self.server.public
        if public is not None:
            path, mark, query = target.partition("?")
            base = split_plain_url(public)
            full_path = base.path if path == "/" else base.path.rstrip("/") + path
            return f"{base.scheme}://{base.netloc}{full_path or '/'}{mark}{query}"
        host = headers.get("x-forwarded-host") or headers.get("host") or f"127.0.0.1:{self.server.port}"
        return f"{headers.get('x-forwarded-proto', 'http')}://{host}{target}"

    def _body(self, headers: Headers) -> bytes:
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None:
            if length is not None or coding.strip().lower() != "chunked":
                raise _Refused(400 if length is not None else 501)
            return self._chunks()
        if length is None:
            return b""
        if not (length.isascii() and length.isdigit()) or len(length) > 12:
            raise _Refused(400)
        if int(length) > MAX_DELIVERY_BYTES:
            raise _Refused(413)
        return self._exactly(int(length))

    def _exactly(self, size: int) -> bytes:
        body = self.rfile.read(size)
        if len(body) < size:
            raise _Refused(400)
        return body

    def _chunks(self) -> bytes:
        pieces: list[bytes] = []
        total = 0
        while True:
            size = self._chunk_size()
            if size == 0:
                while self.rfile.readline(_LINE).strip():
                    pass  # trailers are ignored
                return b"".join(pieces)
            total += size
            if total > MAX_DELIVERY_BYTES:
                raise _Refused(413)
            pieces.append(self._exactly(size))
            if self.rfile.readline(3) not in (b"\r\n", b"\n"):
                raise _Refused(400)

    def _chunk_size(self) -> int:
        text = self.rfile.readline(_LINE).partition(b";")[0].strip()
        if not text or len(text) > 8 or text.strip(b"0123456789abcdefABCDEF"):
            raise _Refused(400)
        return int(text, 16)

    def _write(self, response: Response) -> None:
        self.connection.settimeout(10)
        self.send_response_only(response.status)
        for name, value in response.headers.pairs:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        body = response.body
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send only the status, so that nothing from the request is sent back."""
        _ = message, explain
        self.close_connection = True
        self.command = getattr(self, "command", None) or "GET"
        self.request_version = "HTTP/1.1"
        self._write(Response(int(code)))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing: a URL can contain a secret."""
