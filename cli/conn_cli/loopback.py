"""Receive the response to a consent with a listener on this machine (RFC 8252, 7.3).

A response with a wrong state is refused, and the listener continues to wait.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.urls import split_plain_url

if TYPE_CHECKING:
    from conn_engine.auth import Consent

__all__ = ["Listener", "is_local", "open_listener"]

_LOCAL = ("127.0.0.1", "localhost")
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>conn</title>
<body style="font-family:sans-serif;margin:4em"><p>{}</p></body></html>"""
_DONE = "The response has arrived. You can close this window and return to the terminal."
_DENIED = "Access was not granted. You can close this window. The terminal shows details."
_STRANGE = "This response does not belong to the current login. Open the URL that the command printed."


def is_local(redirect_uri: str) -> bool:
    """Return whether a redirect URI leads to this machine, so that the response can be received."""
    parts = split_plain_url(redirect_uri)
    return parts.scheme == "http" and parts.hostname in _LOCAL


class Listener:
    """Receives the response to one consent at `redirect_uri`. `refused` counts the responses with a wrong state."""

    def __init__(self, redirect_uri: str, port: int) -> None:
        parts = split_plain_url(redirect_uri)
        self.path = parts.path or "/"
        self.refused = 0
        self.consent: Consent | None = None
        self.answers: Queue[dict[str, str]] = Queue()
        try:
            self.server = _Server(("127.0.0.1", port), _handler(self))
        except OSError as error:
            raise _no_port(port, error) from None
        self.port = self.server.server_address[1]
        self.redirect_uri = parts._replace(netloc=f"{parts.hostname}:{self.port}").geturl()

    def wait(self, consent: "Consent", seconds: float) -> dict[str, str]:
        """Return the parameters of the response. Raises CredentialError if none arrives in time."""
        end = time.monotonic() + seconds
        while (seconds_left := end - time.monotonic()) > 0:
            try:  # in slices: an unbounded wait could not be interrupted everywhere
                return self.answers.get(timeout=min(seconds_left, 0.5))
            except Empty:
                continue
        strange = f"; responses with a wrong state were refused: {self.refused}" if self.refused else ""
        raise CredentialError(
            f"no consent was given within {seconds:g} s at {split_plain_url(consent.url).hostname}{strange}",
            hint="run the command again and open the URL in time, or allow more time: --timeout SECONDS",
        )

    def judge(self, target: str) -> tuple[int, str, dict[str, str] | None]:
        """Return the status and text for a request, and the response to the consent in it. Thread-safe."""
        parts = split_plain_url(target)
        if parts.path != self.path or self.consent is None:
            return 404, "Not found.", None
        answer = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=50))
        if not self.consent.has_state(answer):
            self.refused += 1
            return 400, _STRANGE, None
        return 200, _DENIED if "error" in answer or self.consent.is_denied(answer) else _DONE, answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # elsewhere it would let two programs listen on one port

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore client errors: a browser that hangs up does not end the login."""


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # a browser may connect ahead and send nothing

        def do_GET(self) -> None:
            answer: dict[str, str] | None = None
            try:
                status, words, answer = listener.judge(self.path)
            except ValueError:
                status, words = 400, _STRANGE
            try:
                self._show(status, words)
            finally:  # not earlier: the process can end after the answer, before the page is sent
                if answer is not None:
                    listener.answers.put(answer)

        def _show(self, status: int, words: str) -> None:
            page = _PAGE.format(words).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Log nothing: the request line contains the code."""

    return Handler


def _no_port(port: int, error: OSError) -> CredentialError:
    import errno

    if error.errno == errno.EADDRINUSE:
        return CredentialError(
            f"port {port} of 127.0.0.1, where the vendor sends the response, is in use by another program",
            hint="stop that program, or register another redirect URI and set redirect_uri or redirect_port",
        )
    return CredentialError(
        f"cannot listen on port {port} of 127.0.0.1, where the vendor sends the response: {error.strerror}",
        hint="set redirect_port to a port above 1023, and register that URL with the vendor",
    )


@contextmanager
def open_listener(redirect_uri: str | None, port: int | None) -> Iterator[Listener]:
    """Listen at a redirect URI on this machine during the block, by default at /callback on a free port.

    Raises ConfigurationError for an invalid URI, and CredentialError if the port is in use.
    """
    uri = redirect_uri or f"http://127.0.0.1:{port or 0}/callback"
    try:
        number = split_plain_url(uri).port
    except ValueError:
        raise ConfigurationError(
            f"redirect_uri {uri!r} has an invalid port",
            hint="use a port from 1 to 65535, such as http://127.0.0.1:4321/callback",
        ) from None
    listener = Listener(uri, 80 if number is None else number)
    if number is None:
        listener.redirect_uri = uri
    thread = Thread(target=listener.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.server.shutdown()
        listener.server.server_close()
        thread.join(timeout=5)
