"""Streamable HTTP, by the library of the protocol: one request of a client, without a stored session."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from conn_service.http.problems import HttpProblem
from conn_service.http.reading import ServiceLimits
from conn_service.http.waiting import wait_in_time
from conn_service.mcp.server import build_session_server
from conn_service.mcp.session import AgentSession

__all__ = ["ProtocolResponse", "check_sender"]

_GRACE_SECONDS: Final = 5.0
"""Time beyond that of a tool call, in which a result can still report that the call ran out of time."""
_PROBLEMS: Final = {
    400: (415, "invalid_request", "the body is not JSON", "send Content-Type: application/json"),
    421: (
        403,
        "forbidden",
        "the Host header is not one of this service",
        "start conn serve with --public-url, the address that clients use",
    ),
    403: (403, "forbidden", "the Origin header is not one of this service", "call it from a program, or its own site"),
}


async def check_sender(request: Request, hosts: Sequence[str], origins: Sequence[str]) -> None:
    """Raise HttpProblem for a request to another host, or from a page of another origin. A port `*` is any."""
    settings = TransportSecuritySettings(allowed_hosts=list(hosts), allowed_origins=list(origins))
    refusal = await TransportSecurityMiddleware(settings).validate_request(request, is_post=True)
    if refusal is not None:
        status, kind, detail, fix = _PROBLEMS[refusal.status_code]
        raise HttpProblem(status, kind, detail, fix)  # type: ignore[arg-type]


class ProtocolResponse(Response):
    """The answer to the message in the body of a request. Work that only reads ends when the client is gone."""

    def __init__(self, version: str, session: AgentSession, body: bytes, limits: ServiceLimits) -> None:
        super().__init__()
        self._server = build_session_server(version, session)
        self._message = body
        self._until_done = session.writes
        self._limits = replace(limits, request_seconds=session.seconds + _GRACE_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the message. The answer is sent after the work: once it has it, a client is gone for the server."""
        work = self._find_answer(scope, receive)
        for part in await wait_in_time(Request(scope, receive), work, self._limits, until_done=self._until_done):
            await send(part)

    async def _find_answer(self, scope: Scope, receive: Receive) -> list[Message]:
        waiting: list[Message] = [{"type": "http.request", "body": self._message, "more_body": False}]
        parts: list[Message] = []

        async def read() -> Message:
            return waiting.pop() if waiting else await receive()

        async def write(part: Message) -> None:
            parts.append(part)

        manager = StreamableHTTPSessionManager(self._server, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, read, write)
        return parts
