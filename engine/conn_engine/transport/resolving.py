"""Resolve host names within a time limit. This is the only place that uses DNS; `Resolver` is its interface."""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import NoReturn, TypeAlias

import httpcore

from conn_engine.transport.ip_ranges import parse_address

__all__ = ["Resolver", "aresolve_within", "resolve", "resolve_within"]

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]

_NOT_IN_TIME = "the host name was not found in time"


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host from the machine's resolver, best first. Blocks; raises OSError."""
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # a label that is too long for DNS
        raise socket.gaierror(socket.EAI_NONAME, "no host has this name") from None
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


def resolve_within(resolver: Resolver, host: str, port: int, seconds: float) -> Sequence[str]:
    """Return the addresses of a host. Raises httpcore's ConnectError or ConnectTimeout.

    A look-up cannot be interrupted. It runs in its own thread, which may be left behind.
    """
    if parse_address(host) is not None:
        return [host]
    result: Future[Sequence[str]] = Future()
    _start_look_up(resolver, host, port, result)
    try:
        return _require_address(result.result(seconds))
    except TimeoutError:
        raise httpcore.ConnectTimeout(_NOT_IN_TIME) from None
    except OSError as fault:
        _raise_unknown(fault)


async def aresolve_within(resolver: Resolver, host: str, port: int, seconds: float) -> Sequence[str]:
    """Return the addresses like `resolve_within`, without blocking the event loop or its shutdown."""
    if parse_address(host) is not None:
        return [host]
    result: Future[Sequence[str]] = Future()
    _start_look_up(resolver, host, port, result)
    try:
        async with asyncio.timeout(seconds):
            return _require_address(await asyncio.wrap_future(result))
    except TimeoutError:
        raise httpcore.ConnectTimeout(_NOT_IN_TIME) from None
    except OSError as fault:
        _raise_unknown(fault)


def _start_look_up(resolver: Resolver, host: str, port: int, result: "Future[Sequence[str]]") -> None:
    def look_up() -> None:
        try:
            addresses = resolver(host, port)
        except Exception as fault:
            with suppress(InvalidStateError):  # the caller no longer waits for it
                result.set_exception(fault)
        else:
            with suppress(InvalidStateError):
                result.set_result(addresses)

    threading.Thread(target=look_up, name="host look-up", daemon=True).start()


def _require_address(addresses: Sequence[str]) -> Sequence[str]:
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "the host has no address")
    return addresses


def _raise_unknown(fault: OSError) -> NoReturn:
    try:
        raise fault
    except OSError as cause:  # as the context, which remains when the pool raises this again "from None"
        raise httpcore.ConnectError("the host name is unknown") from cause
