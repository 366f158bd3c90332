"""The log-in with a provider of identities: away to it, and back with a code."""

import asyncio
import hmac
import logging
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from conn_engine.auth.consent import draw_secret
from conn_service.http.request_record import find_record
from conn_service.portal.guard import LOGIN
from conn_service.portal.login_pages import PortalLogin, check_next
from conn_service.portal.oidc import OidcLoginError, OidcProvider
from conn_service.portal.pending_logins import LOGIN_SECONDS, PendingLogin, PendingLogins

__all__ = ["CALLBACK", "OidcPages"]

_LOG = logging.getLogger(__name__)
CALLBACK: Final = f"{LOGIN}/callback"
_AGAIN: Final = "log in again"


@dataclass(frozen=True, slots=True)
class OidcPages:
    """The routes of one provider."""

    login: PortalLogin
    provider: OidcProvider
    pending: PendingLogins

    def build_routes(self) -> list[Route]:
        """Return the routes."""
        return [Route(f"{LOGIN}/oidc", self.begin, methods=["GET"]), Route(CALLBACK, self.finish, methods=["GET"])]

    @property
    def _cookie(self) -> str:
        return f"{self.login.address.cookie}-login"

    async def begin(self, request: Request) -> Response:
        """Send a browser to the provider."""
        following = check_next(request.query_params.get("next", ""))
        try:
            started = await asyncio.to_thread(self.provider.begin)
        except OidcLoginError as error:
            return self._fail(request, following, error)
        browser = draw_secret()
        login = PendingLogin(started.nonce, started.verifier, following)
        await asyncio.to_thread(self.pending.add, started.state, browser, login, self.login.parts.clock.now())
        response = RedirectResponse(started.url, 303)
        is_secure = self.login.address.is_secure
        seconds = int(LOGIN_SECONDS)
        response.set_cookie(
            self._cookie, browser, max_age=seconds, path="/", secure=is_secure, httponly=True, samesite="lax"
        )
        return response

    async def finish(self, request: Request) -> Response:
        """Take the answer of the provider, and start a session."""
        query, now = request.query_params, self.login.parts.clock.now()
        browser = request.cookies.get(self._cookie, "")
        pending = await asyncio.to_thread(self.pending.take, query.get("state", ""), browser, now)
        if pending is None:
            text = "This log-in was not started by your browser, or it has taken too long."
            return self.login.respond("/", 403, text, _AGAIN)
        issuer = query.get("iss")
        if issuer is not None and not hmac.compare_digest(issuer.encode(), self.provider.settings.issuer.encode()):
            return self._fail(request, pending.following, OidcLoginError("the answer is from another provider"))
        if "error" in query or "code" not in query:
            name = self.provider.settings.name
            return self.login.respond(pending.following, 403, f"You were not logged in by {name}.", _AGAIN)
        try:
            who = await asyncio.to_thread(self.provider.finish, query["code"], pending.nonce, pending.verifier)
        except OidcLoginError as error:
            return self._fail(request, pending.following, error)
        if who.role is None:
            text, fix = f"{who.name} has no role in this portal.", "ask an administrator for one"
            if who.is_unverified:
                text = f"{self.provider.settings.name} does not declare the address {who.name} verified."
                fix = "verify it there, or ask an administrator: the claim email_verified must be true"
            return self.login.respond(pending.following, 403, text, fix)
        response = await self.login.enter(who.actor, who.name, who.role, pending.following)
        response.delete_cookie(
            self._cookie, path="/", secure=self.login.address.is_secure, httponly=True, samesite="lax"
        )
        return response

    def _fail(self, request: Request, following: str, error: OidcLoginError) -> Response:
        """Return the page that says nothing about the reason, which is in the log."""
        find_record(request).reason = str(error)
        _LOG.warning("a log-in to the portal failed: %s", error)
        text = f"The log-in with {self.provider.settings.name} does not work now."
        return self.login.respond(
            following, 502, text, "try again, or ask an administrator, who finds the reason in the log"
        )
