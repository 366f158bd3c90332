"""Open the port of a server."""

import socket

from conn_engine.errors import UsageError

__all__ = ["listen"]


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
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
            hint=f"stop the program that uses the port, or pass another one: {option} 8081",
        ) from None
    return listener
