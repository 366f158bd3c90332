"""The application: routes of the page, each mapped to a query of the process that answers it."""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from conn_service.authoring.results import describe_problem
from conn_service.query_process.process import QueryProcess, QueryStoppedError
from conn_service.studio.guard import PageGuard, StudioSecrets

__all__ = ["STATIC", "StudioSettings", "create_app", "find_read_only_reason"]

STATIC: Final = Path(__file__).parent / "static"
_WORKER: Final = "conn_service.studio.worker"
_KEY_SECONDS: Final = 5.0
"""The longest time for what an author waits for at each key. Then the process is killed."""
_KEYS: Final = ("evaluate", "records", "readers", "why")
_READS: Final = ("operation",)
_READ_SECONDS: Final = 30.0
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class StudioSettings:
    """What one page is served for. `read_only_reason` says why nothing can be saved; "" if it can."""

    root: Path
    port: int
    read_only_reason: str = ""


def find_read_only_reason(root: Path, *, is_chosen: bool) -> str:
    """Return why the page may not save: the author wants it so, or the folder cannot be written; "" if it may."""
    if is_chosen:
        return "the page was started with --read-only"
    folders = [folder for folder in (root, root / "accounts") if folder.is_dir()]
    blocked = next((folder for folder in folders if not os.access(folder, os.W_OK)), None)
    return "" if blocked is None else f"the folder {blocked.name} cannot be written by you"


class _Queries:
    """The processes that answer queries: one for what each key needs, and one for everything that may take longer."""

    def __init__(self, settings: StudioSettings) -> None:
        self.settings = settings
        self._at_keys = QueryProcess(_WORKER, [str(settings.root), settings.read_only_reason])

    async def answer(self, name: str, body: bytes) -> Response:
        """Return the answer to a query. If the process is stopped, the answer says so, and the next query starts it."""
        seconds = _KEY_SECONDS if name in _KEYS else _READ_SECONDS
        try:
            reply = await self._at_keys.ask(lambda _: name.encode() + b"\n" + body, seconds)
        except QueryStoppedError as stopped:
            message = f"the evaluation was stopped: {stopped}"
            fix = "look for an expression that does not end, or for a very large recording"
            return JSONResponse(describe_problem("stopped", message, fix), 503)
        return Response(reply[3:], int(reply[:3]), media_type="application/json")

    async def close(self) -> None:
        """Stop the processes."""
        await self._at_keys.close()


def create_app(settings: StudioSettings, keys: StudioSecrets) -> ASGIApp:
    """Return the application for one workspace and port."""
    queries = _Queries(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await queries.close()

    def post(name: str) -> Route:
        async def handle(request: Request) -> Response:
            return await queries.answer(name, await request.body())

        return Route(f"/api/{name}", handle, methods=["POST"])

    def get(name: str) -> Route:
        async def handle(request: Request) -> Response:
            return await queries.answer(name, _encode_query(request))

        return Route(f"/api/{name}", handle, methods=["GET"])

    async def serve_page(_request: Request) -> Response:
        return build_page(settings)

    app = Starlette(
        routes=[
            Route("/edit{rest:path}", serve_page),
            get("workspace"),
            get("accounts"),
            get("operations"),
            *(post(name) for name in ("operation", "records", "evaluate", "readers", "why")),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={HTTPException: _describe_http_error, ClientDisconnect: _ignore_disconnect},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return PageGuard(app, settings.port, keys)


def build_page(settings: StudioSettings) -> Response:
    """Return the page of the three columns, with a nonce for the styles that its editor makes."""
    nonce = secrets.token_urlsafe(16)
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    text = text.replace("{{nonce}}", nonce).replace("{{read_only}}", "true" if settings.read_only_reason else "false")
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; "
        "connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )
    return Response(text, media_type="text/html", headers={"content-security-policy": policy})


def _encode_query(request: Request) -> bytes:
    import msgspec

    values = {
        key: int(value) if value.isdecimal() and key == "limit" else value
        for key, value in request.query_params.items()
    }
    return msgspec.json.encode(values)


async def _describe_http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = f"there is nothing at {request.url.path[:200]}" if status == 404 else f"HTTP status {status}"
    return JSONResponse(describe_problem("not_found" if status == 404 else "request", message, "open /edit"), status)


async def _ignore_disconnect(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)
