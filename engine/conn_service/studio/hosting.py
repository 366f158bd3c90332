"""What differs between the page of a workspace and the portal of a service: where documents come from, where edits are
saved, who acts, and what is around each page."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec
from starlette.requests import Request

__all__ = ["AskQuery", "DocumentFolder", "EditStore", "PageFrame", "QueryContext", "StudioHost", "StudioUser"]

AskQuery = Callable[[str, bytes], Awaitable[tuple[int, bytes]]]
"""Asks a process a query by its name and body, and returns the status and the JSON of the answer."""


class StudioUser(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts. `actor` is what a history names. `edit_refusal` and `release_refusal` say why this person may not save
    edits or move channels, "" if it may, and `fix` says what changes that."""

    actor: str = "unknown"
    edit_refusal: str = ""
    release_refusal: str = ""
    fix: str = ""


class PageFrame(msgspec.Struct, frozen=True, kw_only=True):
    """What is around each page: its title, the links to others, and the person who may log out. `root` is the path that
    all pages are below, without a slash at its end. Nothing links to `missing_pages`, which are not served."""

    root: str = ""
    title: str = "Conn studio"
    links: tuple[tuple[str, str], ...] = (
        ("edit", "Mappings"),
        ("coverage", "Coverage"),
        ("recordings", "Recordings"),
        ("deliveries", "Deliveries"),
        ("impact", "Impact"),
        ("syncs", "Syncs"),
        ("releases", "Releases"),
        ("new", "New connector"),
    )
    person: str = ""
    missing_pages: tuple[str, ...] = ()


class QueryContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a query depends on besides its body. `store` and `service_store` are the addresses of the releases and of
    the runs, "" for those of the workspace. `saves` is what saving makes. `name` is the heading of the overview, by
    default the name of the folder."""

    user: StudioUser = StudioUser()
    frame: PageFrame = PageFrame()
    store: str = ""
    service_store: str = ""
    name: str = ""
    saves: Literal["file", "revision"] = "file"


class DocumentFolder(Protocol):
    """Where documents come from: a folder that processes can read."""

    @property
    def root(self) -> Path:
        """The folder."""
        ...

    async def update(self) -> None:
        """Write what has changed elsewhere into the folder."""
        ...


class EditStore(Protocol):
    """Where edits are saved, and where those that are not saved are remembered. Each body is that of a query with the
    same name, and so is the answer."""

    async def save(self, body: bytes, context: QueryContext, ask: AskQuery) -> tuple[int, bytes]:
        """Save edits."""
        ...

    async def draft(self, body: bytes, context: QueryContext, ask: AskQuery) -> tuple[int, bytes]:
        """Return the edits that were remembered."""
        ...

    async def keep_draft(self, body: bytes, context: QueryContext, ask: AskQuery) -> tuple[int, bytes]:
        """Remember edits, or forget them."""
        ...


@dataclass(frozen=True, slots=True)
class StudioHost:
    """What serves the pages. `find_context` returns who acts in a request, and `pages` are the names of the pages and
    forms without scripts that it has. `note_move` is called with the form that has moved a channel, and its fields.
    `save_form` saves what a form of them has checked, if a process may not write it into the folder itself."""

    folder: DocumentFolder
    edits: EditStore
    find_context: Callable[[Request], QueryContext]
    pages: frozenset[str] = field(default_factory=frozenset)
    note_move: Callable[[QueryContext, str, Mapping[str, str]], Awaitable[None]] | None = None
    save_form: Callable[[Mapping[str, Any], QueryContext, AskQuery], Awaitable[tuple[int, bytes]]] | None = None
