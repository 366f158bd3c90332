"""`/webhooks`: the deliveries of vendors. Each is verified and stored, and then the vendor gets its reply; its events
are made later, by a worker."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.errors import UsageError
from conn_engine.expressions.isolation import Isolation
from conn_engine.secrets import Vault
from conn_engine.webhooks import MAX_DELIVERY_BYTES, Delivery
from conn_engine.webhooks.request_text import DeliveryTooLongError, unpack
from conn_engine.wire import Clock, Headers
from conn_service.http.problems import HttpProblem
from conn_service.http.reading import ServiceLimits, read_bytes
from conn_service.http.request_record import find_record
from conn_service.inbox import ArrivalWriter, CurrentReceiver
from conn_service.revisions import ConfigurationSource

__all__ = ["DeliveryInbox", "build_webhook_routes"]

_LOG = logging.getLogger(__name__)
Stored = Future[bool] | None
"""Gets False if there is no room for a delivery. None: nothing of it is stored."""
_METHODS = ["GET", "HEAD", "POST", "PUT"]  # GET and HEAD: some vendors check an address with a challenge
_THREADS = 8
_THREADS_OF_LARGE = 2
"""Long bodies are uncompressed and parsed by these alone, so that there are two of them in memory at most."""
_MOST_WAITING = 200
"""Deliveries at once that are verified or wait for that; a vendor sends more of them again."""
_SHORT_BYTES = 64 * 2**10
"""What each body may have in any case, so that long ones cannot keep short ones out."""


@dataclass(slots=True)
class DeliveryInbox:
    """Verifies and stores deliveries. `public_url` is the address that vendors call, because some sign it; without it,
    that of the request is taken."""

    source: ConfigurationSource
    arrivals: ArrivalWriter
    environ: Mapping[str, str] = field(repr=False)
    vault: Vault
    clock: Clock
    isolation: Isolation
    evaluation: EvaluationLimits = DEFAULT_LIMITS
    public_url: str | None = None
    _receiver: CurrentReceiver = field(init=False)

    def __post_init__(self) -> None:
        self._receiver = CurrentReceiver(self.environ, self.vault, self.clock, self.isolation, self.evaluation)

    def has_address(self, connector: str, account: str | None) -> bool:
        """Return whether vendors can send to the address of a connector, or of an account."""
        _, workspace = self.source.get_current()
        if account is None:
            return connector in workspace.connectors()
        return workspace.has_account(account) and workspace.account(account).connector == connector

    def take(self, delivery: Delivery, connector: str, account: str | None) -> "tuple[Response, Stored] | None":
        """Verify a delivery and begin to store it. Return what to reply when it is stored, None if there is no such
        address."""
        _, workspace = self.source.get_current()
        if not self.has_address(connector, account):
            return None
        receiver = self._receiver.find(workspace)
        address = (account, connector if account is None else None)
        receipt, verified = receiver.verify(delivery, account=address[0], connector=address[1])
        now = self.clock.now()
        stored: Stored = None
        if receipt.refusal is not None:
            reason = f"{receipt.refusal.message} ({receipt.refusal.code})"
            stored = self.arrivals.refuse(connector, account, reason, now)
        elif receipt.error is not None and receiver.get_wiring(*address).effective.webhooks is None:
            return None  # anybody may send to it, and nothing is wrong here
        elif receipt.error is not None:
            _LOG.error("a delivery to %s cannot be received: %s", account or connector, receipt.error.message)
        elif verified is not None:
            stored = self.arrivals.add(connector, verified, now)
        reply = receipt.reply
        return Response(reply.body, reply.status, dict(reply.headers.pairs)), stored


@dataclass(slots=True)
class _BodyMemory:
    """The memory that the bodies of all deliveries at once have: anybody may send them."""

    left: int

    @contextmanager
    def count(self) -> Iterator[Callable[[int], None]]:
        """Yield what counts the parts of one body until its delivery has a reply. It raises HttpProblem 503."""
        size = taken = 0

        def take(more: int) -> None:
            nonlocal size, taken
            size += more
            wanted = max(0, size - _SHORT_BYTES) - taken
            if wanted > self.left:
                raise _build_overload()
            self.left -= wanted
            taken += wanted

        try:
            yield take
        finally:
            self.left += taken


def _build_overload(detail: str = "too many deliveries at once") -> HttpProblem:
    return HttpProblem(503, "overloaded", detail, headers={"retry-after": "5"})


def _may_be_large(request: Request, content: bytes) -> bool:
    """Return whether a body may take much memory: it is long, or may be when it is uncompressed."""
    return len(content) > _SHORT_BYTES or "content-encoding" in request.headers


def build_webhook_routes(inbox: DeliveryInbox, limits: ServiceLimits) -> list[Route]:
    """Return the routes that vendors call. They need no token: the deliveries themselves are verified."""
    pool = ThreadPoolExecutor(_THREADS, "conn-webhooks")
    pool_of_large = ThreadPoolExecutor(_THREADS_OF_LARGE, "conn-large-webhooks")
    waiting = asyncio.Semaphore(_MOST_WAITING)
    memory = _BodyMemory(limits.delivery_bytes)

    async def receive(request: Request) -> Response:
        connector, account = request.path_params["connector"], request.path_params.get("account")
        if not inbox.has_address(connector, account):
            raise _build_unknown()
        find_record(request).connector = connector
        with memory.count() as count:
            content = await read_bytes(request, limits, MAX_DELIVERY_BYTES, count)
            if waiting.locked():
                raise _build_overload()

            def work() -> tuple[Response, Stored] | None:
                return inbox.take(_build_delivery(request, inbox.public_url, content), connector, account)

            async with waiting:
                chosen = pool_of_large if _may_be_large(request, content) else pool
                taken = await asyncio.get_running_loop().run_in_executor(chosen, work)
                if taken is None:
                    raise _build_unknown()
                response, stored = taken
                if stored is not None and not await asyncio.wrap_future(stored):
                    raise _build_overload("too many deliveries that nothing verifies")
        return response

    return [
        Route("/webhooks/{connector}", receive, methods=_METHODS),
        Route("/webhooks/{connector}/{account}", receive, methods=_METHODS),
    ]


def _build_unknown() -> HttpProblem:
    return HttpProblem(404, "not_found", "there is no such address for deliveries")


def _build_delivery(request: Request, public_url: str | None, content: bytes) -> Delivery:
    """Return the delivery of a request. Uncompressing it takes time. Raises HttpProblem."""
    headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
    path = (request.scope.get("raw_path") or request.url.path.encode()).decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    base = str(request.base_url).rstrip("/") if public_url is None else public_url.rstrip("/")
    try:
        body = unpack(content, headers.get("content-encoding", ""))
    except DeliveryTooLongError:
        raise HttpProblem(413, "too_large", "the body is too large") from None
    except UsageError:
        raise HttpProblem(400, "invalid_request", "the body cannot be uncompressed") from None
    return Delivery(request.method, f"{base}{path}{f'?{query}' if query else ''}", headers, body)
