"""Host names to addresses, within a time. The one place that asks DNS: `Resolver` is the seam for it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeAlias

import httpcore

from conn_engine.transport.ip_ranges import parse_address

__all__ = ["Resolver", "aresolve_within", "resolve", "resolve_within"]

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the machine's resolver gives them, best first. Blocks; raises OSError."""
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # a label that is too long for DNS
        raise socket.gaierror(socket.EAI_NONAME, "no host has this name") from None
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


def resolve_within(resolver: Resolver, host: str, port: int, seconds: float) -> Sequence[str]:
    """The addresses of a host. Raises httpcore's ConnectError or ConnectTimeout.

    A look-up cannot be interrupted: it runs in a thread of its own and may be left behind.
    """
    if parse_address(host) is not None:
        return [host]
    addresses: list[str] = []
    faults: list[OSError] = []

    def look_up() -> None:
        try:
            addresses.extend(resolver(host, port))
        except OSError as error:
            faults.append(error)

    worker = threading.Thread(target=look_up, name="host look-up", daemon=True)
    worker.start()
    worker.join(seconds)
    if faults:
        _raise_unknown(faults[0])
    if not addresses:
        raise httpcore.ConnectTimeout("the host name was not found in time")
    return addresses


async def aresolve_within(resolver: Resolver, host: str, port: int, seconds: float) -> Sequence[str]:
    """As `resolve_within`, without blocking the event loop."""
    if parse_address(host) is not None:
        return [host]
    try:
        async with asyncio.timeout(seconds):
            addresses = await asyncio.get_running_loop().run_in_executor(None, resolver, host, port)
    except TimeoutError:
        raise httpcore.ConnectTimeout("the host name was not found in time") from None
    except OSError as error:
        _raise_unknown(error)
    if not addresses:
        raise httpcore.ConnectTimeout("the host name was not found in time")
    return addresses


def _raise_unknown(fault: OSError) -> NoReturn:
    try:
        raise fault
    except OSError as cause:  # as its context, which survives the pool raising this again "from None"
        raise httpcore.ConnectError("the host name is unknown") from cause
