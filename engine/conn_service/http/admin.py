"""`/admin`: what an application's operator changes while the service runs. Every route checks the scope `admin` first,
and every change is in the audit log."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conn_service.http.callers import Callers, check_scope
from conn_service.http.problems import HttpProblem
from conn_service.http.reading import parse_query
from conn_service.http.tokens import ApiToken
from conn_service.revisions import AuditEntry, AuditLog

__all__ = ["AdminGate", "build_audit_routes"]

_MOST_PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class AdminGate:
    """Lets admins in, and writes down what they do."""

    callers: Callers
    audit: AuditLog

    async def admit(self, request: Request) -> ApiToken:
        """Return the token of an admin. Raises HttpProblem 401 or 403."""
        token = await self.callers.authenticate(request)
        check_scope(token, "admin")
        return token

    async def record(self, token: ApiToken, action: str, target: str, *, account: str = "", reason: str = "") -> None:
        """Store that a token did something that is not a revision, such as `create` to `links/4f2a`."""
        tenant = self.callers.source.find_tenant(account) or token.tenant  # an account may not exist yet
        entry = AuditEntry(self.callers.clock.now(), token.id, action, target, account, tenant, reason)
        await asyncio.to_thread(self.audit.add, entry)


def build_audit_routes(gate: AdminGate) -> list[Route]:
    """Return the routes of the audit log."""

    async def list_entries(request: Request) -> Response:
        token = await gate.admit(request)
        query = dict(parse_query(request))
        unknown = query.keys() - {"target", "cursor"}
        if unknown:
            fix = "use one of: cursor, target"
            raise HttpProblem(400, "invalid_request", f'the log does not read "{min(unknown)[:100]}"', fix)
        cursor = query.get("cursor")
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
            raise HttpProblem(400, "invalid_request", "cursor is not one of this list", "leave it out to start again")
        entries = await asyncio.to_thread(
            gate.audit.list,
            tenant=token.tenant,
            accounts=token.accounts,
            target=query.get("target", ""),
            until=None if cursor is None else int(cursor),
            most=_MOST_PER_PAGE + 1,
        )
        page = entries[:_MOST_PER_PAGE]
        more = len(entries) > len(page)
        return JSONResponse(
            {
                "result": [_describe_entry(entry) for entry in page],
                "next_cursor": str(page[-1].number) if more else None,
            }
        )

    return [Route("/admin/audit", list_entries, methods=["GET"])]


def _describe_entry(entry: AuditEntry) -> dict[str, Any]:
    return asdict(entry)
