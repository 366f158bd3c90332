"""Run the service in this process: one event loop behind uvicorn."""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from conn_engine.errors import UsageError

__all__ = ["listen", "run_server"]

_DRAIN_SECONDS = 30
_KEEP_ALIVE_SECONDS = 30
_MOST_AT_ONCE = 1_000
_SWITCH_SECONDS = 0.001
"""How long the event loop waits for a thread that maps a large page. The default of 5 ms counts several times for each
request."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Port 0 takes a free one. Raises UsageError if the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}",
            hint="stop the program that uses the port, or pass another one: --port 8081",
        ) from None
    return listener


def run_server(app: ASGIApp, listener: socket.socket, started: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM. Requests at work are finished first."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        limit_concurrency=_MOST_AT_ONCE,
        backlog=2048,
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    sys.setswitchinterval(_SWITCH_SECONDS)
    server = _Server(config, started)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener]))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            self._started()
