"""Calls that a rollout counts and compares, with what they exchange with the vendor."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from conn_engine.config import OperationName, Workspace
from conn_engine.recordings.exchanges import exchange_of
from conn_engine.recordings.files import Recording, redact_recording
from conn_engine.runtime.call import Call
from conn_engine.runtime.drive import AsyncSender, Sender
from conn_engine.runtime.variants import base_url
from conn_engine.runtime.wiring import Wiring
from conn_engine.testing.recorder import describe_call
from conn_engine.wire import Request, Response
from conn_service.rollouts.store import CallKey

__all__ = ["Exchanges", "ObservedCall", "ObservedPage", "ObservedTransport", "RunTransport", "WatchedCall"]

_MOST_BYTES: Final = 1_000_000
Exchanges: TypeAlias = list[tuple[Request, Response]]


@dataclass(frozen=True, slots=True)
class WatchedCall:
    """How a call is counted, and the workspaces of its account without and with the rollout."""

    key: CallKey
    before: Workspace
    after: Workspace

    @property
    def share(self) -> float:
        """The share of the calls to compare."""
        return self.before.settings.rollout.compare


@dataclass(frozen=True, slots=True)
class ObservedCall:
    """A call to compare, as it was made at a time. `is_continued` is set for a page that was read as a part of a
    listing, and may be another one if it is read by itself."""

    watched: WatchedCall
    wiring: Wiring
    operation: OperationName
    call: Call
    exchanges: Exchanges
    now: float
    is_continued: bool = False

    @property
    def account(self) -> str:
        """The account of the call."""
        return self.wiring.session.account

    @property
    def is_small(self) -> bool:
        """Whether it can be kept in memory until it is compared."""
        return sum(response.size for _, response in self.exchanges) <= _MOST_BYTES

    def to_recording(self) -> Recording:
        """Return it as a recording, without the secrets of the account."""
        effective = self.wiring.effective
        recording = Recording(
            connector=effective.connector_name,
            operation=self.operation.text,
            recorded_at=datetime.fromtimestamp(self.now, UTC).isoformat(),
            source="live",
            base_url=base_url(effective),
            context={name: effective.context[name] for name in effective.captured if name in effective.context},
            call=describe_call(self.call, wait=False, pages=1),
            exchanges=[exchange_of(*exchange) for exchange in self.exchanges if exchange[0].purpose != "token"],
        )
        return redact_recording(recording, self.wiring.redactor)


class ObservedTransport:
    """The transport of a connection, for one call. It remembers what it exchanges."""

    def __init__(self, inner: AsyncSender, exchanges: Exchanges) -> None:
        self._inner = inner
        self._exchanges = exchanges

    async def asend(self, request: Request) -> Response:
        """Send a request, and remember the exchange."""
        response = await self._inner.asend(request)
        self._exchanges.append((request, response))
        return response


class RunTransport:
    """The transport of a run. It remembers what it exchanges in a block, and nothing else."""

    def __init__(self, inner: Sender) -> None:
        self._inner = inner
        self._exchanges: Exchanges | None = None

    def send(self, request: Request) -> Response:
        """Send a request, and remember the exchange."""
        response = self._inner.send(request)
        if self._exchanges is not None:
            self._exchanges.append((request, response))
        return response

    @contextmanager
    def remember(self) -> Iterator[Exchanges]:
        """Yield a list that gets what is exchanged in the block."""
        exchanges = self._exchanges = Exchanges()
        try:
            yield exchanges
        finally:
            self._exchanges = None

    def close(self) -> None:
        """Close the transport."""
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()


@dataclass(frozen=True, slots=True)
class ObservedPage:
    """A page that a run with a release is about to read. `build_call` returns the call that reads it by itself, None if
    there is none. `is_continued` is set if it is not the first one of its listing in this process."""

    wiring: Wiring
    transport: RunTransport
    release: str
    operation: OperationName
    build_call: Callable[[], Call] | None
    is_continued: bool

    @property
    def now(self) -> float:
        """The time at which the run began, which its requests see."""
        session = self.wiring.session
        return session.clock.now() if session.now_ms is None else session.now_ms / 1000
