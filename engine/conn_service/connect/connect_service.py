"""Serve the page behind a link: show it, take what a customer enters, and finish a consent. There is no HTTP here.

A link is used up only at success. What is entered is never stored before the vendor has accepted it.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from conn_engine.auth import Consent
from conn_engine.config import Workspace
from conn_engine.errors import ConfigurationError, ConnError, CredentialError, UsageError, VendorError
from conn_engine.urls import split_plain_url
from conn_engine.wire import Clock
from conn_service.connect.account_connector import AccountConnector, OpenAccount
from conn_service.connect.account_creation import add_account
from conn_service.connect.browser import BrowserVisit, check_form_token, create_form_token
from conn_service.connect.completion import LoginCompletion, TriedLogin, build_account
from conn_service.connect.connect_page import (
    ConnectPage,
    Notice,
    NoticeKind,
    build_notice,
    describe_denial,
    describe_failure,
)
from conn_service.connect.issuing import issue_link
from conn_service.connect.links import (
    LINK_SECONDS,
    MOST_ATTEMPTS,
    ConnectLink,
    IssuedLink,
    LinkStore,
    compute_digest,
    open_phase,
    seal_phase,
)
from conn_service.connect.login_form import FormField
from conn_service.connect.settings import ConnectSettings

__all__ = ["CALLBACK", "ConnectService"]

CALLBACK: Final = "/connect/callback"
_LOG = logging.getLogger(__name__)
_LONGEST_STATE = 4_000
_MOST_PARAMETERS = 50


class _StopError(Exception):
    """The page that ends a request."""

    def __init__(self, page: ConnectPage) -> None:
        super().__init__()
        self.page = page


@dataclass(frozen=True, slots=True)
class ConnectService:
    """Shows the pages of links and connects accounts. An attempt takes at most `seconds`; with `shows_vendor`, pages
    have the vendor's own text."""

    completion: LoginCompletion
    settings: ConnectSettings
    get_workspace: Callable[[], Workspace]
    seconds: float = 60.0
    shows_vendor: bool = False

    @property
    def links(self) -> LinkStore:
        """The links."""
        return self.completion.links

    @property
    def connector(self) -> AccountConnector:
        """What connects accounts."""
        return self.completion.connector

    @property
    def _clock(self) -> Clock:
        return self.connector.clock

    # --- requests ---

    async def issue(
        self,
        account: str,
        *,
        seconds: float = LINK_SECONDS,
        return_url: str = "",
        document: Mapping[str, Any] | None = None,
        tenant: str = "",
        created_by: str = "",
    ) -> IssuedLink:
        """Return a new link for an account; with `document`, for one that is created when its customer has connected
        it. Raises as `issue_link`, and for a return URL that is not allowed."""
        if return_url:
            self.settings.check_return_url(return_url)
        now, workspace = self._clock.now(), self.get_workspace()
        text = ""
        if document is not None:
            await asyncio.to_thread(self.completion.creation.check, account, document, tenant)
            workspace, text = add_account(workspace, account, document), json.dumps(document)
        work = partial(issue_link, self.links, workspace, self.connector.vault, account, now, seconds=seconds)
        more = {"document": text, "tenant": tenant, "created_by": created_by}
        try:
            return await asyncio.to_thread(work, return_url=return_url, **more)
        except ConfigurationError as error:
            if document is None:
                raise
            raise UsageError(f"the document cannot be used: {error.message}", hint=error.hint) from None
        except CredentialError as error:
            if error.category is not None:
                raise
            raise UsageError(error.message, hint=error.hint) from None  # the new credential could not be stored

    async def show(self, text: str, visit: BrowserVisit) -> ConnectPage:
        """Return the page of a link for a browser."""
        return await self._answer(self._show(text, visit))

    async def submit(self, text: str, visit: BrowserVisit, values: Sequence[tuple[str, str]]) -> ConnectPage:
        """Take a form, and return the page after it."""
        return await self._answer(self._submit(text, visit, dict(values)))

    async def finish(self, path: str, visit: BrowserVisit, query: Sequence[tuple[str, str]]) -> ConnectPage:
        """Finish the consent that the vendor redirects from to a path below the public URL."""
        return await self._answer(self._finish(path, visit, dict(query)))

    async def _answer(self, work: Coroutine[Any, Any, ConnectPage]) -> ConnectPage:
        try:
            return await work
        except _StopError as stop:
            return stop.page

    # --- the page of a link ---

    async def _show(self, text: str, visit: BrowserVisit) -> ConnectPage:
        link = await self._find_usable(text, visit)
        opened = await self._open(link)
        if visit.is_framed and opened.form.consent is not None:
            return ConnectPage("frame", values=self._list_names(opened) | {"link": self._build_path(text)})
        return self._build_form(text, visit, link, opened, opened.form.fields)

    async def _find_usable(self, text: str, visit: BrowserVisit) -> ConnectLink:
        """Return a link that can be used now. Stops with the page that says why it cannot."""
        link = await asyncio.to_thread(self.links.find, text)
        if link is None:
            raise self._stop("unknown")
        if link.used_at is not None:
            if visit.secret and link.used_by == compute_digest(visit.secret):
                raise _StopError(await self._build_done(link))
            raise self._stop("used")
        if link.expires_at <= self._clock.now():
            raise self._stop("expired")
        if link.attempts >= MOST_ATTEMPTS:
            raise self._stop("spent")
        return link

    async def _open(self, link: ConnectLink, context: Mapping[str, str] | None = None) -> OpenAccount:
        """Return the account of a link. One that does not exist yet has the context that its customer has entered."""
        workspace = self.get_workspace()
        try:
            if link.document and link.used_at is None:
                if workspace.has_account(link.account):
                    raise self._stop("gone")
                workspace = add_account(workspace, link.account, build_account(link, context or {}))
            return await self.connector.open(workspace, link.account)
        except ConnError as error:
            _LOG.error('the link for account "%s" cannot be used: %s', link.account, error.message)
            raise self._stop("gone" if isinstance(error, UsageError) else describe_failure(error)) from None

    def _build_form(  # noqa: PLR0917
        self,
        text: str,
        visit: BrowserVisit,
        link: ConnectLink,
        opened: OpenAccount,
        fields: Sequence[FormField],
        notice: Notice | None = None,
    ) -> ConnectPage:
        has_errors = any(entry.error for entry in fields)
        values = self._list_names(opened) | {
            "action": self._build_path(text),
            "token": create_form_token(text, visit.secret),
            "fields": fields,
            "is_consent": opened.form.consent is not None,
            "notice": notice,
            "has_errors": has_errors,
            "cancel_url": self._build_return_url(link, "cancelled"),
        }
        status = notice.status if notice is not None else 422 if has_errors else 200
        return ConnectPage("form", status, values)

    # --- a form ---

    async def _submit(self, text: str, visit: BrowserVisit, values: Mapping[str, str]) -> ConnectPage:
        if visit.origin is not None and visit.origin != self.settings.origin:
            raise self._stop("elsewhere", text)
        link = await self._find_usable(text, visit)
        nonce = check_form_token(values.get("token", ""), text, visit.secret)
        if not visit.secret or nonce is None:
            raise self._stop("cookie", text)
        now = self._clock.now()
        browser = compute_digest(visit.secret)
        if not await asyncio.to_thread(self.links.spend_form, link, browser, nonce, now):
            raise self._stop("repeated", text)
        if not await asyncio.to_thread(self.links.count_attempt, link):
            raise self._stop("spent")
        opened = await self._open(link)
        form = opened.form
        context, entered = form.read(values)
        if form.has_errors:
            return self._build_form(text, visit, link, opened, form.fields)
        if link.document:
            opened = await self._open(link, context)
        try:
            async with asyncio.timeout(self.seconds):
                if opened.form.consent is not None:
                    return await self._begin(text, visit, link, opened, context, entered)
                document = self.connector.build_document(opened, entered)
                captured = {} if link.document else context
                document, is_verified = await self.connector.try_credential(opened, captured, document)
            await self._complete(TriedLogin(link, browser, opened, document, context, is_verified))
        except (ConnError, TimeoutError) as error:
            return self._build_form(text, visit, link, opened, form.fields, self._explain(opened, error))
        return self._leave_or_stay(link, opened, visit)

    def _leave_or_stay(self, link: ConnectLink, opened: OpenAccount, visit: BrowserVisit) -> ConnectPage:
        url = self._build_return_url(link, "connected")
        values = self._list_names(opened) | {"url": url, "host": _get_host(url)}
        return ConnectPage("leave" if url and not visit.is_framed else "done", values=values | {"is_done": True})

    # --- a consent ---

    async def _begin(  # noqa: PLR0917
        self,
        text: str,
        visit: BrowserVisit,
        link: ConnectLink,
        opened: OpenAccount,
        context: Mapping[str, str],
        entered: Mapping[str, str],
    ) -> ConnectPage:
        redirect_uri = self._choose_redirect_uri(opened)
        captured = {} if link.document else context
        consent, client = await self.connector.begin(opened, captured, entered, redirect_uri)
        data = {"link": text, "context": dict(context), "client": client, "consent": asdict(consent)}
        phase = seal_phase(consent.state, visit.secret, link.digest, data)
        digest = compute_digest("state", _get_path(redirect_uri), consent.state)
        browser, now = compute_digest(visit.secret), self._clock.now()
        if not await asyncio.to_thread(self.links.add_login, digest, link.digest, browser, phase, now):
            raise VendorError("the vendor has used the same request token twice", kind="bad_response")
        return ConnectPage(
            "leave",
            values=self._list_names(opened) | {"url": consent.url, "host": _get_host(consent.url), "is_done": False},
        )

    def _choose_redirect_uri(self, opened: OpenAccount) -> str:
        """Return where the vendor redirects to: a path of its own, so that no vendor's answer is taken for another's;
        or what the connector sets, if it leads here."""
        default = f"{self.settings.public_url}{CALLBACK}/{opened.effective.connector_name}"
        declared = self.connector.find_redirect_uri(opened)
        return declared if declared == f"{self.settings.public_url}{CALLBACK}" else default

    async def _finish(self, path: str, visit: BrowserVisit, query: Mapping[str, str]) -> ConnectPage:
        candidates = [value for value in list(query.values())[:_MOST_PARAMETERS] if 0 < len(value) <= _LONGEST_STATE]
        by_digest = {compute_digest("state", f"{self.settings.path}{path}", value): value for value in candidates}
        browser = compute_digest(visit.secret)
        found = await asyncio.to_thread(self.links.take_login, list(by_digest), browser, self._clock.now())
        if found is None or found.state in ("used", "expired"):
            raise self._stop("state")
        if found.state == "foreign" or not visit.secret:
            raise self._stop("browser")
        phase = open_phase(by_digest[found.digest], visit.secret, found.link, found.phase)
        text = str(phase["link"])
        link = await asyncio.to_thread(self.links.find_by_digest, found.link)
        if link is None or link.used_at is not None:
            raise self._stop("used")
        context: dict[str, str] = phase["context"]
        opened = await self._open(link, context)
        captured = {} if link.document else context
        consent = Consent(**phase["consent"])
        if not consent.has_state(query):
            raise self._stop("state")
        if query.get("error") or consent.is_denied(query):
            raise self._stop(describe_denial(query.get("error", "")), text, opened)
        try:
            async with asyncio.timeout(self.seconds):
                document = await self.connector.finish(opened, captured, phase["client"], consent, query)
                document, is_verified = await self.connector.try_credential(opened, captured, document)
            await self._complete(TriedLogin(link, browser, opened, document, context, is_verified))
        except (ConnError, TimeoutError) as error:
            notice = self._explain(opened, error)
            if notice.kind in ("refused", "input"):  # the customer has entered nothing that could be corrected
                notice = build_notice("exchange", vendor=opened.vendor, sender=self._sender, detail=notice.detail)
            raise self._stop_with(notice, text, opened) from None
        url = self._build_return_url(link, "connected")
        return ConnectPage("done", 303, location=url or self._build_path(text))

    # --- the end ---

    async def _complete(self, login: TriedLogin) -> None:
        if not await self.completion.complete(login):
            raise self._stop("used")

    async def _build_done(self, link: ConnectLink) -> ConnectPage:
        opened = await self._open(link)
        url = self._build_return_url(link, "connected")
        return ConnectPage("done", values=self._list_names(opened) | {"url": url, "host": _get_host(url)})

    def _explain(self, opened: OpenAccount, error: ConnError | TimeoutError) -> Notice:
        """Return why an attempt failed, for the customer; the log has it for the operator."""
        if isinstance(error, TimeoutError):
            return build_notice("timeout", vendor=opened.vendor, sender=self._sender)
        message = opened.redactor.text(f"{error.message}; {error.hint}".removesuffix("; "))
        shown = f"the vendor answers {error.kind} ({error.status})" if isinstance(error, VendorError) else message
        _LOG.warning('account "%s" was not connected: %s', opened.name, shown)
        detail = message if self.shows_vendor else ""
        return build_notice(describe_failure(error), vendor=opened.vendor, sender=self._sender, detail=detail)

    def _stop(self, kind: NoticeKind, text: str = "", opened: OpenAccount | None = None) -> _StopError:
        vendor = opened.vendor if opened is not None else ""
        return self._stop_with(build_notice(kind, vendor=vendor, sender=self._sender), text, opened)

    def _stop_with(self, notice: Notice, text: str, opened: OpenAccount | None) -> _StopError:
        values = self._list_names(opened) if opened is not None else {"application": self.settings.application}
        link = self._build_path(text) if text and notice.can_retry else ""
        return _StopError(ConnectPage("notice", notice.status, values | {"notice": notice, "link": link}))

    # --- what pages are made of ---

    @property
    def _sender(self) -> str:
        return self.settings.application

    def _list_names(self, opened: OpenAccount) -> dict[str, Any]:
        account = opened.workspace.account(opened.name)
        return {"vendor": opened.vendor, "application": self.settings.application, "label": account.label or ""}

    def _build_path(self, text: str) -> str:
        return f"{self.settings.path}/connect/{text}"

    def _build_return_url(self, link: ConnectLink, status: str) -> str:
        return self.settings.build_return_url(link.return_url, status) if link.return_url else ""


def _get_host(url: str) -> str:
    return split_plain_url(url).netloc


def _get_path(url: str) -> str:
    return split_plain_url(url).path
