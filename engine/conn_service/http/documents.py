"""`/openapi.json`: the OpenAPI document of the caller's account, written once for each revision."""

import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conn_engine.config import Workspace
from conn_service.http.callers import Callers
from conn_service.http.openapi import build_openapi
from conn_service.http.revision_cache import RevisionCache

__all__ = ["build_document_routes"]


@dataclass(frozen=True, slots=True)
class _Written:
    content: bytes
    tag: str


def _write(_revision: str, workspace: Workspace, account: str) -> _Written:
    label = workspace.account(account).label or ""
    document = build_openapi(workspace.effective(account=account), account, label=label)
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return _Written(content, f'"{document["info"]["version"]}"')


def build_document_routes(callers: Callers) -> list[Route]:
    """Return the route of the OpenAPI documents."""
    documents = RevisionCache(_write)

    async def serve_document(request: Request) -> Response:
        token = await callers.authenticate(request)
        account = callers.choose_account(request, token)
        written = await documents.find(callers.source, account)
        headers = {"etag": written.tag, "cache-control": "private, no-cache", "vary": "Authorization, Conn-Account"}
        if request.headers.get("if-none-match") == written.tag:
            return Response(status_code=304, headers=headers)
        return Response(written.content, media_type="application/json", headers=headers)

    return [Route("/openapi.json", serve_document, methods=["GET"])]
