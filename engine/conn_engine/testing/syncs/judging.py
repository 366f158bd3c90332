"""Judges what a sync makes of a recording: whether it can process each record, and whether the events equal the
golden's. `replaying` replays it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conn_engine.config import Effective, Origin, Workspace
from conn_engine.diagnostics import Diagnostic, Severity, Span, diagnostic, pluralize
from conn_engine.documents import dump_json, format_path, read_document
from conn_engine.errors import ConfigurationError
from conn_engine.syncs import SyncPlan
from conn_engine.testing.compare import RecordComparison, compare_records
from conn_engine.testing.golden_form import plain
from conn_engine.testing.judgement import Verdict
from conn_engine.testing.request_findings import shorten
from conn_engine.testing.syncs.cases import SyncCase
from conn_engine.testing.syncs.outcome import SyncOutcome
from conn_engine.testing.syncs.places import find_setting
from conn_engine.testing.wording import ACCEPT_CHANGE, CHANGES, UNREADABLE_GOLDEN, describe_presence

__all__ = ["compare_synced", "describe_target", "find_faults", "have_other_keys", "judge_sync", "sync_document"]

_PARTS: Mapping[str, str] = {
    "event": "emit",
    "destination": "emit",
    "deleted": "deletes",
    "filtered": "filter",
    "faults": "transform",
}
"""The parts of a golden other than the events, and the setting that each follows from."""


def sync_document(case: SyncCase, outcome: SyncOutcome) -> str:
    """Return the text of a sync's golden file."""
    return dump_json({
        "sync": case.name.method,
        "operation": case.recording.operation,
        "scenario": case.scenario,
        **_build_golden(outcome),
    })  # fmt: skip


def _build_golden(outcome: SyncOutcome) -> dict[str, Any]:
    """Return the events and what else is compared; what is empty is left out."""
    plan = outcome.plan
    row: dict[str, Any] = describe_target(plan) if plan is not None else {}
    row["events"] = [{"key": key, **record} for key, record in zip(outcome.keys, outcome.records, strict=True)]
    if outcome.deleted:
        row["deleted"] = outcome.deleted
    if outcome.filtered:
        row["filtered"] = outcome.filtered
    if outcome.faults:
        row["faults"] = [
            {"stage": fault.stage, "record": fault.fault.position + 1, "message": fault.fault.message}
            for fault in outcome.faults
        ]
    return row


def describe_target(plan: SyncPlan) -> dict[str, Any]:
    """Return `{event, destination}` of a plan: the type of its events, and what receives them."""
    deliver = plan.deliver
    if deliver is None:
        return {"destination": f"write {plan.write.operation.text}"} if plan.write is not None else {}
    event = plan.spool_event or deliver.event
    if deliver.type == "webhook":
        return {"event": event, "destination": f"webhook {deliver.endpoint}"}
    return {"destination": " ".join(part for part in (deliver.type, deliver.to, deliver.table) if part)}


def judge_sync(
    workspace: Workspace,
    effective: Effective,
    case: SyncCase,
    outcome: SyncOutcome,
    base: SyncOutcome | None = None,
) -> Verdict:
    """Judge one outcome. `base` is the outcome of the same recording without the levels above the base, for
    attribution."""
    result = Verdict(case, outcome)
    path = case.golden if case.golden.is_file() else case.base_golden
    result.findings += find_faults(workspace, effective, case, outcome)
    result.findings += _find_unrecorded(workspace, effective, case, outcome)
    if outcome.error is not None:
        return result  # there are no events to compare
    try:
        golden = _read_golden(workspace, path)
    except ConfigurationError as error:
        message = f"the golden result cannot be read: {error.message}"
        span = Span(workspace.format_path(path))
        result.findings.append(diagnostic("TST101", message, span, hint=UNREADABLE_GOLDEN))
        return result
    if golden is None and result.failed:
        return result  # there is no golden to save before that is corrected
    if golden is None:
        hint = f"review the events, then save them: conn test {case.name.text} --update"
        message = f"{case.name.text} has no golden result for {case.scenario}"
        result.findings.append(diagnostic("TST103", message, Span(workspace.format_path(case.path)), hint=hint))
        return result
    has_own_golden = path == case.golden and effective.account is not None
    comparison = _GoldenComparison(workspace, effective, golden, Span(workspace.format_path(path)))
    comparison.add(result, outcome, None if has_own_golden else base)
    return result


def find_faults(workspace: Workspace, effective: Effective, case: SyncCase, outcome: SyncOutcome) -> list[Diagnostic]:
    """Report SYN120 for the first record that cannot be delivered, and for a page that cannot be transformed."""
    recorded = [(Span(workspace.format_path(case.path)), "the recording")]
    if outcome.error is not None:
        setting = find_setting(workspace, effective, case.name.method, ("transform",))
        message = f"{case.name.text} fails on the recording {case.scenario}: {outcome.error.message}"
        hint = outcome.error.hint or "correct transform"
        return [
            diagnostic("SYN120", message, setting.span, path=format_path(setting.place), hint=hint, related=recorded)
        ]
    if not outcome.faults or outcome.plan is None:
        return []
    first = outcome.faults[0]
    stops = outcome.plan.on_error == "stop"
    key = first.stage if first.stage in ("deletes", "filter", "key") else "transform"
    setting = find_setting(workspace, effective, case.name.method, (key,))
    ending = "the run would stop" if stops else "they would not be delivered"
    message = (
        f"{pluralize(len(outcome.faults), 'record')} of the recording {case.scenario} cannot be delivered, so {ending}"
        f": {first.stage} of record {first.fault.position + 1}: {first.fault.message}"
    )
    return [
        diagnostic(
            "SYN120",
            message,
            setting.span,
            path=format_path(setting.place),
            hint=first.fault.hint or f"correct {key}",
            related=recorded,
            severity=Severity.ERROR if stops else Severity.WARNING,
        )
    ]


