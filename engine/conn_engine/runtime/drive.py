"""Drive an operation's generator, synchronously or asynchronously, and carry out its effects.

There is no HTTP here: the transport sends, the vault stores, the clock waits.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import closing
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from conn_engine.errors import ConnError
from conn_engine.runtime.renewing import renew_under_lock
from conn_engine.secrets import Redactor, Vault
from conn_engine.wire import MACHINE_CLOCK, Clock, Effect, Flow, Page, Renew, Request, Response, Wait

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Executor

__all__ = ["AsyncSender", "Sender", "adrive", "afinish", "drive", "finish"]

T = TypeVar("T")
_LARGE_BYTES = 64 * 1024
"""About 2 ms of work."""


class Sender(Protocol):
    """Sends requests synchronously (see `transport`)."""

    def send(self, request: Request) -> Response:
        """Send one request and return its response. Raises TransportError."""
        ...


class AsyncSender(Protocol):
    """Sends requests asynchronously."""

    async def asend(self, request: Request) -> Response:
        """Send one request and return its response. Raises TransportError."""
        ...


def drive(
    flow: Flow[Any],
    transport: Sender,
    vault: Vault,
    *,
    clock: Clock = MACHINE_CLOCK,
    redactor: Redactor | None = None,
) -> Generator[Page, None, None]:
    """Yield an operation's pages as they become ready, and raise its errors.

    `clock` makes the pauses. A renewed credential is added to `redactor` before it is used, so that no output shows it.
    """
    with closing(flow):
        result: Any = None
        fault: ConnError | None = None
        while True:
            effect = _next(flow, result, fault)
            if effect is None:
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


def _next(flow: Flow[Any], result: Any, fault: ConnError | None) -> Effect | None:
    """Return the flow's next effect, given the result of the last one or the error to throw; None at its end."""
    try:
        return flow.throw(fault) if fault is not None else flow.send(result)
    except StopIteration:
        return None


def finish(flow: Flow[T], transport: Sender, vault: Vault, clock: Clock, redactor: Redactor | None = None) -> T:
    """Run a flow that yields no pages to its end and return its result (a token exchange, a `verify` call)."""
    outcome: list[T] = []

    def capture() -> Flow[None]:
        outcome.append((yield from flow))

    for _ in drive(capture(), transport, vault, clock=clock, redactor=redactor):
        pass
    return outcome[0]


def _renew(effect: Renew, transport: Sender, vault: Vault, clock: Clock, redactor: Redactor | None) -> dict[str, Any]:
    def ask(stored: dict[str, Any]) -> dict[str, Any]:
        return finish(effect.exchange(stored), transport, vault, clock, redactor)

    return renew_under_lock(effect, vault, clock, redactor, ask)


async def adrive(
    flow: Flow[Any],
    transport: AsyncSender,
    vault: Vault,
    *,
    clock: Clock = MACHINE_CLOCK,
    redactor: Redactor | None = None,
    aside: "asyncio.Semaphore | None" = None,
) -> AsyncGenerator[Page, None]:
    """Drive a flow in an event loop: await the transport, and pause without blocking the loop.

    What follows a large response runs in a thread, because reading and mapping it take long. With `aside`, every step
    does, as many at once as it has places: an isolated expression or a shared budget does not block the loop then.
    """
    import asyncio  # imported here: it adds 15 ms to the start of the command line

    with closing(flow):
        result: Any = None
        fault: ConnError | None = None
        while True:
            step = partial(_next, flow, result, fault)
            if aside is not None:
                async with aside:
                    effect = await _step_aside(step, _workers("conn-steps"))
            elif isinstance(result, Response) and len(result.body) >= _LARGE_BYTES:
                effect = await _step_aside(step, _workers("conn-large", 1))
            else:
                effect = step()
            if effect is None:
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
                    result = await _arenew(effect, transport, vault, clock, redactor)
            except ConnError as error:
                fault = error


async def _step_aside(step: Callable[[], Effect | None], workers: "Executor") -> Effect | None:
    """Run a step of a flow in a thread, so that the loop stays responsive.

    If the task is cancelled, the step finishes first: a generator cannot be closed while it runs.
    """
    import asyncio

    running = asyncio.get_running_loop().run_in_executor(workers, step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        running.exception()  # mark it as retrieved: the caller is gone
        raise


async def _arenew(
    effect: Renew, transport: AsyncSender, vault: Vault, clock: Clock, redactor: Redactor | None
) -> dict[str, Any]:
    # A file lock would block the loop, so a worker thread holds it and waits for this coroutine. It is not one of the
    # loop's own workers: if all of those waited, the exchange could not even look up a host name.
    import asyncio

    loop = asyncio.get_running_loop()

    def ask(stored: dict[str, Any]) -> dict[str, Any]:
        exchange = afinish(effect.exchange(stored), transport, vault, clock, redactor)
        return asyncio.run_coroutine_threadsafe(exchange, loop).result()

    return await loop.run_in_executor(_workers("conn-renewal"), renew_under_lock, effect, vault, clock, redactor, ask)


@cache
def _workers(name: str, count: int = 64) -> "Executor":
    """Return the threads for one kind of work. Each kind has its own, so that none waits for another."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(max_workers=count, thread_name_prefix=name)


async def afinish(  # noqa: PLR0917
    flow: Flow[T],
    transport: AsyncSender,
    vault: Vault,
    clock: Clock,
    redactor: Redactor | None = None,
    aside: "asyncio.Semaphore | None" = None,
) -> T:
    """Run a flow like `finish`, in an event loop."""
    outcome: list[T] = []

    def capture() -> Flow[None]:
        outcome.append((yield from flow))

    async for _ in adrive(capture(), transport, vault, clock=clock, redactor=redactor, aside=aside):
        pass
    return outcome[0]
