"""Serves the page of a workspace on this machine."""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from conn_service.listening import listen
from conn_service.notifying_server import NotifyingServer
from conn_service.studio.app import StudioSettings, create_app, find_read_only_reason
from conn_service.studio.guard import StudioSecrets

__all__ = ["PageServer", "open_page_server"]

_HOST = "127.0.0.1"


@dataclass(slots=True)
class PageServer:
    """The page of one workspace, on a port of this machine. It is served until SIGINT, SIGTERM or `stop`."""

    settings: StudioSettings
    keys: StudioSecrets
    listener: socket.socket
    _server: uvicorn.Server | None = None

    @property
    def read_only_reason(self) -> str:
        """Why nothing can be saved; "" if it can."""
        return self.settings.read_only_reason

    def get_first_url(self, path: str) -> str:
        """Return the URL that opens a session, once, and then shows a page."""
        sign = "&" if "?" in path else "?"
        return f"http://{_HOST}:{self.settings.port}{path}{sign}token={self.keys.token}"

    def run(self, started: Callable[[], None]) -> None:
        """Serve. `started` is called when requests are accepted."""
        for name in ("uvicorn", "uvicorn.error"):
            logging.getLogger(name).setLevel(logging.WARNING)
        config = uvicorn.Config(
            create_app(self.settings, self.keys),
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=2,
        )
        self._server = NotifyingServer(config, started)
        asyncio.run(self._server.serve(sockets=[self.listener]))

    def stop(self) -> None:
        """End serving. Another thread may call it."""
        if self._server is not None:
            self._server.should_exit = True


def open_page_server(
    root: Path, port: int, *, is_read_only: bool, store: str = "", service_store: str = "", actor: str = "unknown"
) -> PageServer:
    """Return the server of a workspace's page, which listens already. `store`, `service_store` and `actor` are those of
    `StudioSettings`. Raises UsageError if the port is in use."""
    listener = listen(_HOST, port)
    reason = find_read_only_reason(root, is_chosen=is_read_only)
    settings = StudioSettings(root, listener.getsockname()[1], reason, store, service_store, actor)
    return PageServer(settings, StudioSecrets(), listener)
