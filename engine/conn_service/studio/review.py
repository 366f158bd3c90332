"""What unsaved edits change: lines of a document, results of recordings, other accounts."""

import difflib
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

from conn_engine.analysis.field_overrides import OverrideDraft
from conn_engine.analysis.impact import impact
from conn_engine.analysis.impact.report import ImpactReport
from conn_engine.diagnostics import pluralize
from conn_engine.errors import UsageError
from conn_engine.reports import describe_finding, describe_findings
from conn_engine.testing.recorded_effects import OperationEffect
from conn_service.studio.drafts import StudioWorkspace, digest_text
from conn_service.studio.requests import ReviewRequest
from conn_service.studio.values import describe_value

__all__ = ["describe_plan", "find_refusal", "measure_impact", "require_draft"]

_KINDS = ("missing", "type_changed", "changed", "added")
"""The kinds of change of a field, those that break callers first."""
_MOST_EXAMPLES = 3


def require_draft(workspace: StudioWorkspace, request: ReviewRequest) -> OverrideDraft:
    """Return the draft of a request. Raises UsageError if it has no edits."""
    draft = workspace.draft(request)
    if draft is None:
        raise UsageError("there are no edits", hint="change a field first")
    return draft


def describe_plan(workspace: StudioWorkspace, request: ReviewRequest) -> dict[str, Any]:
    """Return everything that saving the edits would change."""
    draft = require_draft(workspace, request)
    reason = find_refusal(draft)
    return {
        "changed": draft.is_changed,
        "file": draft.document.file,
        "digest": digest_text(draft.old_document.text),
        "diff": list_lines(draft.old_document.text, draft.document.text),
        "text": draft.document.text,
        "findings": to_data(describe_findings([*draft.findings, *draft.empty_fields])),
        "can_save": reason == "",
        "can_accept": reason != "" and draft.is_changed and not draft.errors,
        "reason": reason,
        "effects": [_describe_effect(effect) for effect in draft.effects],
        "others": _describe_others(draft),
    }


def find_refusal(draft: OverrideDraft) -> str:
    """Return why the edits must not be saved; "" if they may."""
    if draft.errors:
        return f"{pluralize(len(draft.errors), 'mistake')} in the document: {draft.errors[0].message}"
    if not draft.is_changed:
        return f"{draft.document.file} would not change"
    if draft.failures:
        name, finding = draft.failures[0]
        return f"{pluralize(len(draft.failures), 'recorded result')} would fail: {name.text}: {finding.message}"
    return ""


def list_lines(old: str, new: str) -> list[dict[str, Any]]:
    """Return the lines that differ, with two lines around them, and their numbers."""
    before, after = old.splitlines(), new.splitlines()
    rows: list[dict[str, Any]] = []
    for group in difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(2):
        first, last = group[0], group[-1]
        rows.append(
            {"kind": "@", "old": None, "new": None, "text": f"lines {first[3] + 1} to {max(last[4], first[3] + 1)}"}
        )
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                pairs = zip(range(start, end), range(new_start, new_end), strict=True)
                rows += [{"kind": " ", "old": one + 1, "new": two + 1, "text": before[one]} for one, two in pairs]
                continue
            rows += [{"kind": "-", "old": n + 1, "new": None, "text": before[n]} for n in range(start, end)]
            rows += [{"kind": "+", "old": None, "new": n + 1, "text": after[n]} for n in range(new_start, new_end)]
    return rows


def measure_impact(
    workspace: StudioWorkspace, request: ReviewRequest, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Compare the results of every account before and after the edits."""
    draft = require_draft(workspace, request)
    found = impact(workspace.saved, draft.workspace, processes=1, progress=progress)
    return ImpactReport.from_impact(found).data()


def to_data(value: Any) -> Any:
    """Return structures as data for JSON."""
    return msgspec.to_builtins(value)


def _describe_effect(effect: OperationEffect) -> dict[str, Any]:
    examples: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for case in effect.cases:
        for record in case.comparison.changed:
            for change in record.fields:
                found = examples[change.field, change.kind]
                if len(found) < _MOST_EXAMPLES:
                    values = {"before": describe_value(change.before), "after": describe_value(change.after)}
                    found.append({"id": record.key, "case": case.case.scenario, **values})
    fields = [
        {"field": field, "kind": kind, "records": count, "of": effect.records, "examples": examples[field, kind]}
        for (field, kind), count in effect.fields.items()
    ]
    return {
        "operation": effect.name.text,
        "recordings": len(effect.cases),
        "records": effect.records,
        "unknown": effect.unknown,
        "reason": effect.reason,
        "missing_records": effect.gone,
        "new_records": effect.new,
        "requests": len(effect.requests),
        "errors": effect.errors,
        "fields": sorted(fields, key=_rank),
        "failures": to_data([describe_finding(finding) for finding in effect.failures.values()]),
    }


def _rank(row: dict[str, Any]) -> tuple[int, int, str]:
    return _KINDS.index(row["kind"]), -row["records"], row["field"]


def _describe_others(draft: OverrideDraft) -> dict[str, Any]:
    """Return which other accounts the document concerns, without evaluating any."""
    affected, untouched = draft.affected_accounts, draft.count_untouched()
    file = draft.document.file
    rest = f"{pluralize(untouched, 'account')} unchanged"
    if affected:
        sentence = f"{file} is for {pluralize(len(affected) + 1, 'account')}; {rest}"
    elif draft.file.kind == "account":
        sentence = f"{file} belongs to {draft.before.account} only: {rest}"
    else:
        sentence = f"{file} is for {draft.before.account} only: {rest}"
    return {"unchanged": untouched, "affected": affected, "sentence": sentence}
