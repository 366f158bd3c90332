"""The connectors of the service: their models and operations, and how many accounts use each."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from conn_engine.config import Workspace
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import ConnError, UsageError
from conn_service.portal.views.page_values import MOST_ROWS, take_page
from conn_service.portal.views.portal_view import PortalView, ViewRequest
from conn_service.revisions import Subject

__all__ = ["CONNECTOR", "CONNECTORS"]


def _show_all(request: ViewRequest) -> Mapping[str, Any]:
    workspace, after = request.parts.callers.source.get_current()[1], request.query.get("after", "")
    uses = _count_uses(workspace)
    names = [name for name in workspace.connectors() if name > after]
    page, last = take_page(names[: MOST_ROWS + 1])
    return {"rows": [_describe(request, workspace, name, uses) for name in page], "more": last}


def _show_one(request: ViewRequest) -> Mapping[str, Any]:
    workspace, name = request.parts.callers.source.get_current()[1], request.require("name", "the connector")
    known = workspace.connectors()
    if name not in known:
        raise UsageError(
            f'there is no connector "{name[:100]}"', hint=did_you_mean(name, known) or "open the list of connectors"
        )
    row = _describe(request, workspace, name, _count_uses(workspace))
    if row["error"]:
        return {**row, "unified": [], "vendor": [], "fields": []}
    effective = workspace.effective(account=None, connector=name)
    credentials = effective.connector.credentials
    return {
        **row,
        "unified": [one.text for one in effective.operations() if one.kind == "unified"],
        "vendor": [one.text for one in effective.operations() if one.kind == "vendor"],
        "fields": [] if credentials is None else [part.name for part in credentials.fields()],
    }


def _count_uses(workspace: Workspace) -> Counter[str]:
    uses: Counter[str] = Counter()
    for name in workspace.accounts():
        try:
            uses[workspace.account(name).connector] += 1
        except ConnError:
            continue  # the page of the accounts says why
    return uses


def _describe(request: ViewRequest, workspace: Workspace, name: str, uses: Counter[str]) -> dict[str, Any]:
    latest = request.parts.changes.configuration.find_latest(Subject("connector", name))
    row: dict[str, Any] = {
        "name": name,
        "models": "",
        "operations": 0,
        "accounts": uses[name],
        "revision": 0 if latest is None else latest.number,
        "error": "",
    }
    try:
        operations = workspace.effective(account=None, connector=name).operations()
        models = ", ".join(workspace.unified_models(name))
    except ConnError as error:
        return {**row, "error": error.message}
    return {**row, "models": models, "operations": sum(one.kind == "unified" for one in operations)}


CONNECTORS = PortalView("/connectors", "connectors", _show_all, "Connectors")
CONNECTOR = PortalView("/connectors/{name}", "connector", _show_one)