def _find_unrecorded(
    workspace: Workspace, effective: Effective, case: SyncCase, outcome: SyncOutcome
) -> Iterator[Diagnostic]:
    """Report SYN119 for the operation of each enrich step whose calls are not all recorded."""
    for operation, count in outcome.unrecorded.items():
        setting = find_setting(workspace, effective, case.name.method, ("into",))
        yield diagnostic(
            "SYN119",
            f"{pluralize(count, 'record')} of the recording {case.scenario} cannot be enriched in the case: no "
            f"recording of {operation.text} has the response, so the field is missing",
            setting.span,
            path=format_path(setting.place),
            hint=f"record it: conn record {operation.text} --account {effective.account or 'ACCOUNT'} --scenario NAME",
            related=[(Span(workspace.format_path(case.path)), "the recording")],
        )


def _read_golden(workspace: Workspace, path: Path) -> Mapping[str, Any] | None:
    if not path.is_file():
        return None
    data = read_document(path, workspace.format_path(path)).data
    events = data.get("events") if isinstance(data, Mapping) else None
    if not isinstance(events, list) or not all(isinstance(event, Mapping) for event in events):
        raise ConfigurationError("it is not a golden result of a sync")
    return dict(data)


@dataclass(frozen=True, slots=True)
class _GoldenComparison:
    workspace: Workspace
    effective: Effective
    golden: Mapping[str, Any]
    span: Span

    def add(self, result: Verdict, outcome: SyncOutcome, base: SyncOutcome | None) -> None:
        """Add the differences between the golden and an outcome. Those that only overrides cause are no findings."""
        now, events = plain(_build_golden(outcome)), self.golden["events"]
        result.comparison = difference = _compare_events(events, now["events"])
        parts = self._find_parts(now)
        if difference.equal and not parts:
            result.golden = "same"
            return
        if base is not None and base.error is None:
            before = plain(_build_golden(base))
            below = _compare_events(events, before["events"])
            if below.equal and not self._find_parts(before):
                result.golden = "overridden"
                return
            difference = difference.intersect(below)
        result.golden = "changed"
        for part in parts:
            if part == "faults" and outcome.faults:
                continue  # SYN120 reports them
            message = f"{part} is {shorten(now.get(part))}, but {shorten(self.golden.get(part))} in the golden"
            self._add_finding(result, message, (_PARTS[part],))
        for (field, kind), count in sorted(difference.by_field().items()):
            message = f"{field or 'the event'} {CHANGES[kind]} in {pluralize(count, 'event')}"
            setting = self._add_finding(result, message, _to_path(field))
            result.places[field] = f"{setting.span.file}:{setting.span.line}"
        messages = list(describe_presence(difference, "event"))
        if difference.reordered:
            messages.append("the events are in a different order")
        result.findings += [diagnostic("TST101", message, self.span, hint=ACCEPT_CHANGE) for message in messages]

    def _find_parts(self, row: Mapping[str, Any]) -> list[str]:
        return [part for part in _PARTS if self.golden.get(part) != row.get(part)]

    def _add_finding(self, result: Verdict, message: str, path: tuple[str, ...]) -> Origin:
        setting = find_setting(self.workspace, self.effective, result.case.name.method, path)
        related = [(self.span, "the golden result")]
        result.findings.append(
            diagnostic(
                "TST101", message, setting.span, path=format_path(setting.place), related=related, hint=ACCEPT_CHANGE
            )
        )
        return setting


def _to_path(field: str) -> tuple[str, ...]:
    """Return the place of a field of an event in the settings: `data.email` is transform.email."""
    first, *below = field.split(".")
    return ("transform", *below) if first == "data" else ("version",) if first == "version" else ("transform",)


def _compare_events(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> RecordComparison:
    """Compare the events of goldens by their keys."""
    rows = [[{name: value for name, value in event.items() if name != "key"} for event in side]
            for side in (before, after)]  # fmt: skip
    keys = [[str(event.get("key", "")) for event in side] for side in (before, after)]
    return compare_records(rows[0], rows[1], keys=(keys[0], keys[1]))


def compare_synced(before: SyncOutcome, after: SyncOutcome) -> RecordComparison:
    """Compare the events of two runs by their keys, or by position if every key has changed."""
    old, new = before.keys, after.keys
    if have_other_keys(before, after):
        old = new = [str(number) for number in range(1, len(new) + 1)]
    return compare_records(before.records, after.records, keys=(old, new))


def have_other_keys(before: SyncOutcome, after: SyncOutcome) -> bool:
    """Return whether two runs deliver equally many records, and none with the same key."""
    return len(before.keys) == len(after.keys) > 0 and set(before.keys).isdisjoint(after.keys)
