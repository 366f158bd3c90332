"""The page of a workspace on this machine: its folder, its one user, and who may ask for it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import ASGIApp

from conn_service.studio.guard import PageGuard, StudioSecrets
from conn_service.studio.hosting import AskQuery, QueryContext, StudioHost, StudioUser
from conn_service.studio.pages import PAGE_ERRORS, StudioPages
from conn_service.studio.queries import StudioQueries
from conn_service.studio.views.rendering import FORMS, PAGES

__all__ = ["StudioSettings", "create_app", "find_read_only_reason"]

_HOW_TO_WRITE = "start conn studio without --read-only, in a folder that you may write"


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


@dataclass(frozen=True, slots=True)
class _WorkspaceFolder:
    """The folder of the workspace itself, which the processes also write."""

    root: Path

    async def update(self) -> None:
        """Do nothing: the processes look at the files."""

    async def save(self, body: bytes, _context: QueryContext, ask: AskQuery) -> tuple[int, bytes]:
        """Write the document of the edits."""
        return await ask("save", body)

    async def draft(self, body: bytes, _context: QueryContext, ask: AskQuery) -> tuple[int, bytes]:
        """Return the edits that a file of the workspace remembers."""
        return await ask("draft", body)

    async def keep_draft(self, body: bytes, _context: QueryContext, ask: AskQuery) -> tuple[int, bytes]:
        """Remember edits in a file of the workspace."""
        return await ask("keep_draft", body)


def create_app(settings: StudioSettings, keys: StudioSecrets) -> ASGIApp:
    """Return the application for one workspace and port."""
    reason = settings.read_only_reason
    user = StudioUser(actor=settings.actor, edit_refusal=reason, release_refusal=reason, fix=_HOW_TO_WRITE)
    context = QueryContext(user=user, store=settings.store, service_store=settings.service_store)

    def find_context(_request: Request) -> QueryContext:
        return context

    folder = _WorkspaceFolder(settings.root)
    host = StudioHost(folder, folder, find_context, frozenset({*PAGES, *FORMS}))
    pages = StudioPages(host, StudioQueries(folder))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await pages.queries.close()

    app = Starlette(routes=pages.build_routes(), exception_handlers=PAGE_ERRORS, lifespan=lifespan)
    app.router.redirect_slashes = False
    return PageGuard(app, settings.port, keys, pages.forms)
