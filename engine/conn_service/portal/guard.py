"""Decides who may ask the portal: people with a session, from the portal's own pages.

Pages of other sites may only link to it. The pages for a log-in and the files that every page needs are open.
"""

import asyncio
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from conn_engine.wire import Clock
from conn_service.http.request_record import find_record
from conn_service.portal.address import PORTAL, PortalAddress
from conn_service.portal.sessions import PortalSession, SessionStore
from conn_service.studio.guard import add_page_headers, refuse_content, refuse_request

__all__ = ["LOGIN", "PortalGuard", "find_session"]

LOGIN: Final = "/login"
_KEY: Final = "conn_portal_session"
_SAFE: Final = ("GET", "HEAD")


def find_session(request: Request) -> PortalSession:
    """Return the session of a request that the guard has passed."""
    session = request.scope[_KEY]
    assert isinstance(session, PortalSession)  # noqa: S101
    return session


class PortalGuard:
    """Passes only requests of people with a session to an application. `forms` are the paths that accept a form;
    everything else accepts JSON only."""

    def __init__(
        self, app: ASGIApp, address: PortalAddress, sessions: SessionStore, clock: Clock, forms: Iterable[str]
    ) -> None:
        self._app = app
        self._address = address
        self._sessions = sessions
        self._clock = clock
        self._forms = frozenset(forms)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        find_record(scope).route = PORTAL
        request = Request(scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        answer = self._refuse_stranger(request) or refuse_content(request, path in self._forms)
        if answer is None and not _is_open(path):
            answer = await self._admit(request, path)
        await (answer or self._app)(scope, receive, add_page_headers(send))

    def _refuse_stranger(self, request: Request) -> Response | None:
        """Return the refusal of a request from another site. A link of one may lead here."""
        headers = request.headers
        host, sent_from = headers.get("host", ""), headers.get("origin")
        origin = self._address.find_origin(host)
        if origin is None:
            fix = "open the public URL of the service, and let a proxy in front of it pass the Host header on"
            return refuse_request(421, "host", f'"{host[:100]}" is not the host of the portal', fix)
        is_link = request.method in _SAFE and (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == (
            "navigate",
            "document",
        )
        if is_link:  # also the way back from a provider: its form gives it the origin null
            return None
        if request.method not in _SAFE and sent_from is None:
            return refuse_request(403, "origin", "the request does not say which page it comes from", "use a browser")
        is_own = sent_from in (None, origin) and headers.get("sec-fetch-site", "none") in ("same-origin", "none")
        if not is_own:
            return refuse_request(403, "origin", "the request comes from another site", "open the portal itself")
        return None

    async def _admit(self, request: Request, path: str) -> Response | None:
        """Note the session of a request. Without one, return the way to the log-in."""
        value = request.cookies.get(self._address.cookie, "")
        session = await asyncio.to_thread(self._sessions.find, value, self._clock.now()) if value else None
        if session is not None:
            request.scope[_KEY] = session
            find_record(request).token = session.token
            return None
        if request.method in _SAFE and not path.startswith("/api/"):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{self._address.root}{LOGIN}?next={quote(f'{path}{query}')}", 303)
        return refuse_request(401, "session", "your session has ended", "log in again in another tab")


def _is_open(path: str) -> bool:
    return path == LOGIN or path.startswith((f"{LOGIN}/", "/static/"))
