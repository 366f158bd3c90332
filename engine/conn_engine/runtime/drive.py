"""Drives an operation's generator, synchronously or asynchronously: decides what each effect means. No HTTP here:
the transport sends, the vault stores, the clock waits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any, Protocol, TypeVar

from conn_engine.errors import ConnError, CredentialError
from conn_engine.secrets import Redactor, Vault
from conn_engine.wire import Clock, Flow, Page, Renew, Request, Response, SystemClock, Wait

__all__ = ["AsyncSender", "Sender", "adrive", "drive", "finish"]

T = TypeVar("T")


class Sender(Protocol):
    """The synchronous door to the wire (see `transport`)."""

    def send(self, request: Request) -> Response:
        """Answer one request or raise TransportError."""
        ...


class AsyncSender(Protocol):
    """The asynchronous door to the wire."""

    async def asend(self, request: Request) -> Response:
        """Answer one request or raise TransportError."""
        ...


def drive(
    flow: Flow[Any],
    transport: Sender,
    vault: Vault,
    *,
    clock: Clock | None = None,
    redactor: Redactor | None = None,
) -> Iterator[Page]:
    """Yield an operation's pages as they become ready. Errors of the operation are raised here.

    A renewed credential is registered with `redactor` before it is used, so that nothing printed later shows it.
    """
    clock = clock or SystemClock()
    with closing(flow):
        result: Any = None
        fault: ConnError | None = None
        while True:
            try:
                effect = flow.throw(fault) if fault is not None else flow.send(result)
            except StopIteration:
                return
            result, fault = None, None
            if isinstance(effect, Page):
                yield effect
                continue
            try:
                if isinstance(effect, Request):
                    result = transport.send(effect)
                elif isinstance(effect, Wait):
                    clock.sleep(effect.seconds)
                else:
                    result = _renew(effect, transport, vault, clock, redactor)
            except ConnError as error:
                fault = error


def finish(
    flow: Flow[T], transport: Sender, vault: Vault, clock: Clock, redactor: Redactor | None = None
) -> T:
    """Run a flow that yields no pages to its end and return its result (a token exchange, a `verify` call)."""
    outcome: list[T] = []

    def capture() -> Flow[None]:
        outcome.append((yield from flow))

    for _ in drive(capture(), transport, vault, clock=clock, redactor=redactor):
        pass
    return outcome[0]


def _renew(
    effect: Renew, transport: Sender, vault: Vault, clock: Clock, redactor: Redactor | None
) -> dict[str, Any]:
    with vault.exclusive(effect.account):
        stored = vault.load(effect.account)
        if stored is None and not effect.stale:
            stored = {}  # a client credential that comes from the environment: nothing had to be stored
        if stored is None:
            raise CredentialError(
                f'account "{effect.account}" has no stored credential to renew',
                hint=f"run: conn auth login {effect.account}",
            )
        if dict(stored) != dict(effect.stale):  # another process or thread renewed it meanwhile
            return _registered(dict(stored), redactor)
        try:
            renewed = finish(effect.exchange(stored), transport, vault, clock, redactor)
        except CredentialError as error:
            raise _named(error, effect.account) from error
        _registered(renewed, redactor)
        vault.save(effect.account, renewed)  # before first use: a rotated refresh token must not be lost
        return renewed


def _named(error: CredentialError, account: str) -> CredentialError:
    """The error with the account's name in its mend."""
    return CredentialError(error.message, hint=error.hint.replace("ACCOUNT", account), findings=error.findings)


def _registered(document: dict[str, Any], redactor: Redactor | None) -> dict[str, Any]:
    if redactor is not None:
        redactor.add_document(document)
    return document


async def adrive(
    flow: Flow[Any],
    transport: AsyncSender,
    vault: Vault,
    *,
    redactor: Redactor | None = None,
) -> AsyncIterator[Page]:
    """`drive` for an event loop: the same generator, awaiting the transport; pauses do not block the loop."""
    with closing(flow):
        result: Any = None
        fault: ConnError | None = None
        while True:
            try:
                effect = flow.throw(fault) if fault is not None else flow.send(result)
            except StopIteration:
                return
            result, fault = None, None
            if isinstance(effect, Page):
                yield effect
                continue
            try:
                if isinstance(effect, Request):
                    result = await transport.asend(effect)
                elif isinstance(effect, Wait):
                    await asyncio.sleep(effect.seconds)
                else:
                    result = await _arenew(effect, transport, vault, redactor)
            except ConnError as error:
                fault = error


async def _arenew(
    effect: Renew, transport: AsyncSender, vault: Vault, redactor: Redactor | None
) -> dict[str, Any]:
    # The lock is held by a worker thread which waits for this coroutine: a file lock would block the loop.
    loop = asyncio.get_running_loop()

    def locked() -> dict[str, Any]:
        with vault.exclusive(effect.account):
            stored = vault.load(effect.account)
            if stored is None and not effect.stale:
                stored = {}
            if stored is None:
                raise CredentialError(
                    f'account "{effect.account}" has no stored credential to renew',
                    hint=f"run: conn auth login {effect.account}",
                )
            if dict(stored) != dict(effect.stale):
                return _registered(dict(stored), redactor)
            exchange = _afinish(effect.exchange(stored), transport, vault, redactor)
            try:
                renewed = asyncio.run_coroutine_threadsafe(exchange, loop).result()
            except CredentialError as error:
                raise _named(error, effect.account) from error
            _registered(renewed, redactor)
            vault.save(effect.account, renewed)
            return renewed

    return await asyncio.to_thread(locked)


async def _afinish(flow: Flow[T], transport: AsyncSender, vault: Vault, redactor: Redactor | None) -> T:
    outcome: list[T] = []

    def capture() -> Flow[None]:
        outcome.append((yield from flow))

    async for _ in adrive(capture(), transport, vault, redactor=redactor):
        pass
    return outcome[0]
