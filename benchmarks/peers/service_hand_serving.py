"""How the services that are written by hand are served."""

import asyncio
import logging
import socket
import sys

import uvicorn
from starlette.applications import Starlette

__all__ = ["run"]


def run(app: Starlette) -> None:
    """Print a port, and serve an application there until the standard input ends."""
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(config))


async def _serve(config: uvicorn.Config) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    server.should_exit = True
    await running
