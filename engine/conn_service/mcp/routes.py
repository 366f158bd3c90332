"""`/mcp`: the tools of an account for agents, over streamable HTTP.

No session is stored: each request has its token, and any replica can answer it. The library of the protocol is imported
by the first request, since most services have no agents.
"""

import asyncio
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conn_engine.config import Workspace
from conn_engine.urls import split_plain_url
from conn_service.connect.settings import parse_origin
from conn_service.http.callers import build_permit, check_scope
from conn_service.http.problems import HttpProblem
from conn_service.http.reading import read_bytes
from conn_service.http.request_record import find_record
from conn_service.http.revision_cache import RevisionCache
from conn_service.http.service import ServiceParts
from conn_service.http.tokens import ApiToken
from conn_service.mcp.confirmations import Confirmations, read_signing_key
from conn_service.mcp.session import AGENT_WORDS, AgentAccount, AgentSession, build_agent_account

__all__ = ["build_agent_routes"]

_MOST_BYTES: Final = 1 << 20
_LOCAL: Final = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class _AgentRoutes:
    parts: ServiceParts
    version: str
    confirmations: Confirmations
    accounts: RevisionCache[AgentAccount]
    hosts: tuple[str, ...]
    origins: tuple[str, ...]

    async def serve(self, request: Request) -> Response:
        """Answer a message of an agent."""
        protocol = await asyncio.to_thread(_import_protocol)
        await protocol.check_sender(request, self.hosts, self.origins)
        token = await self.parts.callers.authenticate(request)
        check_scope(token, "mcp")
        name = self.parts.callers.choose_account(request, token)
        body = await read_bytes(request, self.parts.limits, _MOST_BYTES)
        account = await self.accounts.find(self.parts.callers.source, name)
        session = self._open_session(request, token, account)
        response: Response = protocol.ProtocolResponse(self.version, session, body, self.parts.limits)
        return response

    def _open_session(self, request: Request, token: ApiToken, account: AgentAccount) -> AgentSession:
        limits, record = self.parts.limits, find_record(request)
        return AgentSession(
            account,
            replace(self.parts.unified, words=AGENT_WORDS),
            self.parts.once,
            self.confirmations,
            build_permit(token, record),
            caller=token.id,
            reads="unified:read" in token.scopes,
            writes="unified:write" in token.scopes,
            widening="the token needs the scope unified:read to read, and unified:write to write",
            seconds=limits.request_seconds,
            shows_vendor=limits.shows_vendor_errors,
            record=record,
        )


def _import_protocol() -> Any:
    try:
        return import_module("conn_service.mcp.transport")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("mcp", "mcp_types", "anyio", "pydantic"):
            raise
        fix = "where conn serve runs: pip install 'conn-engine[mcp]'"
        raise HttpProblem(404, "unknown", f"the service needs the package {missing} for agents", fix) from None


def _build_account(revision: str, workspace: Workspace, name: str) -> AgentAccount:
    return build_agent_account(revision, workspace.effective(account=name))


def build_agent_routes(parts: ServiceParts, version: str) -> list[Route]:
    """Return the route of the tools for agents, which this machine and the public address may call. Raises
    ServiceStoreError if the store cannot be used."""
    public = () if parts.public_url is None else (parse_origin(parts.public_url),)
    locally = [f"{host}{port}" for host in _LOCAL for port in ("", ":*")]
    routes = _AgentRoutes(
        parts,
        version,
        Confirmations(read_signing_key(parts.engine), parts.clock),
        RevisionCache(_build_account),
        hosts=(*locally, *(form for origin in public for form in _list_hosts(origin))),
        origins=(*public, *(f"{scheme}://{host}" for scheme in ("http", "https") for host in locally)),
    )
    return [Route("/mcp", routes.serve, methods=["POST"])]


def _list_hosts(origin: str) -> tuple[str, str]:
    """Return the Host headers of an origin. Some proxies pass it on without the port."""
    parts = split_plain_url(origin)
    return parts.netloc, parts.netloc.removesuffix(f":{parts.port}")
