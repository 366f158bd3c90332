"""`/connect`: the pages of links for customers, `POST /admin/links`, which makes a link, and `GET /admin/logins`. Thin:
`ConnectService` decides what a page has."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from conn_engine.errors import ConnError
from conn_service.connect.browser import BrowserVisit, draw_browser_secret, is_browser_secret
from conn_service.connect.connect_page import ConnectPage, NoticeKind, build_notice
from conn_service.connect.connect_service import CALLBACK, ConnectService
from conn_service.connect.links import LINK_SECONDS, ConnectLink, LinkStore
from conn_service.connect.needs_login import LoginMonitor
from conn_service.connect.page_renderer import PageRenderer
from conn_service.http.admin import AdminGate
from conn_service.http.problems import HttpProblem
from conn_service.http.reading import ServiceLimits, parse_query, read_body, read_bytes
from conn_service.http.tokens import ApiToken

__all__ = ["build_connect_routes", "build_link_routes"]

_LOG = logging.getLogger(__name__)
_MOST_BYTES = 256 * 2**10
_MOST_FIELDS = 100
_LONGEST_LINK_SECONDS = 30 * 86_400


def build_connect_routes(service: ConnectService | None, limits: ServiceLimits) -> list[Route]:
    """Return the routes of the pages, if there is a service for them."""
    if service is None:
        return []
    pages = _Pages(service, limits)
    return [
        Route(CALLBACK, pages.finish, methods=["GET"]),
        Route(f"{CALLBACK}/{{connector}}", pages.finish, methods=["GET"]),
        Route("/connect/{link}", pages.show, methods=["GET"]),
        Route("/connect/{link}", pages.submit, methods=["POST"]),
    ]


class _Pages:
    """Maps requests of browsers to the service, and its pages to responses."""

    def __init__(self, service: ConnectService, limits: ServiceLimits) -> None:
        self._service = service
        self._limits = limits
        self._renderer = PageRenderer(service.settings)

    async def show(self, request: Request) -> Response:
        """Show the page of a link. A browser without a cookie gets one."""
        visit = self._read_visit(request)
        secret = visit.secret or draw_browser_secret()
        known = BrowserVisit(secret, visit.is_framed)
        page = await self._answer(self._service.show(request.path_params["link"], known))
        response = self._respond(page, is_framed=visit.is_framed)
        if not visit.secret:
            response.headers.append("set-cookie", self._format_cookie(secret, visit.is_framed))
        return response

    async def submit(self, request: Request) -> Response:
        """Take a form."""
        visit = self._read_visit(request)
        page = await self._answer(self._submit(request, visit))
        return self._respond(page, is_framed=visit.is_framed)

    async def _submit(self, request: Request, visit: BrowserVisit) -> ConnectPage:
        try:
            content = await read_bytes(request, self._limits, _MOST_BYTES)
            values = parse_qsl(content.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except (HttpProblem, ValueError):
            return self._build_notice("input")
        return await self._service.submit(request.path_params["link"], visit, values)

    async def finish(self, request: Request) -> Response:
        """Finish a consent: the vendor has redirected here."""
        visit = self._read_visit(request)
        path = f"{CALLBACK}/{request.path_params['connector']}" if request.path_params else CALLBACK
        try:
            query = parse_query(request)
        except HttpProblem:
            return self._respond(self._build_notice("state"))
        return self._respond(await self._answer(self._service.finish(path, visit, query)))

    async def _answer(self, work: Awaitable[ConnectPage]) -> ConnectPage:
        """Return a page also for what nobody expected: a customer cannot read a problem in JSON."""
        try:
            return await work
        except (ConnError, SQLAlchemyError) as error:
            _LOG.error("a page for a customer failed: %s", type(error).__name__)
            return self._build_notice("store")
        except Exception as error:
            _LOG.error("a page for a customer failed: internal error: %s", type(error).__name__)
            return self._build_notice("internal")

    def _build_notice(self, kind: NoticeKind) -> ConnectPage:
        application = self._service.settings.application
        notice = build_notice(kind, sender=application)
        return ConnectPage("notice", notice.status, {"notice": notice, "application": application})

    def _respond(self, page: ConnectPage, *, is_framed: bool = False) -> Response:
        if page.location:
            response: Response = RedirectResponse(page.location, page.status)
            response.headers["cache-control"] = "no-store"
            response.headers["referrer-policy"] = "same-origin"
            return response
        text, headers = self._renderer.render(page, is_framed=is_framed)
        return HTMLResponse(text, page.status, headers)

    # --- the browser ---

    def _read_visit(self, request: Request) -> BrowserVisit:
        """Return what the browser says. A page in a frame has a cookie of its own there: a browser keeps the cookies of
        a frame apart by the site that embeds it."""
        is_framed = request.headers.get("sec-fetch-dest") in ("iframe", "frame", "object", "embed")
        secret = request.cookies.get(self._name_cookie(is_framed), "")
        return BrowserVisit(secret if is_browser_secret(secret) else "", is_framed, request.headers.get("origin"))

    def _name_cookie(self, is_framed: bool) -> str:
        prefix = "__Host-" if self._service.settings.is_secure else ""
        return f"{prefix}conn-{'frame' if is_framed else 'browser'}"

    def _format_cookie(self, secret: str, is_framed: bool) -> str:
        words = [f"{self._name_cookie(is_framed)}={secret}", "Path=/", "HttpOnly"]
        if is_framed:
            words += ["SameSite=None", "Secure", "Partitioned"]
        else:
            words += ["SameSite=Lax", *(["Secure"] if self._service.settings.is_secure else [])]
        return "; ".join(words)


def build_link_routes(
    gate: AdminGate, service: ConnectService | None, links: LinkStore, logins: LoginMonitor, limits: ServiceLimits
) -> list[Route]:
    """Return the routes that make, list and revoke links, and list the accounts that need one. Without a service for
    the pages, the first says what is missing."""

    async def create_link(request: Request) -> Response:
        token = await gate.admit(request)
        if service is None:
            detail = "the service has no address for browsers, so there are no links"
            raise HttpProblem(409, "disabled", detail, "start it with --public-url https://…")
        asked = _read_link_request(await read_body(request, limits))
        if asked.document is None:
            gate.callers.check_account(token, asked.account)
        elif token.accounts and asked.account not in token.accounts:
            raise HttpProblem(404, "unknown", "there is no such account")
        issued = await service.issue(
            asked.account,
            seconds=asked.expires_in,
            return_url=asked.return_url,
            document=asked.document,
            tenant=token.tenant,
            created_by=token.id,
        )
        await gate.record(token, "create", f"links/{issued.link.id}", account=asked.account)
        data = {
            "id": issued.link.id,
            "url": service.settings.build_link(issued.text),
            "account": asked.account,
            "expires_at": issued.link.expires_at,
        }
        return JSONResponse(data, 201, headers={"cache-control": "no-store"})

    def may_see(token: ApiToken, link: ConnectLink) -> bool:
        if token.accounts and link.account not in token.accounts:
            return False
        tenant = gate.callers.source.find_tenant(link.account) or link.tenant  # the account may not exist yet
        return token.tenant in ("", tenant)

    async def list_links(request: Request) -> Response:
        token = await gate.admit(request)
        query = dict(parse_query(request))
        if query.keys() - {"account"}:
            raise _refuse(f'the list does not read "{min(query.keys() - {"account"})[:100]}"', "use: account")
        found = await asyncio.to_thread(links.list, query.get("account", ""))
        now = gate.callers.clock.now()
        return JSONResponse({"result": [_describe_link(link, now) for link in found if may_see(token, link)]})

    async def revoke_link(request: Request) -> Response:
        token = await gate.admit(request)
        link = await asyncio.to_thread(links.find_by_id, request.path_params["id"])
        if link is None or not may_see(token, link):
            raise HttpProblem(404, "unknown", "there is no such link")
        await asyncio.to_thread(links.revoke, link)
        await gate.record(token, "revoke", f"links/{link.id}", account=link.account)
        return Response(status_code=204)

    async def list_broken(request: Request) -> Response:
        token = await gate.admit(request)
        broken = await asyncio.to_thread(logins.find_broken)
        visible = [asdict(login) for login in broken if gate.callers.may_use(token, login.account)]
        return JSONResponse({"result": visible})

    return [
        Route("/admin/links", create_link, methods=["POST"]),
        Route("/admin/links", list_links, methods=["GET"]),
        Route("/admin/links/{id}", revoke_link, methods=["DELETE"]),
        Route("/admin/logins", list_broken, methods=["GET"]),
    ]


def _describe_link(link: ConnectLink, now: float) -> dict[str, Any]:
    return {
        "id": link.id,
        "account": link.account,
        "state": link.find_state(now),
        "created_by": link.created_by,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
        "attempts": link.attempts,
    }


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """The link that an application asks for. With `document`, the account does not exist yet."""

    account: str
    return_url: str = ""
    expires_in: float = LINK_SECONDS
    document: Mapping[str, Any] | None = None


def _read_link_request(body: object) -> LinkRequest:
    """Return what a body asks for. Raises HttpProblem for anything else."""
    if not isinstance(body, dict):
        raise _refuse("the body is not an object", 'send {"account": "NAME"}')
    unknown = sorted(str(name)[:100] for name in body.keys() - set(LinkRequest.__slots__))
    if unknown:
        raise _refuse(f'a link has no "{unknown[0]}"', f"use: {', '.join(LinkRequest.__slots__)}")
    asked = LinkRequest(**{"account": "", **{name: value for name, value in body.items() if value is not None}})
    if not isinstance(asked.account, str) or not asked.account:
        raise _refuse("the link has no account", 'send {"account": "NAME"}')
    if not isinstance(asked.return_url, str):
        raise _refuse("return_url is not a text", "send an absolute https URL")
    if asked.document is not None and not isinstance(asked.document, dict):
        raise _refuse("document is not an object", 'send {"connector": "NAME"}')
    seconds = asked.expires_in
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 60 <= seconds <= _LONGEST_LINK_SECONDS:
        raise _refuse(f"expires_in is not a number from 60 to {_LONGEST_LINK_SECONDS:,}", "send seconds")
    return asked


def _refuse(detail: str, fix: str) -> HttpProblem:
    return HttpProblem(400, "invalid_request", detail, fix)
