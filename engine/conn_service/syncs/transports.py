"""The transports of accounts: the runs of an account in a worker share one, with its open connections."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from threading import Condition
from typing import Final

from conn_engine.secrets import Redactor
from conn_engine.transport.live import Live
from conn_engine.wire import Clock, Request, Response

__all__ = ["LentTransport", "TransportPool"]

_IDLE_SECONDS: Final = 60.0
_MOST_IDLE: Final = 32
_LAST_SECONDS: Final = 8.0
"""How long a worker that is stopped waits for the answer to a request for a token, in which a used one is replaced."""


@dataclass(slots=True)
class _Shared:
    """A transport with the number of its users, and when the last one has given it back."""

    redactor: Redactor = field(default_factory=Redactor)
    live: Live | None = None
    users: int = 0
    idle_since: float = 0.0


class TransportPool:
    """Lends transports by a key. One that nobody has used for a minute is closed, and so are the oldest of many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lock = Condition()
        self._token_requests = 0
        self._shared: dict[Hashable, _Shared] = {}

    def __len__(self) -> int:
        return len(self._shared)

    def borrow(self, key: Hashable) -> "LentTransport":
        """Return the transport of a key. Its user closes it, which gives it back."""
        with self.lock:
            shared = self._shared.setdefault(key, _Shared())
            shared.users += 1
            self._close_idle()
        return LentTransport(self, shared)

    def give_back(self, shared: _Shared) -> None:
        """Take note that a user needs a transport no longer."""
        with self.lock:
            shared.users -= 1
            shared.idle_since = self._clock.now()
            self._close_idle()

    def close(self) -> None:
        """Close all transports, after the requests for tokens that are sent."""
        with self.lock:
            self.lock.wait_for(lambda: not self._token_requests, _LAST_SECONDS)
            for shared in self._shared.values():
                if shared.live is not None:
                    shared.live.close()
            self._shared = {}

    @contextmanager
    def keep_open(self) -> Iterator[None]:
        """Let `close` wait until the block has ended."""
        with self.lock:
            self._token_requests += 1
        try:
            yield
        finally:
            with self.lock:
                self._token_requests -= 1
                self.lock.notify_all()

    def _close_idle(self) -> None:
        now = self._clock.now()
        idle = sorted((key for key, shared in self._shared.items() if not shared.users), key=self._get_age)
        for position, key in enumerate(idle):
            shared = self._shared[key]
            if len(idle) - position > _MOST_IDLE or now - shared.idle_since >= _IDLE_SECONDS:
                del self._shared[key]
                if shared.live is not None:
                    shared.live.close()

    def _get_age(self, key: Hashable) -> float:
        return self._shared[key].idle_since


class LentTransport:
    """A transport that others may use too. `redactor` is for the wiring of its user."""

    def __init__(self, pool: TransportPool, shared: _Shared) -> None:
        self._pool, self._shared, self._is_closed = pool, shared, False
        self._sent = 0

    @property
    def redactor(self) -> Redactor:
        """What removes the secrets of the account."""
        return self._shared.redactor

    def connect(self, make: Callable[[], Live]) -> None:
        """Use the transport that `make` returns, unless another one is in use."""
        with self._pool.lock:
            if self._shared.live is None:
                self._shared.live = make()

    def send(self, request: Request) -> Response:
        """Send one request and return its response. Raises TransportError."""
        if self._shared.live is None:
            raise RuntimeError("the transport is not connected")
        self._sent += 1
        with self._pool.keep_open() if request.purpose == "token" else nullcontext():
            return self._shared.live.send(request)

    def take_sent(self) -> int:
        """Return how many requests were sent since the last call."""
        sent, self._sent = self._sent, 0
        return sent

    def close(self) -> None:
        """Give the transport back."""
        if not self._is_closed:
            self._is_closed = True
            self._pool.give_back(self._shared)
