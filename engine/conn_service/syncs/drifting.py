"""Check the drift of a vendor in a run: one operation per page, then a summary. What comes of them are the records that
the steps of the sync filter, transform and deliver."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import to_builtins

from conn_engine.analysis.drift import Drift
from conn_engine.analysis.drift.checking import CallComparison
from conn_engine.analysis.drift.report import DriftReport
from conn_engine.diagnostics import pluralize
from conn_engine.errors import ConfigurationError, ConnError, CredentialError
from conn_engine.wire import Page
from conn_service.syncs.drift_parts import DriftParts
from conn_service.syncs.filling import PageDraft, fill_records
from conn_service.syncs.pausing import can_retry
from conn_service.syncs.phases import get_next_phase, note_verdict
from conn_service.syncs.run_log import add_line
from conn_service.syncs.store import SyncStore

__all__ = ["fill_check"]

_VERDICTS: Final = ("unchanged", "noise", "touches", "breaks")
"""What the differences of an operation mean for mappings, the least first."""
_NOT_COMPARED: Final = "not_compared"


def fill_check(draft: PageDraft, store: SyncStore) -> tuple[Mapping[str, Any], str]:
    """Compare the next operation, or end with the summary. Return the place and the phase that follow.

    Raises the vendor's error if it wants the call later: the operation is compared again then.
    """
    run, parts = draft.run, draft.opened.drift
    if parts is None:
        raise ConfigurationError("the plan has nothing to compare", hint="add kind: drift")
    checks: list[dict[str, Any]] = list(run.place.get("checks", ()))
    if run.place.get("to_record") is not None:
        return _fill_recording(draft, parts, checks, run.place["to_record"]), run.phase
    done = {check["operation"] for check in checks}
    operation = next((name for name in parts.calls.names if name not in done), None)
    if operation is None:
        return _fill_summary(draft, parts, checks, store), get_next_phase(parts.plan, run.phase)
    comparison = parts.compare(operation)
    if comparison.is_refused and comparison.error is not None and can_retry(run, comparison.error):
        raise comparison.error
    check = _build_check(comparison)
    checks.append(check)
    if isinstance(comparison.error, CredentialError):  # do not try it with each operation
        rest = [name for name in parts.calls.names if name not in done and name != operation]
        checks += [_build_left_out(name, comparison.reason) for name in rest]
    rows = [] if comparison.drift is None else _build_rows(draft, check, comparison.drift)
    fill_records(draft, Page(rows, rows), store)
    for one in checks[len(done) :]:
        _count_check(draft, one)
    return {**run.place, "checks": checks, "to_record": _choose_recording(parts, check)}, run.phase


def _choose_recording(parts: DriftParts, check: Mapping[str, Any]) -> str | None:
    """Return the operation to record again, None if it is not. It is recorded in a page of its own, once what has
    changed is stored: after a crash in between, the new recording would show no difference."""
    if check["verdict"] == _NOT_COMPARED or parts.step.record is None:
        return None
    return check["operation"] if parts.step.record == "all" or check["differences"] else None


def _fill_recording(
    draft: PageDraft, parts: DriftParts, checks: list[dict[str, Any]], operation: str
) -> Mapping[str, Any]:
    """Record an operation again. Return the place behind that."""
    check = dict(next(check for check in checks if check["operation"] == operation))
    try:
        check["recording"] = parts.record(operation)
        text = f"recorded in {check['recording']}"
    except ConnError as error:
        check["not_recorded"] = f"{error.message}; {error.hint}" if error.hint else error.message
        text = f"not recorded: {check['not_recorded']}"
    draft.add("recorded", int("recording" in check))
    _add_log_line(draft, f"{operation}: {text}")
    checks = [check if one["operation"] == operation else one for one in checks]
    return {**draft.run.place, "checks": checks, "to_record": None}


def _build_check(comparison: CallComparison) -> dict[str, Any]:
    """Return what is stored about an operation: no value of a response."""
    found = comparison.drift
    if found is None:
        return _build_left_out(comparison.operation, comparison.reason)
    verdict = max((row.tier for row in found.differences), key=_VERDICTS.index, default="unchanged")
    return {"operation": comparison.operation, "verdict": verdict, "differences": len(found.differences)}


def _build_left_out(operation: str, reason: str) -> dict[str, Any]:
    return {"operation": operation, "verdict": _NOT_COMPARED, "differences": 0, "reason": reason}


def _build_rows(draft: PageDraft, check: Mapping[str, Any], found: Drift) -> list[dict[str, Any]]:
    """Return the record of an operation that has changed, as a list; none for another one."""
    if not found.differences:
        return []
    report = to_builtins(DriftReport.from_drift(found))
    return [
        {
            "id": f"{draft.run.account}/{check['operation']}",
            "kind": "operation",
            "account": draft.run.account,
            "connector": found.connector,
            "operation": check["operation"],
            "verdict": check["verdict"],
            "differences": report["differences"],
        }
    ]


def _count_check(draft: PageDraft, check: Mapping[str, Any]) -> None:
    """Count an operation, and write a line about it into the log of the run."""
    draft.add("not_compared" if check["verdict"] == _NOT_COMPARED else "compared")
    draft.add("changed", int(bool(check["differences"])))
    _add_log_line(draft, f"{check['operation']}: {_describe_check(check)}")


def _add_log_line(draft: PageDraft, text: str) -> None:
    run_id, now = draft.run.id, draft.now
    draft.hooks.append(lambda connection, seq: add_line(connection, (run_id, seq), "drift", text, now))


def _describe_check(check: Mapping[str, Any]) -> str:
    if check["verdict"] == _NOT_COMPARED:
        return f"not compared: {check['reason']}"
    text = f"{pluralize(check['differences'], 'difference')}" if check["differences"] else "unchanged"
    return text + (f", {check['verdict']}" if check["verdict"] in ("breaks", "touches") else "")


def _fill_summary(
    draft: PageDraft, parts: DriftParts, checks: list[dict[str, Any]], store: SyncStore
) -> Mapping[str, Any]:
    """Deliver the summary. Return the place behind it, with the verdict on the run: one that has compared nothing, or
    not all that is recorded, is incomplete."""
    run, failed = draft.run, [check for check in checks if check["verdict"] == _NOT_COMPARED]
    others = [_build_left_out(name, reason) for name, reason in parts.calls.left_out]
    for check in others:
        _count_check(draft, check)
    compared = [check for check in checks if check["verdict"] != _NOT_COMPARED]
    row = {
        "id": run.account,
        "kind": "summary",
        "account": run.account,
        "connector": parts.plan.connector,
        "verdict": max((check["verdict"] for check in compared), key=_VERDICTS.index, default=_NOT_COMPARED),
        **{verdict: sum(check["verdict"] == verdict for check in compared) for verdict in _VERDICTS},
        "compared": [check["operation"] for check in compared],
        "not_compared": [{"operation": check["operation"], "reason": check["reason"]} for check in (*failed, *others)],
        "recorded": [check["recording"] for check in checks if "recording" in check],
        "not_recorded": [
            {"operation": check["operation"], "reason": check["not_recorded"]}
            for check in checks
            if "not_recorded" in check
        ],
    }
    fill_records(draft, Page([row], [row]), store)
    place = {**run.place, "checks": [*checks, *others]}
    state, reason = _judge(checks, failed, others)
    note_verdict(place, state, reason)
    return place


def _judge(
    checks: Sequence[Mapping[str, Any]], failed: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]
) -> tuple[str, str]:
    """Return the verdict on a run, and the reason."""
    first = next(iter((*failed, *others)), None)
    why = f": {first['operation']}: {first['reason']}" if first is not None else ""
    if len(failed) == len(checks):
        return "incomplete", f"nothing was compared{why}"
    if failed:
        recorded = pluralize(len(checks), "operation")
        return "incomplete", f"{len(failed):,} of {recorded} with a recording could not be compared{why}"
    missing = [check for check in checks if "not_recorded" in check]
    if missing:
        return "incomplete", f"{missing[0]['operation']} was not recorded: {missing[0]['not_recorded']}"
    return "complete", ""
