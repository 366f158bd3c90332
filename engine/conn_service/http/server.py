"""Run the service in this process: one event loop behind uvicorn."""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, cast

import uvicorn
from starlette.types import ASGIApp

from conn_service.http.health import DrainState
from conn_service.http.reading import ServiceLimits
from conn_service.http.slow_clients import build_protocol
from conn_service.notifying_server import NotifyingServer

__all__ = ["ServiceServer"]

_LOG = logging.getLogger(__name__)
_KEEP_ALIVE_SECONDS: Final = 30
_MONITOR_DRAIN_SECONDS: Final = 1
_BACKLOG: Final = 2_048
_SWITCH_SECONDS: Final = 0.001
"""How long the event loop waits for a thread that maps a large page. The default of 5 ms counts several times for each
request."""


@dataclass(slots=True)
class ServiceServer:
    """Serves an application until SIGINT, SIGTERM or `stop`, and then drains.

    Draining has two parts. For `drain_delay` seconds, `/health/ready` is 503 and requests are still answered, each with
    `Connection: close`, so that a load balancer turns away. Then the port is closed; requests and streams at work have
    `drain_seconds` to end, and are cut after that. `monitor` is served on its own socket until the end.
    """

    app: ASGIApp
    listener: socket.socket
    drain: DrainState
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    drain_seconds: float = 30.0
    drain_delay: float = 0.0
    monitor: tuple[ASGIApp, socket.socket] | None = None
    _server: "_DrainingServer | None" = None

    def run(self, started: Callable[[], None]) -> None:
        """Serve. `started` is called when requests are accepted."""
        for name in ("uvicorn", "uvicorn.error"):
            logging.getLogger(name).setLevel(logging.WARNING)
        config = self._configure(self.app, self.drain_seconds)
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._server = _DrainingServer(config, self.drain, self.drain_delay, started)
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(self._serve(self._server))

    def stop(self) -> None:
        """Begin to drain. Another thread may call it."""
        if self._server is not None:
            self._server.should_exit = True

    async def _serve(self, server: "_DrainingServer") -> None:
        if self.monitor is None:
            await server.serve(sockets=[self.listener])
            return
        app, listener = self.monitor
        monitor = _QuietServer(self._configure(app, _MONITOR_DRAIN_SECONDS, lifespan="off"))
        watching = asyncio.create_task(monitor.serve(sockets=[listener]))
        try:
            await server.serve(sockets=[self.listener])
        finally:
            monitor.should_exit = True
            await watching

    def _configure(self, app: ASGIApp, drain_seconds: float, lifespan: str = "on") -> uvicorn.Config:
        return uvicorn.Config(
            app,
            http=build_protocol(self.limits),
            ws="none",
            lifespan="off" if lifespan == "off" else "on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=cast("int", drain_seconds),  # asyncio gets it, and takes fractions
            backlog=_BACKLOG,
        )


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to another one."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class _DrainingServer(NotifyingServer):
    def __init__(self, config: uvicorn.Config, drain: DrainState, delay: float, started: Callable[[], None]) -> None:
        super().__init__(config, started)
        self._drain = drain
        self._delay = delay

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, and end."""
        self._drain.is_draining = True
        _LOG.info("draining: %d requests at work", len(self.server_state.tasks))
        if self._delay:
            self._close_after_answers()
            await asyncio.sleep(self._delay)
        await super().shutdown(sockets)
        _LOG.info("ended")

    def _close_after_answers(self) -> None:
        """Let each connection end after its next answer, so that clients connect to another replica."""
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        for connection in self.server_state.connections:
            cycle = getattr(connection, "cycle", None)
            if cycle is not None:
                cycle.keep_alive = False
