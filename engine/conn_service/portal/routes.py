"""Put the portal of a service together: its pages, its guard, and how it ends."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from conn_engine.config.portal_models import PortalLoginSettings
from conn_engine.errors import ConnError, UsageError
from conn_engine.transport.egress import Trust
from conn_service.authoring.results import describe_error, describe_problem
from conn_service.connect.settings import ConnectSettings
from conn_service.http.service import ServiceParts
from conn_service.portal.address import PORTAL, PortalAddress
from conn_service.portal.drafts import DraftStore
from conn_service.portal.edits import RevisionEdits
from conn_service.portal.guard import LOGIN, PortalGuard, find_session
from conn_service.portal.login_pages import LOGOUT, TEMPLATES, PortalLogin
from conn_service.portal.mirror import ConfigurationFolder
from conn_service.portal.oidc import OidcProvider
from conn_service.portal.oidc_pages import CALLBACK, OidcPages
from conn_service.portal.pending_logins import PendingLogins
from conn_service.portal.roles import PortalRole, build_user, includes_role
from conn_service.portal.sessions import SessionStore
from conn_service.portal.views import ALL_FORMS, ALL_VIEWS
from conn_service.portal.views.portal_view import PortalForm, PortalView, ViewRequest
from conn_service.revisions import AuditEntry
from conn_service.studio.hosting import PageFrame, QueryContext, StudioHost
from conn_service.studio.pages import PAGE_ERRORS, StudioPages, build_document
from conn_service.studio.queries import StudioQueries
from conn_service.studio.views.rendering import FORMS, PAGES, render_view

__all__ = ["PortalSettings", "build_portal_routes"]

_PAGES: Final = (
    "overview", "coverage", "recordings", "recording", "steps", "review_steps", "save_steps",
    "new", "proposal", "save_connector",
)  # fmt: skip
_RELEASE_PAGES: Final = ("releases", "promote", "roll_back")
_LINKS: Final = {"coverage": "Coverage", "recordings": "Recordings", "releases": "Releases"}
_TITLE: Final = "Conn portal"


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """What a deployment sets. `release_store` is the address of the releases, "" if the service has none, and
    `service_store` that of the service's database. `login` and `client_secret` are for a provider of identities, which
    is reached as `trust` says."""

    service_store: str
    release_store: str = ""
    login: PortalLoginSettings | None = None
    client_secret: str = field(default="", repr=False)
    trust: Trust = field(default_factory=Trust)


@dataclass(frozen=True, slots=True)
class _Portal:
    """The context of each request, and the pages that only a service has."""

    parts: ServiceParts
    settings: PortalSettings
    frame: PageFrame

    def find_context(self, request: Request) -> QueryContext:
        """Return who acts, and where."""
        session = find_session(request)
        return QueryContext(
            user=build_user(session.actor, session.role),
            frame=self.find_frame(request),
            store=self.settings.release_store,
            service_store=self.settings.service_store,
            name="Overview",
            saves="revision",
        )

    def find_frame(self, request: Request) -> PageFrame:
        """Return what is around a page of this person."""
        session = find_session(request)
        return replace(self.frame, person=f"{session.name} ({session.role})")

    async def note_move(self, context: QueryContext, form: str, fields: Mapping[str, str]) -> None:
        """Write into the log that a channel was moved. The releases have a history of their own, too."""
        entry = AuditEntry(
            self.parts.clock.now(),
            context.user.actor,
            form,
            f"channels/{fields.get('channel', '')[:200]}",
            reason=fields.get("reason", "")[:2_000],
        )
        await asyncio.to_thread(self.parts.audit.add, entry)

    async def show(self, request: Request, view: PortalView) -> Response:
        """Return a page."""
        query = dict(request.query_params) | dict(request.path_params)
        return await self._respond(request, view.path, view.role, partial(_show_view, view), query, view.template)

    async def submit(self, request: Request, form: PortalForm) -> Response:
        """Take a form."""
        fields = dict(parse_qsl((await request.body()).decode("utf-8", "replace"))) | dict(request.path_params)
        return await self._respond(request, form.path, form.role, form.submit, fields, form.template)

    async def _respond(  # noqa: PLR0917
        self, request: Request, path: str, role: PortalRole, work: Any, query: Mapping[str, str], template: str
    ) -> Response:
        session, frame, chosen = find_session(request), self.find_frame(request), path.split("/")[1]
        if not includes_role(session.role, role):
            message, fix = f"this needs the role {role}: yours is {session.role}", build_user("", session.role).fix
            return _respond_problem(describe_problem("role", message, fix), 403, frame, chosen)
        try:
            found = await asyncio.to_thread(work, ViewRequest(self.parts, session, query))
        except ConnError as error:
            return _respond_problem(describe_error(error), 422 if isinstance(error, UsageError) else 500, frame, chosen)
        if isinstance(found, str):
            return RedirectResponse(f"{frame.root}{found}", 303)
        return build_document(render_view(template, {**found, "role": session.role}, frame, chosen, TEMPLATES))


def _show_view(view: PortalView, request: ViewRequest) -> Mapping[str, Any]:
    return view.show(request)


def _respond_problem(problem: Mapping[str, Any], status: int, frame: PageFrame, chosen: str) -> Response:
    return build_document(render_view("problem", {"problem": problem}, frame, chosen), status)


def build_portal_routes(parts: ServiceParts, settings: PortalSettings, connect: ConnectSettings) -> list[BaseRoute]:
    """Return the route of the portal at the public address of the service."""
    address = PortalAddress(connect)
    sessions = SessionStore(parts.engine, parts.callers.tokens)
    names = frozenset({*_PAGES, *(_RELEASE_PAGES if settings.release_store else ())})
    links = [("edit", "Mappings"), *((name, text) for name, text in _LINKS.items() if name in names)]
    links += [(view.path.strip("/"), view.link) for view in ALL_VIEWS if view.link]
    missing = tuple(sorted({*PAGES, *FORMS} - names))
    frame = PageFrame(root=address.root, title=_TITLE, links=tuple(links), missing_pages=missing)
    portal = _Portal(parts, settings, frame)
    folder = ConfigurationFolder(parts.callers.source.get_current)
    edits = RevisionEdits(parts.changes, folder, DraftStore(parts.engine), parts.clock)
    host = StudioHost(folder, edits, portal.find_context, names, portal.note_move, edits.save_form)
    pages = StudioPages(host, StudioQueries(folder))
    empty_frame = PageFrame(root=address.root, title=_TITLE, links=())
    provider = "" if settings.login is None else settings.login.name
    login = PortalLogin(parts, address, sessions, empty_frame, provider)

    async def close() -> None:
        await pages.queries.close()
        await asyncio.to_thread(folder.remove)

    parts.closers.append(close)
    app = Starlette(
        routes=[
            *login.build_routes(),
            *_build_oidc_routes(settings, login),
            *(Route(view.path, partial(portal.show, view=view), methods=["GET"]) for view in ALL_VIEWS),
            *(Route(form.path, partial(portal.submit, form=form), methods=["POST"]) for form in ALL_FORMS),
            *pages.build_routes(),
        ],
        exception_handlers=PAGE_ERRORS,
    )
    app.router.redirect_slashes = False
    forms = [LOGIN, LOGOUT, *pages.forms, *(form.path for form in ALL_FORMS)]
    guard = PortalGuard(app, address, sessions, parts.clock, forms)
    return [Route(PORTAL, partial(_open_portal, root=address.root), methods=["GET"]), Mount(PORTAL, guard)]


def _build_oidc_routes(settings: PortalSettings, login: PortalLogin) -> list[Route]:
    if settings.login is None:
        return []
    uri, clock = f"{login.address.url}{CALLBACK}", login.parts.clock
    provider = OidcProvider(settings.login, settings.client_secret, uri, settings.trust, clock)
    return OidcPages(login, provider, PendingLogins(login.parts.engine)).build_routes()


async def _open_portal(_request: Request, root: str) -> Response:
    return RedirectResponse(f"{root}/", 307)
