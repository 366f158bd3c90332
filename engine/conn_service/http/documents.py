"""`/openapi.json`: the OpenAPI document of the caller's account, written once for each revision."""

import asyncio
import json
from collections import OrderedDict
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conn_engine.config import Workspace
from conn_service.http.callers import Callers
from conn_service.http.openapi import build_openapi

__all__ = ["build_document_routes"]

_MOST_KEPT = 200


@dataclass(frozen=True, slots=True)
class _Written:
    revision: str
    content: bytes
    tag: str


@dataclass(frozen=True, slots=True)
class _Documents:
    """The documents of the accounts that were asked for last."""

    kept: OrderedDict[str, _Written] = field(default_factory=OrderedDict)

    async def find(self, callers: Callers, account: str) -> _Written:
        revision, workspace = callers.source.get_of_account(account)
        known = self.kept.get(account)
        if known is None or known.revision != revision:
            known = self.kept[account] = await asyncio.to_thread(_write, revision, workspace, account)
        self.kept.move_to_end(account)
        while len(self.kept) > _MOST_KEPT:
            self.kept.popitem(last=False)
        return known


def _write(revision: str, workspace: Workspace, account: str) -> _Written:
    label = workspace.account(account).label or ""
    document = build_openapi(workspace.effective(account=account), account, label=label)
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return _Written(revision, content, f'"{document["info"]["version"]}"')


def build_document_routes(callers: Callers) -> list[Route]:
    """Return the route of the OpenAPI documents."""
    documents = _Documents()

    async def serve_document(request: Request) -> Response:
        token = await callers.authenticate(request)
        account = callers.choose_account(request, token)
        written = await documents.find(callers, account)
        headers = {"etag": written.tag, "cache-control": "private, no-cache", "vary": "Authorization, Conn-Account"}
        if request.headers.get("if-none-match") == written.tag:
            return Response(status_code=304, headers=headers)
        return Response(written.content, media_type="application/json", headers=headers)

    return [Route("/openapi.json", serve_document, methods=["GET"])]
