"""Keeps the exchanges that pass through another transport. Writing them is `recordings`'."""

from collections.abc import Mapping
from typing import Any, Literal

from conn_engine.errors import InternalError
from conn_engine.recordings.exchanges import exchange_of
from conn_engine.recordings.files import Exchange, RecordedCall, Recording
from conn_engine.transport import AsyncTransport, Transport
from conn_engine.wire import Request, Response

__all__ = ["Recorder"]


class Recorder:
    """A transport around another, sync or async. `exchanges` keep their secrets until they are saved.

    Token requests are passed on but not kept (unless `tokens`): replay works with a made-up valid
    credential, and nothing of a token exchange may lie in a file. Exchanges without an answer are not kept
    either.
    """

    def __init__(self, inner: Transport | AsyncTransport, *, tokens: bool = False) -> None:
        self._inner: Any = inner
        self._tokens = tokens
        self.exchanges: list[Exchange] = []

    def send(self, request: Request) -> Response:
        """Ask the inner transport and keep what it answers."""
        if not hasattr(self._inner, "send"):
            raise InternalError("an asynchronous transport is recorded with asend")
        return self._keep(request, self._inner.send(request))

    async def asend(self, request: Request) -> Response:
        """As `send`, over an asynchronous transport."""
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
        """What was kept so far as a recording. Not yet redacted: `save_recording` does that."""
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
