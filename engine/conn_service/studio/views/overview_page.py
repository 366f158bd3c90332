"""The first page: connectors with their recordings, accounts, and findings of lint."""

from collections import Counter
from contextlib import suppress
from typing import Any

from conn_engine.analysis.coverage import measure_coverage
from conn_engine.config import Workspace
from conn_engine.errors import ConnError
from conn_engine.lint import lint_workspace
from conn_engine.reports import describe_findings
from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.pickers import find_accounts
from conn_service.studio.views.page_request import PageRequest

__all__ = ["show_overview"]

_MOST_ACCOUNTS = 100
_MOST_MEASURED = 10
"""With more connectors, their coverage is on its own page only."""
_MOST_LINTED = 60
"""With more accounts, only the documents that all of them share are linted: the others are linted when they are
opened."""


def show_overview(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return the connectors, the accounts and the findings."""
    workspace = studio.saved
    search = request.query.get("search", "")
    found = find_accounts(workspace, search, _MOST_ACCOUNTS)
    names = workspace.connectors()
    measured = _measure_coverage(studio) if len(names) <= _MOST_MEASURED else {}
    connectors = [{**_describe_connector(studio, name), "coverage": measured.get(name)} for name in names]
    is_complete = found["total"] <= _MOST_LINTED
    if ("findings",) not in studio.results:
        shared = [file.path for file in workspace.files() if file.kind != "account"]
        linted = lint_workspace(workspace, None if is_complete else shared)
        studio.results["findings",] = describe_findings(linted.findings)
    findings = studio.results["findings",]
    return {
        "name": request.context.name or workspace.root.resolve().name,
        "search": search,
        "accounts": found["accounts"],
        "total": found["total"],
        "connectors": connectors,
        "findings": findings[:50],
        "counts": dict(Counter(finding.severity for finding in findings)),
        "is_complete": is_complete,
    }


def _measure_coverage(studio: StudioWorkspace) -> dict[str, int]:
    """Return the percentage of mapped fields that have a value in a recording, by connector."""
    key = ("coverage",)
    if key not in studio.results:
        mapped: Counter[str] = Counter()
        seen: Counter[str] = Counter()
        with suppress(ConnError):  # the page of the coverage says why
            for row in measure_coverage(studio.saved, alone=True):
                mapped[row.connector] += row.mapped
                seen[row.connector] += row.count("seen")
        studio.results[key] = {name: 100 * seen[name] // count for name, count in mapped.items() if count}
    measured: dict[str, int] = studio.results[key]
    return measured


def _describe_connector(studio: StudioWorkspace, name: str) -> dict[str, Any]:
    workspace = studio.saved
    row: dict[str, Any] = {"name": name, "recordings": 0, "oldest": "", "newest": "", "operations": 0, "error": ""}
    try:
        effective = workspace.effective(account=None, connector=name)
        names = effective.operations()
        times = [case.recording.recorded_at for case in studio.find_cases(effective, names)]
    except ConnError as error:
        return {**row, "error": error.message}
    unified = [one for one in names if one.kind == "unified"]
    dates = sorted(time[:10] for time in times if time)
    return {
        **row,
        "operations": len(unified),
        "vendor_operations": len(names) - len(unified),
        "models": _list_models(workspace, name),
        "recordings": len(times),
        "oldest": dates[0] if dates else "",
        "newest": dates[-1] if dates else "",
    }


def _list_models(workspace: Workspace, connector: str) -> str:
    try:
        return ", ".join(workspace.unified_models(connector))
    except ConnError:
        return ""
