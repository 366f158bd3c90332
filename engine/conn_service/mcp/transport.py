"""Streamable HTTP, by the library of the protocol: one request of a client, without a stored session."""

from collections.abc import Sequence
from typing import Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from conn_service.http.problems import HttpProblem
from conn_service.mcp.server import build_session_server
from conn_service.mcp.session import AgentSession

__all__ = ["ProtocolResponse", "check_sender"]

_PROBLEMS: Final = {
    400: (415, "invalid_request", "the body is not JSON", "send Content-Type: application/json"),
    421: (403, "forbidden", "the Host header is not one of this service", "start conn serve with its --public-url"),
    403: (403, "forbidden", "the Origin header is not one of this service", "call it from a program, or its own site"),
}


async def check_sender(request: Request, sites: Sequence[str]) -> None:
    """Raise HttpProblem for a request that a page of another site may have sent. `sites` are the origins of the
    service; a port `*` is any."""
    hosts = [site.partition("://")[2] for site in sites]
    settings = TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=list(sites))
    refusal = await TransportSecurityMiddleware(settings).validate_request(request, is_post=True)
    if refusal is not None:
        status, kind, detail, fix = _PROBLEMS[refusal.status_code]
        raise HttpProblem(status, kind, detail, fix)  # type: ignore[arg-type]


class ProtocolResponse(Response):
    """The answer to the message in the body of a request."""

    def __init__(self, version: str, session: AgentSession, body: bytes) -> None:
        super().__init__()
        self._server = build_session_server(version, session)
        self._message = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the message."""
        waiting: list[Message] = [{"type": "http.request", "body": self._message, "more_body": False}]

        async def read() -> Message:
            return waiting.pop() if waiting else await receive()

        manager = StreamableHTTPSessionManager(self._server, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, read, send)
