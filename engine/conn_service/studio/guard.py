"""Refuses every request that does not come from the page itself: other programs, other ports, other sites.

A browser sends the cookies of 127.0.0.1 to every port of it, so that a cookie alone proves nothing. The headers that a
page of another site cannot set decide, and the cookie is named by its port.
"""

import hmac
import secrets
from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conn_service.authoring.results import describe_problem

__all__ = ["PageGuard", "StudioSecrets", "add_page_headers", "refuse_content", "refuse_request"]

_HOSTS: Final = ("127.0.0.1", "localhost")
_SAFE: Final = ("GET", "HEAD")
_MOST_BYTES: Final = 4_000_000
_FORM: Final = "application/x-www-form-urlencoded"
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


class StudioSecrets:
    """The token of the first request, which is valid once, and the value of the cookie that replaces it."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)
        self.cookie = secrets.token_urlsafe(24)

    def take(self, token: str) -> bool:
        """Return whether this is the token, which is then used up."""
        is_right = self.token != "" and hmac.compare_digest(token.encode(), self.token.encode())
        if is_right:
            self.token = ""
        return is_right


class PageGuard:
    """Passes only requests of the page to an application, and adds the headers that keep the page to itself.

    `forms` are the paths that accept a form of a page without scripts; everything else accepts JSON only.
    """

    def __init__(self, app: ASGIApp, port: int, keys: StudioSecrets, forms: Iterable[str] = ()) -> None:
        self._app = app
        self._keys = keys
        self._forms = frozenset(forms)
        self._hosts = frozenset(f"{host}:{port}" for host in _HOSTS)
        self._cookie = f"conn-studio-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        answer = self._refuse_stranger(request) or self._exchange_token(request) or self._refuse_request(request)
        await (answer or self._app)(scope, receive, add_page_headers(send))

    def _refuse_stranger(self, request: Request) -> Response | None:
        headers = request.headers
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            return refuse_request(421, "host", f'"{host[:100]}" is not the host of this page', "open the printed URL")
        if origin is not None and origin != f"http://{host}":
            return refuse_request(403, "origin", "the request comes from another site", "open the page itself")
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return refuse_request(403, "origin", "the request comes from another site or port", "open the page itself")
        return None

    def _exchange_token(self, request: Request) -> Response | None:
        """Answer the first request: a redirection to the same page without the token, with the cookie."""
        token = request.query_params.get("token")
        if token is None or request.method != "GET":
            return None
        if not self._keys.take(token) and not self._is_known(request.headers):
            return refuse_request(401, "session", "this URL has been used, or is not complete", "run the command again")
        query = "&".join(part for part in request.url.query.split("&") if not part.startswith("token="))
        path = "/" + request.url.path.lstrip("/")  # never //host
        answer = RedirectResponse(f"{path}?{query}" if query else path, status_code=303)
        answer.set_cookie(self._cookie, self._keys.cookie, httponly=True, samesite="strict", path="/")
        return answer

    def _refuse_request(self, request: Request) -> Response | None:
        if not self._is_known(request.headers):
            return refuse_request(
                401, "session", "the page has no session", "run conn studio, and open the URL it prints"
            )
        return refuse_content(request, request.url.path in self._forms)

    def _is_known(self, headers: Headers) -> bool:
        pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        value = next((value for name, _, value in pairs if name == self._cookie), "")
        return hmac.compare_digest(value.encode(), self._keys.cookie.encode())


def add_page_headers(send: Send) -> Send:
    """Return a function that sends a response with the headers that keep a page to itself."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("content-security-policy", "default-src 'none'; frame-ancestors 'none'")
        await send(message)

    return send_with_headers


def refuse_content(request: Request, accepts_forms: bool) -> Response | None:
    """Return the refusal of a body that is too large, or that a page of another site could send; None for others."""
    if request.method in _SAFE:
        return None
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > _MOST_BYTES or "transfer-encoding" in request.headers:
        return refuse_request(413, "size", f"the request has more than {_MOST_BYTES} bytes", "make smaller edits")
    if request.method == "DELETE" and int(length) == 0:
        return None  # a page of another site cannot send it
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_form = accepts_forms and kind == _FORM and "origin" in request.headers
    if kind != "application/json" and not is_form:
        return refuse_request(415, "content_type", "the request is not JSON", "send application/json")
    return None


def refuse_request(status: int, code: str, message: str, fix: str) -> Response:
    """Return an answer that says why a request is refused."""
    return JSONResponse(describe_problem(code, message, fix), status)
