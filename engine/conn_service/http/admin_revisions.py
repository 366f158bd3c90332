"""`/admin/accounts` and `/admin/connectors`: each change is checked, becomes a revision, and can be reverted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conn_engine.config import Workspace
from conn_engine.documents.dump import dump_json, dump_yaml
from conn_engine.errors import CredentialError
from conn_service.http.admin import AdminGate
from conn_service.http.admin_bodies import (
    build_unknown,
    describe_refused_change,
    read_connector_files,
    read_dry_run,
    read_reason,
    read_version,
    refuse,
)
from conn_service.http.admin_subjects import AdminSubjects
from conn_service.http.problems import HttpProblem
from conn_service.http.reading import ServiceLimits, read_body
from conn_service.http.tenant_turns import TenantTurns
from conn_service.http.tokens import ApiToken
from conn_service.revisions import (
    Changes,
    CheckedRevision,
    ChecksUnavailableError,
    CredentialRemoval,
    RefusedChangeError,
    Revision,
    RevisionConflictError,
    RevisionRequest,
    set_enabled,
)

__all__ = ["AdminRevisions", "build_revision_routes"]

_NO_BODY: Final[Mapping[str, Any]] = {}
_WHY: Final = ("reason", "accept")
_KEEP: Final = "keep_credential"


@dataclass(frozen=True, slots=True)
class AdminRevisions(AdminSubjects):
    """The routes of one kind: accounts or connectors."""

    limits: ServiceLimits
    remove_credential: Callable[[str], CredentialRemoval]
    turns: TenantTurns

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
        made, is_dry_run = await self._apply(
            request,
            body,
            token,
            current,
            "replace" if is_known else "create",
            lambda asked: self.changes.put(current.subject, files, asked),
            version=version,
        )
        status = 200 if is_known or is_dry_run or not made.is_new else 201
        return self._respond(made.revision, made.checks, status, is_dry_run=is_dry_run)

    async def delete(self, request: Request) -> Response:
        """Delete an account with its credential, or a connector. Its revisions stay."""
        if self.kind == "connector":
            return await self._change(request, "delete", lambda _revision, _workspace: {})
        token, current = await self._find(request)
        body = await self._read(request, (_KEEP,))
        keeps = body.get(_KEEP, False)
        if not isinstance(keeps, bool):
            raise refuse(f"{_KEEP} must be true or false", "leave it out to delete the credential, too")
        name = current.subject.name
        if current.is_deleted:  # it may have been deleted while the place with the credentials could not be used
            removal = None if keeps or read_dry_run(request) else await self._remove_credential(token, name)
            if removal is None or removal.result != "deleted":
                raise build_unknown(self.kind)
            return self._respond(current, more=_describe_removal(removal))
        made, is_dry_run = await self._apply(
            request,
            body,
            token,
            current,
            "delete",
            lambda asked: self.changes.put(current.subject, {}, asked),
            version=read_version(request, is_known=True),
        )
        if is_dry_run:
            return self._respond(made.revision, made.checks, is_dry_run=True)
        removal = CredentialRemoval("kept") if keeps else await self._remove_credential(token, name)
        return self._respond(made.revision, made.checks, more=_describe_removal(removal))

    async def _remove_credential(self, token: ApiToken, account: str) -> CredentialRemoval:
        """Delete the credential of a deleted account. Raises HttpProblem 503 if it is still there."""
        try:
            removal = await asyncio.to_thread(self.remove_credential, account)
        except CredentialError as error:
            text = "the account is deleted, but its credential could not be deleted"
            headers, fix = {"retry-after": "5"}, "send the request again"
            raise HttpProblem(503, "credential_store", text, fix, headers, reason=error.message) from None
        if removal.result == "deleted":
            await self.gate.record(token, "delete_credential", f"accounts/{account}", account=account)
        return removal

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
        made, is_dry_run = await self._apply(
            request,
            body,
            token,
            current,
            "revert",
            lambda asked: self.changes.revert(current.subject, number, asked),
            version=read_version(request, is_known=True),
        )
        return self._respond(made.revision, made.checks, is_dry_run=is_dry_run)

    async def _change(
        self, request: Request, action: str, edit: Callable[[Revision, Workspace], Mapping[str, str]]
    ) -> Response:
        token, current = await self._find(request)
        if current.is_deleted:
            raise build_unknown(self.kind)
        body = await self._read(request, ())
        made, is_dry_run = await self._apply(
            request,
            body,
            token,
            current,
            action,
            lambda asked: self.changes.edit(current.subject, edit, asked),
            version=read_version(request, is_known=True),
        )
        return self._respond(made.revision, made.checks, is_dry_run=is_dry_run)

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
    ) -> tuple[CheckedRevision, bool]:
        """Make a change, and return it with whether it is a dry run. Raises HttpProblem."""
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
            async with self.turns.wait(token, current.subject.path):
                return await asyncio.to_thread(work, asked), asked.is_dry_run
        except RefusedChangeError as error:
            raise describe_refused_change(error) from None
        except RevisionConflictError as error:
            status = 412 if version else 409
            raise HttpProblem(status, "conflict", error.message, error.hint) from None
        except ChecksUnavailableError as error:
            headers = {"retry-after": "1"}
            raise HttpProblem(503, "overloaded", error.message, error.hint, headers=headers) from None

    # --- the request ---

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


def _describe_removal(removal: CredentialRemoval) -> dict[str, Any]:
    return {"credential": removal.result} | ({"credential_reason": removal.reason} if removal.reason else {})


def build_revision_routes(
    gate: AdminGate,
    changes: Changes,
    remove_credential: Callable[[str], CredentialRemoval],
    limits: ServiceLimits,
    turns: TenantTurns,
) -> list[Route]:
    """Return the routes of accounts and connectors. `remove_credential` removes that of a deleted account."""
    routes = []
    for kind in ("account", "connector"):
        served = AdminRevisions(gate, changes, kind, limits, remove_credential, turns)
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
