"""`/docs`: a page that shows the OpenAPI document of an account, with files of this package only.

The page has no data of its own: its reader enters a token, and the page fetches `/openapi.json` with it. The policy of
the page lets a browser load and run nothing from elsewhere.
"""

import gzip
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conn_service.http.problems import HttpProblem

__all__ = ["build_docs_routes"]

_PAGES = Path(__file__).parent / "pages"
_PAGE = "docs.html"
_TYPES: Final = {
    _PAGE: "text/html",
    "docs.css": "text/css",
    "docs.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "THIRD-PARTY-NOTICES.txt": "text/plain",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "vary": "Accept-Encoding",
}


@cache
def _read(name: str) -> bytes:
    return (_PAGES / name).read_bytes()


@cache
def _compress(name: str) -> bytes:
    return gzip.compress(_read(name), 9, mtime=0)


def build_docs_routes() -> list[Route]:
    """Return the routes of the page and its files."""

    async def serve_page(request: Request) -> Response:
        return _answer(request, _PAGE, "no-cache")

    async def serve_file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _TYPES or name == _PAGE:
            raise HttpProblem(404, "unknown", "there is nothing at this path")
        return _answer(request, name, "public, max-age=3600")

    return [Route("/docs", serve_page, methods=["GET"]), Route("/docs/{name}", serve_file, methods=["GET"])]


def _answer(request: Request, name: str, caching: str) -> Response:
    headers = {**_HEADERS, "cache-control": caching}
    content = _read(name)
    if "gzip" in request.headers.get("accept-encoding", ""):
        content = _compress(name)
        headers["content-encoding"] = "gzip"
    return Response(content, media_type=_TYPES[name], headers=headers)
