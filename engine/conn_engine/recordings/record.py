"""Records the exchanges of another transport. `recordings.files` writes them."""

from collections.abc import Mapping
from typing import Any, Literal

from conn_engine.errors import InternalError
from conn_engine.recordings.exchanges import exchange_of
from conn_engine.recordings.files import Exchange, RecordedCall, Recording
from conn_engine.transport import AsyncTransport, Transport
from conn_engine.wire import Request, Response

__all__ = ["Recorder"]


class Recorder:
    """A transport around another one, sync or async. `exchanges` contain secrets until they are saved.

    Token requests are passed on but not recorded (unless `tokens` is true): a replay uses a synthetic credential, and
    no part of a token exchange may be written. Requests without a response are not recorded either.
    """

    def __init__(self, inner: Transport | AsyncTransport, *, tokens: bool = False) -> None:
        self._inner: Any = inner
        self._tokens = tokens
        self.exchanges: list[Exchange] = []

    def send(self, request: Request) -> Response:
        """Send a request with the inner transport, and record the exchange."""
        if not hasattr(self._inner, "send"):
            raise InternalError("an asynchronous transport is recorded with asend")
        return self._keep(request, self._inner.send(request))

    async def asend(self, request: Request) -> Response:
        """Send as `send` does, with an asynchronous transport."""
        if not hasattr(self._inner, "asend"):
            raise InternalError("a synchronous transport is recorded with send")
        return self._keep(request, await self._inner.asend(request))

    def _keep(self, request: Request, response: Response) -> Response:
        if self._tokens or request.purpose != "token":
            self.exchanges.append(exchange_of(request, response))
        return response

    def to_recording(
        self,
        *,
        connector: str,
        operation: str,
        recorded_at: str,
        source: Literal["live", "contract", "har", "sample"] = "live",
        scenario: str = "default",
        account: str = "",
        note: str = "",
        base_url: str = "",
        context: Mapping[str, Any] | None = None,
        left_out: tuple[str, ...] = (),
        call: RecordedCall | None = None,
    ) -> Recording:
        """Return the exchanges so far as a recording. It is not redacted; `save_recording` redacts it."""
        return Recording(
            connector=connector,
            operation=operation,
            recorded_at=recorded_at,
            source=source,
            scenario=scenario,
            account=account,
            note=note,
            base_url=base_url,
            context=dict(context or {}),
            left_out=left_out,
            call=call or RecordedCall(),
            exchanges=list(self.exchanges),
        )
