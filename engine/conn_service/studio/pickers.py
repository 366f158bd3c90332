"""What the page offers to choose from: accounts, and the operations of one."""

from typing import Any

from conn_engine.analysis.impact.git import ask_git
from conn_engine.config import Workspace
from conn_engine.errors import ConnError
from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.hosting import QueryContext

__all__ = ["describe_workspace", "find_accounts", "list_operations"]


def describe_workspace(workspace: Workspace, context: QueryContext) -> dict[str, Any]:
    """Return what the page says about the folder."""
    is_repository = ask_git(workspace.root, ["rev-parse", "--is-inside-work-tree"]) == "true"
    return {
        "name": context.name or workspace.root.resolve().name,
        "read_only": context.user.edit_refusal != "",
        "read_only_reason": context.user.edit_refusal,
        "environment_refusal": context.user.release_refusal,
        "saves": context.saves,
        "has_steps": "steps" not in context.frame.missing_pages,
        "accounts": len(workspace.accounts()),
        "connectors": workspace.connectors(),
        "environments": workspace.environments(),
        "git": {"branch": ask_git(workspace.root, ["symbolic-ref", "--short", "-q", "HEAD"])}
        if is_repository
        else None,
    }


def find_accounts(workspace: Workspace, search: str, limit: int) -> dict[str, Any]:
    """Return the accounts whose name or label has the text, those whose name starts with it first."""
    text = search.strip().lower()
    names = workspace.accounts()
    by_name = [name for name in names if text in name.lower()]
    by_name.sort(key=lambda name: not name.lower().startswith(text))
    rows = [_describe_account(workspace, name) for name in by_name[:limit]]
    if len(rows) < limit and text:  # only then are all accounts read
        others = (_describe_account(workspace, name) for name in names if name not in set(by_name))
        rows += [row for row in others if text in str(row.get("label", "")).lower()][: limit - len(rows)]
    return {"total": len(names), "accounts": rows}


def _describe_account(workspace: Workspace, name: str) -> dict[str, Any]:
    try:
        account = workspace.account(name)
    except ConnError as error:
        return {"name": name, "error": error.message}
    return {
        "name": name,
        "label": account.label or "",
        "connector": account.connector,
        "environment": account.environment or workspace.settings.default_environment,
        "error": "",
    }


def list_operations(workspace: StudioWorkspace, account: str) -> dict[str, Any]:
    """Return the unified operations of an account, each with the number of its recordings."""
    effective = workspace.find_effective(account)
    names = [name for name in effective.operations() if name.kind == "unified"]
    enabled = set(effective.enabled_operations())
    recordings = dict.fromkeys(names, 0)
    for case in workspace.find_cases(effective, names):
        recordings[case.name] += 1
    return {
        **_describe_account(workspace.saved, account),
        "account": account,
        "environments": workspace.saved.environments(),
        "operations": [
            {
                "name": name.text,
                "model": name.model,
                "resource": name.resource,
                "method": name.method,
                "recordings": count,
                "enabled": name in enabled,
            }
            for name, count in recordings.items()
        ],
    }
