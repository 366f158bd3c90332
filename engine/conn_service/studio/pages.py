"""The routes of the pages, each mapped to a query of the process that answers it."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from conn_service.authoring.results import describe_problem
from conn_service.studio.hosting import StudioHost
from conn_service.studio.queries import StudioQueries
from conn_service.studio.views.rendering import FORMS, PAGES, RELEASING, render_editor, render_problem

__all__ = ["PAGE_ERRORS", "STATIC", "StudioPages", "build_document"]

STATIC: Final = Path(__file__).parent / "static"
_MOST_FIELDS: Final = 4_000
_TOO_LONG: Final = describe_problem("size", f"the form has more than {_MOST_FIELDS:,} fields", "import less at once")
_MOST_DIGITS: Final = 9
"""Of a number in a URL: Python refuses to read thousands of them."""
_READS: Final = ("workspace", "accounts", "operations")
_QUERIES: Final = ("operation", "records", "evaluate", "readers", "why", "plan")


@dataclass(frozen=True, slots=True)
class StudioPages:
    """What each route does."""

    host: StudioHost
    queries: StudioQueries

    def build_routes(self) -> list[BaseRoute]:
        """Return the routes of the pages that the host has."""
        shown = {name: path for name, (path, _) in {**PAGES, **FORMS}.items() if name in self.host.pages}
        return [
            Route("/edit{rest:path}", self.serve_editor),
            *(self._show(page, path) for page, path in shown.items()),
            *(Route(f"/api/{name}", partial(self._answer, name=name), methods=["GET"]) for name in _READS),
            *(Route(f"/api/{name}", partial(self._answer, name=name), methods=["POST"]) for name in _QUERIES),
            Route("/api/save", self.save, methods=["POST"]),
            Route("/api/draft", self.load_draft, methods=["GET"]),
            Route("/api/draft", self.keep_draft, methods=["PUT"]),
            Route("/api/impact", self.start_impact, methods=["POST"]),
            Route("/api/jobs/{job}", self.follow_impact, methods=["GET", "DELETE"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]

    @property
    def forms(self) -> list[str]:
        """The paths that accept a form."""
        return [path for name, (path, _) in FORMS.items() if name in self.host.pages]

    async def serve_editor(self, request: Request) -> Response:
        """Return the page of the three columns, and start the process that it needs first. The styles that its editor
        makes have a nonce."""
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; "
            "connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'"
        )
        context = self.host.find_context(request)
        text = render_editor(context, nonce)
        headers = {"content-security-policy": policy}
        if context.frame.person:  # its form for the log-out says where it comes from
            headers["referrer-policy"] = "same-origin"
        return Response(text, media_type="text/html", headers=headers, background=BackgroundTask(self.queries.prepare))

    async def save(self, request: Request) -> Response:
        """Save edits."""
        response = await self._use_store(self.host.edits.save, request, await request.body())
        if response.status_code == 200:
            await self.queries.update()
        return response

    async def load_draft(self, request: Request) -> Response:
        """Return edits that were not saved."""
        return await self._use_store(self.host.edits.draft, request, _encode_query(request))

    async def keep_draft(self, request: Request) -> Response:
        """Store edits that are not saved."""
        return await self._use_store(self.host.edits.keep_draft, request, await request.body())

    async def start_impact(self, request: Request) -> Response:
        """Start a check of every account."""
        context = self.host.find_context(request)
        return _to_response(await self.queries.start_impact(await request.body(), context))

    async def follow_impact(self, request: Request) -> Response:
        """Return how far a check is, or stop it."""
        job = request.path_params["job"]
        return _to_response(await self.queries.follow_impact(job, stops=request.method == "DELETE"))

    async def _answer(self, request: Request, name: str) -> Response:
        """Answer a query whose request is the body, or is in the URL."""
        body = _encode_query(request) if request.method == "GET" else await request.body()
        status, reply = await self.queries.ask(name, body, self.host.find_context(request))
        return Response(reply, status, media_type="application/json")

    async def _use_store(
        self, work: Callable[..., Awaitable[tuple[int, bytes]]], request: Request, body: bytes
    ) -> Response:
        context = self.host.find_context(request)
        status, reply = await work(body, context, partial(self.queries.ask, context=context))
        return Response(reply, status, media_type="application/json")

    def _show(self, page: str, path: str) -> Route:
        """Return the route of a page without scripts, or of a form of one."""

        async def handle(request: Request) -> Response:
            context = self.host.find_context(request)
            query = dict(request.query_params) | dict(request.path_params)
            if request.method == "POST":
                text = (await request.body()).decode("utf-8", "replace")
                if text.count("&") >= _MOST_FIELDS:
                    return build_document(render_problem(_TOO_LONG, page, context.frame), 413)
                query = dict(parse_qsl(text))
            body = msgspec.json.encode({"page": page, "query": query})
            status, reply = await self.queries.ask_page(page, body, context)
            answer = msgspec.json.decode(reply)
            if "saves" in answer and self.host.save_form is not None:
                location = answer["location"]
                ask = partial(self.queries.ask, context=context)
                status, reply = await self.host.save_form(answer["saves"], context, ask)
                answer = {"location": location} if status == 200 else msgspec.json.decode(reply)
            if "location" in answer and page in RELEASING and self.host.note_move is not None:
                await self.host.note_move(context, page, query)
            if "location" in answer:
                return RedirectResponse(f"{context.frame.root}{answer['location']}", 303)
            html = answer["html"] if status == 200 else render_problem(answer, page, context.frame)
            return build_document(html, status)

        return Route(path, handle, methods=["POST" if page in FORMS else "GET"])


def build_document(html: str, status: int = 200) -> Response:
    """Return a page without scripts. Its referrer says to its own forms only where they come from."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    headers = {"content-security-policy": policy, "referrer-policy": "same-origin"}
    return Response(html, status, media_type="text/html", headers=headers)


def _to_response(answer: tuple[int, Any]) -> Response:
    return JSONResponse(answer[1], answer[0])


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


PAGE_ERRORS: Final[Mapping[Any, Any]] = {HTTPException: _describe_http_error, ClientDisconnect: _ignore_disconnect}
"""The answers to paths that do not exist, and to clients that are gone."""
