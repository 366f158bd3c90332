"""Who changed what, when and why: the log of the portal, of `/admin` and of the command line."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from conn_service.portal.views.portal_view import PortalView, ViewRequest
from conn_service.revisions import AuditEntry, Revision, Subject, SubjectKind

__all__ = ["AUDIT"]

_MOST = 100
_MOST_LINES = 400
_KINDS: Mapping[str, SubjectKind] = {"accounts": "account", "connectors": "connector", "environments": "environment"}


def _show(request: ViewRequest) -> Mapping[str, Any]:
    target, cursor = request.query.get("target", "").strip(), request.query.get("until", "")
    until = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 10 else None
    entries = request.parts.audit.list(target=target, until=until, most=_MOST + 1)
    shown = entries[:_MOST]
    return {
        "target": target,
        "rows": [_describe(request, entry) for entry in shown],
        "more": shown[-1].number if len(entries) > len(shown) else None,
    }


def _describe(request: ViewRequest, entry: AuditEntry) -> dict[str, Any]:
    revision = _find_revision(request, entry)
    return {
        "date": datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M"),
        "by": entry.by,
        "action": entry.action.replace("_", " "),
        "target": entry.target,
        "account": entry.account,
        "revision": entry.after,
        "reason": entry.reason,
        "diff": "" if revision is None else _shorten(revision.diff),
    }


def _find_revision(request: ViewRequest, entry: AuditEntry) -> Revision | None:
    folder, _, name = entry.target.partition("/")
    if entry.after is None or folder not in _KINDS:
        return None
    return request.parts.changes.configuration.store.find(Subject(_KINDS[folder], name), entry.after)


def _shorten(diff: str) -> str:
    """Return the first lines of a difference: that of a new connector has thousands."""
    lines = diff.splitlines(keepends=True)
    rest = len(lines) - _MOST_LINES
    return diff if rest <= 0 else f"{''.join(lines[:_MOST_LINES])}… {rest:,} more lines\n"


AUDIT = PortalView("/audit", "audit", _show, "Log")
