"""The log-in with a token, and the log-out. A token is only exchanged for a session: nothing stores or logs it."""

import asyncio
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from conn_engine.responses.ratelimit import Budget, Charge, RateLimit
from conn_engine.wire import Request as PlainHttpRequest
from conn_service.http.service import ServiceParts
from conn_service.portal.address import PortalAddress
from conn_service.portal.guard import LOGIN
from conn_service.portal.roles import PortalRole, find_token_role
from conn_service.portal.sessions import SessionStore
from conn_service.studio.hosting import PageFrame
from conn_service.studio.pages import build_document
from conn_service.studio.views.rendering import render_view

__all__ = ["LOGOUT", "TEMPLATES", "PortalLogin"]

LOGOUT: Final = "/logout"
_TRIES: Final = Budget(requests=10, per_seconds=60.0)
"""How many log-ins one address may try."""
TEMPLATES: Final = Path(__file__).parent / "templates"
_MOST_BYTES: Final = 4_000
_LONGEST_NEXT: Final = 2_000


@dataclass(frozen=True, slots=True)
class PortalLogin:
    """The pages before a session and at its end. `provider` is the name of another way to log in, "" without one."""

    parts: ServiceParts
    address: PortalAddress
    sessions: SessionStore
    frame: PageFrame
    provider: str = ""

    def build_routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(LOGIN, self.show, methods=["GET"]),
            Route(LOGIN, self.submit, methods=["POST"]),
            Route(LOGOUT, self.end, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the form."""
        return self.respond(check_next(request.query_params.get("next", "")))

    async def submit(self, request: Request) -> Response:
        """Exchange a token for a session."""
        form = dict(parse_qsl((await request.body())[:_MOST_BYTES].decode("utf-8", "replace")))
        following = check_next(form.get("next", ""))
        now = self.parts.clock.now()
        token = await asyncio.to_thread(self.parts.callers.tokens.find, form.get("token", "").strip(), now)
        if token is None:  # only these count: behind a proxy, all people have one address
            seconds = await self.count_try(request)
            if seconds:
                text = "There were too many log-ins from your address with a token that cannot be used."
                return self.respond(following, 429, text, f"wait {seconds} seconds")
            fix = "check that it is complete, and that it has not expired"
            return self.respond(following, 401, "This token cannot be used.", fix)
        role = find_token_role(token)
        if role is None:
            problem = "This token is not for the portal: it is for one tenant or some accounts, or it has no scope."
            fix = "use one for all accounts with the scope portal:view, portal:edit, portal:release or admin"
            return self.respond(following, 403, problem, fix)
        return await self.enter(token.id, token.name, role, following, token=token.id, expires_at=token.expires_at)

    async def enter(
        self,
        actor: str,
        name: str,
        role: PortalRole,
        following: str,
        *,
        token: str = "",
        expires_at: float | None = None,
    ) -> Response:
        """Start a session, and go to a page of the portal."""
        now = self.parts.clock.now()
        create = partial(self.sessions.create, actor, name, role, now=now, token=token, expires_at=expires_at)
        value, session = await asyncio.to_thread(create)
        response = RedirectResponse(f"{self.address.root}{following}", 303)
        response.set_cookie(
            self.address.cookie,
            value,
            max_age=math.floor(session.expires_at - now),
            path="/",
            secure=self.address.is_secure,
            httponly=True,
            samesite="lax",
        )
        return response

    async def end(self, request: Request) -> Response:
        """End the session."""
        await asyncio.to_thread(self.sessions.end, request.cookies.get(self.address.cookie, ""))
        response = RedirectResponse(f"{self.address.root}{LOGIN}", 303)
        response.delete_cookie(
            self.address.cookie, path="/", secure=self.address.is_secure, httponly=True, samesite="lax"
        )
        return response

    async def count_try(self, request: Request) -> int:
        """Count a log-in of an address. Return how many seconds it has to wait, 0 if it need not."""
        sender = request.client.host if request.client is not None else "unknown"
        charge, rates = Charge("", f"portal {sender}", ""), self.parts.callers.rates
        plain = PlainHttpRequest("GET", "")
        admit = partial(rates.admit, RateLimit(budget=(_TRIES,)), charge, plain, self.parts.clock.now())
        pause, _ = await asyncio.to_thread(admit) if rates.blocks else admit()
        return math.ceil(pause)

    def respond(self, following: str, status: int = 200, problem: str = "", fix: str = "") -> Response:
        """Return the page with the form."""
        values: dict[str, Any] = {"next": following, "problem": problem, "fix": fix, "provider": self.provider}
        return build_document(render_view("login", values, self.frame, LOGIN, TEMPLATES), status)


def check_next(path: str) -> str:
    """Return the page to show after a log-in. Anything but a path of the portal is its first page."""
    is_path = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and path.isascii()
    return path if is_path and "\\" not in path and len(path) <= _LONGEST_NEXT else "/"
