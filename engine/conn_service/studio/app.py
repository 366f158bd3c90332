"""The application: routes of the page, each mapped to a query of the process that answers it."""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from conn_service.authoring.results import describe_problem
from conn_service.query_process.process import QueryProcess, QueryStoppedError
from conn_service.studio.guard import PageGuard, StudioSecrets
from conn_service.studio.jobs import ImpactJobs
from conn_service.studio.views.rendering import FORMS, PAGES, WITH_CREDENTIALS, render_problem

__all__ = ["STATIC", "StudioSettings", "create_app", "find_read_only_reason"]

STATIC: Final = Path(__file__).parent / "static"
_WORKER: Final = "conn_service.studio.worker"
_KEY_SECONDS: Final = 20.0
"""The longest time for what an author waits for at each key. Then the process is killed. An expression ends much
earlier: each has a tenth of the usual limits."""
_KEYS: Final = ("evaluate", "records", "readers", "why")
_MOST_FIELDS: Final = 4_000
_TOO_LONG: Final = describe_problem("size", f"the form has more than {_MOST_FIELDS:,} fields", "import less at once")
_MOST_DIGITS: Final = 9
"""Of a number in a URL: Python refuses to read thousands of them."""
_LONG_SECONDS: Final = 120.0
"""The longest time for a plan: all recordings of an account, before and after."""
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class StudioSettings:
    """What one page is served for. `read_only_reason` says why nothing can be saved; "" if it can.

    `store` and `service_store` are the addresses of the releases and of the runs, "" for those of the workspace, and
    `actor` is the person that the history names.
    """

    root: Path
    port: int
    read_only_reason: str = ""
    store: str = ""
    service_store: str = ""
    actor: str = "unknown"


def find_read_only_reason(root: Path, *, is_chosen: bool) -> str:
    """Return why the page may not save: the author wants it so, or the folder cannot be written; "" if it may."""
    if is_chosen:
        return "the page was started with --read-only"
    folders = [folder for folder in (root, root / "accounts") if folder.is_dir()]
    blocked = next((folder for folder in folders if not os.access(folder, os.W_OK)), None)
    return "" if blocked is None else f"the folder {blocked.name} cannot be written by you"


class _Queries:
    """The processes that answer queries: one for what each key needs, and others for what may take longer. A page with
    credentials has a process of its own, which ends with it."""

    def __init__(self, settings: StudioSettings) -> None:
        self.settings = settings
        arguments = self._arguments = [str(settings.root), settings.read_only_reason]
        self._at_keys = QueryProcess(_WORKER, arguments)
        self._for_review = QueryProcess(_WORKER, arguments)
        self._for_pages = QueryProcess(_WORKER, arguments)
        self.jobs = ImpactJobs(_WORKER, arguments)

    async def answer(self, name: str, body: bytes) -> Response:
        """Return the answer to a query. If the process is stopped, the answer says so, and the next query starts it."""
        status, reply = await self.ask(name, body)
        return Response(reply, status, media_type="application/json")

    async def ask(self, name: str, body: bytes) -> tuple[int, bytes]:
        """Return the status and the JSON of an answer."""
        process, seconds = self._for_review, _LONG_SECONDS
        if name in _KEYS:
            process, seconds = self._at_keys, _KEY_SECONDS
        answer = await self._ask(process, name, body, seconds)
        if name == "save" and self._at_keys.pid is not None:
            await self.prepare()
        return answer

    async def ask_page(self, page: str, body: bytes) -> tuple[int, bytes]:
        """Return the status and the JSON of a page without scripts, or of a form of one."""
        if page not in WITH_CREDENTIALS:
            return await self._ask(self._for_pages, "page", body, _LONG_SECONDS)
        process = QueryProcess(_WORKER, self._arguments, os.environ)
        try:
            return await self._ask(process, "page", body, _LONG_SECONDS)
        finally:
            await process.end()

    @staticmethod
    async def _ask(process: QueryProcess, name: str, body: bytes, seconds: float) -> tuple[int, bytes]:
        try:
            reply = await process.ask(lambda _: name.encode() + b"\n" + body, seconds)
        except QueryStoppedError as stopped:
            message = f"the evaluation was stopped: {stopped}"
            fix = "look for an expression that does not end, or for a very large recording"
            return 503, msgspec.json.encode(describe_problem("stopped", message, fix))
        return int(reply[:3]), reply[3:]

    async def prepare(self) -> None:
        """Start the process that answers at each key, or let it read what was saved."""
        with suppress(QueryStoppedError):
            await self._at_keys.ask(lambda _: b"refresh\n", _LONG_SECONDS)

    async def close(self) -> None:
        """Stop the processes."""
        await self.jobs.close()
        for process in (self._at_keys, self._for_review, self._for_pages):
            await process.end()


