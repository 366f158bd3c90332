"""The accounts of the service with their states, and one-time links with which a customer connects one."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from conn_engine.config import Workspace
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import ConnError, UsageError
from conn_service.connect.connect_service import ConnectService
from conn_service.connect.links import LinkStore
from conn_service.connect.needs_login import BrokenLogin
from conn_service.portal.views.page_values import MOST_ROWS, choose, format_time, take_page
from conn_service.portal.views.portal_view import PortalForm, PortalView, ViewRequest
from conn_service.revisions import Subject

__all__ = ["ACCOUNT", "ACCOUNTS", "LINK", "REVOKE"]

_DAYS: Final = {"1": 86_400.0, "3": 3 * 86_400.0, "7": 7 * 86_400.0, "30": 30 * 86_400.0}
_BY_STATE: Final = ("needs log-in", "disabled")
"""The states that the list can be limited to: they are known without reading every account."""


def _show_all(request: ViewRequest) -> Mapping[str, Any]:
    workspace = request.parts.callers.source.get_current()[1]
    search, after = request.query.get("search", "").strip().lower(), request.query.get("after", "")
    connector = choose(request, "connector", workspace.connectors())
    state = choose(request, "state", _BY_STATE)
    broken = {login.account: login for login in request.parts.logins.find_broken()}
    names = broken if state == "needs log-in" else workspace.accounts()
    rows: list[dict[str, Any]] = []
    for name in sorted(names):
        if len(rows) > MOST_ROWS:
            break
        if name > after:
            row = _describe(request, workspace, name, broken.get(name))
            is_found = search in name.lower() or search in row["label"].lower()
            if is_found and connector in ("", row["connector"]) and state in ("", row["state"]):
                rows.append(row)
    page, last = take_page(rows)
    return {
        "rows": page,
        "more": None if last is None else last["name"],
        "search": search,
        "connector": connector,
        "state": state,
        "states": _BY_STATE,
        "connectors": workspace.connectors(),
    }


def _show_one(request: ViewRequest) -> Mapping[str, Any]:
    workspace = request.parts.callers.source.get_current()[1]
    name = _find_account(request, workspace)
    broken = {login.account: login for login in request.parts.logins.find_broken()}
    now = request.parts.clock.now()
    links = LinkStore(request.parts.engine).list(name)
    return {
        **_describe(request, workspace, name, broken.get(name)),
        "links": [
            {
                "id": link.id,
                "state": link.find_state(now),
                "by": link.created_by,
                "created": format_time(link.created_at),
                "expires": format_time(link.expires_at),
            }
            for link in links[:MOST_ROWS]
        ],
        "has_pages": request.parts.connect is not None,
        "days": [*_DAYS],
        "revoked": request.query.get("revoked", "") == "1",
    }


def _create_link(request: ViewRequest) -> Mapping[str, Any]:
    """Make a link as `POST /admin/links` does. Its text is shown once: only a digest is stored."""
    workspace = request.parts.callers.source.get_current()[1]
    account, connect = _find_account(request, workspace), _require_connect(request)
    days = choose(request, "days", [*_DAYS]) or "3"
    tenant = request.parts.callers.source.find_tenant(account) or ""
    issuing = connect.issue(account, seconds=_DAYS[days], tenant=tenant, created_by=request.session.actor)
    issued = asyncio.run(issuing)
    request.record("create", f"links/{issued.link.id}", account=account)
    return {
        "name": account,
        "id": issued.link.id,
        "url": connect.settings.build_link(issued.text),
        "expires": format_time(issued.link.expires_at),
    }


def _revoke_link(request: ViewRequest) -> str:
    links = LinkStore(request.parts.engine)
    link = links.find_by_id(request.require("link", "the link"))
    if link is None:
        raise UsageError("there is no such link", hint="open the account again")
    links.revoke(link)
    request.record("revoke", f"links/{link.id}", account=link.account)
    return f"/accounts/{quote(link.account)}?revoked=1"


def _require_connect(request: ViewRequest) -> ConnectService:
    if request.parts.connect is None:
        raise UsageError(
            "the service has no address for browsers, so there are no links",
            hint="start it with --public-url https://…",
        )
    return request.parts.connect


def _find_account(request: ViewRequest, workspace: Workspace) -> str:
    name, known = request.require("name", "the account"), workspace.accounts()
    if name not in known:
        raise UsageError(
            f'there is no account "{name[:100]}"', hint=did_you_mean(name, known) or "open the list of accounts"
        )
    return name


def _describe(request: ViewRequest, workspace: Workspace, name: str, broken: BrokenLogin | None) -> dict[str, Any]:
    source = request.parts.changes.configuration
    latest = source.find_latest(Subject("account", name))
    row: dict[str, Any] = {
        "name": name,
        "label": "",
        "connector": "",
        "environment": "",
        "tenant": source.find_tenant(name) or "",
        "revision": 0 if latest is None else latest.number,
        "state": "cannot be read",
        "class": "bad",
        "since": "" if broken is None else format_time(broken.since),
        "reason": "" if broken is None else broken.reason,
    }
    try:
        account = workspace.account(name)
    except ConnError as error:
        return {**row, "reason": error.message}
    environment = account.environment or workspace.settings.default_environment
    row |= {"label": account.label or "", "connector": account.connector, "environment": environment}
    if not account.enabled:
        return {**row, "state": "disabled", "class": "unknown"}
    if broken is not None:
        return {**row, "state": "needs log-in"}
    state, is_good = _find_credential(request, workspace, name)
    return {**row, "state": state, "class": "good" if is_good else "unknown"}


def _find_credential(request: ViewRequest, workspace: Workspace, name: str) -> tuple[str, bool]:
    """Return whether an account has a credential, in words; what it has is never shown."""
    try:
        credentials = workspace.effective(account=name).connector.credentials
        if credentials is None or not credentials.fields():
            return "needs no log-in", True
        if request.parts.connect is None:
            return "enabled", True
        is_connected = request.parts.connect.connector.vault.load(name) is not None
    except ConnError:
        return "cannot be read", False
    return ("connected", True) if is_connected else ("not connected", False)


ACCOUNTS = PortalView("/accounts", "accounts", _show_all, "Accounts")
ACCOUNT = PortalView("/accounts/{name}", "account", _show_one)
LINK = PortalForm("/accounts/link", "editor", _create_link, "account_link")
REVOKE = PortalForm("/accounts/revoke", "editor", _revoke_link)
