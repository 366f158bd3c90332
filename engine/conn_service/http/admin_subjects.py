"""What `/admin/accounts` and `/admin/connectors` show, and to whom."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from conn_engine.config import Workspace
from conn_engine.errors import ConnError
from conn_service.http.admin import AdminGate
from conn_service.http.admin_bodies import build_unknown, describe_checks, describe_revision, read_cursor
from conn_service.http.problems import HttpProblem
from conn_service.http.tokens import ApiToken
from conn_service.revisions import ChangeChecks, Changes, Revision, Subject, SubjectKind

__all__ = ["AdminSubjects"]

_MOST_PER_PAGE: Final = 100
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class AdminSubjects:
    """The routes that read accounts or connectors."""

    gate: AdminGate
    changes: Changes
    kind: SubjectKind

    # --- reading ---

    async def list_all(self, request: Request) -> Response:
        """Answer with the accounts or connectors that the token may see, by name."""
        token = await self._admit(request)
        cursor = read_cursor(request)
        workspace = self.changes.configuration.get_current()[1]
        names = workspace.accounts() if self.kind == "account" else workspace.connectors()
        visible = [name for name in names if name > cursor and self._may_see(token, name)]
        page = visible[:_MOST_PER_PAGE]
        rows = await asyncio.to_thread(lambda: [self._describe(workspace, name) for name in page])
        return JSONResponse({"result": rows, "next_cursor": page[-1] if len(visible) > len(page) else None})

    async def get(self, request: Request) -> Response:
        """Answer with one account or connector and its documents."""
        _, current = await self._find(request)
        if current.is_deleted:
            raise build_unknown(self.kind)
        return self._respond(current)

    async def list_revisions(self, request: Request) -> Response:
        """Answer with the revisions, the newest first, without their documents."""
        _, current = await self._find(request)
        cursor = read_cursor(request)
        until = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 10 else None
        store = self.changes.configuration.store
        found = await asyncio.to_thread(store.list_of, current.subject, until=until, most=_MOST_PER_PAGE + 1)
        page = found[:_MOST_PER_PAGE]
        more = len(found) > len(page)
        return JSONResponse(
            {
                "result": [describe_revision(revision) for revision in page],
                "next_cursor": str(page[-1].number) if more else None,
            }
        )

    async def get_revision(self, request: Request) -> Response:
        """Answer with one revision and its documents."""
        _, current = await self._find(request)
        number = request.path_params["number"]
        found = await asyncio.to_thread(self.changes.configuration.store.find, current.subject, number)
        if found is None:
            raise HttpProblem(404, "unknown", f"there is no revision {number}")
        return JSONResponse({**describe_revision(found), "files": dict(found.files)})

    # --- what the token may see ---

    async def _admit(self, request: Request) -> ApiToken:
        token = await self.gate.admit(request)
        if self.kind == "connector" and (token.tenant or token.accounts):
            raise HttpProblem(403, "forbidden", "connectors are for all tenants, and the token is for one")
        return token

    async def _find(self, request: Request, *, or_new: bool = False) -> tuple[ApiToken, Revision]:
        """Return the token and what the path names, also if it is deleted. Raises HttpProblem."""
        token = await self._admit(request)
        subject = Subject(self.kind, request.path_params["name"])
        current = await asyncio.to_thread(self.changes.find, subject)
        if current is None:
            is_own = not token.accounts or subject.name in token.accounts
            if not or_new or not is_own:
                raise build_unknown(self.kind)
            return token, Revision(subject, 0, {}, token.tenant)
        if not self._may_see(token, subject.name, current):
            raise build_unknown(self.kind)
        return token, current

    def _may_see(self, token: ApiToken, name: str, current: Revision | None = None) -> bool:
        if self.kind == "connector":
            return True
        tenant = self.changes.configuration.find_tenant(name) or (current.tenant if current else "") or name
        return token.tenant in ("", tenant) and (not token.accounts or name in token.accounts)

    # --- the response ---

    def _describe(self, workspace: Workspace, name: str) -> dict[str, Any]:
        subject = Subject(self.kind, name)
        latest = self.changes.configuration.find_latest(subject)
        row: dict[str, Any] = {"id": name, "revision": latest.number if latest is not None else 0}
        if self.kind == "account":
            row["tenant"] = self.changes.configuration.find_tenant(name)
            try:
                account = workspace.account(name)
                row |= {
                    "connector": account.connector,
                    "environment": account.environment or workspace.settings.default_environment,
                    "label": account.label,
                    "enabled": account.enabled,
                }
            except ConnError as error:  # a document of the folder or the release that cannot be read
                row |= {"error": error.message}
        return row

    def _respond(
        self,
        revision: Revision,
        checks: ChangeChecks | None = None,
        status: int = 200,
        *,
        is_dry_run: bool = False,
        more: Mapping[str, Any] = _NOTHING,
    ) -> Response:
        name = revision.subject.name
        data: dict[str, Any] = {"id": name, "revision": revision.number, "deleted": revision.is_deleted}
        if self.kind == "account":
            tenant = revision.tenant or name
            data |= {"tenant": tenant, "document": next(iter(revision.files.values()), None)}
        else:
            start = len(f"{revision.subject.path}/")
            data["files"] = {path[start:]: text for path, text in revision.files.items()}
        if checks is not None:
            data |= describe_checks(checks)
        data |= more
        if is_dry_run:
            return JSONResponse({**data, "dry_run": True}, status)
        return JSONResponse(data, status, headers={"etag": f'"{revision.version}"'})