@dataclass(frozen=True, slots=True)
class _Routes:
    """What each route does."""

    settings: StudioSettings
    queries: _Queries

    def post(self, name: str) -> Route:
        """Return the route of a query whose request is the body."""

        async def handle(request: Request) -> Response:
            return await self.queries.answer(name, await request.body())

        return Route(f"/api/{name}", handle, methods=["POST"])

    def get(self, name: str) -> Route:
        """Return the route of a query whose request is in the URL."""

        async def handle(request: Request) -> Response:
            return await self.queries.answer(name, _encode_query(request))

        return Route(f"/api/{name}", handle, methods=["GET"])

    async def serve_page(self, _request: Request) -> Response:
        """Return the page, and start the process that it needs first."""
        return build_page(self.settings, BackgroundTask(self.queries.prepare))

    def show(self, page: str, path: str) -> Route:
        """Return the route of a page without scripts, or of a form of one."""

        async def handle(request: Request) -> Response:
            query = dict(request.query_params) | dict(request.path_params)
            if request.method == "POST":
                text = (await request.body()).decode("utf-8", "replace")
                if text.count("&") >= _MOST_FIELDS:
                    return _to_page(render_problem(_TOO_LONG, page), 413)
                query = dict(parse_qsl(text))
            settings = self.settings
            asked = {"store": settings.store, "service_store": settings.service_store, "actor": settings.actor}
            body = msgspec.json.encode({"page": page, "query": query, **asked})
            status, reply = await self.queries.ask_page(page, body)
            answer = msgspec.json.decode(reply)
            if "location" in answer:
                return RedirectResponse(answer["location"], 303)
            is_page = status == 200
            return _to_page(answer["html"] if is_page else render_problem(answer, page), status)

        return Route(path, handle, methods=["POST" if page in FORMS else "GET"])

    async def keep_draft(self, request: Request) -> Response:
        """Store edits that are not saved."""
        return await self.queries.answer("keep_draft", await request.body())

    async def start_impact(self, request: Request) -> Response:
        """Start a check of every account."""
        return _to_response(await self.queries.jobs.start(await request.body()))

    async def follow_impact(self, request: Request) -> Response:
        """Return how far a check is, or stop it."""
        name, jobs = request.path_params["job"], self.queries.jobs
        return _to_response(await jobs.stop(name) if request.method == "DELETE" else jobs.describe(name))


def create_app(settings: StudioSettings, keys: StudioSecrets) -> ASGIApp:
    """Return the application for one workspace and port."""
    routes = _Routes(settings, _Queries(settings))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await routes.queries.close()

    app = Starlette(
        routes=[
            Route("/edit{rest:path}", routes.serve_page),
            *(routes.show(page, path) for page, (path, _) in {**PAGES, **FORMS}.items()),
            *(routes.get(name) for name in ("workspace", "accounts", "operations", "draft")),
            *(routes.post(name) for name in ("operation", "records", "evaluate", "readers", "why", "plan", "save")),
            Route("/api/draft", routes.keep_draft, methods=["PUT"]),
            Route("/api/impact", routes.start_impact, methods=["POST"]),
            Route("/api/jobs/{job}", routes.follow_impact, methods=["GET", "DELETE"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={HTTPException: _describe_http_error, ClientDisconnect: _ignore_disconnect},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return PageGuard(app, settings.port, keys, [path for path, _ in FORMS.values()])


def _to_page(html: str, status: int) -> Response:
    """Return a page without scripts. Its referrer says to its own forms only where they come from."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    headers = {"content-security-policy": policy, "referrer-policy": "same-origin"}
    return Response(html, status, media_type="text/html", headers=headers)


def _to_response(answer: tuple[int, Any]) -> Response:
    return JSONResponse(answer[1], answer[0])


def build_page(settings: StudioSettings, afterwards: BackgroundTask | None = None) -> Response:
    """Return the page of the three columns, with a nonce for the styles that its editor makes."""
    nonce = secrets.token_urlsafe(16)
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    text = text.replace("{{nonce}}", nonce).replace("{{read_only}}", "true" if settings.read_only_reason else "false")
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; "
        "connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )
    headers = {"content-security-policy": policy}
    return Response(text, media_type="text/html", headers=headers, background=afterwards)


def _encode_query(request: Request) -> bytes:
    values = {
        key: int(value) if key == "limit" and value.isdecimal() and len(value) <= _MOST_DIGITS else value
        for key, value in request.query_params.items()
    }
    return msgspec.json.encode(values)


async def _describe_http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = f"there is nothing at {request.url.path[:200]}" if status == 404 else f"HTTP status {status}"
    return JSONResponse(describe_problem("not_found" if status == 404 else "request", message, "open /edit"), status)


async def _ignore_disconnect(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)
