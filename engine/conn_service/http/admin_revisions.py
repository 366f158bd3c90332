"""`/admin/accounts` and `/admin/connectors`: each change is checked, becomes a revision, and can be reverted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conn_engine.config import Workspace
from conn_engine.documents.dump import dump_json, dump_yaml
from conn_engine.errors import ConnError
from conn_service.http.admin import AdminGate
from conn_service.http.admin_bodies import (
    build_unknown,
    describe_checks,
    describe_refused_change,
    describe_revision,
    read_connector_files,
    read_cursor,
    read_dry_run,
    read_reason,
    read_version,
    refuse,
)
from conn_service.http.change_turns import ChangeTurns
from conn_service.http.problems import HttpProblem
from conn_service.http.reading import ServiceLimits, read_body
from conn_service.http.tokens import ApiToken
from conn_service.revisions import (
    ChangeChecks,
    Changes,
    CheckedRevision,
    ChecksUnavailableError,
    RefusedChangeError,
    Revision,
    RevisionConflictError,
    RevisionRequest,
    Subject,
    SubjectKind,
    set_enabled,
)

__all__ = ["AdminRevisions", "build_revision_routes"]

_MOST_PER_PAGE: Final = 100
_NO_BODY: Final[Mapping[str, Any]] = {}
_WHY: Final = ("reason", "accept")


@dataclass(frozen=True, slots=True)
class AdminRevisions:
    """The routes of one kind: accounts or connectors."""

    gate: AdminGate
    changes: Changes
    limits: ServiceLimits
    kind: SubjectKind
    turns: ChangeTurns

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

    # --- changing ---

    async def put(self, request: Request) -> Response:
        """Create or replace an account or a connector."""
        token, current = await self._find(request, or_new=True)
        is_known = not current.is_deleted
        body = await self._read(request, ("tenant", "document") if self.kind == "account" else ("files",))
        files = (
            self._read_document(body, current)
            if self.kind == "account"
            else read_connector_files(body, current.subject)
        )
        version = read_version(request, is_known=is_known)
        return await self._apply(
            request,
            body,
            token,
            current,
            "replace" if is_known else "create",
            lambda asked: self.changes.put(current.subject, files, asked),
            version=version,
        )

    async def delete(self, request: Request) -> Response:
        """Delete an account or a connector. Its revisions stay."""
        return await self._change(request, "delete", lambda _revision, _workspace: {})

    async def disable(self, request: Request) -> Response:
        """Refuse the calls of an account."""
        return await self._change(request, "disable", lambda revision, _workspace: set_enabled(revision, is_on=False))

    async def enable(self, request: Request) -> Response:
        """Allow the calls of an account again."""
        return await self._change(request, "enable", lambda revision, _workspace: set_enabled(revision, is_on=True))

    async def revert(self, request: Request) -> Response:
        """Make the documents of an earlier revision the next one."""
        token, current = await self._find(request)
        body = await self._read(request, ("revision",))
        number = body.get("revision")
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise refuse("revision must be the number of an earlier revision", 'send {"revision": 1}')
        return await self._apply(
            request,
            body,
            token,
            current,
            "revert",
            lambda asked: self.changes.revert(current.subject, number, asked),
            version=read_version(request, is_known=True),
        )

    async def _change(
        self, request: Request, action: str, edit: Callable[[Revision, Workspace], Mapping[str, str]]
    ) -> Response:
        token, current = await self._find(request)
        if current.is_deleted:
            raise build_unknown(self.kind)
        body = await self._read(request, ())
        return await self._apply(
            request,
            body,
            token,
            current,
            action,
            lambda asked: self.changes.edit(current.subject, edit, asked),
            version=read_version(request, is_known=True),
        )

    async def _apply(  # noqa: PLR0917
        self,
        request: Request,
        body: Mapping[str, Any],
        token: ApiToken,
        current: Revision,
        action: str,
        work: Callable[[RevisionRequest], CheckedRevision],
        *,
        version: str,
    ) -> Response:
        asked = RevisionRequest(
            by=token.id,
            action=action,
            reason=read_reason(body, "reason"),
            accept=read_reason(body, "accept"),
            version=version or current.version,
            tenant=self._read_tenant(body, token, current),
            is_dry_run=read_dry_run(request),
        )
        try:
            async with self.turns.wait(token, current.subject):
                made = await asyncio.to_thread(work, asked)
        except RefusedChangeError as error:
            raise describe_refused_change(error) from None
        except RevisionConflictError as error:
            status = 412 if version else 409
            raise HttpProblem(status, "conflict", error.message, error.hint) from None
        except ChecksUnavailableError as error:
            headers = {"retry-after": "1"}
            raise HttpProblem(503, "overloaded", error.message, error.hint, headers=headers) from None
        status = 201 if action == "create" and made.is_new and not asked.is_dry_run else 200
        return self._respond(made.revision, made.checks, status, is_dry_run=asked.is_dry_run)

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

    def _read_tenant(self, body: Mapping[str, Any], token: ApiToken, current: Revision) -> str | None:
        """Return the tenant to set. A token of a tenant can only create accounts of that tenant."""
        asked = body.get("tenant")
        if asked is not None and (not isinstance(asked, str) or len(asked) > 100 or not asked.isprintable()):
            raise refuse("tenant must be a text of at most 100 characters", "leave it out for the account itself")
        if token.tenant and asked not in (None, token.tenant):
            raise HttpProblem(403, "forbidden", "the token may not give the account to another tenant")
        if token.tenant and current.number == 0 and current.is_deleted:
            return token.tenant
        return asked

    # --- the request and the response ---

    async def _read(self, request: Request, names: tuple[str, ...]) -> Mapping[str, Any]:
        body = await read_body(request, self.limits)
        if body is None:
            return _NO_BODY
        if not isinstance(body, dict):
            raise refuse("the body is not an object", "send a JSON object")
        unknown = sorted(body.keys() - {*names, *_WHY})
        if unknown:
            raise refuse(f'the body has an unknown key "{unknown[0][:100]}"', f"use: {', '.join((*names, *_WHY))}")
        return body

    def _read_document(self, body: Mapping[str, Any], current: Revision) -> Mapping[str, str]:
        """Return the file of an account: its text, or its data as YAML or JSON."""
        document = body.get("document")
        path = next(iter(current.files), f"{current.subject.path}.yaml")
        if isinstance(document, dict):
            return {path: dump_json(document) if path.endswith(".json") else dump_yaml(document)}
        if isinstance(document, str) and document:
            return {path: document}
        raise refuse("document is missing", "send the account's file as text, or as an object")

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
        if is_dry_run:
            return JSONResponse({**data, "dry_run": True}, status)
        return JSONResponse(data, status, headers={"etag": f'"{revision.version}"'})


def build_revision_routes(gate: AdminGate, changes: Changes, limits: ServiceLimits, turns: ChangeTurns) -> list[Route]:
    """Return the routes of accounts and connectors."""
    routes = []
    for kind in ("account", "connector"):
        served = AdminRevisions(gate, changes, limits, kind, turns)
        one = f"/admin/{kind}s/{{name}}"
        table: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
            (f"/admin/{kind}s", "GET", served.list_all),
            (one, "GET", served.get),
            (one, "PUT", served.put),
            (one, "DELETE", served.delete),
            (f"{one}/revisions", "GET", served.list_revisions),
            (f"{one}/revisions/{{number:int}}", "GET", served.get_revision),
            (f"{one}/revert", "POST", served.revert),
        ]
        if kind == "account":
            table += [(f"{one}/disable", "POST", served.disable), (f"{one}/enable", "POST", served.enable)]
        routes += [Route(path, handler, methods=[method]) for path, method, handler in table]
    return routes
